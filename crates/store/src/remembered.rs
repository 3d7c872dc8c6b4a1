//! Remembered events: fingerprints by day, so that a repeat is known as one in a later run.
//!
//! A commit appends one chunk a day. Sixteen chunks of a tier are joined into one of the next, so that a day of n commits is
//! read from some 16 log₁₆ n rows and each fingerprint is rewritten log₁₆ n times (the logarithmic method of Bentley and
//! Saxe, 1980, to the base of sixteen).

use std::borrow::Cow;

use offtrail_event::{Day, Fingerprint};
use rusqlite::Connection;

use crate::{Doing, Error, Reason, Store};

/// Chunks of one tier and day that are joined.
const CHUNKS_JOINED: usize = 16;

/// Largest chunk that joining makes, in bytes; SQLite's own limit is a thousand million.
const CHUNK_BYTES_MAX: usize = 256 << 20;

impl Store {
    /// The fingerprints of remembered events, by day, earliest day first; within a day in no particular order.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn load_fingerprints(&self) -> Result<Vec<(Day, Vec<Fingerprint>)>, Error> {
        self.doing(Doing::Read, load(&self.connection))
    }
}

/// Adds the fingerprints of a day that a query finds.
pub(crate) fn read_day(
    connection: &Connection,
    query: &str,
    (day, ids): (Day, &mut Vec<Fingerprint>),
) -> Result<(), Reason> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([day.0])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        let (chunk, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(Reason::Damaged(format!("event ids of {day} are cut off")));
        }
        let chunk = chunk.iter();
        ids.extend(chunk.map(|id| Fingerprint(u64::from_le_bytes(*id))));
    }
    Ok(())
}

fn load(connection: &Connection) -> Result<Vec<(Day, Vec<Fingerprint>)>, Reason> {
    let mut statement = connection.prepare("SELECT day, ids FROM event_ids ORDER BY day")?;
    let mut rows = statement.query([])?;
    let mut days: Vec<(Day, Vec<Fingerprint>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let day = Day(row.get(0)?);
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let (ids, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(Reason::Damaged(format!("event ids of {day} are cut off")));
        }
        let ids = ids.iter().map(|id| Fingerprint(u64::from_le_bytes(*id)));
        match days.last_mut() {
            Some((last, known)) if *last == day => known.extend(ids),
            _ => days.push((day, ids.collect())),
        }
    }
    Ok(days)
}

/// Appends the events of one commit.
pub(crate) fn append(
    connection: &Connection,
    fingerprints: &[(Day, Fingerprint)],
) -> Result<(), Reason> {
    // Those of one commit may come sorted, and are then so many that they should not lie in memory twice.
    let sorted = match fingerprints.is_sorted_by_key(|(day, _)| *day) {
        true => Cow::Borrowed(fingerprints),
        false => {
            let mut sorted = fingerprints.to_vec();
            sorted.sort_by_key(|(day, _)| *day);
            Cow::Owned(sorted)
        }
    };
    let mut bytes = Vec::new();
    for of_day in sorted.chunk_by(|one, other| one.0 == other.0) {
        let Some((day, _)) = of_day.first() else {
            continue;
        };
        bytes.clear();
        bytes.extend(of_day.iter().flat_map(|(_, id)| id.0.to_le_bytes()));
        append_day(connection, *day, &bytes)?;
    }
    Ok(())
}

/// Appends events of a day, as they lie in the file.
pub(crate) fn append_day(connection: &Connection, day: Day, ids: &[u8]) -> Result<(), Reason> {
    put(connection, (day, 0), ids)?;
    join(connection, day)
}

fn put(connection: &Connection, (day, tier): (Day, i64), ids: &[u8]) -> Result<(), Reason> {
    connection
        .prepare_cached("INSERT INTO event_ids (day, tier, ids) VALUES (?1, ?2, ?3)")?
        .execute((day.0, tier, ids))?;
    Ok(())
}

/// Joins the chunks of each tier of a day that is full.
fn join(connection: &Connection, day: Day) -> Result<(), Reason> {
    for tier in 0.. {
        let (chunks, bytes): (usize, usize) = connection
            .prepare_cached(
                "SELECT count(*), coalesce(sum(length(ids)), 0) FROM event_ids WHERE day = ?1 AND tier = ?2",
            )?
            .query_row((day.0, tier), |row| {
                Ok((row.get::<_, u32>(0)? as usize, row.get::<_, i64>(1)? as usize))
            })?;
        if chunks < CHUNKS_JOINED || bytes > CHUNK_BYTES_MAX {
            break;
        }
        let mut joined = Vec::with_capacity(bytes);
        let mut statement =
            connection.prepare_cached("SELECT ids FROM event_ids WHERE day = ?1 AND tier = ?2")?;
        let mut rows = statement.query((day.0, tier))?;
        while let Some(row) = rows.next()? {
            joined.extend_from_slice(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
        }
        connection
            .prepare_cached("DELETE FROM event_ids WHERE day = ?1 AND tier = ?2")?
            .execute((day.0, tier))?;
        put(connection, (day, tier + 1), &joined)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn many_commits_stay_few_rows_and_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create_or_open(folder.path().join("b.db")).unwrap();
        let expected: Vec<_> = (0..1000).map(Fingerprint).collect();
        for fingerprint in &expected {
            append(&store.connection, &[(Day(7), *fingerprint)]).unwrap();
        }
        let rows: i64 = store
            .connection
            .query_row("SELECT count(*) FROM event_ids", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 3 + 14 + 8, "1000 = 3·16² + 14·16 + 8");
        let [(day, mut ids)] = <[_; 1]>::try_from(store.load_fingerprints().unwrap()).unwrap();
        ids.sort();
        assert_eq!((day, ids), (Day(7), expected));
    }
}
