//! What may lie beside this checkout: real records, an independent simulator and its scorer. Where it is absent, a test says so and passes.

use std::path::PathBuf;
use std::process::Command;

/// The workspace's folder.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A file or folder of `../shared`, or `None`, said aloud.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no {}", path.display());
    None
}

/// `python3` with the independent simulator's package on its path, or `None`, said aloud. It leaves no cache there.
#[must_use]
pub fn trailsim() -> Option<Command> {
    let package = shared("trailsim")?;
    let known = Command::new("python3").arg("--version").output();
    if !known.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no python3");
        return None;
    }
    let mut python = Command::new("python3");
    python.arg("-B").env("PYTHONPATH", package);
    Some(python)
}
