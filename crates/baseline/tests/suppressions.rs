//! Suppressions read: a sound file is what it says, and every mistake is told with its line and what to do about it.
#![allow(clippy::unwrap_used)]

use offtrail_baseline::{
    SUPPRESSIONS_MAX,
    review::{Mistake, SUPPRESSIONS_FILE_BYTES_MAX, read_suppressions},
};
use proptest::prelude::*;

const SOUND: &str = r#"# Reviewed like code.
[[suppression]]
id = "scanner"
principal = "arn:aws:iam::*:role/scanner-*"
call = "iam:List*"
network = "AS64496 Example Hosting"
type = "Discovery:*"
reason = "weekly scan"
author = "ana"
on = 2026-02-01
until = 2027-02-01

[[suppression]]
id = "backup"
principal = "backup"
reason = "moves to another region"
author = "ben"
on = 2026-02-02
until = 2026-03-02
"#;

#[test]
fn a_sound_file_is_what_it_says() {
    for text in [
        SOUND.to_owned(),
        SOUND.replace('\n', "\r\n"),
        format!("\u{feff}{SOUND}"),
    ] {
        let all = read_suppressions(text.as_bytes()).unwrap();
        let [scanner, backup] = &*all.iter().collect::<Vec<_>>() else {
            panic!("{all:#?}")
        };
        assert_eq!(
            (&*scanner.id, scanner.network.as_deref()),
            ("scanner", Some("AS64496"))
        );
        assert_eq!(backup.until.to_string(), "2026-03-02");
        assert!(!backup.is_over(backup.until.start().plus_secs(-1)));
        assert!(backup.is_over(backup.until.start()));
        assert_ne!(scanner.mark(), backup.mark());
    }
    assert!(read_suppressions(b"").unwrap().is_empty());
}

/// Every mistake in an edited text.
fn told(text: &str) -> Vec<String> {
    let mistakes = read_suppressions(text.as_bytes()).unwrap_err();
    mistakes.iter().map(Mistake::to_string).collect()
}

fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(SOUND.contains(from), "{from}");
    assert_eq!(told(&SOUND.replacen(from, to, 1)), expected);
}

#[test]
fn mistakes_have_their_line_and_a_remedy() {
    for field in ["id", "reason", "author", "on", "until"] {
        let line = SOUND
            .lines()
            .find(|line| line.starts_with(&format!("{field} =")));
        let expected = format!(
            "2: a suppression without {field:?}; each says id, reason, author, on and until"
        );
        check(&format!("{}\n", line.unwrap()), "", &[&expected]);
    }
    check(
        "principal = \"backup\"\n",
        "",
        &["13: this suppression would hide everything; say principal, call, network or type"],
    );
    let everything =
        "has to be 1 to 2048 characters that can be seen, not of * alone, which fits everything";
    check(
        "\"backup\"\nreason",
        "\"**\"\nreason",
        &[&format!("15: \"principal\" {everything}")],
    );
    check(
        "\"Discovery:*\"",
        "\"\\u001b[2J\"",
        &[&format!("7: \"type\" {everything}")],
    );
    check(
        "iam:List*",
        "iam:*List",
        &[
            "5: \"iam:*List\" is no pattern of calls; write a service (\"ecr\"), a call (\"iam:GetUser\") or the beginning of one (\"s3:Get*\")",
        ],
    );
    check(
        "network = \"AS64496 Example Hosting\"",
        "network = 64496",
        &["6: \"network\" has to be a text in quotes, and is a number"],
    );
    check(
        "reason = \"weekly scan\"",
        "reason = \" \"",
        &[
            "8: \"reason\" has to be a text of 1 to 2000 characters without control characters and characters that show nothing",
        ],
    );
    check(
        "id = \"backup\"",
        "id = \"back up\"",
        &["14: \"id\" has to be 1 to 64 letters, digits, dots, underscores and hyphens"],
    );
    check(
        "id = \"backup\"",
        "id = \"scanner\"",
        &["13: suppression \"scanner\" stands here and on line 2; give one of the two another id"],
    );
    check(
        "author = \"ana\"",
        "by = \"ana\"",
        &[
            "2: a suppression without \"author\"; each says id, reason, author, on and until",
            "9: unknown field \"by\"; known here: id, reason, author, on, until, principal, call, network, type",
        ],
    );
    check(
        "[[suppression]]\nid = \"backup\"",
        "[[suppresion]]\nid = \"backup\"",
        &["13: unknown field \"suppresion\"; known here: suppression"],
    );
}

#[test]
fn wrong_days_have_their_line_and_a_remedy() {
    check(
        "on = 2026-02-02",
        "on = \"2026-02-02\"",
        &["18: \"on\" has to be a day like 2026-02-01, without quotes and time"],
    );
    check(
        "until = 2026-03-02",
        "until = 2026-02-02",
        &["13: it ends (2026-02-02) before it begins (2026-02-02); correct one of the two days"],
    );
    check(
        "until = 2027-02-01",
        "until = 2027-03-09",
        &[
            "2: it hides for 401 days, at most 400 are possible; write an earlier until, and renew it then",
        ],
    );
}

#[test]
fn a_broken_file_is_a_mistake() {
    let conflict = format!("<<<<<<< HEAD\n{SOUND}=======\n>>>>>>> main\n");
    assert_eq!(
        told(&conflict)[0],
        "1: a merge conflict was left here (\"<<<<<<< HEAD\"); decide which side holds and remove the three markers"
    );
    assert!(told("[[suppression]]\nid = \n")[0].contains("this is no TOML"));
    let large = "#".repeat(SUPPRESSIONS_FILE_BYTES_MAX + 1);
    assert_eq!(
        told(&large),
        ["1: the file is larger than 4194304 bytes; join some suppressions"]
    );
    let many = "[[suppression]]\n".repeat(SUPPRESSIONS_MAX + 1);
    assert_eq!(
        told(&many),
        ["1001: more than 1000 suppressions; join some of them"]
    );
    let mistakes = read_suppressions(b"a\n\xff").unwrap_err();
    assert!(mistakes[0].to_string().starts_with("2: this is no UTF-8"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(all) = read_suppressions(&bytes) {
            prop_assert!(all.is_empty());
        }
    }

    #[test]
    fn no_edit_makes_it_panic(at in 0..SOUND.len(), with in "[\\PC\n]{0,3}") {
        let text = format!("{}{with}{}", &SOUND[..at], &SOUND[at..]);
        match read_suppressions(text.as_bytes()) {
            Ok(all) => prop_assert!(all.iter().count() <= 2),
            Err(mistakes) => prop_assert!(!mistakes.is_empty()),
        }
    }
}
