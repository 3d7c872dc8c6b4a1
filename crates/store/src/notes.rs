//! What is kept beside profiles: inputs already learnt, counters, and facts about the file by key.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row};

use crate::{Doing, Error, Reason, Store};

impl Store {
    /// Every input that was learnt to its end: provenance and fingerprint of its content.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn files(&self) -> Result<BTreeSet<(String, String)>, Error> {
        let query = "SELECT provenance, fingerprint FROM files";
        self.doing(
            Doing::Read,
            collected(&self.connection, query, |row| {
                Ok((row.get(0)?, row.get(1)?))
            }),
        )
    }

    /// How many inputs were learnt to their end.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn file_count(&self) -> Result<u64, Error> {
        let query = "SELECT count(*) FROM files";
        let count = self
            .connection
            .query_row(query, [], |row| row.get::<_, i64>(0));
        self.doing(
            Doing::Read,
            count.map(i64::unsigned_abs).map_err(Reason::from),
        )
    }

    /// Whether an input was learnt to its end, with this content.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn knows_file(&self, provenance: &str, fingerprint: &str) -> Result<bool, Error> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM files WHERE provenance = ?1 AND fingerprint = ?2")
            .and_then(|mut statement| statement.exists((provenance, fingerprint)));
        self.doing(Doing::Read, found.map_err(Reason::from))
    }

    /// The counters kept over all runs.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn tally(&self) -> Result<BTreeMap<String, u64>, Error> {
        let query = "SELECT name, count FROM tally";
        let counter = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
        self.doing(Doing::Read, collected(&self.connection, query, counter))
    }

    /// A fact about the file: settings hash, `created_by`, calibration.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn meta(&self, key: &str) -> Result<Option<String>, Error> {
        let found = self
            .connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .optional();
        self.doing(Doing::Read, found.map_err(Reason::from))
    }

    /// Keeps a fact about the file, in place of an earlier value.
    ///
    /// # Errors
    ///
    /// The disk is full or refuses. The file is left as it was.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), Error> {
        self.doing(Doing::Write, put(&self.connection, key, value))
    }
}

/// Keeps a fact about the file.
pub(crate) fn put(connection: &Connection, key: &str, value: &str) -> Result<(), Reason> {
    let put = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
    connection.prepare_cached(put)?.execute([key, value])?;
    Ok(())
}

fn collected<T, C: FromIterator<T>>(
    connection: &Connection,
    query: &str,
    read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Result<C, Reason> {
    let mut statement = connection.prepare(query)?;
    let all = statement.query_map([], read)?;
    Ok(all.collect::<Result<C, _>>()?)
}
