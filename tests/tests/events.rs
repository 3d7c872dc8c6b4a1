//! `offtrail events`: every record is accounted for, file by file, as an independent count has it; each envelope gives the same line.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and read the disk"
)]

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use flate2::read::MultiGzDecoder;
use offtrail_tests::{
    archive::{document, gz, small, write},
    binary::{Ran, json_lines, path, summary, tree},
    formats::assert_is_observation,
    neighbours::{shared, trailsim},
    offtrail,
};
use serde_json::{Value, json};

/// One file's row of the summary.
#[derive(Debug)]
struct Row {
    observations: u64,
    rejects: u64,
    apart: u64,
    /// Rejects by reason, from `--rejects`.
    reasons: BTreeMap<String, u64>,
}

/// Reads a folder, holds every sum, and gives each file's row by its path within the folder.
fn rows(folder: &Path) -> (BTreeMap<String, Row>, Value, Ran) {
    let out = tempfile::tempdir().unwrap();
    let [sums, refused] = ["summary.json", "rejects.jsonl"].map(|name| out.path().join(name));
    let ran = offtrail!["events", folder, "--summary", &sums, "--rejects", &refused]
        .run()
        .expect(0);
    let within = |provenance: &Value| {
        let path = provenance.as_str().unwrap();
        let path = Path::new(path).strip_prefix(folder).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let sums = summary(&sums);
    let mut rows = BTreeMap::new();
    for file in sums["files"].as_array().unwrap() {
        let count = |key: &str| file[key].as_u64().unwrap();
        let apart = ["digests", "insights", "notifications"];
        let row = Row {
            observations: count("observations"),
            rejects: count("rejects"),
            apart: apart
                .iter()
                .map(|key| file["apart"][key].as_u64().unwrap())
                .sum(),
            reasons: BTreeMap::new(),
        };
        assert_eq!(count("records"), row.observations + row.rejects, "{file}");
        rows.insert(within(&file["provenance"]), row);
    }
    for reject in json_lines(&fs::read_to_string(refused).unwrap()) {
        let row = rows.get_mut(&within(&reject["provenance"])).unwrap();
        let reason = reject["reason"].as_str().unwrap().to_owned();
        *row.reasons.entry(reason).or_default() += 1;
    }
    for (path, row) in &rows {
        assert_eq!(
            row.rejects,
            row.reasons.values().sum::<u64>(),
            "{path}: a reject is not told"
        );
    }
    let observations = sums["observations"].as_u64().unwrap();
    assert_eq!(observations, ran.stdout.lines().count() as u64);
    let told: u64 = rows.values().map(|row| row.observations).sum();
    assert_eq!(observations, told);
    (rows, sums, ran)
}

/// Objects that tell what was called and when, anywhere in a value and in JSON text within strings: how many records a stranger sees.
fn records_in(value: &Value) -> u64 {
    let told =
        |object: &Value, key: &str| object[key].as_str().is_some_and(|text| !text.is_empty());
    match value {
        Value::Object(_)
            if told(value, "eventName")
                && told(value, "eventSource")
                && (told(value, "eventTime") || told(value, "@timestamp")) =>
        {
            1
        }
        Value::Object(object) => object.values().map(records_in).sum(),
        Value::Array(items) => items.iter().map(records_in).sum(),
        Value::String(text) if text.trim_start().starts_with('{') => {
            serde_json::from_str(text).map_or(0, |inner| records_in(&inner))
        }
        _ => 0,
    }
}

/// The independent count of a file that is JSON or JSON Lines, packed or not; `None` for anything else.
fn counted(bytes: &[u8]) -> Option<u64> {
    let mut text = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes).read_to_end(&mut text).ok()?;
    } else {
        text.extend_from_slice(bytes);
    }
    let values = serde_json::Deserializer::from_slice(&text).into_iter::<Value>();
    let values: Vec<Value> = values.collect::<Result<_, _>>().ok()?;
    Some(values.iter().map(records_in).sum())
}

