//! One IAM user whose records are written by hand, for tests that need to know every call.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    archive::{document, gz},
    offtrail,
};

/// The account of the user whose records these are.
pub const ACCOUNT: &str = "111122223333";

/// A record of its call on a day of June 2026; `more` replaces members.
///
/// # Panics
/// `more` is no object.
#[must_use]
pub fn record(number: usize, day: usize, call: (&str, &str), more: &Value) -> String {
    let (service, name) = call;
    let mut record = json!({
        "eventVersion": "1.08",
        "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "eventTime": format!("2026-06-{day:02}T10:00:00Z"),
        "eventSource": format!("{service}.amazonaws.com"),
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.0",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE000000001",
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/worker"),
            "accountId": ACCOUNT,
            "accessKeyId": "AKIAEXAMPLE000000001",
            "userName": "worker"
        },
        "requestParameters": null,
        "responseElements": null,
        "recipientAccountId": ACCOUNT,
        "eventType": "AwsApiCall",
        "eventCategory": "Management",
        "managementEvent": true
    });
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    record.to_string()
}

/// A baseline of these records, `org.db` in the folder; learnt into it if it is there.
///
/// # Panics
/// They can't be learnt.
#[must_use]
pub fn learnt(folder: &Path, records: &[String]) -> PathBuf {
    let file = folder.join("records.json.gz");
    fs::write(&file, gz(&document(records))).unwrap();
    let baseline = folder.join("org.db");
    offtrail!["backfill", &file, "--baseline", &baseline, "--quiet"].ok();
    baseline
}
