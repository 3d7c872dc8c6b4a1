//! [`inert`]: text from outside made harmless for a terminal and for the eye.
//!
//! Names, user agents and session names are written by whoever made the call. Control characters could move the cursor,
//! recolour or rewrite the screen; direction and invisible marks could make one name look like another ("Trojan
//! Source", CVE-2021-42574). All of them are shown as escapes, as Rust writes them, and long texts are cut.

use std::borrow::Cow;

/// Longest text shown of one value, in characters after escaping; the rest is in the JSON line.
pub const TEXT_CHARS_MAX: usize = 200;

/// The mark that stands for what was cut off.
const CUT: char = '…';

/// The text with control, direction and invisible characters escaped, cut after [`TEXT_CHARS_MAX`] characters.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    inert_within(text, TEXT_CHARS_MAX)
}

/// The same with another limit; at most `chars_max` characters come out, the mark of the cut included.
#[must_use]
pub fn inert_within(text: &str, chars_max: usize) -> Cow<'_, str> {
    // A text of no more bytes than that has no more characters either.
    let short = text.len() <= chars_max || text.chars().nth(chars_max).is_none();
    if short && !text.chars().any(is_live) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut chars = 0;
    // Where to cut so that the mark still fits.
    let mut cut_at = 0;
    for c in text.chars() {
        let start = shown.len();
        if is_live(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
        chars += shown[start..].chars().count();
        if chars < chars_max {
            cut_at = shown.len();
        } else if chars > chars_max {
            shown.truncate(cut_at);
            shown.push(CUT);
            break;
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal or a reader could be misled by the character.
pub(crate) const fn is_live(c: char) -> bool {
    matches!(c,
        // C0, DEL and C1
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // soft hyphen, Arabic letter mark, Mongolian vowel separator
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        // zero-width and direction marks, line and paragraph separators, embeddings and overrides
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        // word joiner, invisible operators, isolates, deprecated format characters
        | '\u{2060}'..='\u{206f}'
        // fillers that look like nothing
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
        // variation selectors, byte order mark, interlinear annotation, tags
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(inert(text), expected);
    }

    #[test]
    fn shows_what_would_act() {
        check("ci-deploy", "ci-deploy");
        check("Zoë 東京", "Zoë 東京");
        check("\x1b[2Jgone", "\\u{1b}[2Jgone");
        check("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c");
        check("\u{9b}31m", "\\u{9b}31m");
        check("admin\u{202e}txt", "admin\\u{202e}txt");
        check("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}");
    }

    #[test]
    fn cuts_long_texts() {
        let just = "x".repeat(TEXT_CHARS_MAX);
        check(&just, &just);
        check(
            &format!("{just}y"),
            &format!("{}…", "x".repeat(TEXT_CHARS_MAX - 1)),
        );
        let escapes = inert_within("ab\x1bcd", 6).into_owned();
        assert_eq!(escapes, "ab…");
    }

    proptest! {
        #[test]
        fn nothing_live_comes_out(text in any::<String>(), chars_max in 1..300usize) {
            let shown = inert_within(&text, chars_max);
            prop_assert!(!shown.chars().any(is_live));
            prop_assert!(shown.chars().count() <= chars_max);
            prop_assert_eq!(inert_within(&shown, chars_max), shown.clone());
        }
    }
}
