//! Surface: a line of a findings file, which may come from anybody ([`read_finding`]).
//!
//! Law: nothing panics; what was read can be written, is one line, and is the same when read again but for the last digit of its
//! numbers; as text for a terminal it holds no control character but the line end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offtrail_report::{
    FindingV1, Style, read_finding, write_finding, write_finding_short, write_finding_text,
};

fuzz_target!(|line: &str| {
    let finding = match read_finding(line) {
        Ok(finding) => finding,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut written = Vec::new();
    write_finding(&mut written, &finding).expect("a vector takes all");
    let written = String::from_utf8(written).expect("JSON is UTF-8");
    assert_eq!(written.find('\n'), Some(written.len() - 1), "{written:?}");
    let again = read_finding(&written).expect("what we write we read");
    assert_eq!(without_numbers(again), without_numbers(finding.clone()));

    let mut text = Vec::new();
    write_finding_text(&mut text, &finding, Style::Plain).expect("a vector takes all");
    write_finding_short(&mut text, &finding, Style::Plain).expect("a vector takes all");
    let text = String::from_utf8(text).expect("text is UTF-8");
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
});

/// The finding with its fractions at zero: JSON readers may differ in the last digit of one.
fn without_numbers(mut finding: FindingV1) -> FindingV1 {
    finding.score = 0.0;
    finding.baseline.coverage = 0.0;
    finding.threshold = finding.threshold.map(|_| 0.0);
    for novelty in &mut finding.novelties {
        novelty.bits = 0.0;
    }
    for evidence in &mut finding.evidence {
        evidence.bits = 0.0;
    }
    finding
}
