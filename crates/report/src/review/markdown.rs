//! A review file as Markdown: tables, for reading in a browser of code.

use std::fmt::Write;

use offtrail_baseline::{
    Standing,
    review::{LineReview, ReviewFile, Said},
};
use offtrail_detector::catalogue::Catalogue;

use super::Known;
use crate::{inert::inert_within, words::principal_kind_words};

/// The file as Markdown. Every text from outside stands between backticks, without what could end them.
#[must_use]
pub fn review_markdown(file: &ReviewFile, catalogue: &Catalogue) -> String {
    let mut out = String::new();
    let principal = &file.principal;
    let label = if principal.name.is_empty() {
        &principal.id
    } else {
        &principal.name
    };
    let kind = principal_kind_words(principal.kind.as_str());
    let _ = writeln!(out, "# {}: {kind}\n\n| | |\n|---|---|", code(label));
    let rows = [
        ("account", principal.account.as_str()),
        ("id", &principal.id),
        ("person", principal.person.as_deref().unwrap_or_default()),
        ("ARN", &principal.arn),
        ("maturity", &file.maturity),
        ("credentials", &file.credentials.join(" ")),
        ("traits", &file.traits.join(" ")),
    ];
    for (name, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
        let _ = writeln!(out, "| {name} | {} |", code(text));
    }
    if let Some(purpose) = &file.purpose {
        let only: Vec<_> = purpose.only.iter().map(|one| code(one.as_str())).collect();
        let _ = writeln!(
            out,
            "| purpose | {}, nothing outside {}{} |",
            code(&purpose.text),
            only.join(" "),
            said(&purpose.said)
        );
    }
    for expect in &file.expectations {
        let calls: Vec<_> = expect.calls.iter().map(|one| code(one.as_str())).collect();
        let months: Vec<_> = expect
            .season
            .months()
            .map(|month| month.to_string())
            .collect();
        let days: Vec<_> = expect.season.days().map(|day| day.to_string()).collect();
        let _ = writeln!(
            out,
            "| expected | {}, months {}, days {}{} |",
            calls.join(" "),
            months.join(" "),
            days.join(" "),
            said(&expect.said)
        );
    }
    out.push_str("\n## Calls\n\n| call | outcome | since | seen | access | sensitivity | standing |\n|---|---|---|---|---|---|---|\n");
    for line in &file.calls {
        let known = Known::of(line, catalogue);
        let source = match line.source.as_str() {
            "" => String::new(),
            source => format!(" of {}", code(source)),
        };
        let _ = writeln!(
            out,
            "| {}{source} | {} | {} | {} | {} | {} | {} |",
            code(&line.call),
            line.outcome,
            line.since,
            code(&line.seen),
            known.access(),
            known.class.name(),
            standing(&line.review)
        );
    }
    if !file.others.is_empty() {
        out.push_str("\n## Others\n\n| what | value | since | standing |\n|---|---|---|---|\n");
        for line in &file.others {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                line.dimension.as_str().replace('_', " "),
                code(&line.value),
                line.since,
                standing(&line.review)
            );
        }
    }
    out
}

fn standing(review: &LineReview) -> String {
    let word = match (review.standing, review.severity) {
        (Standing::Refused, Some(severity)) => format!("refused, {}", severity.as_str()),
        (standing, _) => standing.to_string(),
    };
    format!("{word}{}", said(&review.said))
}

fn said(said: &Said) -> String {
    let mut text = String::new();
    if let Some(by) = &said.by {
        let _ = write!(text, " by {}", code(by));
    }
    if let Some(on) = said.on {
        let _ = write!(text, " on {on}");
    }
    if let Some(until) = said.until {
        let _ = write!(text, " until {until}");
    }
    if let Some(reason) = &said.reason {
        let _ = write!(text, ": {}", code(reason));
    }
    text
}

/// A text from outside as a code span: nothing in it is a link, a mention, a tag, the end of the span or the end of a cell.
pub(crate) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('`');
    for char in inert_within(text, usize::MAX).chars() {
        if "`|<>&".contains(char) {
            out.extend(char.escape_unicode());
        } else {
            out.push(char);
        }
    }
    if out.len() == 1 {
        return "–".to_owned();
    }
    out.push('`');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inert::is_live;

    proptest! {
        #[test]
        fn every_text_is_one_span(text in any::<String>()) {
            let span = code(&text);
            if text.is_empty() {
                prop_assert_eq!(span, "–");
            } else {
                let inside = span.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
                let inside = inside.unwrap_or("`");
                prop_assert!(!inside.contains(['`', '|', '<', '>', '&']), "{}", span);
                prop_assert!(!inside.contains(is_live), "{}", span);
            }
        }
    }

    #[test]
    fn nothing_leaves_the_span() {
        let check = |text: &str, expected: &str| assert_eq!(code(text), expected);
        check("iam:ListUsers", "`iam:ListUsers`");
        check("", "–");
        check(
            "a`b|<script>&",
            "`a\\u{60}b\\u{7c}\\u{3c}script\\u{3e}\\u{26}`",
        );
        check("a\n# b", "`a\\u{a}# b`");
    }
}
