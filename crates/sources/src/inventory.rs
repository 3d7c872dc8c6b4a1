//! An inventory of S3 in place of a listing: a manifest, and lists of objects as packed CSV, which S3 itself writes daily or weekly.
//!
//! Format: "Amazon S3 Inventory", Amazon S3 User Guide: the manifest tells the bucket, the columns and the files; keys in CSV are URL-encoded. Inventories as ORC or
//! Parquet are refused.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use crate::item::{Fingerprint, Item, Provenance};
use crate::layout::other_service;
use crate::listing::{ListError, Listing};
use crate::range::DeliveryRange;
use crate::reader::ReadError;
use crate::s3::{Fetch, Store, decode, fetch, passes_over};
use crate::source::Source;

/// Files of one inventory, at most.
pub const INVENTORY_FILES_MAX: usize = 10_000;
/// Bytes of a line of an inventory, at most (64 KiB): a key has 1,024 bytes, three times that encoded.
pub const INVENTORY_LINE_BYTES_MAX: u64 = 64 << 10;
/// Bytes of a manifest, at most.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// An inventory that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("read inventory {what}: {why}")]
pub struct InventoryError {
    what: String,
    why: String,
}

/// The manifest, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    source_bucket: String,
    #[serde(default)]
    destination_bucket: String,
    file_format: String,
    file_schema: String,
    files: Vec<ManifestFile>,
}

#[derive(Debug, Deserialize)]
struct ManifestFile {
    key: String,
}

/// Which columns tell what.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    key: usize,
    size: usize,
    etag: Option<usize>,
    is_latest: Option<usize>,
    is_delete_marker: Option<usize>,
}

/// How to read an inventory.
pub(crate) struct Inventory<'a> {
    /// S3, where the manifest lies there.
    pub(crate) store: Option<&'a Store>,
    /// Bytes of one packed file, at most.
    pub(crate) bytes_max: u64,
    /// What is asked for: addresses of S3 among it choose, if there are any.
    pub(crate) under: &'a [Source],
    pub(crate) range: DeliveryRange,
}