#[test]
fn real_files_agree_with_an_independent_count() {
    let Some(folder) = shared("data/real") else {
        return;
    };
    let (rows, sums, ran) = rows(&folder);
    let files = tree(&folder);
    assert_eq!(files.len(), rows.len(), "each file has its row");
    assert_eq!(sums["files_unreadable"], 0);
    let mut agreed = 0;
    for (path, bytes) in &files {
        let path = path.to_str().unwrap();
        let row = &rows[path];
        let Some(expected) = counted(bytes) else {
            // Not JSON as a whole: a broken file or a plain text. Each says so.
            assert!(row.rejects > 0, "{path}: {row:?}");
            continue;
        };
        // A record whose time is no time is one to the stranger and a reject to us.
        let bad_times = row.reasons.get("bad_time").copied().unwrap_or_default();
        assert_eq!(row.observations + bad_times, expected, "{path}: {row:?}");
        agreed += 1;
    }
    println!(
        "{} observations and {} rejects in {} files; {agreed} files counted a second time",
        sums["observations"],
        sums["rejects"],
        files.len()
    );
    assert!(agreed > 75 && sums["observations"].as_u64() > Some(2_000));
    assert!(ran.stderr.contains("records"), "{}", ran.stderr);
    for line in json_lines(&ran.stdout) {
        assert_is_observation(&line);
    }
}

#[test]
fn hostile_files_meet_their_expectation() {
    let Some(mut python) = trailsim() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut sample = small().records();
    sample.truncate(60);
    let script = "import sys, json; from trailsim import hostile; hostile.write(sys.argv[1], json.load(sys.stdin))";
    let mut child = python
        .args(["-c", script])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = serde_json::to_vec(&sample).unwrap();
    child.stdin.take().unwrap().write_all(&lines).unwrap();
    assert!(child.wait().unwrap().success());

    let hostile = folder.path().join("hostile");
    let expectations = fs::read_to_string(hostile.join("expect.json")).unwrap();
    let expectations: Value = serde_json::from_str(&expectations).unwrap();
    fs::remove_file(hostile.join("expect.json")).unwrap();
    let (rows, sums, _) = rows(&hostile);
    let mut met = 0;
    for expectation in expectations.as_array().unwrap() {
        let name = expectation["file"].as_str().unwrap();
        let row = &rows[name];
        if let Some(expected) = expectation["expect_records"].as_u64() {
            assert_eq!(row.observations, expected, "{expectation}: {row:?}");
            met += 1;
        }
        // Each alone is read to the end as well, and ends well.
        offtrail!["events", hostile.join(name), "--quiet"].ok();
    }
    assert!(met >= 15 && rows.len() == 29, "{met} of {}", rows.len());
    let truncated = &rows["truncated.json.gz"];
    assert!(
        truncated.observations > 5 && truncated.rejects == 1,
        "{truncated:?}"
    );
    assert!(
        rows.values().any(|row| row.apart > 0),
        "the digest is counted apart"
    );
    assert!(sums["rejects"].as_u64() > Some(0));

    let limited = offtrail!["events", &hostile, "--quiet", "--max-rejects", "0"].run();
    limited.fails_saying(&["--max-rejects 0", "could not be read", "--rejects FILE"]);
    let enough = sums["rejects"].to_string();
    offtrail!["events", &hostile, "--quiet", "--max-rejects", enough].ok();
}

