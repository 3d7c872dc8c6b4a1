-- Format 4: what a stream keeps between two checkpoints, and what its sinks have not taken yet. Described in docs/formats/store.md.

-- What arrived and was judged since the last checkpoint, tick by tick. A baseline with entries here may only be written by a stream.
CREATE TABLE journal (
    entry    INTEGER PRIMARY KEY,
    arrivals BLOB NOT NULL,                  -- packed observations, zlib
    until    INTEGER,                        -- the waiting room was emptied up to this event time
    updates  INTEGER NOT NULL,               -- 1: open findings that had gained evidence were told again
    told     TEXT NOT NULL                   -- keys of the states told, one a line
);

-- What waited for its turn at the last checkpoint.
CREATE TABLE waiting (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    arrivals BLOB NOT NULL                   -- packed observations, zlib
);

-- States of findings on their way to the sinks, in order.
CREATE TABLE outbox (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    key  TEXT NOT NULL,
    line TEXT NOT NULL                       -- finding-v1
);

-- How far each sink has taken them.
CREATE TABLE sinks (
    name  TEXT PRIMARY KEY,
    taken INTEGER NOT NULL
) WITHOUT ROWID;

-- States that a sink refused for good.
CREATE TABLE refused_states (
    sink TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    key  TEXT NOT NULL,
    line TEXT NOT NULL,
    why  TEXT NOT NULL,
    PRIMARY KEY (sink, seq)
) WITHOUT ROWID;
