-- Format 2: detection goes on where the last run ended. Described in docs/formats/store.md.

-- What `offtrail detect` keeps beside profiles: `cases` (open and closed findings, which credential minted which, counts of the day) and `landscape`
-- (what is common in the organisation, as it was kept while judging; gone as soon as profiles change without judging, to be computed anew).
CREATE TABLE detector_state (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    value   BLOB NOT NULL
) WITHOUT ROWID;
