//! `--asn-db`: networks told by who announces them. An intruder within the same system is no news of network, one in another is, by name.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run the binary and write files"
)]

use std::{fs, path::PathBuf};

use offtrail_tests::{
    archive::document,
    binary::{Offtrail, assert_same, exports, json_lines},
    formats::{assert_is_finding, assert_is_observation},
    mmdb::{database, encoded, of_systems},
    offtrail,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where the user works, where an intruder within the same system does, where one in another, and where nobody announces anything.
const HOME: &str = "198.51.100.7";
const SAME_SYSTEM: &str = "203.0.113.9";
const OTHER_SYSTEM: &str = "192.0.2.77";
const NOWHERE: &str = "100.64.3.3";

/// Days the user is learnt for.
const DAYS: u32 = 28;

fn systems() -> Vec<u8> {
    of_systems(&[
        ("198.51.0.0/16", 64_500, "Example Telecom"),
        ("203.0.113.0/24", 64_500, "Example Telecom"),
        ("192.0.2.0/24", 64_501, "Other \u{1b}[31mHosting\n"),
        ("2001:db8::/32", 64_502, ""),
        ("100.70.0.0/16", 16_509, "AMAZON-02"),
    ])
}

fn record(day: u32, hour: u32, call: &str, address: &str) -> String {
    let (source, name) = call.split_once(':').unwrap();
    json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDACKCEVSQ6C2EXAMPLE", "accountId": "111122223333", "userName": "ci-deploy",
            "arn": "arn:aws:iam::111122223333:user/ci-deploy", "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        },
        "eventTime": format!("2026-06-{day:02}T{hour:02}:15:00Z"),
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "awsRegion": "us-east-1", "sourceIPAddress": address, "userAgent": "aws-cli/2.15.30",
        "eventID": format!("{day}-{hour}-{name}-{address}"),
        "readOnly": true, "eventType": "AwsApiCall", "managementEvent": true, "eventCategory": "Management",
        "recipientAccountId": "111122223333",
    })
    .to_string()
}

struct Desk {
    folder: TempDir,
}

impl Desk {
    /// A month of one user's calls, and databases.
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for day in 1..=DAYS {
            let calls = [
                "ec2:DescribeInstances",
                "ec2:DescribeVpcs",
                "sts:GetCallerIdentity",
            ];
            let records: Vec<String> = (8..18)
                .flat_map(|hour| calls.map(|call| record(day, hour, call, HOME)))
                .collect();
            desk.write(&format!("month/{day}.json"), &document(&records));
        }
        desk.write("systems.mmdb", &systems());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn learn(&self, baseline: &str) -> Offtrail {
        offtrail![
            "backfill",
            self.path("month"),
            "--quiet",
            "--baseline",
            self.path(baseline)
        ]
    }

    /// A day on which the key lists access keys from these addresses, judged and not learnt.
    fn judge(&self, baseline: &str, addresses: &[&str]) -> Offtrail {
        let calls: Vec<String> = addresses
            .iter()
            .map(|address| record(DAYS + 1, 12, "iam:ListAccessKeys", address))
            .collect();
        let day = self.write("day.json", &document(&calls));
        offtrail![
            "detect",
            day,
            "--quiet",
            "--all",
            "--learn",
            "none",
            "--baseline",
            self.path(baseline)
        ]
    }

    /// Adds the database.
    fn by_system(&self, command: Offtrail) -> Offtrail {
        command.args([PathBuf::from("--asn-db"), self.path("systems.mmdb")])
    }
}