#[test]
fn a_bomb_stops_at_a_named_limit() {
    // Half a GiB of spaces and more, from little: members that are all alike.
    let spaces = gz(&vec![b' '; 64 << 20]);
    let text = by_user().to_string();
    let mut bomb = gz(format!("{{\"Records\":[{text},{text},").as_bytes());
    for _ in 0..9 {
        bomb.extend_from_slice(&spaces);
    }
    bomb.extend(gz(format!("{text}]}}").as_bytes()));
    assert!(bomb.len() < 16 << 20);
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        [("bomb.json.gz", &*bomb), ("sound.json", text.as_bytes())],
    );
    let (rows, ..) = rows(folder.path());
    let stopped = &rows["bomb.json.gz"];
    assert_eq!(
        stopped.observations, 2,
        "what lies before the limit is read"
    );
    assert_eq!(
        stopped.reasons,
        BTreeMap::from([("too_large".to_owned(), 1)])
    );
    assert_eq!(rows["sound.json"].observations, 1);
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let records = vec![by_user().to_string(); 20_000];
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), [("many.json", &*document(&records))]);
    let mut child = Command::new(path())
        .args([OsStr::new("events"), folder.path().as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut first).unwrap();
    drop(lines);
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(first.starts_with("{\"version\":1,"), "{first}");
    assert_eq!(output.status.code(), Some(0), "{talk}");
    assert!(
        !talk.contains("panicked") && !talk.contains("offtrail:"),
        "{talk}"
    );
}

/// A record of our own making, with an identity and what else differs from the plain one.
fn record(identity: Value, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": "2026-08-31T10:43:44Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "ListAccessKeys",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": {"userName": "build"},
        "responseElements": null,
        "eventID": "0b8a3f0e-6a0c-4c53-9d0c-3e0f2a9f6a01",
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    });
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

fn by_user() -> Value {
    let identity = json!({
        "type": "IAMUser", "principalId": "AIDAEXAMPLEUSER000001", "arn": "arn:aws:iam::111122223333:user/ci-deploy",
        "accountId": "111122223333", "accessKeyId": "AKIAEXAMPLEKEY000001", "userName": "ci-deploy",
    });
    record(identity, json!({}))
}

/// One record of each principal kind.
fn by_everyone() -> Vec<Value> {
    let session = |arn: &str, id: &str, name: &str| {
        json!({
            "type": "AssumedRole", "principalId": format!("{id}:{name}"), "accountId": "111122223333",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/{}/{name}", arn.rsplit('/').next().unwrap()),
            "accessKeyId": "ASIAEXAMPLEKEY000002",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role", "principalId": id, "arn": arn, "accountId": "111122223333",
                    "userName": arn.rsplit('/').next().unwrap(),
                },
                "attributes": {"creationDate": "2026-08-31T10:00:00Z", "mfaAuthenticated": "false"},
            },
        })
    };
    let sts = |name: &str| json!({"eventSource": "sts.amazonaws.com", "eventName": name, "errorCode": null});
    let role = "arn:aws:iam::111122223333:role/build";
    let reserved = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Reader_0123456789abcdef";
    vec![
        record(
            json!({"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"}),
            json!({
                "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "eventType": "AwsConsoleSignIn",
                "responseElements": {"ConsoleLogin": "Failure"}, "readOnly": false,
                "additionalEventData": {"MFAUsed": "No"},
            }),
        ),
        by_user(),
        record(
            session(role, "AROAEXAMPLEROLE000001", "job-17"),
            json!({"errorCode": "AccessDenied", "errorMessage": "not allowed"}),
        ),
        record(
            session(reserved, "AROAEXAMPLEROLE000002", "mia@example.com"),
            json!({"eventSource": "lambda.amazonaws.com", "eventName": "ListFunctions20150331"}),
        ),
        record(
            json!({
                "type": "FederatedUser", "principalId": "111122223333:broker", "arn": "arn:aws:sts::111122223333:federated-user/broker",
                "accountId": "111122223333", "accessKeyId": "ASIAEXAMPLEKEY000003",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "IAMUser", "principalId": "AIDAEXAMPLEUSER000002", "arn": "arn:aws:iam::111122223333:user/portal",
                        "accountId": "111122223333", "userName": "portal",
                    },
                    "attributes": {"creationDate": "2026-08-31T10:00:00Z", "mfaAuthenticated": "false"},
                },
            }),
            json!({}),
        ),
        record(
            json!({"type": "SAMLUser", "principalId": "directory:mia@example.com", "userName": "mia@example.com", "identityProvider": "directory"}),
            sts("AssumeRoleWithSAML"),
        ),
        record(
            json!({
                "type": "WebIdentityUser", "userName": "repo:example/app:ref:refs/heads/main",
                "principalId": "arn:aws:iam::111122223333:oidc-provider/token.example.com:sts.amazonaws.com:repo:example/app:ref:refs/heads/main",
                "identityProvider": "arn:aws:iam::111122223333:oidc-provider/token.example.com",
            }),
            sts("AssumeRoleWithWebIdentity"),
        ),
        record(
            json!({
                "type": "IdentityCenterUser", "accountId": "111122223333", "credentialId": "c0ffee",
                "onBehalfOf": {"userId": "0000-1111-2222", "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-1234567890"},
            }),
            json!({"eventSource": "sso.amazonaws.com", "eventName": "ListAccounts"}),
        ),
        record(
            json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}),
            json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "sourceIPAddress": "ec2.amazonaws.com", "userAgent": "ec2.amazonaws.com"}),
        ),
        record(
            json!({"type": "AWSAccount", "principalId": "AROAEXAMPLEROLE000003:vendor", "accountId": "444455556666"}),
            sts("AssumeRole"),
        ),
        record(
            json!({"type": "Somebody"}),
            json!({"errorCode": "ThrottlingException"}),
        ),
    ]
}

