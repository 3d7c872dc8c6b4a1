//! What can go wrong with a baseline file, each with what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

/// What was being done to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Reading it.
    Read,
    /// Creating or changing it.
    Write,
}

impl std::fmt::Display for Doing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// A baseline file that can't be read or written: one line that says what to do. A failed write leaves the file as it was.
#[derive(Debug, thiserror::Error)]
#[error("{doing} baseline {path:?}: {reason}")]
pub struct Error {
    /// Reading or writing.
    pub doing: Doing,
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub reason: Reason,
}

/// Why a baseline file can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Nothing is there.
    #[error("no such file; learn one with `offtrail backfill`, or correct the path")]
    Missing,
    /// The folder it should lie in is not there.
    #[error("its folder does not exist; create the folder, or correct the path")]
    NoFolder,
    /// A folder is there.
    #[error("it is a folder; name a file")]
    Folder,
    /// Something else is there.
    #[error("not an offtrail baseline; name another file, it was left as it is")]
    NotABaseline,
    /// Written by a later build.
    #[error(
        "format {found} is newer than this build ({build}); upgrade offtrail or export it again"
    )]
    Newer {
        /// Format of the file.
        found: u32,
        /// Newest format this build knows.
        build: u32,
    },
    /// Written by an earlier build and opened for reading only.
    #[error(
        "format {found} is older than this build ({build}); run any command that learns into it once, which brings it up to date"
    )]
    Older {
        /// Format of the file.
        found: u32,
        /// Format this build reads.
        build: u32,
    },
    /// Damaged.
    #[error("damaged ({0}); restore it from a copy or an export, or learn it anew")]
    Damaged(String),
    /// The disk, the folder or the file refuses writing, or reading is not permitted.
    #[error(
        "not permitted, or the disk is read-only; check the permissions, or copy it to a writable folder"
    )]
    NotPermitted,
    /// The disk is full.
    #[error(
        "the disk is full; free some space and run again, nothing of what was committed is lost"
    )]
    Full,
    /// Another process is writing it.
    #[error("{} is writing it; wait until it has ended, or stop it", holder(*.0))]
    Locked(Option<u32>),
    /// A stream that was killed left a journal in it.
    #[error(
        "a stream was killed before its checkpoint; run `offtrail stream --baseline` with this file and no input once, which writes it, then run again"
    )]
    Streaming,
    /// The operating system says no for another reason.
    #[error("{0}")]
    Disk(io::Error),
    /// SQLite says no for another reason.
    #[error("SQLite: {0}")]
    Sqlite(rusqlite::Error),
}

fn holder(process: Option<u32>) -> String {
    process.map_or_else(
        || "another process".to_owned(),
        |id| format!("another process ({id})"),
    )
}

impl Reason {
    pub(crate) fn at(self, doing: Doing, path: &Path) -> Error {
        Error {
            doing,
            path: path.to_owned(),
            reason: self,
        }
    }
}

impl From<rusqlite::Error> for Reason {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sql;
        match error {
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::Utf8Error(..)
            | Sql::InvalidColumnType(..)
            | Sql::QueryReturnedNoRows => Self::Damaged(error.to_string()),
            Sql::SqliteFailure(failure, ref text) => match failure.code {
                ErrorCode::DatabaseCorrupt => {
                    Self::Damaged(text.clone().unwrap_or_else(|| failure.to_string()))
                }
                ErrorCode::NotADatabase => Self::NotABaseline,
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
                    Self::NotPermitted
                }
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked(None),
                _ => Self::Sqlite(error),
            },
            _ => Self::Sqlite(error),
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoFolder,
            io::ErrorKind::IsADirectory => Self::Folder,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotPermitted
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Disk(error),
        }
    }
}
