//! What is read without listing: names from a file, an inventory of S3; what would be read, told beforehand; and a role taken on first.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and servers"
)]

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};
use offtrail_tests::{
    archive::{Archive, quiet},
    binary::{Offtrail, assert_same, exports, json},
    moto::Moto,
    offtrail,
};

/// A few days of a small organisation.
fn archive() -> Archive {
    quiet().until_june(2)
}

fn backfill(baseline: &Path) -> Offtrail {
    offtrail!["backfill", "--baseline", baseline, "--quiet"]
}

#[test]
fn names_from_a_file_or_standard_input_are_read_as_if_they_had_been_listed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive();
    archive.write(folder.path());
    let at = |name: &str| folder.path().join(name);
    backfill(&at("listed.db")).args([at("AWSLogs")]).ok();
    let expected = exports(&at("listed.db"));

    let paths = archive.logs().map(|(path, _)| at(path));
    let mut names: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    names.reverse();
    let names = names.join("\r\n");
    fs::write(at("names"), &names).unwrap();
    let named = |baseline: &str, from: &str| backfill(&at(baseline)).args(["--keys", from]);
    named("file.db", at("names").to_str().unwrap()).ok();
    named("stdin.db", "-").input(names.as_bytes()).ok();
    for baseline in ["file.db", "stdin.db"] {
        assert_same(baseline, &expected, &exports(&at(baseline)));
    }

    fs::write(at("names"), "\nhttps://example.com/x\n").unwrap();
    named("none.db", at("names").to_str().unwrap())
        .run()
        .fails_saying(&["line 2 of the names", "only s3:// addresses are read"]);
    named("none.db", "-")
        .args(["-"])
        .run()
        .fails_saying(&["can't hold both events and names"]);
    let nothing = backfill(&at("none.db")).run().expect(2);
    assert!(nothing.stderr.contains("<SOURCE>"), "{nothing:#?}");
    assert!(!at("none.db").exists());
}

#[test]
fn a_plan_says_what_would_be_read_and_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive();
    archive.write(folder.path());
    let at = |name: &str| folder.path().join(name);
    let (count, bytes) = archive.logs().fold((0, 0), |(count, sum), (_, bytes)| {
        (count + 1, sum + bytes.len())
    });
    let logs = at("AWSLogs");
    for command in ["backfill", "detect", "backtest"] {
        let asked = offtrail![command, &logs, "--plan", "--summary", at("plan.json")];
        let asked = match command {
            "backtest" => asked.args(["--learn-until", "2026-06-02"]),
            _ => asked.args([Path::new("--baseline"), &at("org.db")]),
        };
        let text = asked.ok();
        assert!(text.contains("to read") && text.contains("about"), "{text}");
        assert!(!text.contains("GET"), "a folder asks nothing of S3: {text}");
        let plan = json(&fs::read_to_string(at("plan.json")).unwrap());
        assert_eq!(plan["command"], command);
        assert_eq!(
            (&plan["files"], &plan["bytes"]),
            (&count.into(), &bytes.into())
        );
        assert!(!at("org.db").exists(), "{command} wrote a baseline");
    }
    backfill(&at("org.db")).args([&logs]).ok();
    let again = backfill(&at("org.db")).args([&logs]);
    let plan = json(&again.args(["--plan", "--summary", "-"]).ok());
    assert_eq!(
        (&plan["files"], &plan["learnt_before"]),
        (&0.into(), &count.into())
    );
}

#[test]
fn an_inventory_stands_in_for_listing() {
    let Some(moto) = Moto::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let archive = archive();
    moto.fill("trail", archive.logs());
    let at = |name: &str| folder.path().join(name);
    let run =
        |baseline: &str, arguments: &[&str]| moto.serve(backfill(&at(baseline)).args(arguments));
    run("listed.db", &["s3://trail/AWSLogs"]).ok();

    let mut rows = GzEncoder::new(Vec::new(), Compression::fast());
    for (key, bytes) in archive.logs() {
        let key = key.replace('/', "%2F");
        writeln!(
            rows,
            "\"trail\",\"{key}\",\"{}\",\"e1\",\"true\"",
            bytes.len()
        )
        .unwrap();
    }
    writeln!(
        rows,
        "\"trail\",\"AWSLogs/gone.json.gz\",\"7\",\"e1\",\"false\""
    )
    .unwrap();
    writeln!(rows, "\"trail\",\"other/x.json.gz\",\"7\",\"e1\",\"true\"").unwrap();
    let manifest = |format: &str| {
        format!(
            r#"{{"sourceBucket":"trail","destinationBucket":"arn:aws:s3:::lists","version":"2016-11-30","creationTimestamp":"1","fileFormat":"{format}",
                "fileSchema":"Bucket, Key, Size, ETag, IsLatest","files":[{{"key":"trail/daily/data/1.csv.gz","size":1,"MD5checksum":"x"}}]}}"#
        )
    };
    let rows = rows.finish().unwrap();
    let (csv, parquet) = (manifest("CSV"), manifest("Parquet"));
    moto.fill(
        "lists",
        [
            ("trail/daily/1/manifest.json", csv.as_bytes()),
            ("trail/daily/data/1.csv.gz", &rows),
        ],
    );
    let _ = moto.fetched("trail");
    let inventory = [
        "s3://trail/AWSLogs",
        "--inventory",
        "s3://lists/trail/daily/1/manifest.json",
    ];
    run("inventory.db", &inventory).ok();
    assert_eq!(moto.fetched("trail").len(), archive.logs().count());

    fs::create_dir_all(at("copy/data")).unwrap();
    fs::create_dir_all(at("copy/1")).unwrap();
    fs::write(at("copy/data/1.csv.gz"), &rows).unwrap();
    fs::write(at("copy/1/manifest.json"), &csv).unwrap();
    let copied = at("copy/1/manifest.json");
    let copied = [
        "s3://trail/AWSLogs/",
        "--inventory",
        copied.to_str().unwrap(),
    ];
    run("copied.db", &copied).ok();
    let expected = exports(&at("listed.db"));
    for baseline in ["inventory.db", "copied.db"] {
        assert_same(baseline, &expected, &exports(&at(baseline)));
    }
    fs::write(at("copy/1/manifest.json"), parquet).unwrap();
    run("none.db", &copied)
        .run()
        .fails_saying(&["written as Parquet", "only CSV is read"]);
}

#[test]
fn a_role_is_taken_on_first() {
    let Some(moto) = Moto::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let archive = archive();
    moto.fill("trail", archive.logs());
    let _ = moto.fetched("trail");
    let baseline = folder.path().join("org.db");
    let role = [
        "s3://trail/AWSLogs",
        "--role-arn",
        "arn:aws:iam::111122223333:role/read-logs",
        "--external-id",
        "e-1",
        "--role-session-name",
        "nightly",
    ];
    moto.serve(backfill(&baseline).args(role)).ok();
    let (asked, fetched) = moto.asked("trail");
    assert_eq!(fetched.len(), archive.logs().count());
    let of_role = asked.iter().filter(|line| line.starts_with("POST / "));
    assert_eq!(
        of_role.count(),
        1,
        "STS is asked once, not for each request"
    );
    let alone = backfill(&baseline).args(["s3://trail/AWSLogs", "--external-id", "e-1"]);
    assert!(alone.run().expect(2).stderr.contains("--role-arn"));
}
