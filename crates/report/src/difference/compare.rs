//! The comparison itself, principal by principal and line by line.

use std::collections::BTreeMap;

use offtrail_baseline::{
    Standing,
    review::{CallLine, LineReview, PrincipalLine, ReviewFile, Said, ValueLine},
};
use offtrail_detector::catalogue::Catalogue;

use super::{CallSubject, Came, Difference, LineChange, PrincipalChange, Subject};
use crate::review::Known;

/// Review files of one side, by path.
pub type Side = BTreeMap<String, ReviewFile>;

/// What came, went and changed from one review text to another.
#[must_use]
pub fn compare_reviews(before: &Side, after: &Side, catalogue: &Catalogue) -> Difference {
    let old: BTreeMap<_, _> = before
        .iter()
        .map(|(path, file)| (identity(&file.principal), (path, file)))
        .collect();
    let new: BTreeMap<_, _> = after
        .iter()
        .map(|(path, file)| (identity(&file.principal), (path, file)))
        .collect();
    let mut principals: Vec<PrincipalChange> = new
        .iter()
        .filter_map(|(who, (path, file))| {
            let old = old.get(who).map(|(_, file)| *file);
            let lines = match old {
                Some(old) => changed_lines(old, file, catalogue),
                None => new_lines(file, catalogue),
            };
            let fate = old.map_or(Came::New, |_| Came::Changed);
            (fate == Came::New || !lines.is_empty()).then(|| PrincipalChange {
                lines,
                line: file.principal.line,
                ..of_principal(path, file, fate)
            })
        })
        .collect();
    let gone = old.iter().filter(|(who, _)| !new.contains_key(*who));
    principals.extend(gone.map(|(_, (path, file))| of_principal(path, file, Came::Gone)));
    principals.sort_by(|a, b| (&a.path, &a.key).cmp(&(&b.path, &b.key)));
    Difference { principals }
}

type Identity<'a> = (&'static str, &'a str, &'a str, Option<&'a str>);

fn identity(line: &PrincipalLine) -> Identity<'_> {
    (
        line.kind.as_str(),
        &line.account,
        &line.id,
        line.person.as_deref(),
    )
}

fn of_principal(path: &str, file: &ReviewFile, fate: Came) -> PrincipalChange {
    let line = &file.principal;
    let name = if line.name.is_empty() {
        &line.id
    } else {
        &line.name
    };
    let key = format!("{}/{}", line.account, line.id);
    let (key, label) = match &line.person {
        Some(person) => (format!("{key}#{person}"), format!("{person} ({name})")),
        None => (key, name.clone()),
    };
    PrincipalChange {
        path: path.to_owned(),
        key,
        label,
        kind: line.kind.as_str(),
        fate,
        line: 0,
        lines: Vec::new(),
    }
}

fn new_lines(file: &ReviewFile, catalogue: &Catalogue) -> Vec<LineChange> {
    let calls = file
        .calls
        .iter()
        .map(|line| call(line, Came::New, catalogue));
    let others = file.others.iter().map(|line| other(line, Came::New));
    calls.chain(others).collect()
}

fn changed_lines(old: &ReviewFile, new: &ReviewFile, catalogue: &Catalogue) -> Vec<LineChange> {
    let mut lines = fields(old, new);
    let call_key = |line: &CallLine| (line.call.clone(), line.source.clone(), line.outcome);
    let pairs = paired(&old.calls, &new.calls, call_key);
    lines.extend(pairs.into_iter().filter_map(|pair| match pair {
        (None, Some(line)) => Some(call(line, Came::New, catalogue)),
        (Some(line), None) => Some(call(line, Came::Gone, catalogue)),
        (Some(old), Some(new)) => {
            let mut changes = Vec::new();
            change(&mut changes, "seen", &old.seen, &new.seen);
            change(
                &mut changes,
                "since",
                &old.since.to_string(),
                &new.since.to_string(),
            );
            review_changes(&mut changes, &old.review, &new.review);
            (!changes.is_empty()).then(|| LineChange {
                changes,
                ..call(new, Came::Changed, catalogue)
            })
        }
        (None, None) => None,
    }));
    let value_key = |line: &ValueLine| (line.dimension, line.value.clone());
    let pairs = paired(&old.others, &new.others, value_key);
    lines.extend(pairs.into_iter().filter_map(|pair| match pair {
        (None, Some(line)) => Some(other(line, Came::New)),
        (Some(line), None) => Some(other(line, Came::Gone)),
        (Some(old), Some(new)) => {
            let mut changes = Vec::new();
            change(
                &mut changes,
                "since",
                &old.since.to_string(),
                &new.since.to_string(),
            );
            review_changes(&mut changes, &old.review, &new.review);
            (!changes.is_empty()).then(|| LineChange {
                changes,
                ..other(new, Came::Changed)
            })
        }
        (None, None) => None,
    }));
    lines
}

