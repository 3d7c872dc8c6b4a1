//! What a reader of a simulated archive may rely on, checked on small organisations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use offtrail_simulator::{
    AttackSet, Error, Scale, Settings, Sink, Summary, demo_settings, scenario_ids, simulate,
};
use proptest::prelude::*;
use serde_json::Value;

/// Files by path.
#[derive(Default, PartialEq, Eq)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Sink for Memory {
    fn file(&mut self, path: &str, bytes: &[u8]) -> std::io::Result<()> {
        let before = self.0.insert(path.to_owned(), bytes.to_vec());
        assert!(before.is_none(), "{path} is written twice");
        Ok(())
    }
}

struct Full;

impl Sink for Full {
    fn file(&mut self, _: &str, _: &[u8]) -> std::io::Result<()> {
        Err(std::io::Error::other("no space left"))
    }
}

fn tiny(seed: u64, days: u32) -> Settings {
    Settings {
        seed,
        days,
        scale: Scale::Demo,
        ..Settings::default()
    }
}

fn made(settings: &Settings) -> (Memory, Summary) {
    let mut files = Memory::default();
    let summary = simulate(settings, &mut files, &mut |_| {}).unwrap();
    (files, summary)
}

impl Memory {
    fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::str::from_utf8(&self.0[name]).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Records with the path of their file, repeats included.
    fn records(&self) -> Vec<(String, Value)> {
        let mut out = Vec::new();
        for (path, bytes) in self
            .0
            .iter()
            .filter(|(path, _)| path.contains("/CloudTrail/"))
        {
            let mut text = String::new();
            flate2::read::GzDecoder::new(bytes.as_slice())
                .read_to_string(&mut text)
                .unwrap();
            let mut file: Value = serde_json::from_str(&text).unwrap();
            for record in file["Records"].as_array_mut().unwrap() {
                out.push((path.clone(), record.take()));
            }
        }
        out
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// Every promise that holds for any settings.
fn check(settings: &Settings) {
    let (files, summary) = made(settings);
    let records = files.records();
    let delivered = summary.delivered;
    assert_eq!(records.len() as u64, delivered.events + delivered.repeated);
    let first = chrono_free_date(settings.start_epoch_secs.div_euclid(86_400));
    let end =
        chrono_free_date(settings.start_epoch_secs.div_euclid(86_400) + i64::from(settings.days));
    let mut by_id: BTreeMap<String, &Value> = BTreeMap::new();
    for (path, record) in &records {
        let id = text(&record["eventID"]).to_owned();
        if let Some(before) = by_id.insert(id.clone(), record) {
            assert_eq!(before, record, "two events share the id {id}");
        }
        let time = text(&record["eventTime"]);
        assert!(
            time >= first.as_str() && time < end.as_str(),
            "{time} is outside {first}..{end}"
        );
        let place = format!(
            "AWSLogs/{}/CloudTrail/{}/",
            text(&record["recipientAccountId"]),
            text(&record["awsRegion"])
        );
        assert!(path.starts_with(&place), "{path} holds a record of {place}");
        assert!(record["userIdentity"].is_object() && record["readOnly"].is_boolean());
    }
    assert_eq!(by_id.len() as u64, delivered.events);
    let labels = files.lines("labels.jsonl");
    let named: BTreeSet<&str> = labels
        .iter()
        .map(|label| text(&label["attack_id"]))
        .collect();
    assert!(
        labels
            .iter()
            .all(|label| by_id.contains_key(text(&label["eventID"])))
    );
    let attacks = files.lines("attacks.jsonl");
    let listed: BTreeSet<&str> = attacks.iter().map(|attack| text(&attack["id"])).collect();
    assert_eq!(named, listed, "attacks and labels name the same attacks");
    for attack in &attacks {
        let times: Vec<&str> = labels
            .iter()
            .filter(|label| label["attack_id"] == attack["id"])
            .map(|label| text(&by_id[text(&label["eventID"])]["eventTime"]))
            .collect();
        assert_eq!(times.iter().min().copied(), Some(text(&attack["start"])));
        assert_eq!(times.iter().max().copied(), Some(text(&attack["end"])));
        assert_eq!(attack["events"], times.len());
    }
    let stats: Value = serde_json::from_slice(&files.0["stats.json"]).unwrap();
    assert_eq!(stats["events"], delivered.events);
    assert_eq!(stats["attacks"], attacks.len());
}

/// The date of a day since 1970, counted the slow way.
fn chrono_free_date(mut days: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + i64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, days + 1)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_seed_gives_an_archive_that_keeps_its_promises(seed: u64, days in 16_u32..24, start in 0_i64..4_000_000_000) {
        check(&Settings { start_epoch_secs: start, ..tiny(seed, days) });
    }
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    let (first, _) = made(&tiny(7, 16));
    let (second, _) = made(&tiny(7, 16));
    let (other, _) = made(&tiny(8, 16));
    assert!(first == second);
    assert!(first != other);
}

#[test]
fn without_attacks_nothing_is_labelled() {
    let (files, summary) = made(&Settings {
        attacks: AttackSet::None,
        ..tiny(1, 16)
    });
    assert_eq!((summary.attacks, summary.attack_events), (0, 0));
    assert!(files.lines("labels.jsonl").is_empty() && files.lines("attacks.jsonl").is_empty());
}

#[test]
fn every_scenario_happens_in_a_small_organisation() {
    let settings = Settings {
        scale: Scale::Small,
        days: 40,
        ..Settings::default()
    };
    let (files, _) = made(&settings);
    let listed: BTreeSet<String> = files
        .lines("attacks.jsonl")
        .iter()
        .map(|attack| text(&attack["id"]).to_owned())
        .collect();
    assert_eq!(listed, scenario_ids().map(str::to_owned).collect());
}

/// The seed story: permanent key → created key → role session, each named by the event that made it.
#[test]
fn the_demo_tells_the_leaked_key_with_its_lineage() {
    let (files, summary) = made(&demo_settings());
    assert!(
        (40..=65).contains(&summary.principals),
        "{}",
        summary.principals
    );
    let story: BTreeSet<String> = files
        .lines("labels.jsonl")
        .iter()
        .filter(|label| label["attack_id"] == "ci-key-listaccesskeys")
        .map(|label| text(&label["eventID"]).to_owned())
        .collect();
    let records = files.records();
    let is_story = |record: &Value| story.contains(text(&record["eventID"]));
    let mut events: Vec<&Value> = records
        .iter()
        .map(|(_, record)| record)
        .filter(|record| is_story(record))
        .collect();
    events.sort_by_key(|record| text(&record["eventTime"]).to_owned());
    events.dedup();
    let start = text(&events[0]["eventTime"]);
    assert!(start >= "2026-07-16", "{start} is not after day 45");

    let history: Vec<&Value> = records
        .iter()
        .map(|(_, record)| record)
        .filter(|r| {
            r["userIdentity"]["userName"] == "ci-deploy" && r["userIdentity"]["type"] == "IAMUser"
        })
        .filter(|r| text(&r["eventTime"]) < start && !is_story(r))
        .collect();
    let days: BTreeSet<&str> = history
        .iter()
        .map(|r| &text(&r["eventTime"])[..10])
        .collect();
    assert!(
        history.len() > 1000 && days.len() > 30,
        "{} calls on {} days",
        history.len(),
        days.len()
    );
    assert!(history.iter().all(|r| r["eventName"] != "ListAccessKeys"));
    assert!(events.iter().any(|r| r["eventName"] == "ListAccessKeys"));

    let created = events
        .iter()
        .find(|r| r["eventName"] == "CreateAccessKey")
        .expect("a key is made");
    let second = text(&created["responseElements"]["accessKey"]["accessKeyId"]);
    let taken = events
        .iter()
        .find(|r| r["eventName"] == "AssumeRole")
        .expect("a role is taken");
    assert_eq!(
        text(&created["userIdentity"]["accessKeyId"]),
        text(&events[0]["userIdentity"]["accessKeyId"])
    );
    assert_eq!(text(&taken["userIdentity"]["accessKeyId"]), second);
    assert_eq!(
        taken["userIdentity"]["userName"],
        created["requestParameters"]["userName"]
    );
    let session = text(&taken["responseElements"]["credentials"]["accessKeyId"]);
    let read = events
        .iter()
        .find(|r| r["eventName"] == "GetSecretValue")
        .expect("secrets are read");
    assert_eq!(text(&read["userIdentity"]["accessKeyId"]), session);
}

#[test]
fn every_kind_of_identity_appears_and_every_session_was_minted() {
    let (files, _) = made(&Settings {
        days: 60,
        ..tiny(3, 60)
    });
    let mut kinds = BTreeSet::new();
    let mut minted = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (_, record) in files.records() {
        let identity = &record["userIdentity"];
        kinds.insert(text(&identity["type"]).to_owned());
        minted.insert(text(&record["responseElements"]["credentials"]["accessKeyId"]).to_owned());
        let browser = record["sessionCredentialFromConsole"].is_string();
        let key = text(&identity["accessKeyId"]);
        if key.starts_with("ASIA") && !browser && identity["invokedBy"].is_null() {
            used.insert(key.to_owned());
        }
    }
    for kind in [
        "AssumedRole",
        "AWSAccount",
        "AWSService",
        "FederatedUser",
        "IAMUser",
        "IdentityCenterUser",
        "Root",
        "SAMLUser",
        "WebIdentityUser",
        "",
    ] {
        assert!(kinds.contains(kind), "no {kind:?} among {kinds:?}");
    }
    assert!(
        used.is_subset(&minted),
        "{:?}",
        used.difference(&minted).next()
    );
}

#[test]
fn settings_out_of_range_and_a_full_disk_are_errors_that_say_so() {
    let says = |settings: Settings, word: &str| {
        let error = simulate(&settings, &mut Memory::default(), &mut |_| {})
            .unwrap_err()
            .to_string();
        assert!(error.contains(word), "{error}");
    };
    says(tiny(1, 3), "between 16 and 3660");
    says(
        Settings {
            start_epoch_secs: -1,
            ..tiny(1, 16)
        },
        "between 1970 and 2200",
    );
    says(
        Settings {
            attacks: AttackSet::Only(vec!["nope".to_owned()]),
            ..tiny(1, 16)
        },
        "nope",
    );
    let error = simulate(&tiny(1, 16), &mut Full, &mut |_| {}).unwrap_err();
    assert!(
        matches!(&error, Error::Write { path, .. } if path.starts_with("AWSLogs/")),
        "{error}"
    );
}

#[test]
fn progress_hears_of_every_day() {
    let mut days = Vec::new();
    simulate(&tiny(1, 16), &mut Memory::default(), &mut |p| {
        days.push(p.days_done)
    })
    .unwrap();
    assert_eq!(days, (1..=16).collect::<Vec<_>>());
}
