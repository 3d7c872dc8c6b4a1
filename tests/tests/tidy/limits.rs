//! Every limit that `docs/limits.md` promises exists in the code under the name given there.

use crate::tree::Fault;

/// Where the limits are listed.
pub(crate) const DOCUMENT: &str = "docs/limits.md";

/// Faults in the table of limits: rows with an empty cell, and names that no file of `code` has.
pub(crate) fn rows_exist(document: &str, code: &[&str]) -> Vec<Fault> {
    let rows = document
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with('|'))
        .skip(2);
    rows.filter_map(|(i, line)| {
        let what = fault_of_row(line, code)?;
        Some(Fault {
            path: DOCUMENT.into(),
            line: i + 1,
            what,
        })
    })
    .collect()
}

fn fault_of_row(line: &str, code: &[&str]) -> Option<String> {
    let cells: Vec<&str> = line
        .trim()
        .trim_matches('|')
        .split('|')
        .map(str::trim)
        .collect();
    if cells.len() != 4 || cells.iter().any(|cell| cell.is_empty()) {
        return Some(
            "a limit has a name, a default, a place and a consequence: fill all four cells".into(),
        );
    }
    let Some(name) = cells[0].split('`').nth(1) else {
        return Some("name the limit in backticks, as the code has it".into());
    };
    // An option is a field in the code; a qualified constant is found by its last part.
    let name = name.split([' ', '=']).next().unwrap_or(name);
    let plain = name.rsplit("::").next().unwrap_or(name);
    let plain = plain
        .rsplit('.')
        .next()
        .unwrap_or(plain)
        .trim_start_matches('-')
        .replace('-', "_");
    let known = code.iter().any(|text| has_word(text, &plain));
    (!known).then(|| format!("no code knows the limit `{name}`: correct the name or drop the row"))
}

fn has_word(text: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(part_of_word) && !after.starts_with(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(row: &str, expected: Option<&str>) {
        let document =
            format!("# Limits\n\n| name | default | where | then |\n|---|---|---|---|\n{row}\n");
        let faults = rows_exist(
            &document,
            &["const RECORD_BYTES_MAX: usize = 1;", "max_rejects: u64"],
        );
        match expected {
            None => assert_eq!(faults, []),
            Some(part) => {
                assert_eq!((faults.len(), faults[0].line), (1, 5));
                assert!(faults[0].what.contains(part), "{}", faults[0].what);
            }
        }
    }

    #[test]
    fn a_row_names_a_limit_of_the_code() {
        check("| `RECORD_BYTES_MAX` | 1 | here | a reject |", None);
        check(
            "| `envelope::RECORD_BYTES_MAX` | 1 | here | a reject |",
            None,
        );
        check("| `--max-rejects N` | none | the option | exit 2 |", None);
        check(
            "| `BYTES_MAX` | 1 | here | a reject |",
            Some("no code knows"),
        );
    }

    #[test]
    fn a_row_is_complete() {
        check(
            "| `RECORD_BYTES_MAX` | 1 | here | |",
            Some("all four cells"),
        );
        check(
            "| RECORD_BYTES_MAX | 1 | here | a reject |",
            Some("backticks"),
        );
    }
}