/// Lines of the same key together, sorted by key.
fn paired<'a, L, K: Ord>(
    old: &'a [L],
    new: &'a [L],
    key: impl Fn(&L) -> K,
) -> Vec<(Option<&'a L>, Option<&'a L>)> {
    let mut pairs: BTreeMap<K, (Option<&L>, Option<&L>)> = BTreeMap::new();
    for line in old {
        pairs.entry(key(line)).or_default().0 = Some(line);
    }
    for line in new {
        pairs.entry(key(line)).or_default().1 = Some(line);
    }
    pairs.into_values().collect()
}

fn call(line: &CallLine, came: Came, catalogue: &Catalogue) -> LineChange {
    let known = Known::of(line, catalogue);
    let call = match line.source.as_str() {
        "" => line.call.clone(),
        source => format!("{} of {source}", line.call),
    };
    LineChange {
        came,
        subject: Subject::Call(CallSubject {
            call,
            outcome: line.outcome,
            since: line.since,
            seen: line.seen.clone(),
            access: known.access(),
            class: known.class,
        }),
        line: if came == Came::Gone { 0 } else { line.line },
        standing: line.review.standing,
        changes: Vec::new(),
    }
}

fn other(line: &ValueLine, came: Came) -> LineChange {
    LineChange {
        came,
        subject: Subject::Other {
            dimension: line.dimension.as_str(),
            value: line.value.clone(),
        },
        line: if came == Came::Gone { 0 } else { line.line },
        standing: line.review.standing,
        changes: Vec::new(),
    }
}

/// What differs above the calls, and in purpose and expectations.
fn fields(old: &ReviewFile, new: &ReviewFile) -> Vec<LineChange> {
    let mut lines = Vec::new();
    let mut field = |name: &'static str, line: usize, from: &str, to: &str| {
        let mut changes = Vec::new();
        change(&mut changes, "", from, to);
        if !changes.is_empty() {
            lines.push(LineChange {
                came: Came::Changed,
                subject: Subject::Field(name),
                line,
                standing: Standing::Learnt,
                changes,
            });
        }
    };
    let at = new.principal.line;
    field("name", at, &old.principal.name, &new.principal.name);
    field("arn", at, &old.principal.arn, &new.principal.arn);
    field("maturity", at, &old.maturity, &new.maturity);
    let joined = |texts: &[String]| texts.join(" ");
    field(
        "credentials",
        at,
        &joined(&old.credentials),
        &joined(&new.credentials),
    );
    field("traits", at, &joined(&old.traits), &joined(&new.traits));
    let purpose = |file: &ReviewFile| {
        file.purpose.as_ref().map_or_else(String::new, |purpose| {
            let only: Vec<_> = purpose.only.iter().map(|one| one.as_str()).collect();
            let severity = purpose.severity.map(|one| one.as_str());
            let words = [
                purpose.text.as_str(),
                &only.join(" "),
                severity.unwrap_or_default(),
            ];
            format!("{}{}", words.join("; "), said(&purpose.said))
        })
    };
    let line = new.purpose.as_ref().map_or(at, |purpose| purpose.line);
    field("purpose", line, &purpose(old), &purpose(new));
    let expected = |file: &ReviewFile| {
        let each = file.expectations.iter().map(|one| {
            let calls: Vec<_> = one.calls.iter().map(|call| call.as_str()).collect();
            let list = |numbers: Vec<u8>| {
                let texts: Vec<_> = numbers.iter().map(u8::to_string).collect();
                texts.join(",")
            };
            format!(
                "{} in months {} on days {}{}",
                calls.join(" "),
                list(one.season.months().collect()),
                list(one.season.days().collect()),
                said(&one.said)
            )
        });
        each.collect::<Vec<_>>().join("; ")
    };
    let line = new.expectations.first().map_or(at, |one| one.line);
    field("expect", line, &expected(old), &expected(new));
    lines
}

fn review_changes(changes: &mut Vec<String>, old: &LineReview, new: &LineReview) {
    change(
        changes,
        "standing",
        old.standing.as_str(),
        new.standing.as_str(),
    );
    let severity = |review: &LineReview| review.severity.map_or("", |one| one.as_str());
    change(changes, "severity", severity(old), severity(new));
    change(changes, "ruling", &said(&old.said), &said(&new.said));
}

fn said(said: &Said) -> String {
    let mut text = String::new();
    let parts = [
        (" by ", said.by.clone()),
        (" on ", said.on.map(|day| day.to_string())),
        (" until ", said.until.map(|day| day.to_string())),
        (": ", said.reason.clone()),
    ];
    for (word, part) in parts {
        if let Some(part) = part {
            text += word;
            text += &part;
        }
    }
    text.trim_start_matches([':', ' ']).to_owned()
}

fn change(changes: &mut Vec<String>, what: &str, from: &str, to: &str) {
    if from == to {
        return;
    }
    let shown = |text: &str| match text.trim() {
        "" => "nothing".to_owned(),
        text => text.to_owned(),
    };
    let (from, to) = (shown(from), shown(to));
    let what = if what.is_empty() {
        String::new()
    } else {
        format!("{what} ")
    };
    changes.push(format!("{what}{from} → {to}"));
}
