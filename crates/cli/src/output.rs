//! Where data goes: standard output, or a file that appears whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use offtrail_report::{Charset, Style};

/// Buffer of an output, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// An open output.
pub(crate) struct Output {
    writer: BufWriter<Box<dyn Write>>,
    /// The file under its final name; `None` for standard output.
    path: Option<PathBuf>,
    /// Declared after the writer: goes once the file is closed.
    unfinished: Option<Unfinished>,
}

/// The file under its name until it is whole; removed if that never happens.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After a rename there is nothing left under this name; else the run has failed and has said why.
        let _ = fs::remove_file(&self.0);
    }
}

impl Output {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        Self {
            writer: BufWriter::with_capacity(BUFFER_BYTES, Box::new(io::stdout())),
            path: None,
            unfinished: None,
        }
    }

    /// The file named, or standard output for none and `-`. What is written lies in `FILE.partial` until [`Output::finish`].
    ///
    /// # Errors
    /// The file can't be created.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::stdout());
        };
        if path.is_dir() {
            anyhow::bail!("write {path:?}: it is a folder; name a file");
        }
        let doing = || format!("write {path:?}: check that its folder exists and can be written");
        // A device or a pipe is written as it is: a file put in its place would be the end of it (`--findings /dev/null`).
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            let file = File::options().write(true).open(path);
            return Ok(Self {
                writer: BufWriter::with_capacity(BUFFER_BYTES, Box::new(file.with_context(doing)?)),
                path: Some(path.to_owned()),
                unfinished: None,
            });
        }
        // Of a link, what it points to is replaced.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = File::create(partial(path)).with_context(doing)?;
        Ok(Self {
            writer: BufWriter::with_capacity(BUFFER_BYTES, Box::new(file)),
            path: Some(path.to_owned()),
            unfinished: Some(Unfinished(partial(path))),
        })
    }

    /// Whether this is standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        self.path.is_none()
    }

    /// Writes what is buffered and gives the file its name.
    ///
    /// # Errors
    /// The disk or the reader refuses.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        let (Some(path), Some(unfinished)) = (self.path, self.unfinished) else {
            return Ok(());
        };
        let doing = || format!("write {path:?}: free some space or name another file");
        drop(self.writer);
        fs::rename(&unfinished.0, &path).with_context(doing)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes);
        written.map_err(|error| told(self.path.as_deref(), error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| told(self.path.as_deref(), error))
    }
}

/// The same error, of the same kind, that says what was written and what now.
fn told(path: Option<&Path>, error: io::Error) -> io::Error {
    let to = path.map_or_else(|| "standard output".to_owned(), |path| format!("{path:?}"));
    let text = format!("write {to}: {error}; free some space or write elsewhere");
    io::Error::new(error.kind(), text)
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Colour for a stream that a terminal reads, unless `NO_COLOR` is set (<https://no-color.org>).
pub(crate) fn style(stream: &impl IsTerminal) -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if stream.is_terminal() && !refused {
        Style::Ansi
    } else {
        Style::Plain
    }
}

/// Block characters, unless the locale names a character set that has none.
pub(crate) fn charset() -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    match locale.map(|locale| locale.to_ascii_lowercase()) {
        Some(locale) if !locale.contains("utf-8") && !locale.contains("utf8") => Charset::Ascii,
        _ => Charset::Blocks,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{os::unix::fs::FileTypeExt, process::Command};

    use super::*;

    #[test]
    fn a_pipe_stays_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        let mut out = Output::open(Some(&pipe)).unwrap();
        out.write_all(b"told").unwrap();
        out.finish().unwrap();
        assert_eq!(reader.join().unwrap(), "told");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut out = Output::open(Some(&link)).unwrap();
        out.write_all(b"after").unwrap();
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            "before",
            "until it is whole"
        );
        out.finish().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
