-- The log, version 1. A change of anything here is a new version; see `open.rs`.

-- One row: the identity that commits in tables carry.
CREATE TABLE meta (
    log_id TEXT NOT NULL
) STRICT;

-- AUTOINCREMENT: a cursor is never given twice, whatever is removed.
CREATE TABLE events (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    v      INTEGER NOT NULL, -- the version of the envelope
    run    TEXT    NOT NULL,
    at     TEXT    NOT NULL, -- RFC 3339, UTC, to the nanosecond
    kind   TEXT    NOT NULL  -- JSON
) STRICT;
CREATE INDEX events_of_run ON events (run);

-- The greatest number of each slice, by its digest.
CREATE TABLE numbers (
    asset  TEXT    NOT NULL,
    slice  TEXT    NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (asset, slice)
) STRICT, WITHOUT ROWID;

-- Which step was given which number.
CREATE TABLE issued (
    asset  TEXT    NOT NULL,
    slice  TEXT    NOT NULL,
    run    TEXT    NOT NULL,
    step   INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (asset, slice, run, step)
) STRICT, WITHOUT ROWID;

-- The keys of dynamic sets; `place` is their order.
CREATE TABLE dynamic_keys (
    "set" TEXT    NOT NULL,
    "key" TEXT    NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY ("set", "key")
) STRICT, WITHOUT ROWID;
CREATE INDEX dynamic_keys_in_order ON dynamic_keys ("set", place);

-- What became last of each slice, by its text, and the event that said so.
CREATE TABLE partition_status (
    asset  TEXT    NOT NULL,
    slice  TEXT    NOT NULL,
    status TEXT    NOT NULL CHECK (status IN ('materialized', 'failed')),
    cursor INTEGER NOT NULL,
    PRIMARY KEY (asset, slice)
) STRICT, WITHOUT ROWID;
