//! What a stream keeps: a journal of what arrived since the last checkpoint, an outbox of what was told, and how far each sink has taken it.
//!
//! A tick is one transaction: the entry of the journal, the states told, the inputs that are learnt to their end and the counters. A checkpoint writes
//! profiles, the state of detection and the waiting room, and empties the journal, in one transaction. So whoever opens the file after a kill finds
//! a checkpoint and the entries that lead from it to the last tick.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use offtrail_event::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::{Checkpoint, Doing, Error, Reason, Store, commit, notes, open};

/// Largest packed arrivals of an entry or a waiting room once inflated, bytes: a damaged file must not fill the memory.
pub const ARRIVALS_BYTES_MAX: u64 = 8 << 30;

/// What one tick writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tick<'a> {
    /// What arrived, packed; empty: no entry is written unless `until` or `updates` says something.
    pub arrivals: &'a [u8],
    /// Up to when the waiting room was emptied.
    pub until: Option<Timestamp>,
    /// Whether open findings that had gained evidence were told again.
    pub updates: bool,
    /// States told, with their keys, in order.
    pub told: &'a [(String, String)],
    /// Inputs that are learnt to their end with this: provenance and fingerprint.
    pub files: &'a [(String, String)],
    /// What to add to the counters kept over all runs.
    pub tally: &'a [(&'a str, u64)],
    /// How far sinks have taken the outbox.
    pub taken: &'a [(String, i64)],
    /// States that sinks refused for good: sink, place in the outbox, why.
    pub refused: &'a [(String, i64, String)],
    /// Facts about the file to keep with it; see [`Store::meta`].
    pub facts: &'a [(&'a str, String)],
}

impl Tick<'_> {
    fn is_entry(&self) -> bool {
        !self.arrivals.is_empty() || self.until.is_some() || self.updates
    }
}

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What arrived, packed; empty if nothing did.
    pub arrivals: Vec<u8>,
    /// Up to when the waiting room was emptied.
    pub until: Option<Timestamp>,
    /// Whether open findings that had gained evidence were told again.
    pub updates: bool,
    /// Keys of the states told.
    pub told: Vec<String>,
}

/// A state on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its place; they rise.
    pub seq: i64,
    /// What tells it from every other state.
    pub key: String,
    /// `finding-v1`, one line.
    pub line: String,
}

/// What lies in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxSize {
    /// States.
    pub states: u64,
    /// Bytes of their lines.
    pub bytes: u64,
}

/// What a tick did to the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The place of the last state told; `None` if none was.
    pub last: Option<i64>,
    /// What went because every sink has taken it.
    pub gone: OutboxSize,
}

impl Store {
    /// Opens a baseline for a stream: as [`Store::create_or_open`], also where an earlier stream left a journal.
    ///
    /// # Errors
    ///
    /// Another process is writing it, its format is newer, it is no baseline, or the disk refuses. The file is left as it was.
    pub fn open_for_stream(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        open::open_for_writing(path).map_err(|reason| reason.at(Doing::Write, path))
    }

    /// Writes one tick: all of it, or, on an error or a kill, nothing.
    ///
    /// # Errors
    ///
    /// The disk is full or refuses, or another process holds the file for long. The file is left as it was.
    pub fn append(&mut self, tick: &Tick<'_>) -> Result<Appended, Error> {
        let result = append(&mut self.connection, tick);
        self.doing(Doing::Write, result)
    }

