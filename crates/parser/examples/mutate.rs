//! Reads mutated records on both ways, millions of them, and compares what they give: the law of the fuzz target `observation` without a nightly compiler.
//!
//! `cargo run --release -p offtrail-parser --example mutate -- FOLDER CASES [SEED]`: records of the files below FOLDER are cut out and changed by a seeded
//! generator: bytes, pieces of other records, words that mean something, keys that come twice. Each case is a file of one to three records, read by an observer that remembers the cases before
//! it and by a fresh one by way of events. Every sixteenth is also read as serde_json wrote it anew. Stops at the first difference and prints it.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for people at a terminal"
)]

mod files;
#[path = "../tests/reading/ways.rs"]
mod ways;

use std::{env, fs, io, path::PathBuf, process::ExitCode};

use offtrail_event::Vocabulary;
use offtrail_parser::{Observer, Parser, WithDetail};
use ways::{long, rewritten, short};

/// Records kept to be changed.
const RECORDS_MAX: usize = 20_000;
/// Cases that share an observer and a vocabulary.
const SHARING: u64 = 5_000;
/// Bytes of a record that is changed; most are below.
const RECORD_BYTES_MAX: usize = 4_096;

/// Words that mean something to a reader.
const WORDS: &[&str] = &[
    "\"",
    "\\",
    "\\\"",
    "\\u0041",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "false",
    "\"true\"",
    "-",
    "0",
    "01",
    "1.5e3",
    " ",
    "\n",
    "\u{1}",
    "é",
    "\"-\"",
    "\"\"",
    "\"AKIA0\"",
    "\"ASIA0\"",
    "i-0123456789abcdef0",
    "AROAX:",
    "\"eventID\":\"x\",",
    "\"userIdentity\":{},",
    "\"detail\":{},",
    "\"Records\":[],",
    "\"s3\":{},",
    "\"@timestamp\":\"2026-08-31T10:43:44Z\",",
    "\"eventName\":\"AssumeRole\",",
    "\"awsRegion\":\"us-east-1\",",
    "\"errorCode\":\"AccessDenied\",",
    "\"errorMessage\":\"x\",",
    "\"responseElements\":{\"ConsoleLogin\":\"Failure\"},",
    "\"eventType\":\"AwsConsoleSignIn\",",
    "\"sessionCredentialFromConsole\":\"true\",",
    "\"creationDate\":\"2026-08-31T10:43:44Z\",",
    "\"accessKeyId\":\"ASIAY\",",
    "\"principalId\":\"AROAX:y\",",
    "\"arn\":\"arn:aws:sts::1:assumed-role/r/y\",",
];

fn main() -> io::Result<ExitCode> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_default());
    let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let cases: u64 = number(arguments.next()).unwrap_or(100_000);
    let mut chance = Chance(number(arguments.next()).unwrap_or(1));
    let paths = files::below(&folder)?;
    let mut records = Vec::new();
    for path in &paths {
        let bytes = fs::read(path)?;
        Parser::default().read(&bytes, &mut |_, _, raw| {
            if !raw.is_empty() && raw.len() <= RECORD_BYTES_MAX && records.len() < RECORDS_MAX {
                records.push(raw.to_vec());
            }
        });
    }
    println!("{} records of {} files", records.len(), paths.len());
    let (mut done, mut observed) = (0, 0);
    while done < cases {
        let words = Vocabulary::new();
        let mut observer = Observer::new(&words, WithDetail::Judge);
        for _ in 0..SHARING.min(cases - done) {
            done += 1;
            let case = case(&records, &mut chance);
            match compare(&case, &words, (&mut observer, done % 16 == 0)) {
                Some(count) => observed += count,
                None => {
                    println!("differs, case {done}:\n{}", String::from_utf8_lossy(&case));
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
        if done % 1_000_000 < SHARING {
            println!("{done} cases, {observed} observations, no difference");
        }
    }
    println!("{done} cases, {observed} observations, no difference");
    Ok(ExitCode::SUCCESS)
}

/// The observations of a case, or `None` if the ways differ.
fn compare(
    case: &[u8],
    words: &Vocabulary,
    (observer, rewrite): (&mut Observer<'_>, bool),
) -> Option<usize> {
    let expected = long(case, words, WithDetail::Judge);
    if short(case, observer) != expected {
        return None;
    }
    for known in expected.0.iter().filter(|_| rewrite) {
        let Some((_, (again, _))) = rewritten(known, words, WithDetail::Judge) else {
            continue;
        };
        if again.last()?.0 != known.0 {
            return None;
        }
    }
    Some(expected.0.len())
}

/// A file of one to three records, most of them changed.
fn case(records: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut file = b"{\"Records\":[".to_vec();
    let count = 1 + chance.below(3);
    let base = chance.below(records.len().max(1));
    for index in 0..count {
        // Neighbours share callers.
        let near = (base + chance.below(3)) % records.len().max(1);
        let mut record = records.get(near).cloned().unwrap_or_default();
        for _ in 0..[0, 1, 1, 2, 4][chance.below(5)] {
            change(&mut record, records, chance);
        }
        if index > 0 {
            file.push(b',');
        }
        file.extend(record);
    }
    file.extend(b"]}");
    file
}

fn change(record: &mut Vec<u8>, records: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(record.len() + 1);
    // Where a value or a key begins or ends, more often than chance would.
    let at = match chance.below(2) {
        0 => record[at..]
            .iter()
            .position(|byte| b"\",:{}[]".contains(byte))
            .map_or(at, |more| at + more),
        _ => at,
    };
    let length = [1, 1, 2, 8, 40][chance.below(5)].min(record.len() - at);
    let word = WORDS[chance.below(WORDS.len())].as_bytes();
    match chance.below(6) {
        0 if at < record.len() => record[at] = b' ' + u8::try_from(chance.below(95)).unwrap_or(0),
        1 => drop(record.drain(at..at + length)),
        2 => {
            let again = record[at..at + length].to_vec();
            record.splice(at..at, again);
        }
        3 => {
            let other = &records[chance.below(records.len())];
            let from = chance.below(other.len());
            let to = (from + 1 + chance.below(60)).min(other.len());
            record.splice(at..at + length, other[from..to].iter().copied());
        }
        // A member before another, so that what results is mostly well formed.
        4 => {
            let members: Vec<usize> = memchr::memmem::find_iter(record, b",\"")
                .map(|at| at + 1)
                .collect();
            let at = members
                .get(chance.below(members.len() + 1))
                .copied()
                .unwrap_or(1);
            let at = at.min(record.len());
            record.splice(at..at, word.iter().copied());
        }
        _ => drop(record.splice(at..at, word.iter().copied())),
    }
}

/// A generator of numbers: SplitMix64 (Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from((u128::from(mixed) * limit as u128) >> 64).unwrap_or(0)
    }
}
