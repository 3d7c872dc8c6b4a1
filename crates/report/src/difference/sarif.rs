//! A difference as SARIF 2.1.0, for annotations beside the lines of a pull request:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>. Only what is new or changed has a line to stand beside.

use std::io::{self, Write};

use offtrail_baseline::Standing;
use offtrail_detector::catalogue::SensitivityClass;
use offtrail_event::{Fingerprint, OutcomeClass};
use serde_json::{Value, json};

use super::{Came, Difference, LineChange, PrincipalChange, Subject};
use crate::{inert::inert, words::principal_kind_words};

/// Results written, worst first; GitHub takes 25,000 of a run and shows 5,000.
pub const SARIF_RESULTS_MAX: usize = 5_000;

/// Rules: id, and what a result of it says.
const RULES: [(&str, &str); 4] = [
    (
        "new-principal",
        "A principal was not in the baseline before",
    ),
    (
        "new-call",
        "A principal makes a call it did not make before",
    ),
    (
        "new-value",
        "A principal was seen with a network, agent, role or target that is not simply learnt",
    ),
    (
        "changed-line",
        "A line of the baseline changed: its frequency class, its standing or a field",
    ),
];

/// Writes it. `root` goes before paths of files: the folder of the second text within the repository, with `/` between parts, or nothing.
///
/// # Errors
/// Those of the writer.
pub fn write_difference_sarif(
    out: &mut dyn Write,
    difference: &Difference,
    root: &str,
) -> io::Result<()> {
    let mut results: Vec<(u8, Value)> = Vec::new();
    for principal in difference
        .principals
        .iter()
        .filter(|one| one.fate != Came::Gone)
    {
        if principal.fate == Came::New {
            results.push(new_principal(principal, root));
        }
        for line in principal
            .lines
            .iter()
            .filter(|line| line.came != Came::Gone)
        {
            results.push(of_line(principal, line, root));
        }
    }
    // A stable sort: by level, then as the files have it.
    results.sort_by_key(|(level, _)| *level);
    let left_out = results.len().saturating_sub(SARIF_RESULTS_MAX);
    results.truncate(SARIF_RESULTS_MAX);
    let rules: Vec<Value> = RULES
        .iter()
        .map(|(id, text)| json!({"id": id, "shortDescription": {"text": text}}))
        .collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "offtrail",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "properties": {"resultsLeftOut": left_out},
            "results": results.into_iter().map(|(_, result)| result).collect::<Vec<_>>(),
        }]
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

fn new_principal(principal: &PrincipalChange, root: &str) -> (u8, Value) {
    let text = format!(
        "New {}: {}",
        principal_kind_words(principal.kind),
        inert(&principal.label)
    );
    result(
        0,
        (1, "warning"),
        (principal, principal.line, root),
        (text, "principal"),
    )
}

fn of_line(principal: &PrincipalChange, line: &LineChange, root: &str) -> (u8, Value) {
    let label = inert(&principal.label);
    let changes: Vec<_> = line.changes.iter().map(|text| inert(text)).collect();
    let standing = match line.standing {
        Standing::Learnt => String::new(),
        standing => format!(", {standing}"),
    };
    let (rule, level, text, subject) = match &line.subject {
        Subject::Call(call) => {
            let outcome = match call.outcome {
                OutcomeClass::Succeeded => String::new(),
                outcome => format!(", {outcome}"),
            };
            let shown = inert(&call.call);
            let subject = format!("{}\n{}", call.call, call.outcome);
            if line.came == Came::New {
                let class = call.class.name();
                let text = format!(
                    "{label} newly calls {shown}{outcome}: {class}, access {}, {} since {}{standing}",
                    call.access,
                    inert(&call.seen),
                    call.since
                );
                (1, level(call.class), text, subject)
            } else {
                let text = format!("{label}, {shown}{outcome}: {}", changes.join("; "));
                (3, (2, "note"), text, subject)
            }
        }
        Subject::Other { dimension, value } => {
            let what = dimension.replace('_', " ");
            let text = format!(
                "{label}, {what} {}{standing} {}",
                inert(value),
                changes.join("; ")
            );
            let rule = if line.came == Came::New { 2 } else { 3 };
            (rule, (2, "note"), text, format!("{dimension}\n{value}"))
        }
        Subject::Field(name) => {
            let text = format!("{label}, {name}: {}", changes.join("; "));
            (3, (2, "note"), text, (*name).to_owned())
        }
    };
    result(rule, level, (principal, line.line, root), (text, &subject))
}

fn level(class: SensitivityClass) -> (u8, &'static str) {
    match class {
        SensitivityClass::Severe => (0, "error"),
        SensitivityClass::Sensitive | SensitivityClass::IdentityOrCredentialRead => (1, "warning"),
        _ => (2, "note"),
    }
}

fn result(
    rule: usize,
    (rank, level): (u8, &'static str),
    (principal, line, root): (&PrincipalChange, usize, &str),
    (text, subject): (String, &str),
) -> (u8, Value) {
    let (id, _) = RULES[rule];
    let path = match root.trim_matches('/') {
        "" | "." => principal.path.clone(),
        root => format!("{root}/{}", principal.path),
    };
    let print = format!("{}\n{}\n{id}\n{subject}", principal.kind, principal.key);
    let value = json!({
        "ruleId": id,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": text.trim_end()},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": encoded(&path)},
            "region": {"startLine": line.max(1)},
        }}],
        "partialFingerprints": {"offtrail/v1": format!("{:016x}", Fingerprint::of(print.as_bytes()).0)},
    });
    (rank, value)
}

/// A path as a URI reference: everything but the unreserved characters of RFC 3986, `/` and `@` in per cent.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}
