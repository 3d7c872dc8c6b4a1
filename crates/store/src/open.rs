//! [`Store`]: an open baseline file.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::{
    Doing, Error, FORMAT, Reason,
    claim::{Claim, beside},
    header::{self, Found},
    schema, stream,
};

/// How long a statement waits for another process that holds the file, for instance an SQLite tool.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Size to which the write-ahead file is cut back after a large commit, in bytes.
const WAL_BYTES_KEPT: i64 = 64 << 20;

/// An open baseline file. Dropping it closes the file.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    _claim: Option<Claim>,
}

impl Store {
    /// Opens a baseline for writing, creates it if absent, and brings an older format up to date.
    ///
    /// # Errors
    ///
    /// Another process is writing it, a stream that was killed left a journal in it, its format is newer, it is no baseline, or the disk refuses. The
    /// file is left as it was.
    pub fn create_or_open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        open_for_writing(path)
            .and_then(|store| {
                stream::refuse_journal(&store.connection)?;
                Ok(store)
            })
            .map_err(|reason| reason.at(Doing::Write, path))
    }

    /// Opens a baseline that exists for reading only, also from a disk that can't be written.
    ///
    /// # Errors
    ///
    /// It is missing, no baseline, of another format, or the disk refuses.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        open_for_reading(path).map_err(|reason| reason.at(Doing::Read, path))
    }

    /// Where the file lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn doing<T>(&self, doing: Doing, result: Result<T, Reason>) -> Result<T, Error> {
        result.map_err(|reason| reason.at(doing, &self.path))
    }
}

pub(crate) fn open_for_writing(path: &Path) -> Result<Store, Reason> {
    header::look(path)?;
    let claim = Claim::take(path)?;
    // No SQLITE_OPEN_URI: a path that starts with `file:` is still a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    // The format is settled under the rollback journal, so that the main file carries its mark from the first moment on.
    schema::migrate(&mut connection)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    debug_assert_eq!(mode, "wal");
    // FULL: whoever commits acknowledges the input next, so a commit must survive a power cut. One sync a commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    Ok(Store {
        connection,
        path: path.to_owned(),
        _claim: Some(claim),
    })
}

pub(crate) fn open_for_reading(path: &Path) -> Result<Store, Reason> {
    if header::look(path)? == Found::Nothing {
        return Err(if path.exists() {
            Reason::NotABaseline
        } else {
            Reason::Missing
        });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).map_err(Reason::from);
    let connection = match opened.and_then(settled_for_reading) {
        // A write-ahead database needs its side files even to be read; where none can be made and none is left over, the
        // file is complete and nobody writes it.
        Err(Reason::NotPermitted) if !has_unmerged_writes(path) => {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            settled_for_reading(Connection::open_with_flags(immutable_uri(path), flags)?)?
        }
        other => other?,
    };
    Ok(Store {
        connection,
        path: path.to_owned(),
        _claim: None,
    })
}

fn settled_for_reading(connection: Connection) -> Result<Connection, Reason> {
    connection.busy_timeout(BUSY_WAIT)?;
    match schema::format_of(&connection)? {
        0 => Err(Reason::NotABaseline),
        found if found < schema::READABLE_FROM => Err(Reason::Older {
            found,
            build: FORMAT,
        }),
        _ => Ok(connection),
    }
}

fn has_unmerged_writes(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|wal| wal.len() > 0)
}

/// `file:…?immutable=1` with every byte escaped that could mean something in a URI.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    uri
}
