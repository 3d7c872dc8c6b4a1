//! Recorded attacks, each alone, grafted onto three principals of an organisation that is otherwise left in peace: is it found above the
//! threshold, with the right credential kind and the right tactic?
//!
//! The attacks are those that Stratus Red Team recorded of itself, and a stolen instance role of the Security Datasets. The organisation is our
//! simulator's, without attacks: 60 days are learnt, then each graft is judged in a run of its own from that baseline, which no run changes, among
//! everybody's calls from there to an hour after it. No history is copied and no two grafts meet, so nothing an attack left behind helps or hides
//! the next.
//!
//! The victims are chosen by rule: the CI user with the smallest repertoire (and of such the quietest), the busiest Terraform role, the busiest
//! instance role. How records are rewritten stands in `graft.rs`; a role asking for a federation token, which AWS would refuse, is grafted all the
//! same. A graft is found when a raised finding rests on it, by the strict credit of `score.rs`: at least half of the evidence's bits come from its events.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run programs and read what they wrote"
)]

#[path = "../src/graft.rs"]
mod graft;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use graft::{caller, graft, operation, recorded, seconds, time_of};
use offtrail_simulator::{AttackSet, Scale, Settings};
use offtrail_tests::{
    archive::{document, of, write},
    binary::{json, json_lines},
    neighbours::shared,
    offtrail,
};
use serde::Deserialize;
use serde_json::Value;

/// First day judged: 60 days from 2026-06-01 are learnt.
const LEARN_UNTIL: &str = "2026-07-31";
/// Days simulated: five more than are learnt, for victims that rest at first.
const DAYS: u32 = 65;
/// How long after a graft the organisation's calls are judged along, in seconds.
const AFTERWARDS: i64 = 3600;
/// Records in each file that is learnt.
const RECORDS_A_FILE: usize = 10_000;
/// Least share found, of the attacks with a call that is new to the victim.
const FOUND_MIN: f64 = 0.90;
/// Least share of those also told with the tactic they are named for. Two of thirteen are named otherwise than what incidents used the calls for:
/// RunInstances (execution there, impact and persistence in incidents) and reading a bucket (exfiltration there, collection in ATT&CK).
const TACTIC_MIN: f64 = 0.84;

/// An attack as it was recorded.
struct Technique {
    name: String,
    /// ATT&CK's number for the tactic it is named for.
    tactic: &'static str,
    records: Vec<Value>,
}

fn techniques() -> Option<Vec<Technique>> {
    let mut files: Vec<PathBuf> = fs::read_dir(shared("data/real/stratus")?)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.push(shared(
        "data/real/otrf/ec2_proxy_s3_exfiltration_2020-09-14011940.json",
    )?);
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        Technique {
            tactic: tactic(name),
            records: recorded(&fs::read_to_string(&file).unwrap()),
            name: name.trim_start_matches("aws.").to_owned(),
        }
    };
    Some(files.into_iter().map(read).collect())
}

fn tactic(name: &str) -> &'static str {
    let tactics = [
        ("initial-access", "TA0001"),
        ("execution", "TA0002"),
        ("persistence", "TA0003"),
        ("privilege-escalation", "TA0004"),
        ("defense-evasion", "TA0005"),
        ("credential-access", "TA0006"),
        ("discovery", "TA0007"),
        ("lateral-movement", "TA0008"),
        ("exfiltration", "TA0010"),
    ];
    let named = tactics.iter().find(|(word, _)| name.contains(word));
    named.unwrap_or_else(|| panic!("{name}: no tactic")).1
}

/// An organisation's records, parted where learning ends.
struct Organisation {
    /// What is learnt, each with its time in seconds, in order of time.
    before: Vec<(i64, String)>,
    /// What comes after, likewise.
    after: Vec<(i64, String)>,
    /// Who could be attacked, by unique id.
    principals: BTreeMap<String, Principal>,
}

/// What one principal did, signed by itself and with success.
#[derive(Default)]
struct Principal {
    name: String,
    /// Records, and calls as source and operation, among what is learnt.
    records: usize,
    calls: BTreeSet<(String, String)>,
    /// Its first record after that, by time.
    anchor: Option<(String, String)>,
}

/// As much of a record as choosing needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Glance {
    event_source: String,
    event_name: String,
    event_time: String,
    error_code: Option<String>,
    user_identity: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    principal_id: Option<String>,
    user_name: Option<String>,
    access_key_id: Option<String>,
    invoked_by: Option<String>,
    session_context: Option<Session>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_issuer: Option<Issuer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issuer {
    user_name: Option<String>,
}

impl Organisation {
    fn of(records: Vec<String>) -> Self {
        let mut all = Self {
            before: Vec::new(),
            after: Vec::new(),
            principals: BTreeMap::new(),
        };
        for record in records {
            let glance: Glance = serde_json::from_str(&record).unwrap();
            let time = glance.event_time.clone();
            all.note(glance, &record);
            if &*time < LEARN_UNTIL {
                all.before.push((seconds(&time), record));
            } else {
                all.after.push((seconds(&time), record));
            }
        }
        all.before.sort();
        all.after.sort();
        all
    }

