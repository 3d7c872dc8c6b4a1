//! One writer at a time: a lock on a file beside the baseline, held while a [`crate::Store`] is open for writing.
//!
//! SQLite keeps transactions apart, but a writer's later commits rest on what it loaded at first; two writers in turn would undo
//! each other's counts. The operating system drops the lock when the process ends, however it ends. The lock file itself stays:
//! deleting it would let a third process lock a file that is no longer there.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Seek, Write},
    path::{Path, PathBuf},
};

use crate::Reason;

/// Longest text read from a lock file, in bytes.
const HOLDER_BYTES_MAX: u64 = 32;

/// The right to write a baseline, given up when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

impl Claim {
    pub(crate) fn take(baseline: &Path) -> Result<Self, Reason> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(beside(baseline, "-lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Reason::Locked(holder(&mut file))),
            // Without locks on this file system SQLite's own still keep transactions apart.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _lock: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// The path of a file that goes with the baseline.
pub(crate) fn beside(baseline: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(baseline);
    path.push(ending);
    path.into()
}
