//! What detection keeps beside profiles, so that the next run goes on where this one ended.
//!
//! Two rows of opaque bytes. `cases` stays until it is replaced. `landscape` belongs to the profiles as they are: a commit of profiles that were
//! learnt without judging, and forgetting rows, drop it.

use offtrail_detector::DetectorState;
use rusqlite::{Connection, OptionalExtension};

use crate::{Doing, Error, Reason, Store};

const CASES: &str = "cases";
const LANDSCAPE: &str = "landscape";

impl Store {
    /// The state of detection that the last judging run kept; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn load_detection(&self) -> Result<Option<DetectorState>, Error> {
        self.doing(Doing::Read, load(&self.connection))
    }
}

fn load(connection: &Connection) -> Result<Option<DetectorState>, Reason> {
    // A file of format 1 that is only read has no such table.
    let known = "SELECT 1 FROM sqlite_schema WHERE name = 'detector_state'";
    if !connection.prepare(known)?.exists([])? {
        return Ok(None);
    }
    let Some((version, cases)) = row(connection, CASES)? else {
        return Ok(None);
    };
    // Both are written together; one of another version is of no use.
    let landscape = row(connection, LANDSCAPE)?.filter(|(other, _)| *other == version);
    Ok(Some(DetectorState {
        version,
        cases,
        landscape: landscape.map(|(_, bytes)| bytes).unwrap_or_default(),
        forgotten: 0,
    }))
}

fn row(connection: &Connection, name: &str) -> Result<Option<(u32, Vec<u8>)>, Reason> {
    let query = "SELECT version, value FROM detector_state WHERE name = ?1";
    Ok(connection
        .query_row(query, [name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// Keeps a state in place of the last one.
pub(crate) fn keep(connection: &Connection, state: &DetectorState) -> Result<(), Reason> {
    let mut put = connection.prepare_cached(
        "INSERT INTO detector_state (name, version, value) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value",
    )?;
    put.execute((CASES, state.version, &state.cases))?;
    if state.landscape.is_empty() {
        return overtake(connection);
    }
    put.execute((LANDSCAPE, state.version, &state.landscape))?;
    Ok(())
}

/// Profiles changed without judging: what was computed from them has to be computed anew.
pub(crate) fn overtake(connection: &Connection) -> Result<(), Reason> {
    connection
        .prepare_cached("DELETE FROM detector_state WHERE name = ?1")?
        .execute([LANDSCAPE])?;
    Ok(())
}
