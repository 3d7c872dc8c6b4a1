//! How long a large baseline takes to load, how much memory a row takes then, and how long its review text takes to make and to read back.
//!
//! `cargo run --release -p offtrail-store --example load -- FILE [PRINCIPALS [CALLS]]` writes FILE (if absent) with that many principals
//! and call rows each, loads it in a process of its own, and prints rows, seconds, resident bytes a row, and the same of the review text.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring program"
)]

use std::{borrow::Cow, path::Path, process::Command, time::Instant};

use offtrail_baseline::{
    Baseline, CallSightings, DaySet, Dimension, FacetRow, HOURS_OF_WEEK, MaturityRule, Profile,
    Standing,
    export::{ExportFile, review_files},
    review::{Import, Presumed},
};
use offtrail_event::{Day, OutcomeClass, Principal, PrincipalKind, Timestamp, Vocabulary};
use offtrail_store::{Checkpoint, Store};

/// Principals in one commit while writing.
const COMMIT_PRINCIPALS: u32 = 5_000;
/// Distinct calls in the organisation.
const CALLS: u32 = 4_000;
/// Days of the window.
const DAYS: u32 = 90;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args[0] == "--measure" {
        return measure(Path::new(&args[1]));
    }
    let path = Path::new(&args[0]);
    let number = |index: usize, default: u32| {
        args.get(index)
            .map_or(default, |text| text.parse().unwrap())
    };
    if !path.exists() {
        let start = Instant::now();
        write(path, number(1, 100_000), number(2, 60));
        println!("written: {:.1} s", start.elapsed().as_secs_f64());
    }
    println!("file: {} MB", path.metadata().unwrap().len() >> 20);
    let program = std::env::current_exe().unwrap();
    let done = Command::new(program)
        .arg("--measure")
        .arg(path)
        .status()
        .unwrap();
    assert!(done.success());
}

fn measure(path: &Path) {
    let before = resident_bytes();
    let start = Instant::now();
    let words = Vocabulary::new();
    let baseline = Store::open_read_only(path).unwrap().load(&words).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let taken = resident_bytes() - before;
    let calls: usize = baseline
        .iter()
        .map(|(_, profile)| profile.calls().len())
        .sum();
    let facets: usize = baseline
        .iter()
        .map(|(_, profile)| profile.facets().len())
        .sum();
    println!(
        "loaded: {} principals, {calls} call rows, {facets} other rows in {seconds:.2} s",
        baseline.len()
    );
    println!(
        "resident: {} MB, {:.1} bytes a row, {:.1} bytes a call row",
        taken >> 20,
        taken as f64 / (calls + facets) as f64,
        taken as f64 / calls as f64
    );
    review(&baseline, &words);
}

/// How long the review text takes to make, and to read back.
fn review(baseline: &Baseline, words: &Vocabulary) {
    let rule = MaturityRule::default();
    let start = Instant::now();
    let files: Vec<ExportFile> = review_files(baseline, words, &rule).collect();
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    println!(
        "review text: {} files, {} MB in {:.2} s",
        files.len(),
        bytes >> 20,
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let presumed = Presumed {
        by: None,
        on: Day(20_000),
    };
    let mut import = Import::new((baseline, words), &rule, presumed);
    for file in files.iter().filter(|file| file.path.ends_with(".toml")) {
        let mistakes = import.file(&file.path, file.text.as_bytes());
        assert_eq!(mistakes, []);
    }
    assert_eq!(import.finish().shown, []);
    println!("read back: {:.2} s", start.elapsed().as_secs_f64());
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn write(path: &Path, principals: u32, calls: u32) {
    let words = Vocabulary::new();
    let mut store = Store::create_or_open(path).unwrap();
    for from in (0..principals).step_by(COMMIT_PRINCIPALS as usize) {
        let mut part = Baseline::new();
        for number in from..principals.min(from + COMMIT_PRINCIPALS) {
            add_profile(&mut part, &words, (number, calls));
        }
        store
            .commit(&Checkpoint {
                words: &words,
                whole: &part,
                touched: &part,
                fingerprints: &[],
                files: &[],
                tally: &[],
                detection: None,
                facts: &[],
            })
            .unwrap();
    }
}

fn add_profile(baseline: &mut Baseline, words: &Vocabulary, (number, calls): (u32, u32)) {
    let account = format!("{:012}", 100_000_000_000 + u64::from(number % 300));
    let name = format!("service-role-{number}");
    let id = words.principal_id(&Principal {
        kind: PrincipalKind::Role,
        account: Cow::Borrowed(&account),
        id: Cow::Owned(format!("AROAEXAMPLE{number:010}")),
        arn: Some(Cow::Owned(format!("arn:aws:iam::{account}:role/{name}"))),
        name: Some(Cow::Borrowed(&name)),
        person: None,
        person_is_key: false,
    });
    let start = Timestamp::parse("2026-06-01").unwrap();
    let mut rows = Vec::new();
    let mut all_days = DaySet::default();
    for call in 0..calls {
        // Popular calls, then the principal's own; daily, weekly and lone ones.
        let which = if call < calls / 2 {
            call
        } else {
            (number * 37 + call * 101) % CALLS
        };
        let call_id = words.call_id(
            &format!("service{}.amazonaws.com", which % 120),
            &format!("Operation{which}"),
        );
        let every = [1, 7, DAYS][call as usize % 3];
        let mut days = DaySet::default();
        for day in (call % every..DAYS).step_by(every as usize) {
            let time = start.plus_secs(i64::from(day) * 86_400);
            days.insert(time.day());
            all_days.insert(time.day());
        }
        let first = days.first().unwrap().start();
        rows.push(CallSightings {
            last: days.last().unwrap().start(),
            count: days.len() * 3,
            days,
            ..CallSightings::new(call_id, OutcomeClass::Succeeded, first, Standing::Learnt)
        });
    }
    let texts = [
        (Dimension::Region, "eu-central-1"),
        (Dimension::Agent, "Boto3"),
        (Dimension::Credential, "role_session"),
        (Dimension::Account, &*account),
    ];
    let facets = texts.map(|(dimension, text)| FacetRow {
        dimension,
        standing: Standing::Learnt,
        value: words.text_id(text).0,
        count: 7,
        first: start,
        last: start,
    });
    let mut profile = Profile::from_rows(&rows, facets.to_vec());
    profile.days = all_days;
    profile.observations = 1_000;
    profile.seen = Some((start, start.plus_secs(i64::from(DAYS) * 86_400)));
    profile.set_hours(&week(number));
    baseline.set_profile(id, profile);
}

/// A machine that never sleeps, a person at work, a job of every night.
fn week(number: u32) -> [u16; HOURS_OF_WEEK] {
    let mut hours = [0; HOURS_OF_WEEK];
    match number % 3 {
        0 => hours.fill(6),
        1 => (0..5).for_each(|day| hours[day * 24 + 8..day * 24 + 17].fill(22)),
        _ => (0..7).for_each(|day| hours[day * 24 + 3] = 143),
    }
    hours
}
