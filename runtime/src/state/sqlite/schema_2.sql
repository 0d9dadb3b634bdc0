-- What version 2 of the log has besides. All of it but the slots, lines, backfills and snapshots can be made from the events.

-- What became last of each slice, by its text, and the event that said so.
CREATE TABLE partition_status (
    asset  TEXT    NOT NULL,
    slice  TEXT    NOT NULL,
    status TEXT    NOT NULL CHECK (status IN ('materialized', 'failed', 'wiped')),
    cursor INTEGER NOT NULL,
    PRIMARY KEY (asset, slice)
) STRICT, WITHOUT ROWID;
-- Has every column, so that a million rows are read in order as they lie.
CREATE INDEX partition_status_in_order ON partition_status (asset, cursor, status, slice);

-- The runs, by their first events.
CREATE TABLE runs (
    first     INTEGER PRIMARY KEY,
    run       TEXT    NOT NULL UNIQUE,
    state     TEXT    NOT NULL,
    started   TEXT    NOT NULL, -- as in events
    finished  TEXT,
    holder    TEXT,             -- JSON
    beat      TEXT    NOT NULL,
    cancel    INTEGER NOT NULL,
    steps     INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    skipped   INTEGER NOT NULL,
    about     TEXT    NOT NULL, -- JSON
    backfill  TEXT              -- of what it is about
) STRICT;
CREATE INDEX runs_that_are_open ON runs (first) WHERE finished IS NULL;
CREATE INDEX runs_of_backfill ON runs (backfill, first) WHERE backfill IS NOT NULL;

-- The events that changed what is stored of an asset.
CREATE TABLE materializations (
    asset  TEXT    NOT NULL,
    cursor INTEGER NOT NULL,
    PRIMARY KEY (asset, cursor)
) STRICT, WITHOUT ROWID;

-- The slots of pools that are taken.
CREATE TABLE slots (
    pool TEXT    NOT NULL,
    run  TEXT    NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (pool, run, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE backfills (
    id   TEXT NOT NULL PRIMARY KEY,
    at   TEXT NOT NULL,
    json TEXT NOT NULL
) STRICT;

-- What steps wrote; `place` counts the lines of a run from 1.
CREATE TABLE lines (
    run    TEXT    NOT NULL,
    place  INTEGER NOT NULL,
    step   INTEGER,
    at     TEXT    NOT NULL,
    level  TEXT    NOT NULL,
    target TEXT    NOT NULL,
    text   TEXT    NOT NULL,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
    asset  TEXT    NOT NULL PRIMARY KEY,
    cursor INTEGER NOT NULL,
    space  TEXT    NOT NULL,
    bytes  BLOB    NOT NULL
) STRICT;
