//! `MANIFEST.sha256`: the digest of every file of an export, in the form of `sha256sum`, so that a reviewed folder can be signed and checked.
//!
//! It is a function of the files alone. Form: <https://www.gnu.org/software/coreutils/manual/html_node/md5sum-invocation.html>.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Component, Path},
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

/// The name of the file.
pub(super) const MANIFEST_NAME: &str = "MANIFEST.sha256";

/// The name of its signature, as minisign names it.
pub(super) const SIGNATURE_NAME: &str = "MANIFEST.sha256.minisig";

/// Largest manifest read, bytes: a million files.
const MANIFEST_BYTES_MAX: u64 = 256 << 20;

/// Digests in lower-case hexadecimal by path below the folder, with `/` between parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest(pub(super) BTreeMap<String, String>);

impl Manifest {
    /// Reads it; `None` where the folder has none.
    ///
    /// # Errors
    /// It can't be read, is too large, or a line is not one that an export writes.
    pub(super) fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(MANIFEST_NAME);
        let doing = || format!("read manifest {path:?}");
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(doing),
            Ok(found) => anyhow::ensure!(
                found.len() <= MANIFEST_BYTES_MAX,
                "{}: it is larger than {MANIFEST_BYTES_MAX} bytes; no export writes one like that",
                doing()
            ),
        }
        let text = fs::read_to_string(&path).with_context(doing)?;
        Self::parse(&text).map(Some).map_err(|line| {
            anyhow::anyhow!(
                "{}, line {line}: expected a SHA-256 digest, two spaces and a path within the folder; export again",
                doing()
            )
        })
    }

    /// From its text; the number of the first wrong line else.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut files = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let (digest, path) = line.split_once("  ").ok_or(number)?;
            let is_digest = digest.len() == 64
                && digest
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            let known = files.insert(path.to_owned(), digest.to_owned());
            if !is_digest || !is_within(path) || known.is_some() {
                return Err(number);
            }
        }
        Ok(Self(files))
    }

    /// Its text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (path, digest) in &self.0 {
            let _ = writeln!(text, "{digest}  {path}");
        }
        text
    }
}

/// Whether a path leads below the folder it is told for, by names that exports give.
fn is_within(path: &str) -> bool {
    let plain = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._@+-/".contains(&byte));
    let parts = || Path::new(path).components();
    plain
        && parts().next().is_some()
        && parts().all(|part| matches!(part, Component::Normal(_)))
        && path
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.'))
}

/// The digest of bytes, in lower-case hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(digest: &[u8]) -> String {
    let mut text = String::with_capacity(2 * digest.len());
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A writer that also digests what is written.
pub(super) struct Digesting<W> {
    inner: W,
    hash: Sha256,
}

impl<W: io::Write> Digesting<W> {
    /// Before this writer.
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
        }
    }

    /// The writer, and the digest of all that was written.
    pub(super) fn finish(self) -> (W, String) {
        (self.inner, hexadecimal(&self.hash.finalize()))
    }
}

impl<W: io::Write> io::Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_back_and_paths_stay_inside() {
        let digest = digest(b"");
        let check = |path: &str, expected: bool| {
            let text = format!("{digest}  {path}\n");
            let read = Manifest::parse(&text);
            assert_eq!(read.is_ok(), expected, "{path}");
            if let Ok(manifest) = read {
                assert_eq!(manifest.text(), text);
            }
        };
        check("index.md", true);
        check("111122223333/role/a-AROA+ann@example.com.toml", true);
        check("../index.md", false);
        check("/etc/passwd", false);
        check("a/../../b", false);
        check(".git/config", false);
        check("a//b", false);
        check("", false);
        check("a b", false);
        assert_eq!(Manifest::parse("abc  index.md"), Err(1));
        let twice = format!("{digest}  a\n{digest}  a\n");
        assert_eq!(Manifest::parse(&twice), Err(2));
    }
}
