//! What leaves the binary, held to the formats that users rely on: the keys of `observation-v1` and `finding-v1`, and their closed words.

use serde_json::Value;

const PRINCIPAL: &[&str] = &["kind", "account", "id", "arn", "name", "person"];
const CREDENTIAL: &[&str] = &[
    "kind",
    "access_key_id",
    "session_name",
    "created",
    "mfa",
    "source_identity",
];
const PRINCIPAL_KINDS: &str = "root iam_user role federated_user saml_user web_identity_user identity_center_user aws_service foreign_account unrecognised";
const CREDENTIAL_KINDS: &str =
    "permanent_key user_session role_session console forward_access service none unrecognised";

/// Holds a line to `observation-v1`.
///
/// # Panics
/// A key is missing or unknown, or a word is not of its list.
pub fn assert_is_observation(line: &Value) {
    let mut keys = vec![
        "version",
        "event_id",
        "time",
        "account",
        "region",
        "call",
        "outcome",
        "principal",
        "credential",
        "origin",
        "read_only",
        "category",
        "via_service",
        "provenance",
    ];
    if let Some(network) = line.get("network") {
        keys.push("network");
        has_exactly(network, &["value", "announced_by"]);
    }
    has_exactly(line, &keys);
    has_exactly(&line["call"], &["source", "name", "operation"]);
    has_exactly(&line["outcome"], &["class", "code"]);
    has_exactly(&line["principal"], PRINCIPAL);
    has_exactly(&line["credential"], CREDENTIAL);
    has_exactly(
        &line["origin"],
        &["kind", "address", "service", "user_agent"],
    );
    is_one_of(&line["outcome"]["class"], "succeeded denied failed");
    is_one_of(&line["principal"]["kind"], PRINCIPAL_KINDS);
    is_one_of(&line["credential"]["kind"], CREDENTIAL_KINDS);
    is_one_of(&line["origin"]["kind"], "address service internal");
    is_one_of(&line["category"], "management data network insight");
    is_time(&line["time"]);
    assert_eq!(line["version"], 1);
}

/// Holds a line to `finding-v1`. Keys may have been added, none may be missing.
///
/// # Panics
/// A key is missing, a word is not of its list, or a number is out of range.
pub fn assert_is_finding(line: &Value) {
    has(
        line,
        &[
            "version",
            "id",
            "type",
            "time",
            "opened",
            "severity",
            "score",
            "title",
            "summary",
            "principal",
            "credential",
            "lineage",
            "novelties",
            "evidence",
            "baseline",
            "attack",
            "guardduty",
            "harmless_if",
            "next_steps",
            "raised",
            "suppressed_by",
        ],
    );
    has(&line["principal"], PRINCIPAL);
    has(&line["credential"], CREDENTIAL);
    for link in items(line, "lineage") {
        has(link, &["credential", "minted", "by", "event_id", "time"]);
    }
    for novelty in items(line, "novelties") {
        has(
            novelty,
            &[
                "dimension",
                "value",
                "class",
                "principal_count",
                "principal_calls",
                "principal_days",
                "peers",
                "account",
                "bits",
            ],
        );
        is_one_of(&novelty["class"], "unseen rare infrequent frequent");
        has(&novelty["account"], &["principals", "seen_by"]);
        if !novelty["peers"].is_null() {
            has(&novelty["peers"], &["group", "size", "seen_by"]);
        }
        is_bits(&novelty["bits"]);
    }
    for evidence in items(line, "evidence") {
        has(
            evidence,
            &[
                "event_id",
                "time",
                "call",
                "outcome",
                "region",
                "address",
                "user_agent",
                "bits",
                "why",
            ],
        );
        is_one_of(&evidence["outcome"], "succeeded denied failed");
        is_bits(&evidence["bits"]);
        is_time(&evidence["time"]);
    }
    for technique in items(line, "attack") {
        has(technique, &["tactic", "technique", "attack_version"]);
    }
    has(
        &line["baseline"],
        &["since", "until", "maturity", "coverage", "settings"],
    );
    is_one_of(&line["baseline"]["maturity"], "learning established stale");
    is_one_of(&line["severity"], "low medium high critical");
    is_one_of(&line["principal"]["kind"], PRINCIPAL_KINDS);
    is_one_of(&line["credential"]["kind"], CREDENTIAL_KINDS);
    is_bits(&line["score"]);
    is_time(&line["time"]);
    is_time(&line["opened"]);
    assert!(
        line["raised"].is_boolean() && line["version"] == 1,
        "{line}"
    );
    assert!(!items(line, "evidence").is_empty(), "{line}");
    // ThreatPurpose:ResourceTypeAffected/ThreatFamilyName.DetectionMechanism!Artifact
    let rest = text(&line["type"]).split_once(':').map(|(_, rest)| rest);
    let parts = rest.and_then(|rest| rest.split_once('/')?.1.split_once('.')?.1.split_once('!'));
    assert!(
        parts.is_some_and(|(mechanism, artifact)| !mechanism.is_empty() && !artifact.is_empty()),
        "{}",
        line["type"]
    );
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn items<'v>(line: &'v Value, key: &str) -> &'v [Value] {
    line[key]
        .as_array()
        .unwrap_or_else(|| panic!("{key} is no list: {line}"))
}

fn has(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "no {key} in {value}");
    }
}

fn has_exactly(value: &Value, keys: &[&str]) {
    has(value, keys);
    assert_eq!(
        value.as_object().map(serde_json::Map::len),
        Some(keys.len()),
        "{value}"
    );
}

fn is_one_of(value: &Value, words: &str) {
    assert!(
        words.split(' ').any(|word| *value == word),
        "{value}, not one of {words}"
    );
}

fn is_bits(value: &Value) {
    assert!(
        value.as_f64().is_some_and(|bits| bits >= 0.0),
        "{value} is no number of bits"
    );
}

fn is_time(value: &Value) {
    let time = text(value).as_bytes();
    assert!(
        time.len() == 20 && time[10] == b'T' && time[19] == b'Z',
        "{value} is no time"
    );
}
