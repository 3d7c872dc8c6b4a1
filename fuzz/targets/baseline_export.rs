//! Surface: names that strangers chose (principals, calls, networks, agents) on their way into exported files
//! ([`offtrail_baseline::export`]).
//!
//! Law: nothing panics; every path stays below the export folder, is made of plain characters, and differs from every other also
//! where case is ignored; every file is TOML and every line JSON, whatever the names hold; exporting again gives the same bytes.
#![no_main]

use std::borrow::Cow;
use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use offtrail_baseline::export::{ExportFile, json_lines, review_files};
use offtrail_baseline::{Baseline, CallRow, Dimension, FacetRow, MaturityRule, Profile, Standing};
use offtrail_event::{
    OutcomeClass, Principal, PrincipalKind, SECONDS_PER_DAY, Timestamp, Vocabulary,
};

/// Longest name of a file or folder that common file systems take, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Ends a principal. Names may hold any other character: these two stand in no seed's names.
const RECORD_SEPARATOR: char = '\u{1e}';

/// Ends a text of a principal: a letter for its kind, account, id, ARN, name, person, then whatever it called and came from.
const UNIT_SEPARATOR: char = '\u{1f}';

fuzz_target!(|text: &str| {
    let words = Vocabulary::new();
    let mut baseline = Baseline::new();
    for principal in text.split(RECORD_SEPARATOR) {
        learn(&mut baseline, &words, principal);
    }
    let rule = MaturityRule::default();
    let files: Vec<ExportFile> = review_files(&baseline, &words, &rule).collect();
    assert_eq!(
        files.len(),
        baseline.len() + 1,
        "one file a principal, and the index"
    );
    let mut taken = BTreeSet::new();
    for file in &files {
        check_path(&file.path);
        assert!(
            taken.insert(file.path.to_ascii_lowercase()),
            "twice: {}",
            file.path
        );
        assert!(file.text.ends_with('\n'));
        if file.path.ends_with(".toml") {
            let read: Result<toml::Table, _> = file.text.parse();
            assert!(read.is_ok(), "{read:?}: {}", file.text);
        }
    }
    let lines: Vec<String> = json_lines(&baseline, &words).collect();
    for line in &lines {
        let read: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(read.is_ok() && !line.contains('\n'), "{read:?}: {line}");
    }
    assert!(review_files(&baseline, &words, &rule).eq(files));
    assert!(json_lines(&baseline, &words).eq(lines));
});

fn check_path(path: &str) {
    let parts: Vec<&str> = path.split('/').collect();
    assert!(parts.len() == 3 || path == "index.md", "{path}");
    for part in parts {
        assert!(
            !part.is_empty() && !part.starts_with('.') && part.len() <= NAME_BYTES_MAX,
            "{path}"
        );
        assert!(
            part.chars()
                .all(|c| c.is_ascii_alphanumeric() || "._@+-".contains(c)),
            "{path}"
        );
    }
}

fn learn(baseline: &mut Baseline, words: &Vocabulary, text: &str) {
    let mut texts = text.split(UNIT_SEPARATOR);
    let mut next = || texts.next().unwrap_or_default();
    let choice = usize::from(next().bytes().next().unwrap_or_default());
    let principal = Principal {
        kind: pick(PrincipalKind::ALL, choice),
        account: Cow::Borrowed(next()),
        id: Cow::Borrowed(next()),
        arn: told(next()),
        name: told(next()),
        person: told(next()),
        person_is_key: choice.is_multiple_of(2),
    };
    let id = words.principal_id(&principal);
    let (mut calls, mut facets) = (Vec::new(), Vec::new());
    for (index, text) in texts.enumerate() {
        let (source, operation) = text.split_once(':').unwrap_or((text, text));
        let call = words.call_id(source, operation);
        let (outcome, standing) = (
            pick(OutcomeClass::ALL, index),
            pick(Standing::ALL, index / 3),
        );
        calls.push(CallRow::new(call, outcome, day(index), standing));
        let dimension = pick(Dimension::ALL, index);
        // The value of this one is a principal, of the others a text.
        let value = if dimension == Dimension::Takes {
            id.0
        } else {
            words.text_id(text).0
        };
        let (first, last) = (day(index), day(index + 1));
        facets.push(FacetRow {
            dimension,
            standing,
            value,
            count: 1,
            first,
            last,
        });
    }
    let learnt = Profile::from_rows(calls, facets);
    baseline.profile_mut(id).merge(&learnt);
}

fn told(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

fn pick<T: Copy>(all: &[T], choice: usize) -> T {
    all[choice % all.len()]
}

fn day(number: usize) -> Timestamp {
    let secs = i64::try_from(number).expect("no input has so many texts") * SECONDS_PER_DAY;
    Timestamp::MIN.plus_secs(secs)
}
