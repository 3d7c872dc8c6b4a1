//! Many machines come to the same as one: a real Spark of a master and two workers, one of which is killed in the middle, over an archive in S3.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and Spark, and write archives"
)]

use std::{collections::BTreeMap, fs, path::Path};

use offtrail_tests::{
    archive::{Archive, document, gz, mixed, small, write},
    binary::{self, assert_same, exports, json, summary},
    moto::Moto,
    neighbours::root,
    offtrail,
    spark::Cluster,
};

/// What is learnt and judged, and the day from which on events are judged: our own small organisation, or the folder and the day that
/// `OFFTRAIL_SPARK_ARCHIVE` names (`FOLDER:2026-08-30`; the folder holds `AWSLogs`).
fn subject() -> (Archive, String) {
    match std::env::var("OFFTRAIL_SPARK_ARCHIVE") {
        Err(_) => (small(), "2026-06-12".to_owned()),
        Ok(named) => {
            let (folder, day) = named.rsplit_once(':').unwrap();
            (Archive::read(Path::new(folder)), day.to_owned())
        }
    }
}

/// All records in few files whose names tell nothing, and some files of one day as they lay, whose events so come twice.
fn rearranged(archive: &Archive, day: &str) -> BTreeMap<String, Vec<u8>> {
    const FILES: u64 = 40;
    let mut parts = vec![Vec::new(); FILES as usize];
    for (number, record) in archive.records().into_iter().enumerate() {
        parts[(mixed(number as u64) % FILES) as usize].push(record);
    }
    let packed = parts.iter().enumerate();
    let mut files: BTreeMap<_, _> = packed
        .map(|(number, records)| (format!("packed/{number}.json.gz"), gz(&document(records))))
        .collect();
    let of_a_day = archive
        .logs()
        .filter(|(path, _)| path.contains(&format!("/{}/", day.replace('-', "/"))));
    files.extend(
        of_a_day
            .take(20)
            .map(|(path, bytes)| (path.to_owned(), bytes.to_vec())),
    );
    files
}

#[test]
fn a_cluster_that_loses_a_worker_learns_and_judges_as_one_machine_does() {
    let folder = tempfile::tempdir().unwrap();
    let within = |name: &str| folder.path().join(name);
    let Some(moto) = Moto::start() else { return };
    let environment = moto.environment();
    let Some(mut cluster) = Cluster::start(2, folder.path(), &environment) else {
        return;
    };
    let (archive, learn_until) = subject();
    let files = rearranged(&archive, &learn_until);
    let listed = || files.iter().map(|(path, bytes)| (&**path, &**bytes));
    write(&within("archive"), listed());
    moto.fill("trails", listed());

    drop(archive);
    let archive = within("archive");
    offtrail![
        "backfill",
        &archive,
        "--quiet",
        "--until",
        &learn_until,
        "--baseline",
        within("one.db")
    ]
    .ok();
    let findings = within("one.jsonl");
    offtrail![
        "backtest",
        &archive,
        "--quiet",
        "--all",
        "--learn-until",
        &learn_until,
        "--findings",
        &findings
    ]
    .args([Path::new("--summary"), &within("one.json")])
    .ok();

    let option = |name: &str, value: &Path| format!("--{name}={}", value.display());
    let arguments = [
        root()
            .join("deploy/spark/offtrail_spark.py")
            .display()
            .to_string(),
        option("binary", &binary::path()),
        "--source=s3://trails/".to_owned(),
        option("baseline", &within("many.db")),
        option("findings", &within("many.jsonl")),
        format!("--learn-until={learn_until}"),
        "--judge=--all".to_owned(),
        "--part-bytes=500000".to_owned(),
    ];
    let arguments: Vec<&Path> = arguments.iter().map(Path::new).collect();
    let job = cluster.submit(&arguments, Some("Finished task 1.0 in stage 0.0"));
    assert!(job.status.success(), "{}\n{}", job.stderr, job.stdout);
    assert!(
        job.stdout.contains("run again without them"),
        "{}",
        job.stdout
    );
    assert!(job.stderr.contains("Lost executor"), "{}", job.stderr);

    assert_same(
        "many machines",
        &exports(&within("one.db")),
        &exports(&within("many.db")),
    );
    let [one, many] =
        [&findings, &within("many.jsonl")].map(|path| fs::read_to_string(path).unwrap());
    assert!(one.lines().count() > 50, "{one}");
    assert!(one == many, "findings differ");

    let merged = job.stdout.lines().find(|line| line.starts_with('{'));
    let merged = json(merged.unwrap());
    let whole = summary(&within("one.json"));
    assert_eq!(merged["reconciled"], true);
    for count in ["files_read", "records", "observations", "repeated"] {
        assert_eq!(merged[count], whole[count], "{count}");
    }
    assert_eq!(merged["handed_on"], whole["judged"]);
}