    /// Writes a checkpoint of a stream and empties the journal. `waiting`: the observations in the waiting room, packed.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint<'_>, waiting: &[u8]) -> Result<(), Error> {
        let result = (|| {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            commit::write_into(&transaction, checkpoint)?;
            transaction.execute("DELETE FROM journal", [])?;
            transaction.execute("DELETE FROM waiting", [])?;
            if !waiting.is_empty() {
                let put = "INSERT INTO waiting (only, arrivals) VALUES (1, ?1)";
                transaction.execute(put, [packed(waiting)?])?;
            }
            transaction.commit()?;
            Ok(())
        })();
        self.doing(Doing::Write, result)
    }

    /// The observations that waited at the last checkpoint, packed; empty if none did.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn waiting(&self) -> Result<Vec<u8>, Error> {
        let found = (|| {
            let query = "SELECT arrivals FROM waiting";
            let bytes: Option<Vec<u8>> = self
                .connection
                .query_row(query, [], |row| row.get(0))
                .optional()?;
            bytes.map_or(Ok(Vec::new()), |bytes| unpacked(&bytes))
        })();
        self.doing(Doing::Read, found)
    }

    /// Gives `each` the entries of the journal, in order.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read, or the first error of `each`.
    pub fn replay<E: From<Error>>(
        &self,
        mut each: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut next = 0;
        while let Some((entry, found)) = self.doing(Doing::Read, entry(&self.connection, next))? {
            next = entry + 1;
            each(found)?;
        }
        Ok(())
    }

    /// Bytes of the journal as they lie in the file.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn journal_bytes(&self) -> Result<u64, Error> {
        let query = "SELECT coalesce(sum(length(arrivals)), 0) FROM journal";
        let bytes = self
            .connection
            .query_row(query, [], |row| row.get::<_, i64>(0));
        self.doing(
            Doing::Read,
            bytes.map(i64::unsigned_abs).map_err(Reason::from),
        )
    }

    /// Names the sinks there are now. A new one starts with the oldest state that is still there; what only a sink of old waits for goes.
    /// Returns how far each has taken the outbox.
    ///
    /// # Errors
    ///
    /// The disk is full or refuses.
    pub fn name_sinks(&mut self, names: &[String]) -> Result<BTreeMap<String, i64>, Error> {
        let result = name_sinks(&mut self.connection, names);
        self.doing(Doing::Write, result)
    }

    /// Up to `states_max` states after a place in the outbox, in order.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn outbox_after(&self, seq: i64, states_max: usize) -> Result<Vec<Outgoing>, Error> {
        let found = (|| {
            let mut statement = self.connection.prepare_cached(
                "SELECT seq, key, line FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let limit = i64::try_from(states_max).unwrap_or(i64::MAX);
            let rows = statement.query_map((seq, limit), |row| {
                Ok(Outgoing {
                    seq: row.get(0)?,
                    key: row.get(1)?,
                    line: row.get(2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })();
        self.doing(Doing::Read, found)
    }

    /// The place of the last state that was ever put into the outbox; 0 before the first.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn outbox_last(&self) -> Result<i64, Error> {
        let query = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)";
        let last = self
            .connection
            .prepare_cached(query)
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        self.doing(Doing::Read, last.map_err(Reason::from))
    }

    /// What lies in the outbox.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn outbox_size(&self) -> Result<OutboxSize, Error> {
        self.doing(Doing::Read, size_where(&self.connection, "true"))
    }

    /// Writes a copy of the file, whole and consistent, to a path where nothing is yet.
    ///
    /// # Errors
    ///
    /// Something is there already, or the disk is full or refuses.
    pub fn copy_to(&self, path: &Path) -> Result<(), Error> {
        let result = (|| {
            let target: PathBuf = path.to_owned();
            let text = target.to_str().ok_or(Reason::NoFolder)?;
            self.connection.execute("VACUUM INTO ?1", [text])?;
            Ok(())
        })();
        self.doing(Doing::Write, result)
    }
}

/// Refuses a file with a journal: its profiles stand at the last checkpoint, and the journal fits only these.
pub(crate) fn refuse_journal(connection: &Connection) -> Result<(), Reason> {
    let mut statement = connection.prepare("SELECT 1 FROM journal")?;
    match statement.exists([])? {
        true => Err(Reason::Streaming),
        false => Ok(()),
    }
}

fn append(connection: &mut Connection, tick: &Tick<'_>) -> Result<Appended, Reason> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if tick.is_entry() {
        let keys: Vec<&str> = tick.told.iter().map(|(key, _)| &**key).collect();
        transaction
            .prepare_cached(
                "INSERT INTO journal (arrivals, until, updates, told) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                packed(tick.arrivals)?,
                tick.until.map(Timestamp::epoch_secs),
                tick.updates,
                keys.join("\n"),
            ))?;
    }
    let mut last = None;
    let mut put = transaction.prepare_cached("INSERT INTO outbox (key, line) VALUES (?1, ?2)")?;
    for (key, line) in tick.told {
        put.execute((key, line))?;
        last = Some(transaction.last_insert_rowid());
    }
    drop(put);
    commit::write_files(
        &transaction,
        tick.files
            .iter()
            .map(|(provenance, fingerprint)| (&**provenance, &**fingerprint)),
    )?;
    commit::write_tally(&transaction, tick.tally)?;
    for (key, value) in tick.facts {
        notes::put(&transaction, key, value)?;
    }
    refuse(&transaction, tick.refused)?;
    let gone = take(&transaction, tick.taken)?;
    transaction.commit()?;
    Ok(Appended { last, gone })
}

