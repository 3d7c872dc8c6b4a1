//! The short way and the long one, and serde_json beside both: one record, one observation.
//!
//! Each record is read three times: by an observer that has met others before (the short way), as an event by a fresh one (the
//! long way), and once more after serde_json read it into a `Value` and wrote it anew, with its own idea of escapes, repeated keys, their order and white space.

#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read the disk")]

mod reading;
#[path = "reading/ways.rs"]
mod ways;

use std::{
    fs,
    path::{Path, PathBuf},
};

use offtrail_event::Vocabulary;
use offtrail_parser::{Observer, WithDetail};
use proptest::prelude::*;
use reading::record;
use ways::{long, rewritten, short};

/// Reads a file every way; how many of its records serde_json read.
fn compare(
    bytes: &[u8],
    words: &Vocabulary,
    observers: &mut [(Observer<'_>, WithDetail)],
) -> usize {
    let mut rewrote = 0;
    for (observer, detail) in observers {
        let expected = long(bytes, words, *detail);
        // The second time all callers are known.
        for _ in 0..2 {
            assert_eq!(short(bytes, observer), expected);
        }
        for known in expected.0 {
            let Some((text, (again, rejects))) = rewritten(&known, words, *detail) else {
                continue;
            };
            rewrote += 1;
            assert_eq!((again.len(), rejects), (1, Vec::new()), "{text}");
            assert_eq!(again[0].0, known.0, "{text}");
        }
    }
    rewrote
}

fn observers(words: &Vocabulary) -> Vec<(Observer<'_>, WithDetail)> {
    [WithDetail::Learn, WithDetail::Judge]
        .map(|detail| (Observer::new(words, detail), detail))
        .into()
}

fn check(text: &str) {
    let words = Vocabulary::new();
    compare(text.as_bytes(), &words, &mut observers(&words));
}

/// Found by fuzzing: the key of the first of two identities was told as that of the second, where that one was known and has none.
#[test]
fn the_last_of_two_identities_counts_also_when_it_is_known() {
    let plain = record("a");
    // Long enough that no key of the next record is near.
    let service = format!(
        r#""userIdentity":{{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}},"apiVersion":"{}","eventTime""#,
        "1".repeat(600)
    );
    let known = plain.replacen("\"eventTime\"", &service, 1);
    let alone = known.replacen("\"userIdentity\"", "\"other\"", 1);
    check(&format!("[{alone},{known},{known}]"));
}

/// Found by mutation: after a break, the next record is known by the key that the one before began with.
#[test]
fn a_record_begins_with_any_key() {
    let plain = record("a");
    let other = plain.replacen('{', "{\"other\":1,", 1);
    let broken = other.replacen("\"eventName\"", "\"eventName", 1);
    for first in [&plain, &other] {
        for last in [&plain, &other] {
            check(&format!("[{first},{first},{broken},{last}]"));
        }
    }
}

#[test]
fn what_is_written_otherwise_means_the_same() {
    let plain = record("a");
    for (from, to) in [
        ("\"eventTime\"", "\"event\\u0054ime\""),
        (
            "\"eventName\":\"ListAccessKeys\"",
            "\"eventName\":\"\\u002d\"",
        ),
        ("ListAccessKeys", "\\u004cistAccessKeys"),
        ("\"AKIAEXAMPLE\"", "\"\\u0041KIAEXAMPLE\""),
        ("\"AKIAEXAMPLE\"", "\"\\u002d\""),
        ("\"readOnly\":true", "\"readOnly\":\"tr\\u0075e\""),
        ("\"AwsApiCall\"", "\"\\u0041wsConsoleSignIn\""),
        ("\"eventID\":\"a\"", "\"eventID\":\"b\",\"eventID\":\"-\""),
        (
            "\"userName\":\"ci\"}",
            "\"userName\":\"ci\"},\"userIdentity\":{\"type\":\"Root\",\"accountId\":1}",
        ),
        (
            "\"userName\":\"ci\"}",
            "\"userName\":\"ci\"},\"userIdentity\":7",
        ),
        (
            "\"userName\":\"ci\"}",
            "\"sessionContext\":{\"attributes\":{\"creationDate\":\"2026-08-31T10:43:44Z\",\"mfaAuthenticated\":\"true\"},\"attributes\":{}}}",
        ),
        ("\"userName\":\"ci\"}", "\"userName\":\"ci\"} "),
        ("\"ci\"", "\"\\ud800\""),
        (",", " , "),
    ] {
        let other = plain.replace(from, to);
        assert_ne!(plain, other, "{from}");
        check(&format!("[{plain},{other},{plain},{other}]"));
    }
}

/// Records of few callers, calls and faults, so that many share something and differ in the rest.
fn generated() -> impl Strategy<Value = String> {
    let pick = |texts: &'static [&'static str]| prop::sample::select(texts);
    (
        pick(&[
            r#"{"type":"IAMUser","principalId":"AIDAX","arn":"arn:aws:iam::1:user/a","accountId":"1","accessKeyId":"AKIAX","userName":"a"}"#,
            r#"{"type":"IAMUser","principalId":"AIDAX","arn":"arn:aws:iam::1:user/a","accountId":"1","accessKeyId":"ASIAX","userName":"a","sessionContext":{"attributes":{"creationDate":"2026-08-31T10:43:44Z","mfaAuthenticated":"true"}},"invokedBy":"s3.amazonaws.com"}"#,
            r#"{"type":"AssumedRole","principalId":"AROAX:i-0123456789abcdef0","arn":"arn:aws:sts::1:assumed-role/r/i-0123456789abcdef0","accountId":"1","accessKeyId":"ASIAY","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAX","arn":"arn:aws:iam::1:role/r","accountId":"1","userName":"r"},"attributes":{"creationDate":"2026-08-31T10:43:45Z"}}}"#,
            r#"{"type":"AssumedRole","principalId":"AROAX:i-0123456789abcdef0","arn":"arn:aws:sts::1:assumed-role/r/i-0123456789abcdef0","accountId":"1","accessKeyId":"ASIAZ","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAX","arn":"arn:aws:iam::1:role/r","accountId":"1","userName":"r"},"attributes":{"creationDate":"2026-08-31T10:43:46Z"}}}"#,
            r#"{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}"#,
            r#"{"type":"AWSService"}"#,
            r#"{"type":"Root","principalId":"1","arn":"arn:aws:iam::1:root","accountId":"1","accessKeyId":""}"#,
            r#"{"accountId":"1","invokedBy":"x.amazonaws.com"}"#,
            "null",
            "5",
        ]),
        pick(&["iam", "sts", "s3", "signin", "secretsmanager"]),
        pick(&["GetObject", "AssumeRole", "ListUsers", "ConsoleLogin", "GetSecretValue", "PutBucketAcl", "CreateUser"]),
        pick(&["198.51.100.7", "203.0.113.9", "ec2.amazonaws.com", "AWS Internal"]),
        pick(&["aws-cli/2.1", "console.amazonaws.com", "Boto3/1.2"]),
        pick(&["null", r#"{"bucketName":"b","secretId":"arn:aws:secretsmanager:eu-west-1:1:secret:x-abcdef"}"#, r#""{\"bucketName\":\"b\"}""#]),
        pick(&["", r#""errorCode":"AccessDenied","#, r#""errorMessage":"access denied","#, r#""errorCode":null,"#, r#""errorCode":{},"#]),
        (pick(&["AwsApiCall", "AwsConsoleSignIn", "AwsServiceEvent", "AwsVpceEvent"]), pick(&["1", "2"]), pick(&["true", "\"false\"", "null"]), 0..4u8),
    )
        .prop_map(|(identity, source, name, address, agent, request, error, (kind, account, truth, id))| {
            format!(
                r#"{{"eventVersion":"1.11","userIdentity":{identity},"eventTime":"2026-08-31T10:43:4{id}Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"{address}","userAgent":"{agent}",{error}"requestParameters":{request},"responseElements":{{"ConsoleLogin":"Success"}},"eventID":"{id}","readOnly":{truth},"eventType":"{kind}","managementEvent":{truth},"recipientAccountId":"{account}","sessionCredentialFromConsole":{truth},"tlsDetails":{{"tlsVersion":"TLSv1.3"}}}}"#
            )
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_way_gives_the_same(
        records in prop::collection::vec(generated(), 1..12),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0x20..0x7f_u8), 0..4),
    ) {
        let mut bytes = format!(r#"{{"Records":[{}]}}"#, records.join(",")).into_bytes();
        check(std::str::from_utf8(&bytes).unwrap());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check(std::str::from_utf8(&bytes).unwrap());
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

#[test]
fn real_records_are_observed_the_same_every_way() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real");
    if !folder.is_dir() {
        return println!("skipped: no {}", folder.display());
    }
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let words = Vocabulary::new();
    let mut observers = observers(&words);
    let rewrote: usize = paths
        .iter()
        .map(|path| compare(&fs::read(path).unwrap(), &words, &mut observers))
        .sum();
    println!("{rewrote} records read by serde_json as well");
    assert!(rewrote > 4000);
}
