//! A state as a chat message: `{"text": …}`, which Slack, Mattermost, Rocket.Chat, Google Chat and others take.
//!
//! Names of roles, sessions and user agents are chosen by whoever is being watched. What could turn into a link, a mention or an escape
//! sequence in the reader's window is made inert: `&`, `<` and `>` escaped as "Formatting text for app surfaces" (Slack API) asks, a
//! zero-width space after `@` and within `://`, no control and no direction-changing characters.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::settings::CHAT_CHARS_MAX;
use crate::told::Told;

/// Characters of the title, and of the next check.
const PART_CHARS_MAX: usize = 500;
/// Characters of severity, account, time and id each.
const NAME_CHARS_MAX: usize = 120;

#[derive(Serialize)]
struct Message<'a> {
    text: &'a str,
}

/// What is read from the line: the first of these.
#[derive(Deserialize)]
struct Steps {
    #[serde(default)]
    next_steps: Vec<String>,
}

/// The body of the request.
pub(crate) fn body(state: &Told) -> String {
    let mut text = format!(
        "{}: {}\n",
        inert(&state.severity.to_uppercase(), NAME_CHARS_MAX),
        inert(&state.title, PART_CHARS_MAX)
    );
    let steps = serde_json::from_str::<Steps>(&state.line).ok();
    let next = steps.and_then(|steps| steps.next_steps.into_iter().next());
    let mut end = next.map_or_else(String::new, |step| {
        format!("\nNext: {}", inert(&step, PART_CHARS_MAX))
    });
    // Writing to a String can't fail.
    let _ = write!(
        end,
        "\nAccount {}, {}, finding {}",
        inert(&state.account, NAME_CHARS_MAX),
        inert(&state.time, NAME_CHARS_MAX),
        inert(&state.id, NAME_CHARS_MAX)
    );
    let left = CHAT_CHARS_MAX.saturating_sub(text.chars().count() + end.chars().count());
    text.push_str(&inert(&state.summary, left));
    text.push_str(&end);
    serde_json::to_string(&Message { text: &text }).expect("a text is always JSON")
}

/// A foreign text that stays text, in at most so many characters.
fn inert(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let one = c.to_string();
        let shown = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '@' => "@\u{200b}",
            ':' if rest.peek() == Some(&'/') => ":\u{200b}",
            c if c.is_control() => " ",
            c if turns_direction(c) => "",
            _ => &one,
        };
        length += shown.chars().count();
        if length >= chars_max {
            out.push('…');
            break;
        }
        out.push_str(shown);
    }
    out
}

/// Characters that show a text in another order than it has (Trojan Source, CVE-2021-42574).
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::told::state;

    fn text(state: &Told) -> String {
        let value: serde_json::Value = serde_json::from_str(&body(state)).unwrap();
        value["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn it_reads_like_a_message() {
        assert_eq!(
            text(&state(1, "f1")),
            "HIGH: First iam:ListAccessKeys by IAM user ci-deploy\nIt never made this call in 214 active days.\nNext: Ask its owner.\nAccount 111122223333, 2026-08-31T10:43:44Z, finding f1"
        );
    }

    #[test]
    fn nothing_in_it_comes_alive() {
        let mut hostile = state(1, "f1");
        hostile.title = "<!channel> @here https://evil.example &\u{202e}\u{1b}[2J\nx".into();
        let text = text(&hostile);
        let first = text.lines().next().unwrap();
        assert_eq!(
            first,
            "HIGH: &lt;!channel&gt; @\u{200b}here https:\u{200b}//evil.example &amp; [2J x"
        );
    }

    #[test]
    fn a_long_summary_is_cut() {
        let mut long = state(1, "f1");
        long.summary = "<".repeat(10_000);
        for part in [
            &mut long.title,
            &mut long.severity,
            &mut long.account,
            &mut long.time,
            &mut long.id,
        ] {
            *part = "x".repeat(10_000);
        }
        long.line = "no JSON".into();
        let text = text(&long);
        let length = text.chars().count();
        assert!(
            length <= CHAT_CHARS_MAX && length > CHAT_CHARS_MAX - 10,
            "{length}"
        );
        assert!(text.contains("&lt;…\nAccount"), "{text}");
    }
}
