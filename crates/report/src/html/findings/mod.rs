//! The page of findings: an overview that stands in the file as it is read, and a list with filters and a view of each finding that a script of ours
//! draws when asked (`docs/decisions/0004-charts.md`).
//!
//! A page of thousands of findings must stay small and open at once. So the list's data ([`index`]) and the details ([`details`], [`profiles`]) are
//! JSON, packed (raw DEFLATE, RFC 1951, which browsers unpack themselves) and unpacked when needed. Every text in them has passed
//! [`crate::inert`]; the script sets texts, never markup.

mod details;
mod index;
mod overview;
mod profiles;

use std::io::{self, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::DeflateEncoder};
use offtrail_baseline::Baseline;
use offtrail_event::Vocabulary;
use serde::Serialize;

pub use details::EVIDENCE_IN_PAGE_MAX;
pub use profiles::PROFILES_IN_PAGE_MAX;

use super::shell::{Moving, moving_page};
use crate::{FindingV1, sort_findings};

/// Most findings of a page, worst first.
pub const FINDINGS_IN_PAGE_MAX: usize = 20_000;

/// What a page should weigh at most, in bytes: details of a finding are left out until it fits, evidence first.
pub const PAGE_BYTES_AIM: usize = 4_500_000;

/// The style and the script of this page, with their digests.
const STYLE: (&str, &str) = (
    include_str!("report.css"),
    "F69DKhk25vVmCJVNfeMorB71NqpaiqIIcVpmh5PIQGw=",
);
const SCRIPT: (&str, &str) = (
    concat!(
        include_str!("base.js"),
        include_str!("charts.js"),
        include_str!("list.js"),
        include_str!("finding.js"),
    ),
    "l8U0WEcckdqACCGqqmQ4coghtE48N3TF04oVGa/MRbE=",
);

/// What is known of the principals: a baseline and the words of its ids.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The words.
    pub words: &'a Vocabulary,
    /// The profiles.
    pub baseline: &'a Baseline,
}

/// What a page of findings is made of.
#[derive(Clone, Debug)]
pub struct FindingsPage<'a> {
    /// The last state of each finding, in any order.
    pub findings: Vec<FindingV1>,
    /// Where the findings lie, as the reader would name it in a command.
    pub findings_path: &'a str,
    /// The baseline, if there is one, and how the reader would name it in a command.
    pub known: Option<(Known<'a>, &'a str)>,
}

/// Writes the page.
///
/// # Errors
/// Those of the writer.
pub fn write_findings_page(out: &mut dyn io::Write, page: FindingsPage<'_>) -> io::Result<()> {
    let mut findings = page.findings;
    sort_findings(&mut findings);
    let left_out = findings.len().saturating_sub(FINDINGS_IN_PAGE_MAX);
    findings.truncate(FINDINGS_IN_PAGE_MAX);
    let overview = overview::Overview::of(&findings, left_out);

    let profiles = page
        .known
        .map(|(known, _)| profiles::profiles(&findings, known));
    let index = index::index(&findings);
    let [index, profiles] = [packed(&index)?, packed(&profiles)?];
    let room = PAGE_BYTES_AIM.saturating_sub(index.len() + profiles.len());
    let data = Data {
        findings_path: page.findings_path,
        baseline_path: page.known.map(|(_, path)| path),
        block: details::BLOCK,
        details: details::details(&findings, room)?,
        index,
        profiles,
    };
    let moving = Moving {
        style: STYLE,
        script: SCRIPT,
        data: &script_safe(&serde_json::to_string(&data)?),
    };
    let page = moving_page(&overview.title(), &overview.body(), &moving);
    out.write_all(page.into_string().as_bytes())
}

/// What the script reads. `index`, `profiles` and each of `details` are packed.
#[derive(Serialize)]
struct Data<'a> {
    findings_path: &'a str,
    baseline_path: Option<&'a str>,
    /// Findings whose details lie in one element of `details`.
    block: usize,
    index: String,
    profiles: String,
    details: Vec<String>,
}

/// JSON, deflated and written in base64.
fn packed(value: &impl Serialize) -> io::Result<String> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    serde_json::to_writer(&mut encoder, value)?;
    encoder.flush()?;
    Ok(STANDARD.encode(encoder.finish()?))
}

/// JSON that can't end or open an element, nor break a line of script: such characters as escapes.
fn script_safe(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                safe.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_style_and_script() {
        for (text, digest) in [STYLE, SCRIPT] {
            let right = STANDARD.encode(Sha256::digest(text));
            assert_eq!(digest, right, "changed; write the right digest beside it");
            for word in [
                "url(",
                "@import",
                "</",
                "<!--",
                "innerHTML",
                "http:",
                "https:",
            ] {
                let word_allowed = word == "http:" && text.contains("http://www.w3.org/2000/svg");
                assert!(word_allowed || !text.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn json_in_a_page_is_inert() {
        let hostile = serde_json::to_string("</script><!--&\u{2028}").unwrap();
        let safe = script_safe(&hostile);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        let back: String = serde_json::from_str(&safe).unwrap();
        assert_eq!(back, "</script><!--&\u{2028}");
    }
}
