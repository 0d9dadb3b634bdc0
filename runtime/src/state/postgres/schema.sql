-- The log, version 1. A change of anything here is a new version; see `open.rs`. An at sign is the schema.

-- Text is compared by its bytes: the order of a language changes with the system of the server, and takes indices with it.

-- One row. Whoever writes events or issues numbers locks it until the commit; so events are seen in the order of their cursors.
CREATE TABLE @.lakewright_log (
    one     BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    version INT8 NOT NULL,
    log_id  TEXT NOT NULL, -- the identity that commits in tables carry
    cursor  INT8 NOT NULL  -- the last that was given
);

-- The last request of each handle that was carried out, for one that has not heard the answer.
CREATE TABLE @.writers (
    writer  TEXT COLLATE "C" PRIMARY KEY,
    request INT8        NOT NULL,
    at      TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE @.events (
    cursor INT8 PRIMARY KEY,
    v      INT8             NOT NULL, -- the version of the envelope
    run    TEXT COLLATE "C" NOT NULL,
    at     TEXT COLLATE "C" NOT NULL, -- RFC 3339, UTC, with nine digits of a second, so that it sorts
    kind   TEXT             NOT NULL, -- JSON
    told   TEXT COLLATE "C"           -- the asset whose history it belongs to
);
CREATE INDEX events_of_run ON @.events (run, cursor);
CREATE INDEX events_of_asset ON @.events (told, cursor) WHERE told IS NOT NULL;

CREATE TABLE @.runs (
    run       TEXT COLLATE "C" PRIMARY KEY,
    first     INT8             NOT NULL, -- the cursor of its first event
    recorded  TEXT             NOT NULL,
    started   TEXT COLLATE "C" NOT NULL,
    finished  TEXT COLLATE "C",
    holder    TEXT,                      -- JSON
    beat      TEXT COLLATE "C" NOT NULL,
    cancel    BOOLEAN          NOT NULL,
    steps     INT8             NOT NULL,
    succeeded INT8             NOT NULL,
    failed    INT8             NOT NULL,
    skipped   INT8             NOT NULL,
    about     TEXT             NOT NULL, -- JSON
    backfill  TEXT COLLATE "C"
);
CREATE UNIQUE INDEX runs_in_order ON @.runs (first);
CREATE INDEX runs_that_are_open ON @.runs (first) WHERE finished IS NULL;
CREATE INDEX runs_of_backfill ON @.runs (backfill, first) WHERE backfill IS NOT NULL;

-- The greatest number of each slice, by its digest.
CREATE TABLE @.numbers (
    asset  TEXT COLLATE "C" NOT NULL,
    slice  TEXT COLLATE "C" NOT NULL,
    number INT8             NOT NULL,
    PRIMARY KEY (asset, slice)
);

-- Which step was given which number, of those that asked by themselves.
CREATE TABLE @.issued (
    asset  TEXT COLLATE "C" NOT NULL,
    slice  TEXT COLLATE "C" NOT NULL,
    run    TEXT COLLATE "C" NOT NULL,
    step   INT8             NOT NULL,
    number INT8             NOT NULL,
    PRIMARY KEY (asset, slice, run, step)
);

-- What became last of each slice, and the event that said so. By its digest, since what is indexed has to be short.
CREATE TABLE @.statuses (
    asset  TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    slice  TEXT             NOT NULL,
    status TEXT             NOT NULL,
    cursor INT8             NOT NULL,
    PRIMARY KEY (asset, digest)
);
CREATE INDEX statuses_in_order ON @.statuses (asset, cursor);

-- The keys of dynamic sets, by their digests; `place` is their order.
CREATE TABLE @.dynamic_keys (
    set    TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    key    TEXT             NOT NULL,
    place  INT8             NOT NULL,
    PRIMARY KEY (set, digest)
);
CREATE UNIQUE INDEX dynamic_keys_in_order ON @.dynamic_keys (set, place);

CREATE TABLE @.slots (
    pool TEXT COLLATE "C" NOT NULL,
    run  TEXT COLLATE "C" NOT NULL,
    step INT8             NOT NULL,
    PRIMARY KEY (pool, run, step)
);

CREATE TABLE @.backfills (
    id   TEXT COLLATE "C" PRIMARY KEY,
    at   TEXT COLLATE "C" NOT NULL,
    json TEXT             NOT NULL
);
CREATE INDEX backfills_in_order ON @.backfills (at, id);

CREATE TABLE @.lines (
    run   TEXT COLLATE "C" NOT NULL,
    place INT8             NOT NULL,
    line  TEXT             NOT NULL, -- JSON
    PRIMARY KEY (run, place)
);

CREATE TABLE @.snapshots (
    asset  TEXT COLLATE "C" PRIMARY KEY,
    cursor INT8  NOT NULL,
    space  TEXT  NOT NULL,
    bytes  BYTEA NOT NULL
);
