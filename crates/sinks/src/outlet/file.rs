//! A file of JSON Lines that survives kills, full disks and rotation.
//!
//! Each batch is appended and fsynced; what fails is cut off again and written anew. At each opening the end of the file is put in order, and the
//! lines there are remembered: a state among them is not written twice, which closes the moment between writing and the caller's knowing.
//! A file that was moved away (its inode is no longer the path's) is let go, and a new one begun.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use xxhash_rust::xxh3::xxh3_128;

use crate::outlet::{Answer, Outlet, Shape, said};
use crate::settings::Settings;
use crate::told::Told;

/// Bytes read at once on the way back to the beginning of a half line.
const STEP_BYTES: u64 = 64 << 10;

/// A file that is appended to.
pub(crate) struct FileOutlet {
    path: PathBuf,
    tail_bytes_max: u64,
    batch_max: usize,
    open: Option<Open>,
}

struct Open {
    file: File,
    /// Digests of the lines at its end when it was opened.
    known: HashSet<u128>,
}

impl FileOutlet {
    /// Opens the file, made with its folder if need be, and puts its end in order.
    ///
    /// # Errors
    /// The system refuses, or the file does not end like JSON Lines.
    pub(crate) fn open(path: PathBuf, settings: &Settings) -> io::Result<Self> {
        let mut outlet = Self {
            open: None,
            path,
            tail_bytes_max: settings.tail_bytes_max,
            batch_max: settings.file_batch_max.max(1),
        };
        outlet.open = Some(outlet.reopen()?);
        Ok(outlet)
    }

    fn reopen(&self) -> io::Result<Open> {
        let folder = self.path.parent().filter(|f| !f.as_os_str().is_empty());
        if let Some(folder) = folder {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&self.path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let known = put_in_order(&mut file, self.tail_bytes_max)?;
        file.sync_all()?;
        // A file made just now is found after a power cut only if its folder is on disk too.
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Open { file, known })
    }

    fn append(&mut self, states: &[&Told]) -> io::Result<()> {
        let open = match self.open.take() {
            Some(open) if is_at(&open.file, &self.path) => open,
            _ => self.reopen()?,
        };
        let length = open.file.metadata()?.len();
        let written = write(&open, states);
        match written {
            Ok(()) => self.open = Some(open),
            // If that fails too, the next opening finds what stands there.
            Err(_) => drop(open.file.set_len(length)),
        }
        written
    }
}

impl Outlet for FileOutlet {
    fn shape(&self) -> Shape {
        Shape {
            states_max: self.batch_max,
            one_per_finding: false,
        }
    }

    fn attempt(&mut self, states: &[&Told]) -> Vec<Answer> {
        let answer = match self.append(states) {
            Ok(()) => Answer::Taken,
            Err(error) => Answer::later(format!("can't write: {}", said(&error))),
        };
        vec![answer; states.len()]
    }
}

fn write(open: &Open, states: &[&Told]) -> io::Result<()> {
    let new = |state: &&&Told| !open.known.contains(&xxh3_128(state.line.as_bytes()));
    let mut out = BufWriter::new(&open.file);
    for state in states.iter().filter(new) {
        out.write_all(state.line.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    open.file.sync_data()
}

/// Whether the path still leads to the file that is open.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Completes or cuts off a half line at the end, and gives the digests of the last lines.
fn put_in_order(file: &mut File, tail_bytes_max: u64) -> io::Result<HashSet<u128>> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(tail_bytes_max.max(1));
    let mut tail = vec![];
    file.seek(SeekFrom::Start(start))?;
    (&mut *file).take(length - start).read_to_end(&mut tail)?;
    let lines_end = match last_newline(&tail) {
        Some(at) => start + at as u64 + 1,
        None => end_of_lines_before(file, start)?,
    };
    if lines_end < length {
        // Whole in `tail`, or longer than the tail and no line of ours to know again.
        let half = lines_end.checked_sub(start).map(|at| &tail[at as usize..]);
        if half.is_some_and(is_object) {
            file.write_all(b"\n")?;
            tail.push(b'\n');
        } else if first_byte(file, lines_end)? == b'{' || half.is_some_and(is_blank) {
            file.set_len(lines_end)?;
        } else {
            return Err(not_ours());
        }
    }
    let end = last_newline(&tail).map_or(0, |at| at + 1);
    let mut lines: Vec<&[u8]> = tail[..end].split_inclusive(|b| *b == b'\n').collect();
    if start > 0 && !lines.is_empty() {
        // Most likely the rest of a line.
        lines.remove(0);
    }
    if lines.last().is_some_and(|line| line.first() != Some(&b'{')) {
        return Err(not_ours());
    }
    let digest = |line: &&[u8]| xxh3_128(&line[..line.len() - 1]);
    Ok(lines.iter().map(digest).collect())
}

fn not_ours() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "its last line is not one of JSON Lines, so it is left alone",
    )
}

fn last_newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().rposition(|b| *b == b'\n')
}

/// Where the lines before an offset end, looked for from there backwards.
fn end_of_lines_before(file: &mut File, mut offset: u64) -> io::Result<u64> {
    let mut step = vec![];
    while offset > 0 {
        let from = offset.saturating_sub(STEP_BYTES);
        step.clear();
        file.seek(SeekFrom::Start(from))?;
        (&mut *file).take(offset - from).read_to_end(&mut step)?;
        if let Some(at) = last_newline(&step) {
            return Ok(from + at as u64 + 1);
        }
        offset = from;
    }
    Ok(0)
}

fn first_byte(file: &mut File, at: u64) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn is_object(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// What some file systems leave of a write that a power cut ended.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| *b == 0)
}
