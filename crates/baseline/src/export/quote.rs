//! Texts from outside within TOML and JSON: quoted so that they parse back to themselves, and so that a reviewer sees what is there.
//!
//! Beside what the formats demand, characters are escaped that show nothing or turn the direction of what follows
//! (Boucher and Anderson, "Trojan Source", 2021): a name must not look like another in a review.

use std::fmt::Write;

/// A TOML basic string.
pub(super) fn toml(text: &str) -> String {
    quoted(text, |out, char| {
        let code = u32::from(char);
        if code <= 0xffff {
            let _ = write!(out, "\\u{code:04x}");
        } else {
            let _ = write!(out, "\\U{code:08x}");
        }
    })
}

/// A JSON string.
pub(super) fn json(text: &str) -> String {
    quoted(text, |out, char| {
        for unit in char.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

fn quoted(text: &str, escape: impl Fn(&mut String, char)) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            _ if is_unseen(char) => escape(&mut out, char),
            _ => out.push(char),
        }
    }
    out.push('"');
    out
}

/// Whether a character shows nothing or turns the direction of writing.
pub(crate) fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_spelt_out() {
        assert_eq!(toml("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(
            toml("\0\n\u{202e}\u{e0041}é"),
            r#""\u0000\u000a\u202e\U000e0041é""#
        );
        assert_eq!(json("\0\u{e0041}é"), r#""\u0000\udb40\udc41é""#);
    }
}