impl Inventory<'_> {
    /// What the inventory lists; not sorted.
    pub(crate) fn read(&self, manifest: &Source) -> Result<Listing, ListError> {
        let what = match manifest {
            Source::Stdin => "-".to_owned(),
            Source::Path(path) => format!("{:?}", path.display().to_string()),
            Source::S3 { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
        };
        let failed = |why: String| InventoryError {
            what: what.clone(),
            why,
        };
        let bytes = self.bytes(manifest).map_err(failed)?;
        let told = parse(&bytes).map_err(failed)?;
        let columns = columns(&told.file_schema).map_err(failed)?;
        let mut listing = Listing::default();
        for file in &told.files {
            let (from, lies) = self.open(manifest, &told, file).map_err(failed)?;
            let bucket: Arc<str> = told.source_bucket.as_str().into();
            self.rows(from, (&bucket, &columns), &mut listing)
                .map_err(|why| InventoryError { what: lies, why })?;
        }
        Ok(listing)
    }

    fn bytes(&self, manifest: &Source) -> Result<Vec<u8>, String> {
        match manifest {
            Source::Stdin => Err("name its manifest.json, as a file or an object".to_owned()),
            Source::Path(path) => {
                let file =
                    File::open(path).map_err(|error| format!("{error}; correct the path"))?;
                let mut bytes = Vec::new();
                let read = file.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes);
                read.map_err(|error| error.to_string())?;
                Ok(bytes)
            }
            Source::S3 { bucket, prefix } => self.object(bucket, prefix),
        }
    }

    fn object(&self, bucket: &str, key: &str) -> Result<Vec<u8>, String> {
        let Some(store) = self.store else {
            return Err("S3 is not set up".to_owned());
        };
        let how = Fetch {
            clients: Arc::clone(&store.clients),
            object_bytes_max: self.bytes_max,
            on_throttle: Arc::new(|| ()),
        };
        let fetched = store.runtime.block_on(fetch(&how, bucket, key));
        fetched.map_err(|error: ReadError| error.to_string())
    }

    /// Opens one of the inventory's files, and tells where it lies.
    fn open(
        &self,
        manifest: &Source,
        told: &Manifest,
        file: &ManifestFile,
    ) -> Result<(Box<dyn Read>, String), String> {
        let Source::Path(path) = manifest else {
            let arn = told.destination_bucket.as_str();
            let bucket = arn.rsplit(':').next().unwrap_or(arn);
            let bytes = self.object(bucket, &file.key)?;
            let lies = format!("s3://{bucket}/{}", file.key);
            return Ok((Box::new(io::Cursor::new(bytes)), lies));
        };
        let beside = beside(path, &file.key)
            .ok_or_else(|| format!("{:?} lies neither beside it nor in ../data", file.key))?;
        let lies = format!("{:?}", beside.display().to_string());
        let opened = File::open(&beside).map_err(|error| format!("{lies}: {error}"))?;
        Ok((Box::new(opened), lies))
    }

    fn rows(
        &self,
        from: Box<dyn Read>,
        (bucket, columns): (&Arc<str>, &Columns),
        listing: &mut Listing,
    ) -> Result<(), String> {
        let mut lines = BufReader::new(MultiGzDecoder::new(BufReader::new(from)));
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let read = lines
                .by_ref()
                .take(INVENTORY_LINE_BYTES_MAX)
                .read_until(b'\n', &mut line)
                .map_err(|error| format!("line {number}: {error}"))?;
            if read == 0 {
                break;
            }
            if read as u64 == INVENTORY_LINE_BYTES_MAX {
                return Err(format!(
                    "line {number} has more than {INVENTORY_LINE_BYTES_MAX} bytes"
                ));
            }
            let row = std::str::from_utf8(&line).ok().and_then(fields);
            let row = row.ok_or_else(|| format!("line {number} is no row of CSV"))?;
            if row.iter().all(String::is_empty) {
                continue;
            }
            let object = columns.object(&row, bucket);
            let object = object.ok_or_else(|| format!("line {number} does not fit its columns"))?;
            if let Some(item) = object {
                self.add(item, listing);
            }
        }
        Ok(())
    }

    /// Adds an object, if it lies where it was asked for and is none that shows a folder or of another service.
    fn add(&self, item: Item, listing: &mut Listing) {
        let Provenance::Object { bucket, key } = &item.provenance else {
            return;
        };
        if item.size() == 0 && key.ends_with('/') {
            return;
        }
        let mut asked = self.under.iter().filter_map(|source| match source {
            Source::S3 { bucket, prefix } => Some((bucket, prefix)),
            Source::Stdin | Source::Path(_) => None,
        });
        let all = asked.clone().next().is_none();
        let found = asked.find(|(name, prefix)| ***name == **bucket && key.starts_with(&***prefix));
        let prefix = match found {
            Some((_, prefix)) => prefix.as_str(),
            None if all => "",
            None => return,
        };
        if let Some(folder) = other_service(key).filter(|folder| passes_over(folder, prefix)) {
            let (bucket, key) = (Arc::clone(bucket), folder.into());
            listing
                .passed_over
                .insert(Provenance::Object { bucket, key });
            return;
        }
        listing.add(item, &self.range);
    }
}

impl Columns {
    /// What a row tells: an object, or one that is there no more; `None` where it does not fit.
    fn object(&self, row: &[String], bucket: &Arc<str>) -> Option<Option<Item>> {
        let says = |column: Option<usize>, what: &str| {
            column
                .and_then(|column| row.get(column))
                .is_some_and(|text| text.eq_ignore_ascii_case(what))
        };
        let key = decode(row.get(self.key)?);
        if says(self.is_latest, "false") || says(self.is_delete_marker, "true") {
            return Some(None);
        }
        let size = row.get(self.size)?.parse().ok()?;
        let etag = self.etag.and_then(|column| row.get(column));
        let fingerprint = match etag.map(|etag| etag.trim_matches('"')) {
            Some(etag) if !etag.is_empty() => Fingerprint::Object {
                etag: etag.into(),
                size,
            },
            // Without a tag a changed object could not be told from the same one.
            _ => Fingerprint::Unknown,
        };
        let provenance = Provenance::Object {
            bucket: Arc::clone(bucket),
            key: key.into(),
        };
        Some(Some(Item {
            provenance,
            fingerprint,
        }))
    }
}