fn refuse(connection: &Connection, refused: &[(String, i64, String)]) -> Result<(), Reason> {
    let mut put = connection.prepare_cached(
        "INSERT INTO refused_states (sink, seq, key, line, why)
         SELECT ?1, seq, key, line, ?3 FROM outbox WHERE seq = ?2 ON CONFLICT DO NOTHING",
    )?;
    for row in refused {
        put.execute((&row.0, row.1, &row.2))?;
    }
    Ok(())
}

fn take(connection: &Connection, taken: &[(String, i64)]) -> Result<OutboxSize, Reason> {
    if taken.is_empty() {
        return Ok(OutboxSize::default());
    }
    let mut put =
        connection.prepare_cached("UPDATE sinks SET taken = max(taken, ?2) WHERE name = ?1")?;
    for (name, seq) in taken {
        put.execute((name, seq))?;
    }
    drop(put);
    tidy(connection)
}

/// Drops the states that every sink has taken.
fn tidy(connection: &Connection) -> Result<OutboxSize, Reason> {
    let gone = "seq <= (SELECT min(taken) FROM sinks)";
    let size = size_where(connection, gone)?;
    if size.states > 0 {
        connection
            .prepare_cached(&format!("DELETE FROM outbox WHERE {gone}"))?
            .execute([])?;
    }
    Ok(size)
}

fn size_where(connection: &Connection, which: &str) -> Result<OutboxSize, Reason> {
    let query =
        format!("SELECT count(*), coalesce(sum(length(line)), 0) FROM outbox WHERE {which}");
    let size = connection.prepare_cached(&query)?.query_row([], |row| {
        Ok(OutboxSize {
            states: row.get::<_, i64>(0)?.unsigned_abs(),
            bytes: row.get::<_, i64>(1)?.unsigned_abs(),
        })
    })?;
    Ok(size)
}

fn name_sinks(
    connection: &mut Connection,
    names: &[String],
) -> Result<BTreeMap<String, i64>, Reason> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut known: BTreeMap<String, i64> = BTreeMap::new();
    {
        let mut statement = transaction.prepare("SELECT name, taken FROM sinks")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            known.insert(row.get(0)?, row.get(1)?);
        }
    }
    for name in known.keys().filter(|name| !names.contains(name)) {
        transaction.execute("DELETE FROM sinks WHERE name = ?1", [name])?;
    }
    let oldest: i64 =
        transaction.query_row("SELECT coalesce(min(seq) - 1, 0) FROM outbox", [], |row| {
            row.get(0)
        })?;
    let mut places = BTreeMap::new();
    for name in names {
        // A new one, where nothing waits, starts with what is told next; places below don't come again.
        let place = known.get(name).copied().unwrap_or(oldest);
        let put = "INSERT INTO sinks (name, taken) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        transaction.execute(put, (name, place))?;
        places.insert(name.clone(), place);
    }
    tidy(&transaction)?;
    transaction.commit()?;
    Ok(places)
}

fn entry(connection: &Connection, from: i64) -> Result<Option<(i64, Entry)>, Reason> {
    let mut statement = connection.prepare_cached(
        "SELECT entry, arrivals, until, updates, told FROM journal WHERE entry >= ?1 ORDER BY entry LIMIT 1",
    )?;
    let mut rows = statement.query([from])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let until: Option<i64> = row.get(2)?;
    let until = until
        .map(|secs| {
            Timestamp::from_epoch_secs(secs)
                .ok_or_else(|| Reason::Damaged(format!("time {secs} is out of range")))
        })
        .transpose()?;
    let told: String = row.get(4)?;
    let arrivals = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
    let entry = Entry {
        arrivals: unpacked(arrivals)?,
        until,
        updates: row.get(3)?,
        told: told
            .split('\n')
            .filter(|key| !key.is_empty())
            .map(str::to_owned)
            .collect(),
    };
    Ok(Some((row.get(0)?, entry)))
}

fn packed(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
    let mut all = Vec::new();
    if bytes.is_empty() {
        return Ok(all);
    }
    let read = ZlibDecoder::new(bytes)
        .take(ARRIVALS_BYTES_MAX)
        .read_to_end(&mut all);
    match read {
        Ok(length) if (length as u64) < ARRIVALS_BYTES_MAX => Ok(all),
        Ok(_) => Err(Reason::Damaged("the journal is too large".to_owned())),
        Err(error) => Err(Reason::Damaged(format!("the journal: {error}"))),
    }
}