/// Networks that are news.
fn networks(lines: &str) -> Vec<String> {
    let findings = json_lines(lines);
    findings.iter().for_each(assert_is_finding);
    let last = findings.last().expect("the call is new in any case");
    let news = last["novelties"].as_array().unwrap().iter();
    news.filter(|news| news["dimension"] == "network")
        .map(|news| news["value"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_intruder_within_the_same_system_is_no_news_of_network() {
    let desk = Desk::new();
    desk.learn("prefix.db").ok();
    desk.by_system(desk.learn("system.db")).ok();
    let check = |address: &str, by_prefix: &[&str], by_system: &[&str]| {
        let lines = desk.judge("prefix.db", &[address]).ok();
        assert_eq!(networks(&lines), by_prefix, "{address} by prefix");
        let judge = desk.judge("system.db", &[address]);
        let lines = desk.by_system(judge).ok();
        assert_eq!(networks(&lines), by_system, "{address} by system");
    };
    check(HOME, &[], &[]);
    check(SAME_SYSTEM, &["203.0.0.0/16"], &[]);
    check(
        OTHER_SYSTEM,
        &["192.0.0.0/16"],
        &["AS64501 Other [31mHosting"],
    );
    check("2001:db8::9", &["2001:db8::/32"], &["AS64502"]);
    check(NOWHERE, &["100.64.0.0/16"], &["100.64.0.0/16"]);
    // Everybody rents from Amazon: that alone tells nothing.
    check(
        "100.70.3.3",
        &["100.70.0.0/16"],
        &["100.70.0.0/16 AS16509 AMAZON-02"],
    );

    let judge = desk.judge("system.db", &[OTHER_SYSTEM]);
    let told = desk.by_system(judge).args(["--format", "text"]).ok();
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("New network: AS64501 Other [31mHosting."),
        "{told}"
    );
}

#[test]
fn a_baseline_learnt_by_prefix_goes_over_to_systems_and_not_back() {
    let desk = Desk::new();
    desk.learn("org.db").ok();
    let before = fs::read(desk.path("org.db")).unwrap();
    let judge = |addresses: &[&str]| desk.judge("org.db", addresses);
    // Read only: translated in memory.
    assert_eq!(
        networks(&desk.by_system(judge(&[SAME_SYSTEM])).ok()),
        [""; 0]
    );
    assert_eq!(
        networks(&desk.by_system(judge(&[OTHER_SYSTEM])).ok()),
        ["AS64501 Other [31mHosting"]
    );
    assert!(before == fs::read(desk.path("org.db")).unwrap());

    // An open finding from another prefix of the same system, kept by prefix, then taken up by system.
    let learning = ["--learn", "hold"].map(str::to_owned);
    let day = desk.write(
        "next.json",
        &document(&[record(DAYS + 1, 13, "iam:ListUsers", SAME_SYSTEM)]),
    );
    let detect = |source: &PathBuf| {
        offtrail![
            "detect",
            source,
            "--quiet",
            "--all",
            "--baseline",
            desk.path("org.db")
        ]
        .args(&learning)
    };
    assert_eq!(networks(&detect(&day).ok()), ["203.0.0.0/16"]);
    let later = desk.write(
        "later.json",
        &document(&[
            record(DAYS + 1, 14, "iam:ListRoles", SAME_SYSTEM),
            record(DAYS + 1, 15, "iam:ListGroups", OTHER_SYSTEM),
        ]),
    );
    let told = networks(&desk.by_system(detect(&later)).ok());
    assert!(
        told.contains(&"AS64501 Other [31mHosting".to_owned()),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|network| network.starts_with("AS64500")),
        "{told:?}"
    );
    let rows = exported(&desk, "org.db");
    let of_user = |network: &str| {
        let mut rows = rows.iter().filter(|row| row["value"] == network);
        let found = rows
            .next()
            .map(|row| row["standing"].as_str().unwrap().to_owned());
        assert!(rows.next().is_none());
        found
    };
    assert_eq!(of_user("AS64500").as_deref(), Some("learnt"));
    assert_eq!(of_user("198.51.0.0/16"), None);
    assert_eq!(of_user("203.0.0.0/16"), None);
    assert!(of_user("AS64501").is_some());

    let explain = offtrail!["explain", "ci-deploy", "--baseline", desk.path("org.db")];
    let shown = desk.by_system(explain).ok();
    assert!(shown.contains("AS64500 Example Telecom"), "{shown}");

    let refused = judge(&[HOME]).run().expect(2).stderr;
    for word in ["org.db", "--asn-db", "Test-ASN of 2026-05-01"] {
        assert!(refused.contains(word), "no {word}: {refused}");
    }
    desk.learn("org.db")
        .run()
        .fails_saying(&["org.db", "--asn-db"]);
    // Nothing else is to learn, and nothing is left to translate.
    desk.by_system(desk.learn("org.db")).ok();
    assert_eq!(exported(&desk, "org.db"), rows);
}

/// The rows of networks of a baseline.
fn exported(desk: &Desk, baseline: &str) -> Vec<Value> {
    let files = exports(&desk.path(baseline));
    let (_, lines) = files
        .iter()
        .find(|(name, _)| name.extension().is_some_and(|end| end == "jsonl"))
        .unwrap();
    let lines = json_lines(std::str::from_utf8(lines).unwrap());
    let facets = lines.iter().filter_map(|line| line["facets"].as_array());
    facets
        .flatten()
        .filter(|row| row["dimension"] == "network")
        .cloned()
        .collect()
}

#[test]
fn learning_by_system_and_translating_give_the_same_at_any_thread_count() {
    let desk = Desk::new();
    desk.by_system(desk.learn("one.db"))
        .args(["--threads", "1"])
        .ok();
    desk.by_system(desk.learn("four.db"))
        .args(["--threads", "4"])
        .ok();
    let expected = exports(&desk.path("one.db"));
    assert_same("threads", &expected, &exports(&desk.path("four.db")));
    desk.learn("prefix.db").ok();
    desk.by_system(desk.learn("prefix.db")).ok();
    assert_same("translated", &expected, &exports(&desk.path("prefix.db")));
    let addresses = [SAME_SYSTEM, OTHER_SYSTEM, NOWHERE, HOME];
    let judged = |threads| {
        let judge = desk.judge("one.db", &addresses);
        desk.by_system(judge).args(["--threads", threads]).ok()
    };
    assert_eq!(judged("1"), judged("4"));
}

#[test]
fn events_show_who_announces_them() {
    let desk = Desk::new();
    let calls = [HOME, NOWHERE, "ec2.amazonaws.com"].map(|address| record(1, 1, "sts:X", address));
    let file = desk.write("calls.json", &document(&calls));
    let plain = offtrail!["events", &file].ok();
    let lines = json_lines(&desk.by_system(offtrail!["events", &file]).ok());
    lines.iter().for_each(assert_is_observation);
    let networks: Vec<&Value> = lines.iter().map(|line| &line["network"]).collect();
    assert_eq!(
        networks,
        [
            &json!({ "value": "AS64500", "announced_by": "Example Telecom" }),
            &json!({ "value": "100.64.0.0/16", "announced_by": null }),
            &Value::Null,
        ]
    );
    assert!(!plain.contains("\"network\":{"));
}

#[test]
fn bad_databases_are_told_by_name_and_what_to_do() {
    let desk = Desk::new();
    let city = encoded(&json!({ "city": { "names": { "en": "Springfield" } } }));
    let sound = systems();
    let check = |name: &str, bytes: &[u8], words: &[&str]| {
        let file = desk.write(name, bytes);
        let ran = offtrail![
            "events",
            desk.path("month/1.json"),
            "--quiet",
            "--asn-db",
            &file
        ]
        .run()
        .expect(2);
        assert_eq!(ran.stdout, "");
        for word in words.iter().chain(&[name]) {
            assert!(ran.stderr.contains(word), "no {word}: {}", ran.stderr);
        }
    };
    check("empty.mmdb", b"", &["no MMDB", "download it again"]);
    check("packed.mmdb", b"\x1f\x8b\x08", &["no MMDB", "unpack"]);
    check("cut.mmdb", &sound[..sound.len() / 2], &["no MMDB"]);
    check("headless.mmdb", &sound[sound.len() - 200..], &["no MMDB"]);
    check(
        "city.mmdb",
        &database("Test-City", &[("198.51.0.0/16", city)]),
        &["Test-City", "no AS numbers", "GeoLite2-ASN"],
    );
    let ran = offtrail![
        "events",
        desk.path("month/1.json"),
        "--asn-db",
        desk.path("none.mmdb")
    ]
    .run();
    assert!(ran.expect(2).stderr.contains("correct the path"));
}

#[test]
fn records_that_tell_nothing_are_counted_and_go_by_prefix() {
    let desk = Desk::new();
    let number = |value: Vec<u8>| {
        let key = encoded(&json!("autonomous_system_number"));
        [vec![7 << 5 | 1], key, value].concat()
    };
    let ipinfo = encoded(
        &json!({ "asn": "AS64510", "as_name": "By Another Name", "as_domain": "example.org" }),
    );
    let file = desk.write(
        "odd.mmdb",
        &database(
            "Odd",
            &[
                ("198.51.0.0/16", ipinfo),
                ("203.0.113.0/24", encoded(&json!({ "organization": "x" }))),
                // A million arrays within each other, and a pointer far beyond the data.
                ("192.0.2.0/24", number([1, 4].repeat(1_000_000))),
                (
                    "192.0.3.0/24",
                    number(vec![1 << 5 | 7 | 3 << 3, 0xff, 0xff, 0xff, 0xff]),
                ),
            ],
        ),
    );
    let addresses = [HOME, SAME_SYSTEM, OTHER_SYSTEM, "192.0.3.1", NOWHERE];
    let calls = addresses.map(|address| record(1, 1, "sts:X", address));
    let calls = desk.write("calls.json", &document(&calls));
    let ran = offtrail!["events", &calls, "--asn-db", &file]
        .run()
        .expect(0);
    let lines = json_lines(&ran.stdout);
    let values: Vec<&str> = lines
        .iter()
        .map(|line| line["network"]["value"].as_str().unwrap())
        .collect();
    assert_eq!(
        values,
        [
            "AS64510",
            "203.0.0.0/16",
            "192.0.0.0/16",
            "192.0.0.0/16",
            "100.64.0.0/16"
        ]
    );
    assert_eq!(lines[0]["network"]["announced_by"], "By Another Name");
    for words in [
        "1 observations from an announced address",
        "1 from one without an entry",
        "1 from one with an entry without an AS number",
        "2 from one with an entry that can't be read",
    ] {
        assert!(ran.stderr.contains(words), "no {words}: {}", ran.stderr);
    }
}
