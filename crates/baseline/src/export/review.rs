//! The review text of one principal: what it is, then one line per call and outcome.
//!
//! TOML, because a reviewer and a parser read it the same way: every text is quoted, so that no name turns into a number, a
//! truth value or a comment, and one line of an array is one line of a difference.

use std::fmt::Write;

use offtrail_event::{
    CallId, OutcomeClass, PrincipalId, PrincipalName, TextId, Timestamp, Vocabulary,
};

use super::{EXPORT_FORMAT, Frequency, quote, ruled};
use crate::{
    Baseline, CallRow, Dimension, FacetRow, MaturityRule, MaturityState, PrincipalRulings, Profile,
    RuledLine, Standing,
};

/// The words for [`offtrail_event::Traits`], by bit.
const TRAIT_WORDS: [&str; 12] = [
    "console",
    "mfa",
    "ci_federation",
    "cluster_federation",
    "web_federation",
    "saml_federation",
    "instance",
    "assumed_by_service",
    "assumed_by_other_account",
    "assumed_within_account",
    "permanent_key",
    "seen_from_outside",
];

/// The text of one file.
pub(super) fn text(
    baseline: &Baseline,
    words: &Vocabulary,
    (id, rule): (PrincipalId, &MaturityRule),
) -> String {
    let Some(profile) = baseline.profile(id) else {
        return String::new();
    };
    let mut out = format!("format = {EXPORT_FORMAT}\n");
    head(&mut out, &words.principal(id));
    line(
        &mut out,
        "maturity",
        state(baseline, profile, rule).as_str(),
    );
    list(&mut out, "credentials", &credentials(profile, words));
    list(&mut out, "traits", &traits(profile));
    let none = PrincipalRulings::default();
    let rulings = baseline.rulings.of(id).unwrap_or(&none);
    let calls = profile.calls().iter();
    let calls = sorted(calls.map(|row| call_line(row, (profile, rulings), words)));
    array(&mut out, "calls", calls);
    let held = profile
        .facets()
        .iter()
        .filter(|row| row.standing != Standing::Learnt);
    let held = sorted(held.map(|row| facet_line(row, rulings, words)));
    if !held.is_empty() {
        array(&mut out, "others", held);
    }
    ruled::tables(&mut out, rulings);
    out
}

/// Maturity at the end of the window.
pub(crate) fn state(baseline: &Baseline, profile: &Profile, rule: &MaturityRule) -> MaturityState {
    let now = baseline
        .window
        .0
        .or(profile.seen)
        .map_or(Timestamp::MIN, |(_, until)| until);
    rule.apply(profile, now).state
}

fn head(out: &mut String, name: &PrincipalName) {
    line(out, "kind", name.kind.as_str());
    line(out, "account", &name.account);
    line(out, "id", &name.id);
    for (key, text) in [("name", &name.name), ("arn", &name.arn)] {
        if !text.is_empty() {
            line(out, key, text);
        }
    }
    if let Some(person) = &name.person {
        line(out, "person", person);
    }
}

pub(super) fn line(out: &mut String, key: &str, text: &str) {
    let _ = writeln!(out, "{key} = {}", quote::toml(text));
}

pub(super) fn list(out: &mut String, key: &str, texts: &[String]) {
    let texts: Vec<_> = texts.iter().map(|text| quote::toml(text)).collect();
    let _ = writeln!(out, "{key} = [{}]", texts.join(", "));
}

fn array(out: &mut String, key: &str, lines: Vec<String>) {
    let _ = write!(out, "\n{key} = [\n");
    for line in lines {
        let _ = writeln!(out, "  {{ {line} }},");
    }
    out.push_str("]\n");
}

/// Lines in the order of their keys.
fn sorted<K: Ord>(lines: impl Iterator<Item = (K, String)>) -> Vec<String> {
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

pub(crate) fn credentials(profile: &Profile, words: &Vocabulary) -> Vec<String> {
    let seen = profile.facets_of(Dimension::Credential);
    let mut kinds: Vec<String> = seen
        .map(|row| words.text(TextId(row.value)).to_string())
        .collect();
    kinds.sort();
    kinds
}

/// The words for what records told of a principal's nature.
pub(crate) fn traits(profile: &Profile) -> Vec<String> {
    (0..16)
        .filter(|bit| profile.traits.0 >> bit & 1 == 1)
        .map(|bit| {
            TRAIT_WORDS
                .get(bit)
                .map_or_else(|| format!("bit_{bit}"), |word| (*word).to_owned())
        })
        .collect()
}

/// What tells call lines apart: call, outcome, and the event source where the call doesn't tell it.
pub(crate) fn call_key(row: &CallRow, words: &Vocabulary) -> (String, OutcomeClass, String) {
    let source = unstated_source(row.call(), words).unwrap_or_default();
    (words.call_text(row.call()), row.outcome(), source)
}

fn call_line(
    row: &CallRow,
    (profile, rulings): (&Profile, &PrincipalRulings),
    words: &Vocabulary,
) -> ((String, OutcomeClass, String), String) {
    let (call, outcome, source) = call_key(row, words);
    let mut line = format!("call = {}", quote::toml(&call));
    if !source.is_empty() {
        let _ = write!(line, ", source = {}", quote::toml(&source));
    }
    let _ = write!(
        line,
        ", since = {}, seen = \"{}\"",
        row.first.day(),
        Frequency::of(row, profile)
    );
    if outcome != OutcomeClass::Succeeded {
        let _ = write!(line, ", outcome = \"{outcome}\"");
    }
    let ruling = rulings.lines.get(&RuledLine::Call(row.call(), outcome));
    if row.standing() != Standing::Learnt {
        ruled::standing(&mut line, row.standing(), ruling);
    }
    ((call, outcome, source), line)
}

/// The event source, where the written call does not tell it: `iam:X` stands for `iam.amazonaws.com`, `example.org:X` for
/// `example.org`, anything else needs to be said.
fn unstated_source(call: CallId, words: &Vocabulary) -> Option<String> {
    let (source, _) = words.call(call);
    let label = source.strip_suffix(".amazonaws.com");
    let plain = match label {
        Some(label) => !label.is_empty() && !label.contains(['.', ':']),
        None => source.contains('.') && !source.contains(':'),
    };
    (!plain).then(|| source.to_string())
}

/// The value of a row of another dimension as a text; of a role its key.
pub(crate) fn value_text(row: &FacetRow, words: &Vocabulary) -> String {
    match row.dimension {
        Dimension::Takes => words.principal(PrincipalId(row.value)).key(),
        _ => words.text(TextId(row.value)).to_string(),
    }
}

fn facet_line(
    row: &FacetRow,
    rulings: &PrincipalRulings,
    words: &Vocabulary,
) -> ((&'static str, String), String) {
    let dimension = row.dimension.as_str();
    let value = value_text(row, words);
    let mut line = format!(
        "{dimension} = {}, since = {}",
        quote::toml(&value),
        row.first.day()
    );
    let ruling = rulings
        .lines
        .get(&RuledLine::Value(row.dimension, row.value));
    ruled::standing(&mut line, row.standing, ruling);
    ((dimension, value), line)
}
