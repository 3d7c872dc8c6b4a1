//! JSON escapes undone.

/// The text of an escaped string body that [`crate::scan::Scanner`] has accepted.
pub(crate) fn unescape(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        match code {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let (decoded, used) = code_point(rest);
                out.push(decoded);
                rest = rest.get(used..).unwrap_or_default();
            }
            other => out.push(char::from(other)),
        }
    }
    out.push_str(rest);
    out
}

/// Decodes what follows `\u`: the character and how many bytes it took.
fn code_point(rest: &str) -> (char, usize) {
    let hex = |from: usize| {
        rest.get(from..from + 4)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    let Some(first) = hex(0) else {
        return (char::REPLACEMENT_CHARACTER, 0);
    };
    if !(0xd800..0xe000).contains(&first) {
        return (
            char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
            4,
        );
    }
    if first < 0xdc00
        && rest.get(4..6) == Some("\\u")
        && let Some(second) = hex(6).filter(|low| (0xdc00..0xe000).contains(low))
    {
        let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (
            char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER),
            10,
        );
    }
    (char::REPLACEMENT_CHARACTER, 4)
}
