//! One word, one meaning: words that the glossary rules out and that a machine can find without
//! false alarms. The others of its "not" column are left to readers.

use crate::tree::{Fault, Source};

/// Where our words are defined.
pub(crate) const GLOSSARY: &str = "docs/glossary.md";

/// What is not said, as the glossary has it; its word forms; and what is said instead.
const BANNED: &[(&str, &[&str], &str)] = &[
    (
        "alert",
        &["alert", "alerts", "alerted", "alerting"],
        "finding",
    ),
    (
        "mute",
        &["mute", "mutes", "muted", "muting", "unmute"],
        "suppression",
    ),
    (
        "whitelist",
        &["whitelist", "whitelists", "whitelisted"],
        "suppression, or allowed",
    ),
    (
        "blacklist",
        &["blacklist", "blacklists", "blacklisted"],
        "threat list, or refused",
    ),
    ("warm-up flag", &["warm up flag", "warmup flag"], "maturity"),
    ("log line", &["log line", "log lines"], "record, or event"),
];

pub(crate) fn banned(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in source.judged_lines() {
        let line = format!(" {} ", words_of(line).join(" "));
        for (word, forms, instead) in BANNED {
            if forms.iter().any(|form| line.contains(&format!(" {form} "))) {
                let what = format!(
                    "we don't say `{word}` but `{instead}` ({GLOSSARY}); \
                     where another tool's word is meant, mark the line `tidy: allow (whose word)`"
                );
                faults.push(source.fault(number, what));
            }
        }
    }
    faults
}

/// Faults where a word is banned here that no "not" cell of the glossary names.
pub(crate) fn missing_from_glossary(glossary: &str) -> Vec<Fault> {
    let cells = glossary
        .lines()
        .filter_map(|line| line.trim().strip_suffix('|')?.rsplit('|').next());
    let ruled_out: Vec<&str> = cells
        .flat_map(|cell| cell.split(','))
        .map(str::trim)
        .collect();
    let missing = BANNED
        .iter()
        .filter(|(word, _, _)| !ruled_out.contains(word));
    let fault = |(word, _, _): &(&str, _, _)| Fault {
        path: GLOSSARY.into(),
        line: 1,
        what: format!("`{word}` is banned in code but in no \"not\" cell: add it there"),
    };
    missing.map(fault).collect()
}

/// The lower-case words of a line, identifiers taken apart at `_` and at humps.
fn words_of(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let chars: Vec<char> = line.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|j| chars[j]);
        let after = chars.get(i + 1);
        let hump = c.is_uppercase()
            && (before.is_some_and(char::is_lowercase) || after.is_some_and(|a| a.is_lowercase()));
        if !c.is_alphanumeric() || hump {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_fall_into_words() {
        let check = |line: &str, expected: &[&str]| assert_eq!(words_of(line), expected);
        check(
            "let alert_count = AlertKind::new();",
            &["let", "alert", "count", "alert", "kind", "new"],
        );
        check("SQSQueue mutex Größe", &["sqs", "queue", "mutex", "größe"]);
    }

    #[test]
    fn a_banned_word_is_found_and_only_it() {
        let check = |text: &str, expected: usize| {
            let faults = banned(&Source {
                path: "a.rs".into(),
                text: text.into(),
            });
            assert_eq!(faults.len(), expected, "{text}: {faults:?}");
        };
        check("struct AlertSink;", 1);
        check("// each log-line counts", 1);
        check("let mutex = Mutex::new(alertness);", 0);
        check("a blog lineage", 0);
        check("GuardDuty's alert // tidy: allow (its word)", 0);
    }

    #[test]
    fn the_glossary_must_name_what_is_banned() {
        let rows = "| finding | news | alert |\n| suppression | hidden | mute, whitelist, blacklist |\n\
                    | maturity | age | warm-up flag |\n| record | json | log line |\n";
        assert_eq!(missing_from_glossary(rows), []);
        assert_eq!(
            missing_from_glossary("| finding | news | alert |").len(),
            BANNED.len() - 1
        );
    }
}
