//! Simulated archives, written to disk in the layout of a bucket or in any other.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    path::Path,
};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use offtrail_simulator::{AttackSet, Scale, Settings, Sink, simulate};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An organisation's archive, in memory.
#[derive(Debug, Default)]
pub struct Archive {
    /// Bytes by path below the archive's folder: `AWSLogs/…`, labels.jsonl, …
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Sink for Archive {
    fn file(&mut self, path: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.files.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// About 57 principals, 16 days from 2026-06-01, 14,000 events in 3,000 files, all attacks in the last four days: enough for every
/// kind of principal, quick enough for every test.
#[must_use]
pub fn small() -> Archive {
    of(&Settings {
        days: 16,
        scale: Scale::Demo,
        ..Settings::default()
    })
}

/// The same size without attacks.
#[must_use]
pub fn quiet() -> Archive {
    of(&Settings {
        days: 16,
        scale: Scale::Demo,
        attacks: AttackSet::None,
        ..Settings::default()
    })
}

/// The archive of these settings.
///
/// # Panics
/// The settings are out of range.
#[must_use]
pub fn of(settings: &Settings) -> Archive {
    let mut archive = Archive::default();
    simulate(settings, &mut archive, &mut |_| {}).unwrap();
    archive
}

impl Archive {
    /// What lies below a folder: `AWSLogs/…`.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let files = crate::binary::tree(folder).into_iter();
        Self {
            files: files
                .map(|(path, bytes)| (path.to_str().unwrap().to_owned(), bytes))
                .collect(),
        }
    }

    /// The files of records, digests and Insights.
    pub fn logs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .filter(|(path, _)| path.starts_with("AWSLogs/"))
            .map(|(path, bytes)| (&**path, &**bytes))
    }

    /// What was delivered in the first days of June only.
    #[must_use]
    pub fn until_june(mut self, day: u8) -> Self {
        let kept = |path: &str| (1..=day).any(|day| path.contains(&format!("/2026/06/{day:02}/")));
        self.files.retain(|path, _| kept(path));
        self
    }

    /// Every record as it was written, file by file, repeats included.
    #[must_use]
    pub fn records(&self) -> Vec<String> {
        let files = self.logs();
        files
            .filter(|(path, _)| path.contains("/CloudTrail/"))
            .flat_map(|(_, bytes)| records(bytes))
            .collect()
    }

    /// Writes all of it below a folder.
    pub fn write(&self, folder: &Path) {
        write(
            folder,
            self.files.iter().map(|(path, bytes)| (&**path, &**bytes)),
        );
    }
}

/// Writes files below a folder.
pub fn write<'f>(folder: &Path, files: impl IntoIterator<Item = (&'f str, &'f [u8])>) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// The records of one packed file, as they were written.
///
/// # Panics
/// It is none of CloudTrail's.
#[must_use]
pub fn records(bytes: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Document<'d> {
        #[serde(borrow, rename = "Records")]
        records: Vec<&'d RawValue>,
    }
    let mut text = String::new();
    MultiGzDecoder::new(bytes)
        .read_to_string(&mut text)
        .unwrap();
    let document: Document<'_> = serde_json::from_str(&text).unwrap();
    let records = document.records.iter();
    records.map(|record| record.get().to_owned()).collect()
}

/// Records in CloudTrail's own envelope.
#[must_use]
pub fn document(records: &[String]) -> Vec<u8> {
    format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes()
}

/// The same bytes, packed.
#[must_use]
pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A number as good as random, always the same for the same number (splitmix64, Steele, Lea and Flood 2014).
#[must_use]
pub fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
