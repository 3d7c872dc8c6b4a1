//! Looks at a file before SQLite does, so that a file that is not ours is not even opened for writing.
//!
//! Layout of the first hundred bytes: <https://www.sqlite.org/fileformat2.html#the_database_header>.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use crate::{Reason, schema};

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;
const HEADER_BYTES: usize = 100;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing, or an empty file.
    Nothing,
    /// A baseline of a format this build knows, or a database so new that it has no mark yet.
    Ours,
}

/// Looks at a file without changing it.
pub(crate) fn look(path: &Path) -> Result<Found, Reason> {
    if path.is_dir() {
        return Err(Reason::Folder);
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(Found::Nothing);
    }
    if !bytes.starts_with(MAGIC) || bytes.len() < HEADER_BYTES {
        return Err(Reason::NotABaseline);
    }
    let word =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    schema::check_mark(word(APPLICATION_ID_AT), word(USER_VERSION_AT))?;
    Ok(Found::Ours)
}
