//! Standard output, pipes and devices: a line a state, written straight through.
//!
//! What was written can't be taken back. A line that went out in part, because the other side was full or went away, is finished from where
//! it stopped; if the other side is opened anew, it gets the whole line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use crate::outlet::{Answer, Outlet, Shape, said};
use crate::told::Told;

/// An open end that takes lines.
pub(crate) struct Lines {
    /// Where to find it again; `None` for standard output, which is opened once.
    path: Option<PathBuf>,
    file: Option<File>,
    /// The state that went out in part, and how many of its bytes.
    begun: (i64, usize),
}

impl Lines {
    /// Standard output, past the buffer of the standard library: that one would hide how far a line got.
    ///
    /// # Errors
    /// The descriptor can't be copied.
    pub(crate) fn stdout() -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self::over(None, Some(file)))
    }

    /// A pipe or device, opened at the first state; a named pipe waits there for its reader.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self::over(Some(path), None)
    }

    fn over(path: Option<PathBuf>, file: Option<File>) -> Self {
        Self {
            path,
            file,
            begun: (0, 0),
        }
    }

    fn write(&mut self, state: &Told) -> io::Result<()> {
        if let (None, Some(path)) = (&self.file, &self.path) {
            self.begun = (state.seq, 0);
            // Neither created nor truncated: what is no file stays what it is.
            self.file = Some(OpenOptions::new().write(true).open(path)?);
        }
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if self.begun.0 != state.seq {
            self.begun = (state.seq, 0);
        }
        let text = state.line.as_bytes();
        loop {
            let done = self.begun.1;
            let left = match text.get(done..) {
                Some(left) if !left.is_empty() => left,
                _ if done == text.len() => b"\n".as_slice(),
                _ => break,
            };
            match file.write(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.begun.1 += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        file.flush()
    }
}

impl Outlet for Lines {
    fn shape(&self) -> Shape {
        Shape::SINGLE
    }

    fn attempt(&mut self, states: &[&Told]) -> Vec<Answer> {
        let one = |state: &&Told| match self.write(state) {
            Ok(()) => Answer::Taken,
            Err(error) => {
                let full = error.kind() == io::ErrorKind::WouldBlock;
                if self.path.is_some() && !full {
                    self.file = None;
                }
                Answer::later(match error.kind() {
                    io::ErrorKind::BrokenPipe => {
                        "nobody reads it any more (broken pipe)".to_owned()
                    }
                    _ => format!("can't write: {}", said(&error)),
                })
            }
        };
        states.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read as _;

    use super::*;
    use crate::told::states;

    #[test]
    fn a_closed_pipe_is_told() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut lines = Lines::over(None, Some(File::from(std::os::fd::OwnedFd::from(writer))));
        let [state] = states::<1>();
        let answer = lines.attempt(&[&state]);
        assert_eq!(
            answer,
            [Answer::later("nobody reads it any more (broken pipe)")]
        );
    }

    #[test]
    fn a_line_begun_is_finished_not_repeated() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut lines = Lines::over(None, Some(File::from(std::os::fd::OwnedFd::from(writer))));
        let [first, second] = states::<2>();
        lines.begun = (first.seq, 5);
        assert_eq!(lines.attempt(&[&first]), [Answer::Taken]);
        assert_eq!(lines.attempt(&[&second]), [Answer::Taken]);
        drop(lines);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("{}\n{}\n", &first.line[5..], second.line));
    }
}
