//! Where blocks lie: in memory while there are few, else in a temporary file that has no name and goes with the list.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Bytes of a list of files in memory, at most (4 MiB: some 100,000 names); the rest lies in a temporary file.
pub const LIST_BYTES_MAX: usize = 4 << 20;

/// A piece of the list that can be read on its own.
#[derive(Debug)]
pub(crate) enum Block {
    /// In memory.
    Memory(Box<[u8]>),
    /// In the file, from a byte on, so many bytes.
    Spilled(Arc<File>, u64, usize),
}

impl Block {
    /// Puts its bytes into a buffer that is empty.
    pub(crate) fn read(&self, into: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => into.extend_from_slice(bytes),
            Self::Spilled(file, at, len) => {
                into.resize(*len, 0);
                file.read_exact_at(into, *at)?;
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Spilled(_, _, len) => *len,
        }
    }

    /// Makes it one that lies beyond the end of its file.
    #[cfg(test)]
    pub(crate) fn damage(&mut self) {
        if let Self::Spilled(_, at, _) = self {
            *at = 1 << 40;
        }
    }
}

/// Room for blocks.
#[derive(Debug)]
pub(crate) struct Room {
    memory_left: usize,
    file: Option<Arc<File>>,
    end: u64,
    /// There is no temporary file to be had: all stays in memory.
    refused: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(LIST_BYTES_MAX)
    }
}

impl Room {
    /// So much of it in memory, bytes.
    pub(crate) fn of(memory: usize) -> Self {
        Self {
            memory_left: memory,
            file: None,
            end: 0,
            refused: false,
        }
    }

    /// Finds a place for a block's bytes.
    pub(crate) fn keep(&mut self, bytes: Vec<u8>) -> Block {
        if bytes.len() > self.memory_left && !self.refused {
            match self.spill(&bytes) {
                Ok(block) => return block,
                // A machine without a temporary folder, or with a full one: memory is what is left.
                Err(_) => self.refused = true,
            }
        }
        self.memory_left = self.memory_left.saturating_sub(bytes.len());
        Block::Memory(bytes.into_boxed_slice())
    }

    fn spill(&mut self, bytes: &[u8]) -> io::Result<Block> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(Arc::new(tempfile::tempfile()?)),
        };
        file.write_all_at(bytes, self.end)?;
        let block = Block::Spilled(Arc::clone(file), self.end, bytes.len());
        self.end += bytes.len() as u64;
        Ok(block)
    }
}
