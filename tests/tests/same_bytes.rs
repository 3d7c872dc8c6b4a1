//! The same events give the same bytes: however they are cut into files, named, split into runs or read by threads, from disk or from S3.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and write archives"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use offtrail_tests::{
    archive::{Archive, document, gz, mixed, small, write},
    binary::{assert_same, exports, summary},
    moto::Moto,
    offtrail,
};

/// Files of the archive under names that tell nothing and sort in another order.
fn renamed(archive: &Archive) -> Vec<(String, Vec<u8>)> {
    let numbered = archive.logs().enumerate();
    numbered
        .map(|(number, (_, bytes))| (format!("{:016x}", mixed(number as u64)), bytes.to_vec()))
        .collect()
}

/// All records in other files, other envelopes and another order.
fn rechunked(archive: &Archive) -> Vec<(String, Vec<u8>)> {
    const FILES: u64 = 37;
    let mut parts = vec![Vec::new(); FILES as usize];
    for (number, record) in archive.records().into_iter().enumerate() {
        parts[(mixed(number as u64) % FILES) as usize].push(record);
    }
    let packed = |(number, mut records): (usize, Vec<String>)| {
        records.reverse();
        match number % 3 {
            0 => (format!("{number}.json.gz"), gz(&document(&records))),
            1 => (format!("{number}.json"), document(&records)),
            _ => (
                format!("{number}.ndjson.gz"),
                gz(records.join("\n").as_bytes()),
            ),
        }
    };
    parts.into_iter().enumerate().map(packed).collect()
}

fn written(folder: &Path, name: &str, files: &[(String, Vec<u8>)]) -> PathBuf {
    let folder = folder.join(name);
    write(
        &folder,
        files.iter().map(|(path, bytes)| (&**path, &**bytes)),
    );
    folder
}

#[test]
fn learning_gives_the_same_bytes_however_it_is_fed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = small();
    let within = |name: &str| folder.path().join(name);
    archive.write(&within("whole"));
    let logs = within("whole/AWSLogs");
    let learn = |baseline: &str, more: &[&str], sources: &[&Path]| {
        offtrail!["backfill", "--quiet", "--baseline", within(baseline)]
            .args(more)
            .args(sources)
            .ok();
    };
    learn("one.db", &["--threads", "2"], &[&logs]);
    let expected = exports(&within("one.db"));
    assert!(expected.len() > 50, "{} files", expected.len());
    let check = |what: &str, baseline: &str| {
        assert_same(what, &expected, &exports(&within(baseline)));
    };

    learn("single.db", &["--threads", "1"], &[&logs]);
    check("one thread", "single.db");

    learn(
        "small.db",
        &["--threads", "2", "--checkpoint-files", "100"],
        &[&logs],
    );
    check("many checkpoints", "small.db");

    // Two runs over two parts in time; the second is the earlier one.
    learn("times.db", &["--since", "2026-06-09"], &[&logs]);
    learn("times.db", &["--until", "2026-06-09"], &[&logs]);
    check("two runs by time", "times.db");

    // Two runs over two halves of the files, with names that tell nothing.
    let flat = renamed(&archive);
    let (one, other) = flat.split_at(flat.len() / 2);
    let one = written(folder.path(), "flat/one", one);
    let other = written(folder.path(), "flat/other", other);
    learn("halves.db", &[], &[&other]);
    learn("halves.db", &[], &[&one]);
    check("two runs by halves, shuffled", "halves.db");
    learn("flat.db", &["--threads", "2"], &[&within("flat")]);
    check("shuffled", "flat.db");

    let other = written(folder.path(), "rechunked", &rechunked(&archive));
    learn("rechunked.db", &["--threads", "2"], &[&other]);
    check("rechunked", "rechunked.db");

    let lines = archive.records().join("\n");
    offtrail!["backfill", "-", "--quiet", "--baseline", within("lines.db")]
        .input(lines.as_bytes())
        .ok();
    check("standard input", "lines.db");

    // The whole again, in whatever form: nothing is counted twice.
    let sums = within("again.json");
    let again = ["--summary", sums.to_str().unwrap()];
    learn("rechunked.db", &again, &[&logs, &within("flat")]);
    assert_eq!(summary(&sums)["learnt"], 0);
    check("learnt again", "rechunked.db");
}

