//! A baseline as text: what people review in version control, and all of it as JSON Lines.
//!
//! Both depend on what was learnt and on nothing else: not on ids, not on the order or the split of learning. The review text
//! ([`review_files`]) leaves out what changes with every run (counts, last sightings), so that a difference between two
//! exports is news; [`json_lines`] leaves out nothing, so that equal lines mean equal baselines.
//! Formats: `docs/formats/baseline-export.md`.

mod frequency;
mod index;
mod lines;
mod path;
mod quote;
pub(crate) mod review;
mod ruled;

pub use frequency::Frequency;
pub use lines::json_lines;
pub(crate) use quote::is_unseen;

use std::collections::BTreeSet;

use offtrail_event::{PrincipalId, Vocabulary};

use crate::{Baseline, MaturityRule};

/// Version of both formats.
pub const EXPORT_FORMAT: u32 = 1;

/// One file of the review text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    /// Its path below the export folder: `/` between parts, which hold only `A-Z a-z 0-9 . _ @ + -` and never start with a
    /// dot. No two paths of an export are equal, not even to a file system that ignores case.
    pub path: String,
    /// Its text, ending in a newline.
    pub text: String,
}

/// The review text: one TOML file per principal and `index.md`, sorted by path. Texts are made as they are asked for.
pub fn review_files<'a>(
    baseline: &'a Baseline,
    words: &'a Vocabulary,
    rule: &'a MaturityRule,
) -> impl Iterator<Item = ExportFile> + 'a {
    let mut files: Vec<(String, Option<PrincipalId>)> = principal_paths(baseline, words)
        .map(|(path, id)| (path, Some(id)))
        .collect();
    files.push(("index.md".to_owned(), None));
    files.sort();
    files.into_iter().map(move |(path, principal)| {
        let text = match principal {
            Some(id) => review::text(baseline, words, (id, rule)),
            None => index::text(baseline, words, rule),
        };
        ExportFile { path, text }
    })
}

/// Every profile's id, in an order that depends on texts only.
fn in_order(baseline: &Baseline, words: &Vocabulary) -> Vec<PrincipalId> {
    let mut ids: Vec<PrincipalId> = baseline.iter().map(|(id, _)| id).collect();
    ids.sort_by_cached_key(|id| {
        let name = words.principal(*id);
        (name.account, name.kind.as_str(), name.id, name.person)
    });
    ids
}

fn principal_paths<'a>(
    baseline: &'a Baseline,
    words: &'a Vocabulary,
) -> impl Iterator<Item = (String, PrincipalId)> + 'a {
    let mut taken = BTreeSet::new();
    in_order(baseline, words).into_iter().map(move |id| {
        let path = path::of(&words.principal(id), |path| {
            taken.insert(path.to_ascii_lowercase())
        });
        (path, id)
    })
}