    fn note(&mut self, glance: Glance, record: &str) {
        let identity = glance.user_identity;
        let issuer = identity.session_context.and_then(|it| it.session_issuer);
        let name = issuer.map_or(identity.user_name, |it| it.user_name);
        let signed = identity.access_key_id.is_some() && identity.invoked_by.is_none();
        let (Some(id), Some(name), true, None) =
            (identity.principal_id, name, signed, glance.error_code)
        else {
            return;
        };
        let id = id.split(':').next().unwrap().to_owned();
        let principal = self.principals.entry(id).or_default();
        principal.name = name;
        if &*glance.event_time < LEARN_UNTIL {
            let operation = operation(&glance.event_name).to_owned();
            principal.records += 1;
            principal.calls.insert((glance.event_source, operation));
            return;
        }
        let anchor = principal.anchor.as_ref();
        if anchor.is_none_or(|(first, _)| *first > glance.event_time) {
            principal.anchor = Some((glance.event_time, record.to_owned()));
        }
    }

    /// The three victims, by the rules in the header.
    fn victims(&self) -> [Victim<'_>; 3] {
        let named = |prefix: &'static str, is_kind: fn(&str) -> bool| {
            self.principals.iter().filter(move |(id, it)| {
                id.starts_with(prefix) && is_kind(&it.name) && it.anchor.is_some()
            })
        };
        let quiet = named("AIDA", |name| name.starts_with("ci-"))
            .min_by_key(|(_, it)| (it.calls.len(), it.records));
        let terraform =
            named("AROA", |name| name.starts_with("terraform-")).max_by_key(|(_, it)| it.records);
        let workload =
            named("AROA", |name| name.ends_with("-server")).max_by_key(|(_, it)| it.records);
        [
            Victim::of("quiet CI user", quiet, "PermanentKey"),
            Victim::of("busy Terraform role", terraform, "RoleSession"),
            Victim::of("workload role", workload, "RoleSession"),
        ]
    }
}

/// Who is attacked.
struct Victim<'o> {
    what: &'static str,
    id: &'o str,
    principal: &'o Principal,
    /// A record of its own just before the graft.
    anchor: Value,
    /// What its ordinary credential is called in a finding's type.
    artifact: &'static str,
}

impl<'o> Victim<'o> {
    fn of(
        what: &'static str,
        found: Option<(&'o String, &'o Principal)>,
        artifact: &'static str,
    ) -> Self {
        let (id, principal) = found.unwrap_or_else(|| panic!("no {what}"));
        Self {
            what,
            id,
            principal,
            anchor: json(&principal.anchor.as_ref().unwrap().1),
            artifact,
        }
    }

    /// Whether a record holds a call that the victim never made.
    fn is_new(&self, record: &Value) -> bool {
        let word = |key: &str| record[key].as_str().unwrap();
        let operation = operation(word("eventName")).to_owned();
        let call = (word("eventSource").to_owned(), operation);
        caller(record) == Some(self.id) && !self.principal.calls.contains(&call)
    }
}

/// What came of one graft.
struct Outcome {
    technique: String,
    /// Whether it has a call the victim never made.
    new_call: bool,
    /// The best finding that rests on it, in its last state.
    finding: Option<Value>,
    raised: bool,
    right_kind: bool,
    right_tactic: bool,
}

/// The finding that rests on the events of a graft and has the highest score.
fn resting_on(states: &[Value], graft: &[Value]) -> Option<Value> {
    let ids: BTreeSet<&str> = graft
        .iter()
        .map(|it| it["eventID"].as_str().unwrap())
        .collect();
    let rests = |state: &&Value| {
        let (mut own, mut all) = (0.0, 0.0);
        for evidence in state["evidence"].as_array().unwrap() {
            let bits = evidence["bits"].as_f64().unwrap();
            all += bits;
            if ids.contains(evidence["event_id"].as_str().unwrap()) {
                own += bits;
            }
        }
        own > 0.0 && own * 2.0 >= all
    };
    let score = |state: &Value| state["score"].as_f64().unwrap();
    let resting = states.iter().filter(rests);
    resting
        .max_by(|one, other| score(one).total_cmp(&score(other)))
        .cloned()
}

/// Where one graft is judged.
struct Bench<'b> {
    folder: &'b Path,
    baseline: &'b Path,
    organisation: &'b Organisation,
}