#[test]
fn learning_from_s3_gives_the_same_bytes() {
    let Some(moto) = Moto::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let archive = small();
    // Two days: a server made for tests takes its time.
    let days = |path: &str| path.contains("/2026/06/13/") || path.contains("/2026/06/14/");
    let some: Vec<(&str, &[u8])> = archive.logs().filter(|(path, _)| days(path)).collect();
    assert!(some.len() > 100);
    moto.fill("trail-bucket", some.iter().copied());
    write(folder.path(), some);
    let [disk, s3] = ["disk.db", "s3.db"].map(|name| folder.path().join(name));
    let logs = folder.path().join("AWSLogs");
    offtrail!["backfill", &logs, "--baseline", &disk, "--quiet"].ok();
    let bucket = "s3://trail-bucket/AWSLogs/";
    let learn = || {
        moto.serve(offtrail!["backfill", bucket, "--baseline", &s3])
            .run()
            .expect(0)
    };
    learn();
    assert_same("from S3", &exports(&disk), &exports(&s3));
    let again = learn();
    assert!(again.stderr.contains("learnt before"), "{again:#?}");
    assert_same("from S3 again", &exports(&disk), &exports(&s3));
}

#[test]
fn judging_gives_the_same_bytes_however_it_is_fed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = small();
    let within = |name: &str| folder.path().join(name);
    archive.write(&within("whole"));
    let logs = within("whole/AWSLogs");
    let flat = written(folder.path(), "flat", &renamed(&archive));
    let other = written(folder.path(), "rechunked", &rechunked(&archive));
    let backtest = |source: &Path, more: &[&str]| {
        let findings = within("findings.jsonl");
        offtrail![
            "backtest",
            source,
            "--learn-until",
            "2026-06-13",
            "--all",
            "--quiet",
            "--findings",
            &findings
        ]
        .args(more)
        .ok();
        fs::read_to_string(findings).unwrap()
    };
    let expected = backtest(&logs, &["--threads", "2"]);
    assert!(expected.lines().count() > 20);
    let same = |what: &str, found: &str| {
        let differing = expected
            .lines()
            .zip(found.lines())
            .find(|(one, other)| one != other);
        assert!(expected == found, "{what}: first {differing:#?}");
    };
    same("one thread", &backtest(&logs, &["--threads", "1"]));
    same("shuffled", &backtest(&flat, &["--threads", "2"]));
    same("rechunked", &backtest(&other, &[]));

    // detect, from a baseline that each run has for itself.
    let detect = |source: &Path, threads: &str| {
        let baseline = within("baseline.db");
        offtrail![
            "backfill",
            &logs,
            "--baseline",
            &baseline,
            "--until",
            "2026-06-13",
            "--quiet"
        ]
        .ok();
        let told = offtrail![
            "detect",
            source,
            "--baseline",
            &baseline,
            "--since",
            "2026-06-13",
            "--all",
            "--quiet"
        ]
        .args(["--threads", threads])
        .ok();
        let learnt = exports(&baseline);
        fs::remove_file(baseline).unwrap();
        (told, learnt)
    };
    let (told, learnt) = detect(&logs, "2");
    assert!(told.lines().count() > 20);
    for (what, source, threads) in [("one thread", &logs, "1"), ("shuffled", &flat, "2")] {
        let (other, other_learnt) = detect(source, threads);
        assert!(told == other, "detect, {what}: other findings");
        assert_same(&format!("detect, {what}"), &learnt, &other_learnt);
    }
    // A backtest is what detect would have told, had it run all along.
    let ids = |text: &str| {
        let lines = offtrail_tests::binary::json_lines(text);
        let mut ids: Vec<String> = lines.iter().map(|line| line["id"].to_string()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    assert_eq!(ids(&told), ids(&expected));
}
