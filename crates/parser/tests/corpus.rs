//! Real records and hostile files, where they are at hand: every record is accounted for, and an independent count agrees.
//!
//! Real records lie in `../shared/data/real` beside the workspace; hostile files, with an `expect.json`, in the folder that
//! `OFFTRAIL_HOSTILE` names. Without them the tests say so and pass.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read the disk"
)]

mod reading;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use reading::read;
use serde_json::Value;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found)
        } else {
            found.push(path)
        }
    }
    found.sort();
}

/// Objects that say what was called and when, anywhere in a value, also in JSON text within strings.
fn whole_records(value: &Value) -> u64 {
    match value {
        Value::Object(object) => {
            let text = |key: &str| {
                object
                    .get(key)
                    .is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()))
            };
            if text("eventName") && text("eventSource") && (text("eventTime") || text("@timestamp"))
            {
                return 1;
            }
            object.values().map(whole_records).sum()
        }
        Value::Array(values) => values.iter().map(whole_records).sum(),
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).map_or(0, |value| whole_records(&value))
        }
        _ => 0,
    }
}

/// The independent count: serde_json over the whole file, or line by line.
fn count(bytes: &[u8]) -> Option<u64> {
    let mut content = Vec::new();
    if bytes.starts_with(b"\x1f\x8b") {
        MultiGzDecoder::new(bytes).read_to_end(&mut content).ok()?;
    } else {
        content = bytes.to_vec();
    }
    if let Ok(value) = serde_json::from_slice::<Value>(&content) {
        return Some(whole_records(&value));
    }
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&content)
        .into_iter()
        .collect();
    Some(values.ok()?.iter().map(whole_records).sum())
}

#[test]
fn real_files_agree_with_an_independent_count() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real");
    if !folder.is_dir() {
        return println!("skipped: no {}", folder.display());
    }
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let (mut observations, mut counted) = (0, 0);
    for path in &paths {
        let bytes = fs::read(path).unwrap();
        let read = read(&bytes);
        observations += read.tally.observations;
        let Some(expected) = count(&bytes) else {
            // Not JSON as a whole: a broken file, or a text. Each says so.
            assert!(read.tally.rejected() > 0, "{}", path.display());
            continue;
        };
        counted += 1;
        let bad_times = read
            .tally
            .rejects
            .get("bad_time")
            .copied()
            .unwrap_or_default();
        assert_eq!(
            read.tally.observations + bad_times,
            expected,
            "{}",
            path.display()
        );
    }
    println!(
        "{observations} observations in {} files, {counted} of them counted a second time",
        paths.len()
    );
    assert!(observations > 2000);
}

#[test]
fn an_array_broken_in_the_middle_gives_all_whole_records() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real/opensearch_catalog");
    let Ok(broken) = fs::read(folder.join("_samples-large.malformed.json")) else {
        return println!("skipped: no {}", folder.display());
    };
    let recovered = read(&fs::read(folder.join("samples-large.recovered.ndjson")).unwrap());
    let broken = read(&broken);
    assert_eq!(broken.ids, recovered.ids);
    assert!(broken.tally.rejected() > 0);
}

#[test]
fn hostile_files_meet_their_expectation() {
    let Some(folder) = std::env::var_os("OFFTRAIL_HOSTILE").map(PathBuf::from) else {
        return println!("skipped: OFFTRAIL_HOSTILE is not set");
    };
    let expectations: Value =
        serde_json::from_slice(&fs::read(folder.join("expect.json")).unwrap()).unwrap();
    for expectation in expectations.as_array().unwrap() {
        let name = expectation["file"].as_str().unwrap();
        let read = read(&fs::read(folder.join(name)).unwrap());
        if let Some(expected) = expectation["expect_records"].as_u64() {
            assert_eq!(
                read.tally.observations, expected,
                "{name}: {}",
                expectation["what"]
            );
        }
    }
}