/// Lines without the place they were read from.
fn lines_of(bytes: &[u8]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), [("record", bytes)]);
    let placeless = |text: &str| {
        let mut lines = json_lines(text);
        for line in &mut lines {
            line["provenance"] = Value::Null;
        }
        lines
    };
    let from_file =
        placeless(&offtrail!["events", folder.path(), "--quiet", "--max-rejects", "0"].ok());
    let command = offtrail!["events", "-", "--quiet", "--max-rejects", "0"].input(bytes);
    assert_eq!(placeless(&command.ok()), from_file);
    from_file
}

#[test]
fn each_envelope_gives_the_same_line() {
    let record = by_user();
    let text = record.to_string();
    let expected = lines_of(text.as_bytes());
    assert_eq!(expected.len(), 1);
    let bridge = json!({
        "version": "0", "id": "1", "detail-type": "AWS API Call via CloudTrail", "source": "aws.iam", "account": "111122223333",
        "time": "2026-08-31T10:43:44Z", "region": "us-east-1", "resources": [], "detail": record,
    });
    let subscription = json!({
        "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "trail", "logStream": "s", "subscriptionFilters": ["f"],
        "logEvents": [{"id": "1", "timestamp": 1_788_173_024_000_u64, "message": text}],
    });
    let looked_up = json!({"Events": [{
        "EventId": record["eventID"], "EventName": "ListAccessKeys", "EventTime": 1_788_173_024, "CloudTrailEvent": text,
    }]});
    let check = |what: &str, bytes: Vec<u8>| {
        assert_eq!(lines_of(&bytes), expected, "{what}");
        assert_eq!(lines_of(&gz(&bytes)), expected, "{what}, packed");
    };
    check("Records", document(std::slice::from_ref(&text)));
    check("array", format!("[{text}]").into_bytes());
    check("indented", serde_json::to_vec_pretty(&record).unwrap());
    check("line", format!("{text}\n\n").into_bytes());
    check("EventBridge", bridge.to_string().into_bytes());
    check("CloudWatch Logs", subscription.to_string().into_bytes());
    check("LookupEvents", looked_up.to_string().into_bytes());
    let halves = text.split_at(text.len() / 2);
    let members = [gz(halves.0.as_bytes()), gz(halves.1.as_bytes())].concat();
    assert_eq!(lines_of(&members), expected, "two members");
}

#[test]
fn each_principal_kind_has_its_line() {
    let records: Vec<String> = by_everyone().iter().map(Value::to_string).collect();
    let shown = offtrail!["events", "-", "--quiet", "--max-rejects", "0"]
        .input(&document(&records))
        .ok();
    for line in json_lines(&shown) {
        assert_is_observation(&line);
    }
    insta::assert_snapshot!("each_principal_kind", shown);
}
