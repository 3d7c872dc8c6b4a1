//! The format of the file: its mark, its number, and the steps from each format to the next.

use rusqlite::{Connection, TransactionBehavior};

use crate::Reason;

/// SQLite's `application_id` of a baseline: "offt".
pub(crate) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"offt");

/// Step `n` brings a file of format `n` to format `n + 1`; an empty file has format 0. Steps are never changed once released.
const STEPS: &[&str] = &[
    include_str!("../schema/0001.sql"),
    include_str!("../schema/0002.sql"),
    include_str!("../schema/0003.sql"),
    include_str!("../schema/0004.sql"),
];

/// The format this build reads and writes.
pub const FORMAT: u32 = STEPS.len() as u32;

/// The oldest format that can be read as it is; an older one has to be brought up to date first.
pub(crate) const READABLE_FROM: u32 = 1;

/// Refuses what is not ours and what is newer. A file without any mark passes: it may be one that was just created.
pub(crate) fn check_mark(application: u32, format: u32) -> Result<(), Reason> {
    if application != APPLICATION_ID && (application, format) != (0, 0) {
        return Err(Reason::NotABaseline);
    }
    if format > FORMAT {
        return Err(Reason::Newer {
            found: format,
            build: FORMAT,
        });
    }
    Ok(())
}

/// The format of an open file; 0 if it is an empty database.
pub(crate) fn format_of(connection: &Connection) -> Result<u32, Reason> {
    let number = |name: &str| -> Result<u32, rusqlite::Error> {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            // Both are 32 bits in the file; SQLite shows them with a sign.
            .map(|value| value as u32)
    };
    let (application, format) = (number("application_id")?, number("user_version")?);
    check_mark(application, format)?;
    if format == 0 {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables > 0 {
            return Err(Reason::NotABaseline);
        }
    }
    Ok(format)
}

/// Brings an open file to this build's format, in one transaction.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Reason> {
    migrate_by(connection, STEPS)
}

fn migrate_by(connection: &mut Connection, steps: &[&str]) -> Result<(), Reason> {
    let format = format_of(connection)? as usize;
    if format >= steps.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again: between the look and the lock another process may have done it.
    let format = format_of(&transaction)? as usize;
    for step in steps.iter().skip(format) {
        transaction.execute_batch(step)?;
    }
    if format == 0 {
        transaction.execute(
            "INSERT INTO meta (key, value) VALUES ('created_by', ?1)",
            [concat!("offtrail ", env!("CARGO_PKG_VERSION"))],
        )?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", steps.len().max(format) as u32)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NEXT: &str = "ALTER TABLE files ADD COLUMN size INTEGER NOT NULL DEFAULT 7";

    fn columns(connection: &Connection) -> i64 {
        connection
            .query_row(
                "SELECT count(*) FROM pragma_table_info('files')",
                [],
                |row| row.get(0),
            )
            .unwrap()
    }

    #[test]
    fn an_older_file_is_brought_up_and_keeps_its_rows() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&mut connection, &STEPS[..1]).unwrap();
        connection
            .execute("INSERT INTO files VALUES ('a.json.gz', 'f')", [])
            .unwrap();
        let steps = [STEPS[0], NEXT];
        migrate_by(&mut connection, &steps).unwrap();
        let row: (String, i64) = connection
            .query_row("SELECT provenance, size FROM files", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(row, ("a.json.gz".to_owned(), 7));
        assert_eq!(columns(&connection), 3);
    }

    #[test]
    fn a_file_of_format_one_gets_its_place_for_the_state_of_detection_and_for_rulings() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&mut connection, &STEPS[..1]).unwrap();
        assert_eq!(format_of(&connection).unwrap(), 1);
        connection
            .execute("INSERT INTO files VALUES ('a.json.gz', 'f')", [])
            .unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(format_of(&connection).unwrap(), FORMAT);
        let count = |table: &str| -> i64 {
            let query = format!("SELECT count(*) FROM {table}");
            connection.query_row(&query, [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("files"), count("detector_state")), (1, 0));
        assert_eq!((count("rulings"), count("readable_rulings")), (0, 0));
    }

    #[test]
    fn a_step_that_fails_leaves_the_older_format() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_by(&mut connection, &STEPS[..1]).unwrap();
        assert!(migrate_by(&mut connection, &[STEPS[0], NEXT, "not SQL"]).is_err());
        assert_eq!(format_of(&connection).unwrap(), 1);
        assert_eq!(columns(&connection), 2);
    }

    #[test]
    fn somebody_elses_database_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(format_of(&connection), Err(Reason::NotABaseline)));
    }
}
