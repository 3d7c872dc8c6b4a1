//! Paths of review files: safe on any file system whatever a principal is called, and the same whoever else is in the export.
//!
//! `<account>/<kind>/<name>-<unique id>[+<person>].toml`. Names come from outside, so only a few characters pass and the rest becomes
//! `_`. An ordinary unique id (`AIDA…`, `AROA…`, an account number) stands last and holds no separator, so it tells
//! principals apart by itself; anything out of the ordinary gets a hash of the whole key appended.

use offtrail_event::{Fingerprint, PrincipalName};

/// Longest part of a file name that is made of one text, in characters. Three of them stay below 255.
const PART_CHARS_MAX: usize = 64;

/// The path of a principal. `take` claims a path and tells whether it was free.
pub(super) fn of(name: &PrincipalName, mut take: impl FnMut(&str) -> bool) -> String {
    let stem = stem(name);
    let path = format!("{stem}.toml");
    if take(&path) {
        return path;
    }
    // Two keys of one hash: somebody made them so. Neither file may hide the other.
    (2u64..)
        .map(|number| format!("{stem}+{number}.toml"))
        .find(|path| take(path))
        .expect("some number is free, since only finitely many paths are taken")
}

fn stem(name: &PrincipalName) -> String {
    let mut stem = format!("{}/{}/", folder(&name.account), name.kind);
    let id = safe(&name.id);
    if name.name.is_empty() || name.name == name.id {
        stem.push_str(&id);
    } else {
        stem.push_str(&format!("{}-{id}", safe(&name.name)));
    }
    if let Some(person) = &name.person {
        stem.push('+');
        stem.push_str(&safe(person));
    }
    if !is_ordinary(name) {
        let key = format!("{:?}", (name.kind, &name.account, &name.id, &name.person));
        stem.push_str(&format!("-{:016x}", Fingerprint::of(key.as_bytes()).0));
    }
    stem
}

/// The folder of an account.
pub(super) fn folder(account: &str) -> String {
    if account.is_empty() {
        "unknown".to_owned()
    } else if is_account(account) {
        account.to_owned()
    } else {
        format!("account-{}", safe(account))
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether account, unique id and person pass unchanged and can't be taken for another's, also where case is ignored.
fn is_ordinary(name: &PrincipalName) -> bool {
    let plain_id = name.id.len() <= PART_CHARS_MAX
        && name.id.len() >= 12
        && name
            .id
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let plain_person = name.person.as_deref().is_none_or(|person| {
        (1..=PART_CHARS_MAX).contains(&person.len())
            && person.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._@-".contains(&byte)
            })
            && !ends_like_a_hash(person)
    });
    (name.account.is_empty() || is_account(&name.account)) && plain_id && plain_person
}

fn ends_like_a_hash(text: &str) -> bool {
    let end = text.rsplit('-').next().unwrap_or(text);
    end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A text with every character replaced that could mean something to a file system; `+` is kept for ourselves.
fn safe(text: &str) -> String {
    let mut safe: String = text
        .chars()
        .take(PART_CHARS_MAX)
        .map(|char| {
            if char.is_ascii_alphanumeric() || "._@-".contains(char) {
                char
            } else {
                '_'
            }
        })
        .collect();
    if safe.starts_with(['.', '-']) {
        safe.replace_range(..1, "_");
    }
    safe
}

#[cfg(test)]
mod tests {
    use offtrail_event::PrincipalKind;

    use super::*;

    fn name(account: &str, id: &str, label: &str, person: Option<&str>) -> PrincipalName {
        PrincipalName {
            kind: PrincipalKind::Role,
            account: account.into(),
            id: id.into(),
            person: person.map(Into::into),
            arn: "".into(),
            name: label.into(),
        }
    }

    const ACCOUNT: &str = "111122223333";
    const ID: &str = "AROAEXAMPLE000000001";

    #[test]
    fn ordinary_names_read_as_they_are() {
        let check = |name: &PrincipalName, expected: &str| assert_eq!(of(name, |_| true), expected);
        check(
            &name(ACCOUNT, ID, "deploy", None),
            "111122223333/role/deploy-AROAEXAMPLE000000001.toml",
        );
        check(
            &name(ACCOUNT, ID, "AWSReservedSSO_Ops_0", Some("ann@example.com")),
            "111122223333/role/AWSReservedSSO_Ops_0-AROAEXAMPLE000000001+ann@example.com.toml",
        );
        check(
            &name("", ID, "", None),
            "unknown/role/AROAEXAMPLE000000001.toml",
        );
    }

    #[test]
    fn names_from_outside_stay_inside() {
        let hostile = name(
            "../..",
            "../etc/passwd",
            "..\\\u{0}\u{202e}\n",
            Some("a+b/../c"),
        );
        let path = of(&hostile, |_| true);
        assert!(
            path.starts_with("account-_./role/") || path.starts_with("account-_."),
            "{path}"
        );
        for part in path.split('/') {
            assert!(!part.starts_with('.') && !part.is_empty(), "{path}");
            assert!(
                part.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._@+-".contains(c)),
                "{path}"
            );
        }
    }

    #[test]
    fn names_that_differ_in_case_only_have_different_hashes() {
        let lower = of(&name(ACCOUNT, "service", "", None), |_| true);
        let upper = of(&name(ACCOUNT, "SERVICE", "", None), |_| true);
        assert_ne!(lower.to_ascii_lowercase(), upper.to_ascii_lowercase());
    }

    #[test]
    fn a_taken_path_is_not_given_again() {
        let mut asked = 0;
        let path = of(&name(ACCOUNT, ID, "deploy", None), |_| {
            asked += 1;
            asked == 3
        });
        assert_eq!(path, "111122223333/role/deploy-AROAEXAMPLE000000001+3.toml");
    }
}
