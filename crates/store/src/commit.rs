//! Committing: all that was learnt since the last commit, in one transaction.

use offtrail_baseline::{Baseline, HOURS_OF_WEEK, Profile};
use offtrail_detector::DetectorState;
use offtrail_event::{Day, Fingerprint, Timestamp, Vocabulary};
use rusqlite::{Connection, TransactionBehavior};

use crate::{
    Doing, Error, EventIds, Reason, Store, detection, notes, remembered, rulings,
    words::{FileIds, dimension_code, outcome_code, standing_code},
};

/// What one commit writes.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint<'a> {
    /// The vocabulary of both baselines.
    pub words: &'a Vocabulary,
    /// All that is known, including what the file already holds. Values are taken from here.
    pub whole: &'a Baseline,
    /// What changed since the last commit: principals, rows, hours of coverage and all rulings on the principals ruled on here are written. A
    /// row that is no longer in `whole` is deleted.
    pub touched: &'a Baseline,
    /// Events learnt since the last commit, by the day of their event time.
    pub fingerprints: &'a [(Day, Fingerprint)],
    /// Inputs learnt to their end since the last commit: provenance and fingerprint of their content.
    pub files: &'a [(&'a str, &'a str)],
    /// What to add to the counters kept over all runs.
    pub tally: &'a [(&'a str, u64)],
    /// Where detection stands after it; `None` if nothing was judged. Findings stay open then, and what was computed from changed profiles
    /// is dropped.
    pub detection: Option<&'a DetectorState>,
    /// Facts about the file to keep with it; see [`Store::meta`].
    pub facts: &'a [(&'a str, &'a str)],
}

/// What a commit writes beside a checkpoint.
pub struct More<'a> {
    /// Events laid aside, which are there no longer afterwards.
    pub laid: &'a EventIds,
    /// Further inputs learnt to their end.
    pub files: &'a mut dyn Iterator<Item = (String, String)>,
}

impl Store {
    /// Writes a checkpoint: all of it, or, on an error or a kill, nothing.
    ///
    /// The store must have been loaded into `checkpoint.whole` first, unless the file was empty.
    ///
    /// # Errors
    ///
    /// The disk is full or refuses, or another process holds the file for long. The file is left as it was.
    pub fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<(), Error> {
        let result = write(&mut self.connection, checkpoint, None);
        self.doing(Doing::Write, result)
    }

    /// The same, with more than should be in memory at once.
    ///
    /// # Errors
    ///
    /// As of [`Store::commit`]; or what was laid aside can't be read.
    pub fn commit_with(
        &mut self,
        checkpoint: &Checkpoint<'_>,
        more: More<'_>,
    ) -> Result<(), Error> {
        let laid = more.laid;
        let result = write(&mut self.connection, checkpoint, Some(more));
        self.doing(Doing::Write, result.and_then(|()| laid.clear_laid()))
    }
}