fn parse(bytes: &[u8]) -> Result<Manifest, String> {
    let told: Manifest = serde_json::from_slice(bytes)
        .map_err(|error| format!("it is no manifest of an S3 inventory ({error})"))?;
    if !told.file_format.eq_ignore_ascii_case("CSV") {
        return Err(format!(
            "it is written as {}; only CSV is read, set the inventory's format to CSV",
            crate::item::shown(&told.file_format)
        ));
    }
    if told.files.len() > INVENTORY_FILES_MAX {
        return Err(format!(
            "it has {} files; {INVENTORY_FILES_MAX} at most are read",
            told.files.len()
        ));
    }
    Ok(told)
}

fn columns(schema: &str) -> Result<Columns, String> {
    let names: Vec<&str> = schema.split(',').map(str::trim).collect();
    let column = |name: &str| names.iter().position(|column| *column == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| format!("it has no column {name}; add it to the inventory"))
    };
    Ok(Columns {
        key: needed("Key")?,
        size: needed("Size")?,
        etag: column("ETag"),
        is_latest: column("IsLatest"),
        is_delete_marker: column("IsDeleteMarker"),
    })
}

/// Where a copy of an inventory has one of its files: beside the manifest, or in `../data` as S3 lays it.
fn beside(manifest: &Path, key: &str) -> Option<PathBuf> {
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let name = key.rsplit('/').next().filter(|name| *name != "..")?;
    [folder.join(name), folder.join("../data").join(name)]
        .into_iter()
        .find(|path| path.is_file())
}

/// The fields of a line of CSV (RFC 4180); `None` where quotes don't match.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut rest = line.trim_end_matches(['\n', '\r']);
    let mut row = Vec::new();
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, later) = rest.split_once(',').unzip();
            row.push(field.unwrap_or(rest).to_owned());
            match later {
                Some(later) => rest = later,
                None => return Some(row),
            }
            continue;
        };
        let mut field = String::new();
        let mut after = quoted;
        loop {
            let (text, later) = after.split_once('"')?;
            field.push_str(text);
            match later.strip_prefix('"') {
                Some(later) => {
                    field.push('"');
                    after = later;
                }
                None => {
                    after = later;
                    break;
                }
            }
        }
        row.push(field);
        match after.strip_prefix(',') {
            Some(later) => rest = later,
            None => return after.is_empty().then_some(row),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_csv_have_fields() {
        let check = |line: &str, expected: &[&str]| {
            assert_eq!(fields(line).unwrap(), expected, "{line}");
        };
        check("\"b\",\"k%20a\",\"12\"\n", &["b", "k%20a", "12"]);
        check("a,,\"x \"\"y\"\", z\"\r\n", &["a", "", "x \"y\", z"]);
        check("", &[""]);
        for line in ["\"a", "\"a\"b", "a,\""] {
            assert_eq!(fields(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_not_read_says_what_to_do() {
        let manifest = |format: &str| {
            format!(
                r#"{{"sourceBucket":"b","fileFormat":"{format}","fileSchema":"Bucket, Key","files":[]}}"#
            )
        };
        let error = parse(manifest("Parquet").as_bytes()).unwrap_err();
        assert_eq!(
            error,
            "it is written as Parquet; only CSV is read, set the inventory's format to CSV"
        );
        let told = parse(manifest("CSV").as_bytes()).unwrap();
        assert_eq!(
            columns(&told.file_schema).unwrap_err(),
            "it has no column Size; add it to the inventory"
        );
        assert!(parse(b"{}").is_err());
    }

    proptest! {
        #[test]
        fn any_line_is_survived(line in "[\"a,\\n]{0,20}") {
            let _ = fields(&line);
        }
    }
}
