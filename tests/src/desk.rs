//! A folder with a small baseline and something to learn into it, for tests of what goes wrong.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    archive::{document, gz, quiet, write},
    offtrail,
};

/// A small baseline, and records that are not in it yet.
#[derive(Debug)]
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    /// The baseline is `org.db`; the records that are not in it lie in `new.json.gz`.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = quiet().records();
        let (old, new) = records.split_at(500);
        let [old, new] = [old, new].map(|records| gz(&document(records)));
        write(
            folder.path(),
            [("old.json.gz", &*old), ("new.json.gz", &*new)],
        );
        let desk = Self { folder };
        offtrail![
            "backfill",
            desk.path("old.json.gz"),
            "--baseline",
            desk.path("org.db"),
            "--quiet"
        ]
        .ok();
        desk
    }

    /// A path on the desk.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of these bytes.
    #[must_use]
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// The bytes of the baseline.
    #[must_use]
    pub fn baseline(&self) -> Vec<u8> {
        fs::read(self.path("org.db")).unwrap()
    }

    /// The desk itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}
