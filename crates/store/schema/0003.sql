-- Format 3: what people ruled. Described in docs/formats/store.md.
--
-- Days are whole UTC days since 1970-01-01. From `until` on, by event time, a ruling no longer holds. Learning never writes these tables.

-- Lines approved or refused: of `profile_calls` where `dimension` is -1, else of `facets`.
CREATE TABLE rulings (
    principal_id INTEGER NOT NULL REFERENCES principals (id),
    dimension    INTEGER NOT NULL,           -- -1 call, else as in facets
    value_id     INTEGER NOT NULL,           -- calls.id; texts.id; for dimension 5 principals.id
    outcome      INTEGER NOT NULL,           -- of a call, as in profile_calls; else 0
    standing     INTEGER NOT NULL,           -- 2 approved, 3 refused
    severity     INTEGER,                    -- of a refusal: 0 low, 1 medium, 2 high, 3 critical
    reviewer     TEXT NOT NULL,
    reason       TEXT NOT NULL,
    ruled_on     INTEGER NOT NULL,
    until        INTEGER,
    PRIMARY KEY (principal_id, dimension, value_id, outcome)
) WITHOUT ROWID;

-- What a principal is for: calls outside of `only_calls` raise.
CREATE TABLE purposes (
    principal_id INTEGER PRIMARY KEY REFERENCES principals (id),
    purpose      TEXT NOT NULL,
    only_calls   TEXT NOT NULL,              -- patterns, one a line
    severity     INTEGER NOT NULL,
    reviewer     TEXT NOT NULL,
    reason       TEXT NOT NULL,
    ruled_on     INTEGER NOT NULL,
    until        INTEGER
);

-- Calls that are no news in their season, and are out of it.
CREATE TABLE expectations (
    principal_id INTEGER NOT NULL REFERENCES principals (id),
    place        INTEGER NOT NULL,
    calls        TEXT NOT NULL,              -- patterns, one a line
    months       TEXT NOT NULL,              -- numbers with a comma between; empty: any
    month_days   TEXT NOT NULL,              -- the same
    reviewer     TEXT NOT NULL,
    reason       TEXT NOT NULL,
    ruled_on     INTEGER NOT NULL,
    until        INTEGER,
    PRIMARY KEY (principal_id, place)
) WITHOUT ROWID;

CREATE VIEW readable_rulings AS
SELECT p.account, p.kind, p.name, p.unique_id, p.person,
       CASE r.dimension WHEN -1 THEN 'call' WHEN 0 THEN 'network' WHEN 1 THEN 'region' WHEN 2 THEN 'user_agent' WHEN 3 THEN 'credential'
                        WHEN 4 THEN 'account' WHEN 5 THEN 'role' WHEN 6 THEN 'forwarded_call' ELSE 'target' END AS dimension,
       CASE r.dimension WHEN -1 THEN (SELECT CASE WHEN substr(source, -14) = '.amazonaws.com' THEN substr(source, 1, length(source) - 14) ELSE source END
                                          || ':' || operation FROM calls WHERE id = r.value_id)
                        WHEN 5 THEN (SELECT account || '/' || unique_id FROM principals WHERE id = r.value_id)
                        ELSE (SELECT text FROM texts WHERE id = r.value_id) END AS value,
       CASE WHEN r.dimension <> -1 THEN NULL WHEN r.outcome = 0 THEN 'succeeded' WHEN r.outcome = 1 THEN 'denied' ELSE 'failed' END AS outcome,
       CASE r.standing WHEN 2 THEN 'approved' ELSE 'refused' END AS standing,
       CASE r.severity WHEN 0 THEN 'low' WHEN 1 THEN 'medium' WHEN 2 THEN 'high' WHEN 3 THEN 'critical' END AS severity,
       r.reviewer, r.reason, date(r.ruled_on * 86400, 'unixepoch') AS ruled_on, date(r.until * 86400, 'unixepoch') AS until, r.principal_id
FROM rulings r JOIN principals p ON p.id = r.principal_id;
