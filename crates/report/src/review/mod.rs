//! The review text in other forms: JSON, CSV and Markdown, each made from the file that a reviewer reads, so that all tell the same.
//!
//! Names come from whoever made the call. JSON escapes what shows nothing, CSV also what a spreadsheet would compute, Markdown puts every
//! text from outside between backticks, without the characters that could end them or begin HTML.

mod csv;
mod json;
mod markdown;

pub use csv::{CALL_COLUMNS, CsvExport, PRINCIPAL_COLUMNS};
pub use json::{REVIEW_VERSION, review_json};
pub use markdown::review_markdown;

pub(crate) use json::escaped;
pub(crate) use markdown::code;

use offtrail_baseline::review::CallLine;
use offtrail_detector::catalogue::{AccessLevel, Catalogue, Facts, SensitivityClass};

/// What the catalogue says of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) facts: Facts,
    pub(crate) class: SensitivityClass,
}

impl Known {
    /// Of a call of a review text.
    pub(crate) fn of(line: &CallLine, catalogue: &Catalogue) -> Self {
        let (label, operation) = match line.source.as_str() {
            "" => line.call.split_once(':').unwrap_or((&line.call, "")),
            source => {
                let label = source.strip_suffix(".amazonaws.com").unwrap_or(source);
                let operation = line.call.strip_prefix(label);
                let operation = operation.and_then(|rest| rest.strip_prefix(':'));
                (source, operation.unwrap_or(&line.call))
            }
        };
        Self {
            facts: catalogue.facts(label, operation, None),
            class: catalogue.sensitivity(label, operation, None).class,
        }
    }

    /// The access levels: words of IAM in lower case, the mildest first, joined by `+`; `unknown`.
    pub(crate) fn access(&self) -> String {
        let words = [
            (AccessLevel::List, "list"),
            (AccessLevel::Read, "read"),
            (AccessLevel::Tagging, "tagging"),
            (AccessLevel::Write, "write"),
            (AccessLevel::PermissionsManagement, "permissions"),
        ];
        let levels: Vec<&str> = words
            .iter()
            .filter(|(level, _)| self.facts.access.contains(*level))
            .map(|(_, word)| *word)
            .collect();
        if levels.is_empty() {
            "unknown".to_owned()
        } else {
            levels.join("+")
        }
    }
}