fn write(
    connection: &mut Connection,
    checkpoint: &Checkpoint<'_>,
    more: Option<More<'_>>,
) -> Result<(), Reason> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    write_into(&transaction, checkpoint)?;
    if let Some(more) = more {
        more.laid
            .each_laid(|day, ids| remembered::append_day(&transaction, day, ids))?;
        write_files(&transaction, more.files)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Writes a checkpoint into a transaction that is under way.
pub(crate) fn write_into(
    transaction: &Connection,
    checkpoint: &Checkpoint<'_>,
) -> Result<(), Reason> {
    let mut ids = FileIds::new(transaction, checkpoint.words);
    for (id, touched) in checkpoint.touched.iter() {
        let principal = ids.principal(id)?;
        if let Some(whole) = checkpoint.whole.profile(id) {
            write_profile(transaction, principal, whole)?;
            write_calls(transaction, &mut ids, (principal, whole, touched))?;
            write_facets(transaction, &mut ids, (principal, whole, touched))?;
        } else {
            delete_profile(transaction, principal)?;
        }
    }
    let rulings = (&checkpoint.whole.rulings, &checkpoint.touched.rulings);
    rulings::write(transaction, &mut ids, rulings)?;
    write_coverage(transaction, &mut ids, checkpoint.touched)?;
    write_summary(transaction, checkpoint.whole)?;
    remembered::append(transaction, checkpoint.fingerprints)?;
    write_files(transaction, checkpoint.files.iter().copied())?;
    write_tally(transaction, checkpoint.tally)?;
    match checkpoint.detection {
        Some(state) => detection::keep(transaction, state)?,
        None if !checkpoint.touched.is_empty() => detection::overtake(transaction)?,
        None => {}
    }
    for (key, value) in checkpoint.facts {
        notes::put(transaction, key, value)?;
    }
    Ok(())
}

/// Notes inputs that are learnt to their end.
pub(crate) fn write_files<S: AsRef<str>>(
    connection: &Connection,
    files: impl Iterator<Item = (S, S)>,
) -> Result<(), Reason> {
    let mut file = connection.prepare_cached(
        "INSERT INTO files (provenance, fingerprint) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for (provenance, fingerprint) in files {
        file.execute((provenance.as_ref(), fingerprint.as_ref()))?;
    }
    Ok(())
}

/// Adds to the counters kept over all runs.
pub(crate) fn write_tally(connection: &Connection, tally: &[(&str, u64)]) -> Result<(), Reason> {
    let mut counter = connection.prepare_cached(
        "INSERT INTO tally (name, count) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET count = count + excluded.count",
    )?;
    for (name, count) in tally {
        counter.execute((name, held(*count)))?;
    }
    Ok(())
}

/// A counter as SQLite can hold it.
fn held(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn write_profile(connection: &Connection, principal: i64, whole: &Profile) -> Result<(), Reason> {
    let mut statement = connection.prepare_cached(
        "UPDATE principals SET traits = ?2, first_seen = ?3, last_seen = ?4, observations = ?5,
                active_days = ?6, day_count = ?7, hours = ?8 WHERE id = ?1",
    )?;
    statement.execute((
        principal,
        whole.traits.0,
        whole.seen.map(|(first, _)| first.epoch_secs()),
        whole.seen.map(|(_, last)| last.epoch_secs()),
        held(whole.observations),
        whole.days.to_bytes(),
        whole.days.len(),
        hours_to_bytes(&whole.hours()),
    ))?;
    Ok(())
}

fn hours_to_bytes(hours: &[u16; HOURS_OF_WEEK]) -> Vec<u8> {
    if hours.iter().all(|count| *count == 0) {
        return Vec::new();
    }
    hours.iter().flat_map(|count| count.to_le_bytes()).collect()
}

type Change<'a> = (i64, &'a Profile, &'a Profile);

fn write_calls(
    connection: &Connection,
    ids: &mut FileIds<'_>,
    (principal, whole, touched): Change<'_>,
) -> Result<(), Reason> {
    let mut put = connection.prepare_cached(
        "INSERT INTO profile_calls (principal_id, call_id, outcome, standing, first_seen, last_seen, count, days, distinct_days)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT DO UPDATE SET standing = excluded.standing, first_seen = excluded.first_seen,
             last_seen = excluded.last_seen, count = excluded.count, days = excluded.days, distinct_days = excluded.distinct_days",
    )?;
    for changed in touched.calls() {
        let call = ids.call(changed.call())?;
        let outcome = outcome_code(changed.outcome());
        let Some(row) = whole.call(changed.call(), changed.outcome()) else {
            let key = "DELETE FROM profile_calls WHERE principal_id = ?1 AND call_id = ?2 AND outcome = ?3";
            connection
                .prepare_cached(key)?
                .execute((principal, call, outcome))?;
            continue;
        };
        let days = whole.days_of(row);
        put.execute((
            principal,
            call,
            outcome,
            standing_code(row.standing()),
            row.first.epoch_secs(),
            row.last.epoch_secs(),
            row.count(),
            days.to_bytes(),
            days.len(),
        ))?;
    }
    Ok(())
}

fn write_facets(
    connection: &Connection,
    ids: &mut FileIds<'_>,
    (principal, whole, touched): Change<'_>,
) -> Result<(), Reason> {
    let mut put = connection.prepare_cached(
        "INSERT INTO facets (principal_id, dimension, value_id, standing, first_seen, last_seen, count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET standing = excluded.standing, first_seen = excluded.first_seen,
             last_seen = excluded.last_seen, count = excluded.count",
    )?;
    for changed in touched.facets() {
        let value = ids.value(changed.dimension, changed.value)?;
        let dimension = dimension_code(changed.dimension);
        let Some(row) = whole.facet(changed.dimension, changed.value) else {
            let key =
                "DELETE FROM facets WHERE principal_id = ?1 AND dimension = ?2 AND value_id = ?3";
            connection
                .prepare_cached(key)?
                .execute((principal, dimension, value))?;
            continue;
        };
        put.execute((
            principal,
            dimension,
            value,
            standing_code(row.standing),
            row.first.epoch_secs(),
            row.last.epoch_secs(),
            row.count,
        ))?;
    }
    Ok(())
}

/// Empties a profile that is touched but no longer known as a whole.
fn delete_profile(connection: &Connection, principal: i64) -> Result<(), Reason> {
    for table in ["profile_calls", "facets"] {
        let rows = format!("DELETE FROM {table} WHERE principal_id = ?1");
        connection.prepare_cached(&rows)?.execute([principal])?;
    }
    write_profile(connection, principal, &Profile::default())
}

fn write_coverage(
    connection: &Connection,
    ids: &mut FileIds<'_>,
    touched: &Baseline,
) -> Result<(), Reason> {
    let mut put = connection.prepare_cached(
        "INSERT INTO coverage (account_id, region_id, day, hours) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET hours = hours | excluded.hours",
    )?;
    for (account, region, day, hours) in touched.coverage.iter() {
        put.execute((ids.text(account)?, ids.text(region)?, day.0, hours))?;
    }
    Ok(())
}

fn write_summary(connection: &Connection, whole: &Baseline) -> Result<(), Reason> {
    let secs = |time: Timestamp| time.epoch_secs();
    connection.execute(
        "INSERT INTO summary (only, since, until, observations) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until, observations = excluded.observations",
        (
            whole.window.0.map(|(since, _)| secs(since)),
            whole.window.0.map(|(_, until)| secs(until)),
            held(whole.observations),
        ),
    )?;
    Ok(())
}