impl Bench<'_> {
    fn judge(&self, technique: &Technique, victim: &Victim<'_>) -> Outcome {
        let graft = graft(&technique.records, &victim.anchor);
        let until = time_of(graft.last().unwrap()) + AFTERWARDS;
        let others = self.organisation.after.iter();
        let mut all: Vec<(i64, String)> =
            others.filter(|(time, _)| *time < until).cloned().collect();
        all.extend(graft.iter().map(|it| (time_of(it), it.to_string())));
        all.sort_by_key(|(time, _)| *time);
        let all: Vec<String> = all.into_iter().map(|(_, record)| record).collect();
        let records = self.folder.join("grafted.json");
        fs::write(&records, document(&all)).unwrap();
        let told = offtrail!["detect", &records, "--baseline", self.baseline]
            .args(["--all", "--learn", "none", "--quiet", "--format", "jsonl"])
            .ok();
        let finding = resting_on(&json_lines(&told), &graft);
        // Nothing signs a sign-in; everything else is signed by what the victim always signs with.
        let is_sign_in = graft[0]["eventType"] == "AwsConsoleSignIn";
        let artifact = if is_sign_in {
            "NoCredential"
        } else {
            victim.artifact
        };
        Outcome {
            technique: technique.name.clone(),
            new_call: graft.iter().any(|it| victim.is_new(it)),
            raised: finding.as_ref().is_some_and(|it| it["raised"] == true),
            right_kind: finding
                .as_ref()
                .is_some_and(|it| text(&it["type"]).ends_with(&format!("!{artifact}"))),
            right_tactic: finding
                .as_ref()
                .is_some_and(|it| tactics(it).contains(technique.tactic)),
            finding,
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn tactics(finding: &Value) -> BTreeSet<&str> {
    let attack = items(&finding["attack"]).iter();
    attack.filter_map(|one| one["tactic"].as_str()).collect()
}

fn row(outcome: &Outcome) -> String {
    let yes = |is: bool| if is { "yes" } else { "NO" };
    let new_call = yes(outcome.new_call);
    let Some(finding) = &outcome.finding else {
        return format!("{:42.42} {new_call:8} no finding", outcome.technique);
    };
    let novelties = items(&finding["novelties"]).iter().map(|it| {
        let value = text(&it["value"]);
        format!("{} {value:.30} {}", text(&it["dimension"]), it["bits"])
    });
    format!(
        "{:42.42} {new_call:8} {:5.1} {:7} {:5} {:7} {} {:?} [{}]",
        outcome.technique,
        finding["score"].as_f64().unwrap(),
        yes(outcome.raised),
        yes(outcome.right_kind),
        yes(outcome.right_tactic),
        text(&finding["type"]),
        tactics(finding),
        novelties.collect::<Vec<_>>().join("; "),
    )
}

/// A table of the grafts onto one victim, and whether enough of them are found.
fn told(victim: &Victim<'_>, outcomes: &[Outcome]) -> (String, bool) {
    let mut lines = vec![
        format!(
            "{}: {} ({}), {} calls known, grafted at {}",
            victim.what,
            victim.principal.name,
            victim.id,
            victim.principal.calls.len(),
            text(&victim.anchor["eventTime"])
        ),
        format!(
            "{:42} {:8} {:>5} {:7} {:5} {:7}",
            "attack", "new call", "bits", "raised", "kind", "tactic"
        ),
    ];
    lines.extend(outcomes.iter().map(row));
    let new: Vec<&Outcome> = outcomes.iter().filter(|it| it.new_call).collect();
    let found = share(&new, |it| it.raised && it.right_kind);
    let tactic = share(&new, |it| it.raised && it.right_tactic);
    let findings = outcomes.iter().filter_map(|it| it.finding.as_ref());
    let thresholds: BTreeSet<String> = findings.map(|it| it["threshold"].to_string()).collect();
    lines.push(format!(
        "{} of {} have a new call; of these {found:.2} found, {tactic:.2} with the tactic; threshold {thresholds:?}\n",
        new.len(),
        outcomes.len()
    ));
    let enough = found >= FOUND_MIN && tactic >= TACTIC_MIN;
    (lines.join("\n"), enough)
}

fn share(outcomes: &[&Outcome], is: fn(&Outcome) -> bool) -> f64 {
    let count = outcomes.iter().filter(|it| is(it)).count();
    count as f64 / outcomes.len() as f64
}

#[test]
fn recorded_attacks_are_found_on_every_kind_of_victim() {
    let Some(techniques) = techniques() else {
        return;
    };
    let archive = of(&Settings {
        seed: 7,
        days: DAYS,
        scale: Scale::Small,
        attacks: AttackSet::None,
        ..Settings::default()
    });
    let organisation = Organisation::of(archive.records());
    let folder = tempfile::tempdir().unwrap();
    let baseline = folder.path().join("org.db");
    let learnt = folder.path().join("learnt");
    // Few large files in the place of thousands: the same records, read sooner.
    for (number, records) in organisation.before.chunks(RECORDS_A_FILE).enumerate() {
        let name = format!("{number:03}.json");
        let records: Vec<String> = records.iter().map(|(_, it)| it.clone()).collect();
        write(&learnt, [(&*name, &*document(&records))]);
    }
    offtrail!["backfill", &learnt, "--baseline", &baseline, "--quiet"].ok();
    let bench = Bench {
        folder: folder.path(),
        baseline: &baseline,
        organisation: &organisation,
    };
    let mut short = Vec::new();
    for victim in organisation.victims() {
        let judged = techniques.iter().map(|it| bench.judge(it, &victim));
        let outcomes: Vec<Outcome> = judged.collect();
        assert!(outcomes.iter().any(|it| it.new_call), "{}", victim.what);
        let (table, enough) = told(&victim, &outcomes);
        println!("{table}");
        if !enough {
            short.push(victim.what);
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}
