//! What tests of `offtrail stream` share: an organisation learnt until a day, the files delivered since, and ways to watch the process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use flate2::read::MultiGzDecoder;
use offtrail_simulator::demo_settings;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    archive::{of, records, write},
    binary::{Offtrail, Running, json_lines},
    formats::assert_is_finding,
    offtrail,
};

/// The first day that is judged; the seed story lies on the 19th and 20th.
const FROM: &str = "2026-07-18";

/// How long something may take until a test gives it up.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A file of an archive: path and bytes.
pub type Delivered = (String, Vec<u8>);

/// An organisation learnt until the day from which the rest is judged, and the files delivered since.
#[derive(Debug)]
pub struct Learnt {
    folder: TempDir,
    /// Those learnt, by path.
    pub earlier: Vec<Delivered>,
    /// Those delivered later, in order of delivery.
    pub later: Vec<Delivered>,
}

impl Learnt {
    /// Simulates and learns it: the baseline is `org.db`, files lie below `earlier` and `later`.
    #[must_use]
    pub fn new() -> Self {
        Self::until("9999")
    }

    /// The same without what is delivered from this time on, `20260722T0000Z`: for a server that takes few requests a second.
    #[must_use]
    pub fn until(end: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive = of(&demo_settings());
        let from = FROM.replace('-', "/");
        let is_later = |path: &str| {
            let day = path.find("/2026/").map(|at| &path[at + 1..at + 11]);
            day.is_some_and(|day| day >= from.as_str())
        };
        let owned = |(path, bytes): (&str, &[u8])| (path.to_owned(), bytes.to_vec());
        let (mut later, earlier): (Vec<_>, Vec<_>) = archive
            .logs()
            .map(owned)
            .partition(|(path, _)| is_later(path));
        later.retain(|(path, _)| delivery(path) < end);
        later.sort_by_key(|(path, _)| delivery(path).to_owned());
        let learnt = Self {
            folder,
            earlier,
            later,
        };
        deliver(&learnt.path("earlier"), &learnt.earlier);
        deliver(&learnt.path("later"), &learnt.later);
        offtrail![
            "backfill",
            learnt.path("earlier"),
            "--quiet",
            "--baseline",
            learnt.path("org.db")
        ]
        .ok();
        learnt
    }

    /// A path in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of the baseline to work with.
    #[must_use]
    pub fn baseline(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::copy(self.path("org.db"), &path).unwrap();
        path
    }

    /// What `offtrail detect` tells over the later files.
    ///
    /// # Panics
    /// It is too little to compare anything with.
    #[must_use]
    pub fn detected(&self) -> BTreeMap<String, Value> {
        let baseline = self.baseline("detected.db");
        let told = offtrail![
            "detect",
            self.path("later"),
            "--quiet",
            "--baseline",
            baseline
        ]
        .ok();
        let states = final_states(&told);
        let evidence = states
            .values()
            .filter_map(|state| state["evidence"].as_array());
        assert!(
            evidence.map(Vec::len).sum::<usize>() > 20,
            "too little to compare"
        );
        states
    }

    /// The command line that streams onto a baseline, into a file.
    #[must_use]
    pub fn stream(&self, baseline: &Path, sink: &Path) -> Offtrail {
        offtrail!["stream", "--baseline", baseline, "--sink", sink]
    }
}

impl Default for Learnt {
    fn default() -> Self {
        Self::new()
    }
}

/// When a file was delivered, as its name tells it: `20260719T0635Z`.
#[must_use]
pub fn delivery(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('_').nth(3).unwrap_or_default()
}

/// Puts files into a folder.
pub fn deliver(folder: &Path, files: &[Delivered]) {
    let files = files.iter();
    write(
        folder,
        files.map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
    );
}

/// How many records files hold; digests hold none.
#[must_use]
pub fn count(files: &[Delivered]) -> usize {
    let logs = files
        .iter()
        .filter(|(path, _)| path.contains("/CloudTrail/"));
    logs.map(|(_, bytes)| records(bytes).len()).sum()
}

/// The last state of each finding, by id.
#[must_use]
pub fn final_states(lines: &str) -> BTreeMap<String, Value> {
    let states = json_lines(lines).into_iter();
    states
        .map(|state| {
            assert_is_finding(&state);
            (state["id"].as_str().unwrap().to_owned(), state)
        })
        .collect()
}

/// What a file of findings holds; nothing where there is none yet.
#[must_use]
pub fn told(sink: &Path) -> String {
    fs::read_to_string(sink).unwrap_or_default()
}

/// No line comes twice: a state is told once.
///
/// # Panics
/// One does.
pub fn assert_told_once(lines: &str) {
    let mut seen = BTreeSet::new();
    for line in lines.lines() {
        assert!(seen.insert(line), "told twice: {line}");
    }
}

/// Waits until something holds.
///
/// # Panics
/// It does not, within [`PATIENCE`], or the process ends.
pub fn until(what: &str, child: &mut Child, talk: &Path, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        let told = || fs::read_to_string(talk).unwrap_or_default();
        assert_eq!(child.try_wait().unwrap(), None, "{what}: {}", told());
        assert!(begun.elapsed() < PATIENCE, "{what}: {}", told());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether its talk holds these words.
#[must_use]
pub fn says(talk: &Path, words: &str) -> bool {
    fs::read_to_string(talk).is_ok_and(|talk| talk.contains(words))
}

/// Whether it says that it is ready.
#[must_use]
pub fn is_ready(talk: &Path) -> bool {
    says(talk, "ready")
}

/// Sends a signal: `TERM`, `HUP`.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Ends it with SIGTERM, which must go well.
pub fn stop(mut child: Running, talk: &Path) {
    signal(&child, "TERM");
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{}", fs::read_to_string(talk).unwrap());
}

/// A gauge or counter without labels of a stream that was started with `--listen 127.0.0.1:0`; none while it doesn't listen.
#[must_use]
pub fn metric(talk: &Path, name: &str) -> Option<f64> {
    let talk = fs::read_to_string(talk).ok()?;
    let (_, rest) = talk.split_once("listening address=")?;
    let address = rest.split_whitespace().next()?;
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let mut lines = answer.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = lines.find(|(known, _)| *known == name)?;
    value.trim().parse().ok()
}

/// The text of a packed file.
#[must_use]
pub fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}

/// `--follow DIR`, readable at the end of a chain.
pub trait Follow {
    /// With a folder to follow.
    #[must_use]
    fn arg_follow(self, folder: &Path) -> Self;
}

impl Follow for Offtrail {
    fn arg_follow(self, folder: &Path) -> Self {
        self.args([Path::new("--follow"), folder])
    }
}
