//! The folder an export is written into: files one by one, then the manifest, then what an earlier export left and nothing owns any more.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{
    export::ExportFormat,
    manifest::{Digesting, MANIFEST_NAME, Manifest, digest},
};
use crate::output::Output;

/// The file of a whole export.
pub(super) const JSONL_NAME: &str = "baseline.jsonl";
/// The files of an export as tables.
pub(super) const CSV_NAMES: [&str; 2] = ["principals.csv", "calls.csv"];
/// The file with the totals, which exports with one file a principal hold.
pub(super) const INDEX_NAME: &str = "index.md";

/// A folder while an export is written into it.
pub(super) struct Folder {
    dir: PathBuf,
    earlier: Manifest,
    /// An export for review that has no manifest.
    unlisted: bool,
    written: Manifest,
}

impl Folder {
    /// Makes the folder, and makes sure that the export overwrites nothing but an export of the same form.
    ///
    /// # Errors
    /// The folder can't be made or read, or holds something else and `force` is not given.
    pub(super) fn open(dir: &Path, format: ExportFormat, force: bool) -> anyhow::Result<Self> {
        let doing = || format!("write export {dir:?}");
        fs::create_dir_all(dir).with_context(doing)?;
        // Hidden files stay out of it: the folder may be a git repository.
        let full = fs::read_dir(dir)
            .with_context(doing)?
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .any(|name| !name.as_encoded_bytes().starts_with(b"."));
        let manifest = if force {
            Manifest::read(dir).unwrap_or_default()
        } else {
            Manifest::read(dir)?
        };
        let has = |name: &str| dir.join(name).is_file();
        let before = match &manifest {
            Some(manifest) => form_of(manifest),
            None if has(INDEX_NAME) => Some(ExportFormat::Toml),
            None if has(JSONL_NAME) => Some(ExportFormat::Jsonl),
            None => None,
        };
        match before {
            None => anyhow::ensure!(
                !full || force,
                "write export {dir:?}: the folder is not empty and holds no earlier export; name another one, or use --force"
            ),
            Some(before) => anyhow::ensure!(
                before == format || force,
                "write export {dir:?}: the folder holds an export in another format ({before}); name another one, or use --force to replace it"
            ),
        }
        Ok(Self {
            dir: dir.to_owned(),
            unlisted: manifest.is_none() && before == Some(ExportFormat::Toml),
            earlier: manifest.unwrap_or_default(),
            written: Manifest::default(),
        })
    }

    /// Writes a small file.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn write(&mut self, path: String, bytes: &[u8]) -> anyhow::Result<()> {
        let to = self.dir.join(&path);
        let doing = |path: &Path| format!("write export {path:?}");
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).with_context(|| doing(folder))?;
        }
        fs::write(&to, bytes).with_context(|| doing(&to))?;
        self.written.0.insert(path, digest(bytes));
        Ok(())
    }

    /// Begins a large file.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn begin(&self, name: &str) -> anyhow::Result<Digesting<Output>> {
        Ok(Digesting::new(Output::open(Some(&self.dir.join(name)))?))
    }

    /// Ends a large file.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn end(&mut self, name: &str, file: Digesting<Output>) -> anyhow::Result<()> {
        let (output, digest) = file.finish();
        output.finish()?;
        self.written.0.insert(name.to_owned(), digest);
        Ok(())
    }

    /// Writes the manifest and removes the files of an earlier export that are not in this one: the folder tells what the baseline holds now.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let mut manifest = Output::open(Some(&self.dir.join(MANIFEST_NAME)))?;
        manifest.write_all(self.written.text().as_bytes())?;
        manifest.finish()?;
        let doing = || format!("write export {:?}", self.dir);
        for path in self.earlier.0.keys() {
            if !self.written.0.contains_key(path) {
                remove_listed(&self.dir, path).with_context(doing)?;
            }
        }
        if self.unlisted {
            let written = self.written.0.keys().map(|path| self.dir.join(path));
            remove_unlisted(&self.dir, &written.collect()).with_context(doing)?;
        }
        Ok(())
    }
}

/// Removes a file that an earlier manifest lists: only of a kind that exports write, and only if no link leads out of the folder.
fn remove_listed(dir: &Path, listed: &str) -> io::Result<()> {
    let path = dir.join(listed);
    let ours = ["toml", "json", "jsonl", "csv", "md"];
    let is_ours = path
        .extension()
        .is_some_and(|end| ours.iter().any(|one| end == *one));
    let Some(parent) = path.parent().filter(|_| is_ours) else {
        return Ok(());
    };
    let gone = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    };
    match fs::canonicalize(parent) {
        Ok(parent) if parent.starts_with(fs::canonicalize(dir)?) => {
            fs::remove_file(&path).or_else(gone)
        }
        Ok(_) => Ok(()),
        Err(error) => gone(error),
    }
}

/// The form of an export, by the names of its files.
fn form_of(manifest: &Manifest) -> Option<ExportFormat> {
    let has = |wanted: &dyn Fn(&str) -> bool| manifest.0.keys().any(|path| wanted(path));
    let ends = |end: &'static str| move |path: &str| path.ends_with(end);
    if has(&|path| path == JSONL_NAME) {
        Some(ExportFormat::Jsonl)
    } else if has(&|path| CSV_NAMES.contains(&path)) {
        Some(ExportFormat::Csv)
    } else if has(&ends(".toml")) {
        Some(ExportFormat::Toml)
    } else if has(&ends(".json")) {
        Some(ExportFormat::Json)
    } else if has(&|path| path.contains('/') && path.ends_with(".md")) {
        Some(ExportFormat::Markdown)
    } else {
        // Of an empty baseline there is the index alone, which every form may replace.
        None
    }
}

/// Removes the files of an export from before there were manifests.
fn remove_unlisted(dir: &Path, written: &BTreeSet<PathBuf>) -> io::Result<()> {
    for path in principal_files(dir)? {
        if !written.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Every `<account>/<kind>/<principal>.toml` of a folder, sorted.
pub(super) fn principal_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let folders = |dir: &Path| -> io::Result<Vec<PathBuf>> {
        let mut below = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if entry.file_type()?.is_dir() && !hidden {
                below.push(entry.path());
            }
        }
        Ok(below)
    };
    let mut files = Vec::new();
    for account in folders(dir)? {
        for kind in folders(&account)? {
            for entry in fs::read_dir(&kind)? {
                let path = entry?.path();
                if path.extension().is_some_and(|end| end == "toml") {
                    files.push(path);
                }
            }
        }
    }
    files.sort();
    Ok(files)
}
