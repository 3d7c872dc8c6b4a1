//! Reads the files of a folder as a revision of git has it, by running git: what is compared is what was committed and reviewed.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Write as _},
    process::{Command, Stdio},
    thread,
};

use anyhow::Context as _;
use offtrail_baseline::review::REVIEW_FILE_BYTES_MAX;
use offtrail_report::inert;

/// What precedes a revision and a path on the command line.
pub(super) const PREFIX: &str = "git:";

/// A folder in a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tree<'a> {
    revision: &'a str,
    pub(super) path: &'a str,
}

impl<'a> Tree<'a> {
    /// From `REV:PATH`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (revision, path) = text.split_once(':')?;
        let plain = |text: &str| !text.starts_with('-') && !text.contains(['\0', '\n']);
        (!revision.is_empty() && plain(revision) && plain(path)).then_some(Self { revision, path })
    }

    /// Every file of it whose path `wanted` takes, by path below the folder.
    ///
    /// # Errors
    /// There is no git, or it does not know the revision or the folder.
    pub(super) fn files(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
        let object = format!("{}:{}", self.revision, self.path.trim_end_matches('/'));
        let doing = || format!("read git:{object}");
        let listed = self.list(&object)?;
        let mut blobs = Vec::new();
        for entry in listed.split(|byte| *byte == 0) {
            // <mode> SP blob SP <object> TAB <path>
            let entry = String::from_utf8_lossy(entry);
            let Some((head, path)) = entry.split_once('\t') else {
                continue;
            };
            let mut head = head.split(' ').skip(1);
            if let (Some("blob"), Some(blob)) = (head.next(), head.next())
                && wanted(path)
            {
                blobs.push((path.to_owned(), blob.to_owned()));
            }
        }
        contents(&blobs).with_context(doing)
    }

    fn list(&self, object: &str) -> anyhow::Result<Vec<u8>> {
        let output = Command::new("git")
            .args(["ls-tree", "-r", "-z", "--full-tree", object])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| without_git(&error))
            .with_context(|| format!("read git:{object}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let told = String::from_utf8_lossy(&output.stderr);
        let told = told.trim().lines().next().unwrap_or("it does not say why");
        anyhow::bail!(
            "read git:{object}: {}; run within the repository, and write git:REVISION:PATH with the path of the folder from its root",
            inert(told)
        )
    }
}

fn without_git(error: &io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::NotFound => anyhow::anyhow!(
            "there is no git on this machine's PATH; install it, or compare two exported folders"
        ),
        _ => anyhow::anyhow!("run git: {error}"),
    }
}

/// The contents of objects, from one run of git.
fn contents(blobs: &[(String, String)]) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut git = Command::new("git")
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| without_git(&error))?;
    let mut input = git.stdin.take().context("git takes input")?;
    let output = git.stdout.take().context("git gives output")?;
    let mut files = BTreeMap::new();
    let read = thread::scope(|scope| -> anyhow::Result<()> {
        // On a thread of its own: git answers while it is still being asked, and neither side may wait for the other.
        scope.spawn(move || {
            for (_, blob) in blobs {
                if writeln!(input, "{blob}").is_err() {
                    // It has gone away, which its output tells better.
                    return;
                }
            }
        });
        let mut output = BufReader::new(output);
        for (path, _) in blobs {
            files.insert(path.clone(), one(&mut output, path)?);
        }
        Ok(())
    });
    // Whatever went wrong before is the better story.
    let ended = git.wait();
    read?;
    anyhow::ensure!(
        ended.context("run git cat-file")?.success(),
        "git cat-file failed"
    );
    Ok(files)
}

/// One answer: `<object> SP blob SP <size> LF <contents> LF`.
fn one(output: &mut impl BufRead, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut head = String::new();
    output.read_line(&mut head)?;
    let size: Option<usize> = head
        .trim_end()
        .rsplit_once(' ')
        .and_then(|(_, size)| size.parse().ok());
    let size = size.with_context(|| format!("git does not give {:?}", path))?;
    anyhow::ensure!(
        size <= REVIEW_FILE_BYTES_MAX,
        "{path:?} is larger than {REVIEW_FILE_BYTES_MAX} bytes; no export is"
    );
    let mut bytes = vec![0; size + 1];
    output.read_exact(&mut bytes)?;
    bytes.pop();
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_no_option() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let tree = Tree::parse(text);
            assert_eq!(tree.map(|tree| (tree.revision, tree.path)), expected);
        };
        check("main:baselines", Some(("main", "baselines")));
        check("HEAD~2:./review", Some(("HEAD~2", "./review")));
        check("main:", Some(("main", "")));
        check("--output=x:y", None);
        check("main", None);
        check(":x", None);
    }
}
