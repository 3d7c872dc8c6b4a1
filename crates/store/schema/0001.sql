-- Format 1 of a baseline file. Described, with example queries, in docs/formats/store.md.
--
-- Times are whole seconds since 1970-01-01T00:00:00Z, days are whole UTC days since 1970-01-01. Ids hold within one file only.
-- Sets of days (`active_days`, `days`) are the first day as two bytes, little endian, then one bit a day, lowest first.
-- The views `readable_*` show all of it in words.

-- Every text that rows refer to: accounts, regions, networks, user-agent families, credential kinds.
CREATE TABLE texts (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

-- Every call: event source and operation (the event name without its API date).
CREATE TABLE calls (
    id        INTEGER PRIMARY KEY,
    source    TEXT NOT NULL,
    operation TEXT NOT NULL,
    UNIQUE (source, operation)
);

-- Every principal, with all of its profile that is not a row of its own.
CREATE TABLE principals (
    id           INTEGER PRIMARY KEY,
    account      TEXT NOT NULL,              -- empty if unknown
    kind         TEXT NOT NULL,              -- root, iam_user, role, …
    unique_id    TEXT NOT NULL,              -- AIDA…, AROA…, …
    person       TEXT,                       -- only where a shared role is kept apart by person
    arn          TEXT NOT NULL DEFAULT '',
    name         TEXT NOT NULL DEFAULT '',
    traits       INTEGER NOT NULL DEFAULT 0, -- bits, see docs/formats/store.md
    first_seen   INTEGER,                    -- NULL if only ever named by others
    last_seen    INTEGER,
    observations INTEGER NOT NULL DEFAULT 0,
    active_days  BLOB NOT NULL DEFAULT x'',  -- set of days
    day_count    INTEGER NOT NULL DEFAULT 0,
    hours        BLOB NOT NULL DEFAULT x''   -- observations by hour of the UTC week: 168 × two bytes, little endian; or empty
);
-- Two NULLs are never equal to SQLite: the last column tells no person from an empty one.
CREATE UNIQUE INDEX principals_key ON principals (account, unique_id, kind, coalesce(person, ''), (person IS NULL));
CREATE INDEX principals_name ON principals (name);

-- What each principal called: one row per call and outcome.
CREATE TABLE profile_calls (
    principal_id  INTEGER NOT NULL REFERENCES principals (id),
    call_id       INTEGER NOT NULL REFERENCES calls (id),
    outcome       INTEGER NOT NULL,          -- 0 succeeded, 1 denied, 2 failed
    standing      INTEGER NOT NULL,          -- 0 learnt, 1 pending, 2 approved, 3 refused
    first_seen    INTEGER NOT NULL,
    last_seen     INTEGER NOT NULL,
    count         INTEGER NOT NULL,
    days          BLOB NOT NULL,             -- set of days
    distinct_days INTEGER NOT NULL,
    PRIMARY KEY (principal_id, call_id, outcome)
) WITHOUT ROWID;
CREATE INDEX profile_calls_ruled ON profile_calls (standing) WHERE standing <> 0;

-- What else is remembered of each principal: one row per value.
CREATE TABLE facets (
    principal_id INTEGER NOT NULL REFERENCES principals (id),
    dimension    INTEGER NOT NULL,           -- 0 network, 1 region, 2 user_agent, 3 credential, 4 account, 5 role, 6 forwarded_call, 7 target
    value_id     INTEGER NOT NULL,           -- texts.id; for dimension 5 principals.id
    standing     INTEGER NOT NULL,
    first_seen   INTEGER NOT NULL,
    last_seen    INTEGER NOT NULL,
    count        INTEGER NOT NULL,
    PRIMARY KEY (principal_id, dimension, value_id)
) WITHOUT ROWID;
CREATE INDEX facets_ruled ON facets (standing) WHERE standing <> 0;

-- For which hours of which account and region any record arrived. Bit h of `hours` is the hour from h:00 UTC.
CREATE TABLE coverage (
    account_id INTEGER NOT NULL REFERENCES texts (id),
    region_id  INTEGER NOT NULL REFERENCES texts (id),
    day        INTEGER NOT NULL,
    hours      INTEGER NOT NULL,
    PRIMARY KEY (account_id, region_id, day)
) WITHOUT ROWID;

-- Fingerprints of remembered events by the day of their event time: eight bytes each, little endian.
-- Each commit appends a chunk of tier 0; sixteen chunks of a tier become one of the next.
CREATE TABLE event_ids (
    id   INTEGER PRIMARY KEY,
    day  INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    ids  BLOB NOT NULL
);
CREATE INDEX event_ids_day ON event_ids (day, tier);

-- Inputs that were learnt to their end.
CREATE TABLE files (
    provenance  TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (provenance, fingerprint)
) WITHOUT ROWID;

-- The window and how much was learnt in it: one row.
CREATE TABLE summary (
    only         INTEGER PRIMARY KEY CHECK (only = 1),
    since        INTEGER,
    until        INTEGER,
    observations INTEGER NOT NULL
);
INSERT INTO summary VALUES (1, NULL, NULL, 0);

-- Counters over all runs: records, observations, rejects, …
CREATE TABLE tally (
    name  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) WITHOUT ROWID;

-- Settings and other facts about the file.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE VIEW readable_principals AS
SELECT id, account, kind, name, unique_id, person, arn,
       strftime('%Y-%m-%dT%H:%M:%SZ', first_seen, 'unixepoch') AS first_seen,
       strftime('%Y-%m-%dT%H:%M:%SZ', last_seen, 'unixepoch') AS last_seen,
       observations, day_count
FROM principals;

CREATE VIEW readable_calls AS
SELECT p.account, p.kind, p.name, p.unique_id, p.person,
       CASE WHEN substr(c.source, -14) = '.amazonaws.com' THEN substr(c.source, 1, length(c.source) - 14) ELSE c.source END
           || ':' || c.operation AS call,
       CASE r.outcome WHEN 0 THEN 'succeeded' WHEN 1 THEN 'denied' ELSE 'failed' END AS outcome,
       CASE r.standing WHEN 0 THEN 'learnt' WHEN 1 THEN 'pending' WHEN 2 THEN 'approved' ELSE 'refused' END AS standing,
       strftime('%Y-%m-%dT%H:%M:%SZ', r.first_seen, 'unixepoch') AS first_seen,
       strftime('%Y-%m-%dT%H:%M:%SZ', r.last_seen, 'unixepoch') AS last_seen,
       r.count, r.distinct_days, p.day_count AS active_days, r.principal_id, r.call_id
FROM profile_calls r JOIN principals p ON p.id = r.principal_id JOIN calls c ON c.id = r.call_id;

CREATE VIEW readable_facets AS
SELECT p.account, p.kind, p.name, p.unique_id, p.person,
       CASE f.dimension WHEN 0 THEN 'network' WHEN 1 THEN 'region' WHEN 2 THEN 'user_agent' WHEN 3 THEN 'credential'
                        WHEN 4 THEN 'account' WHEN 5 THEN 'role' WHEN 6 THEN 'forwarded_call' ELSE 'target' END AS dimension,
       CASE f.dimension WHEN 5 THEN (SELECT account || '/' || unique_id FROM principals WHERE id = f.value_id)
                        ELSE (SELECT text FROM texts WHERE id = f.value_id) END AS value,
       CASE f.standing WHEN 0 THEN 'learnt' WHEN 1 THEN 'pending' WHEN 2 THEN 'approved' ELSE 'refused' END AS standing,
       strftime('%Y-%m-%dT%H:%M:%SZ', f.first_seen, 'unixepoch') AS first_seen,
       strftime('%Y-%m-%dT%H:%M:%SZ', f.last_seen, 'unixepoch') AS last_seen,
       f.count, f.principal_id
FROM facets f JOIN principals p ON p.id = f.principal_id;

CREATE VIEW readable_coverage AS
SELECT a.text AS account, r.text AS region, date(c.day * 86400, 'unixepoch') AS day, c.hours
FROM coverage c JOIN texts a ON a.id = c.account_id JOIN texts r ON r.id = c.region_id;
