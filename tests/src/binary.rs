//! The real binary: found, run without any AWS configuration of this machine, and looked at from outside.

use std::{
    ffi::{OsStr, OsString},
    fmt::Debug,
    fs::{self, File},
    io::{Read as _, Seek as _, Write as _},
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// The binary: `OFFTRAIL_BIN`, or the one cargo built into the folder of this test's profile.
///
/// # Panics
/// There is none.
#[must_use]
pub fn path() -> PathBuf {
    if let Some(named) = std::env::var_os("OFFTRAIL_BIN") {
        return named.into();
    }
    // target/<profile>/deps/<this test>
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let binary = profile.join(format!("offtrail{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.is_file(),
        "{} is missing: run cargo build -p offtrail first",
        binary.display()
    );
    binary
}

/// A command line, not yet run: `offtrail!["backfill", &archive, "--baseline", &file]`.
#[macro_export]
macro_rules! offtrail {
    ($($argument:expr),+ $(,)?) => {
        $crate::binary::Offtrail::new([$(std::ffi::OsString::from($argument)),+])
    };
}

/// A command line of offtrail.
#[derive(Debug)]
pub struct Offtrail {
    command: Command,
    input: Vec<u8>,
}

impl Offtrail {
    /// With these arguments.
    pub fn new(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let mut command = Command::new(path());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("AWS_") || text.starts_with("LC_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("LANG", "C.UTF-8")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        Self {
            command,
            input: Vec::new(),
        }
    }

    /// With more arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// In this folder.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this on its standard input.
    #[must_use]
    pub fn input(mut self, bytes: &[u8]) -> Self {
        self.input = bytes.to_vec();
        self
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(mut self) -> Ran {
        // A file and not a pipe: nobody has to write while we read.
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(&self.input).unwrap();
        input.rewind().unwrap();
        let output = self.command.stdin(Stdio::from(input)).output().unwrap();
        let ran = Ran {
            line: format!("{:?}", self.command),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!ran.stderr.contains("panicked at"), "{ran:#?}");
        assert!(ran.code.is_some(), "ended by a signal: {ran:#?}");
        ran
    }

    /// Runs it to its end, which must be success, and gives its standard output.
    ///
    /// # Panics
    /// It fails.
    pub fn ok(self) -> String {
        self.run().expect(0).stdout
    }

    /// Starts it and leaves it running, its standard error in a file.
    pub fn start(mut self, stderr: &Path) -> Running {
        let started = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(stderr).unwrap())
            .spawn();
        Running(started.unwrap())
    }
}

/// A process that ends with the test, however the test ends.
#[derive(Debug)]
pub struct Running(Child);

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do, and refused, where it was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    /// Its command line.
    pub line: String,
    /// Its exit code.
    pub code: Option<i32>,
    /// Its data.
    pub stdout: String,
    /// Its talk.
    pub stderr: String,
}

impl Ran {
    /// Holds it to an exit code.
    ///
    /// # Panics
    /// It ended otherwise.
    #[must_use]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Holds it to a failure told in one line, which has all of `words` in it.
    ///
    /// # Panics
    /// It ended otherwise.
    pub fn fails_saying(self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:#?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        let [line] = lines.as_slice() else {
            panic!("not one line: {self:#?}");
        };
        assert!(line.starts_with("offtrail: "), "{self:#?}");
        for word in words {
            assert!(line.contains(word), "no {word:?}: {self:#?}");
        }
    }
}

/// The JSON of a text.
///
/// # Panics
/// It is none.
#[must_use]
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The JSON Lines of a text.
///
/// # Panics
/// A line is no JSON.
#[must_use]
pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(json).collect()
}

/// The summary that `--summary FILE` wrote; its sums hold.
///
/// # Panics
/// It is missing, or a sum does not hold.
#[must_use]
pub fn summary(file: &Path) -> Value {
    let summary = json(&fs::read_to_string(file).unwrap());
    assert_eq!(summary["reconciled"], true, "{summary:#}");
    let count = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(
        count("records"),
        count("observations") + count("rejects"),
        "{summary:#}"
    );
    summary
}

/// Every file below a folder, by path within it, with its bytes.
#[must_use]
pub fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = Vec::new();
            File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
            found.push((path.strip_prefix(folder).unwrap().to_owned(), bytes));
        }
    }
    found.sort();
    found
}

/// Both exports of a baseline: for review, and all of it.
#[must_use]
pub fn exports(baseline: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    for format in ["toml", "jsonl"] {
        let out = folder.path().join(format);
        let arguments = ["--format", format];
        offtrail!["baseline", "export", &out, "--baseline", baseline]
            .args(arguments)
            .ok();
    }
    tree(folder.path())
}

/// Fails where two exports differ, and shows the first difference rather than all of both.
///
/// # Panics
/// They differ.
pub fn assert_same(what: &str, one: &[(PathBuf, Vec<u8>)], other: &[(PathBuf, Vec<u8>)]) {
    fn first<T: Debug>(found: Option<T>) -> String {
        format!("{found:?}")
    }
    let names = |tree: &[(PathBuf, Vec<u8>)]| {
        tree.iter()
            .map(|(path, _)| path.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(one), names(other), "{what}: other files");
    for ((path, one), (_, other)) in one.iter().zip(other) {
        let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (one, other) = (lines(one), lines(other));
        let differing = one
            .lines()
            .zip(other.lines())
            .enumerate()
            .find(|(_, (one, other))| one != other);
        assert!(
            one == other,
            "{what}: {} differs, first in {}",
            path.display(),
            first(differing)
        );
    }
}
