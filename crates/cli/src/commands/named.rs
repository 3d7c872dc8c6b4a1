//! Finding a principal by what people call it: key, ARN, unique id, name or person.

use std::{
    io::{self, Write},
    path::Path,
};

use offtrail_baseline::Baseline;
use offtrail_event::{PrincipalId, PrincipalName, Vocabulary};
use offtrail_report::inert;

/// Things listed where a name fits several.
pub(crate) const MATCHES_SHOWN_MAX: usize = 50;

/// Principals of that name; where there is none, those that contain it. Sorted by key.
pub(crate) fn principals_of(
    baseline: &Baseline,
    words: &Vocabulary,
    what: &str,
) -> Vec<(PrincipalName, PrincipalId)> {
    let all: Vec<_> = baseline
        .iter()
        .map(|(id, _)| (words.principal(id), id))
        .collect();
    let matching = |fits: &dyn Fn(&str) -> bool| {
        let mut found: Vec<_> = all
            .iter()
            .filter(|(name, _)| names(name).iter().any(|text| fits(text)))
            .cloned()
            .collect();
        found.sort_by_cached_key(|(name, _)| (name.key(), name.kind.as_str()));
        found
    };
    let exact = matching(&|text| text == what);
    if !exact.is_empty() || what.is_empty() {
        return exact;
    }
    let lower = what.to_lowercase();
    matching(&|text| text.to_lowercase().contains(&lower))
}

fn names(name: &PrincipalName) -> [String; 6] {
    let person = name.person.as_deref().unwrap_or_default();
    [
        name.key(),
        name.label(),
        name.id.to_string(),
        name.arn.to_string(),
        name.name.to_string(),
        person.to_owned(),
    ]
}

/// The one principal found; else the error, after a list of those it may be on standard error. `doing`: `policy of "ci"`; `path`: of the baseline.
///
/// # Errors
/// None was found, or several.
pub(crate) fn the_one(
    mut found: Vec<(PrincipalName, PrincipalId)>,
    (doing, path): (&str, &Path),
) -> anyhow::Result<(PrincipalName, PrincipalId)> {
    if found.len() == 1 {
        return Ok(found.remove(0));
    }
    Err(not_one(&found, (doing, path), &mut io::stderr().lock())?)
}

/// Why what was found is not one principal; lists those it may be.
///
/// # Errors
/// The list can't be written.
pub(crate) fn not_one(
    found: &[(PrincipalName, PrincipalId)],
    (doing, path): (&str, &Path),
    list: &mut impl Write,
) -> io::Result<anyhow::Error> {
    if found.is_empty() {
        return Ok(anyhow::anyhow!(
            "{doing}: no such principal in {path:?}; see `offtrail baseline show --baseline {} --top 1000`",
            path.display()
        ));
    }
    for (name, _) in found.iter().take(MATCHES_SHOWN_MAX) {
        let [key, label] = [name.key(), name.label()].map(|text| inert(&text).into_owned());
        writeln!(list, "{:<22}  {key}  {label}", name.kind.as_str())?;
    }
    Ok(anyhow::anyhow!(
        "{doing}: {} principals are called so; give the key or the ARN of one",
        found.len()
    ))
}
