//! Whatever a finding, a principal or a summary holds, nothing of it acts on a terminal, and no line is wider than promised.

use offtrail_detector::{Finding, Severity, SuppressedBy};
use offtrail_report::{
    COLUMNS, FileTally, FindingV1, Purpose, Style, Tally, read_finding, write_finding,
    write_finding_short, write_finding_text, write_summary_text,
};
use proptest::prelude::*;

use crate::{handmade::finding, snapshots::written};

/// Text without our own colour sequences: `ESC [ digits ; … m`.
pub(crate) fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(|c: char| !c.is_ascii_digit() && c != ';')
            .unwrap();
        assert_eq!(
            part.as_bytes()[end],
            b'm',
            "a sequence that is no colour: {part:?}"
        );
        plain.push_str(&part[end + 1..]);
    }
    plain
}

fn assert_inert(text: &str) {
    for line in without_colour(text).split('\n') {
        assert!(
            line.chars().count() <= COLUMNS,
            "wider than {COLUMNS}: {line:?}"
        );
        let live = |c: char| {
            c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
        };
        assert!(!line.contains(live), "{line:?}");
    }
}

/// Text of the kind an intruder would choose.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\u{1b}[2J\u{1b}[31m".to_owned()),
        Just("\u{9b}0m\u{7}\u{8}\r\n\t\0".to_owned()),
        Just("\u{202e}gnp.exe\u{2066}\u{200f}".to_owned()),
        Just("x".repeat(250)),
        Just("東京 ".repeat(70)),
        any::<String>(),
        "[ -~]{0,40}",
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// The handmade finding with every text replaced.
pub(crate) fn hostile_finding() -> impl Strategy<Value = Finding> {
    let texts = prop::collection::vec(hostile(), 40);
    (
        texts,
        any::<f64>(),
        any::<u64>(),
        any::<bool>(),
        0..4usize,
        0..60usize,
    )
        .prop_map(|(texts, number, count, yes, severity, events)| {
            let mut texts = texts.into_iter().cycle();
            let mut finding = finding();
            let mut next = || texts.next().unwrap();
            for text in [
                &mut finding.id,
                &mut finding.kind,
                &mut finding.title,
                &mut finding.summary,
            ] {
                *text = next();
            }
            let mut named = finding.principal.clone();
            (named.id, named.arn, named.name) = (next().into(), next().into(), next().into());
            (named.account, named.person) = (next().into(), Some(next().into()));
            (finding.principal, finding.root) = (named.clone(), yes.then_some(named));
            finding.credential.access_key_id = next();
            finding.credential.session_name = next();
            for step in &mut finding.lineage {
                (step.credential, step.minted, step.by, step.event_id) =
                    (next(), next(), next(), next());
            }
            finding.lineage = finding
                .lineage
                .iter()
                .cycle()
                .take(events)
                .cloned()
                .collect();
            for novelty in &mut finding.novelties {
                (novelty.value, novelty.peers.group, novelty.arithmetic) = (next(), next(), next());
                (novelty.principal_count, novelty.principal_calls) = (count, count);
                novelty.peers.size = u32::MAX;
                novelty.bits = number;
            }
            for evidence in &mut finding.evidence {
                (evidence.event_id, evidence.call, evidence.code) = (next(), next(), next());
                (evidence.region, evidence.address, evidence.user_agent) = (next(), next(), next());
                (evidence.principal, evidence.access_key_id) = (next(), next());
                (evidence.why, evidence.bits) = (vec![next(), next()], number);
            }
            finding.evidence = finding
                .evidence
                .iter()
                .cycle()
                .take(events)
                .cloned()
                .collect();
            finding.baseline.settings = next();
            finding.baseline.coverage = number;
            finding.attack[0].tactic = next();
            finding.guardduty = Some(next());
            finding.harmless_if = vec![next()];
            finding.next_steps = vec![next(); 3];
            finding.suppressed_by = yes.then(|| SuppressedBy {
                id: next(),
                author: next(),
                on: finding.time.day(),
                until: finding.time.day(),
                reason: next(),
            });
            (finding.score, finding.threshold, finding.raised) = (number, -number, yes);
            finding.severity = Severity::ALL[severity];
            finding
        })
}

const ESC: char = '\u{1b}';

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_finding_is_inert(finding in hostile_finding()) {
        let twin = FindingV1::from(&finding);
        for style in [Style::Plain, Style::Ansi] {
            let page = written(|out| write_finding_text(out, &twin, style));
            let short = written(|out| write_finding_short(out, &twin, style));
            prop_assert!(style == Style::Ansi || !page.contains(ESC));
            prop_assert_eq!(short.matches('\n').count(), 1);
            assert_inert(&page);
            assert_inert(&short);
        }
    }

    #[test]
    fn a_finding_survives_its_line(finding in hostile_finding()) {
        let twin = FindingV1::from(&finding);
        let line = written(|out| write_finding(out, &twin));
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert!(twin.score.is_finite() && twin.score >= 0.0);
        prop_assert_eq!(read_finding(&line).unwrap(), twin);
    }

    #[test]
    fn no_line_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..2000usize) {
        let line = written(|out| write_finding(out, &FindingV1::from(&finding())));
        let cut: String = line.chars().take(cut).collect();
        prop_assert!(read_finding(&String::from_utf8_lossy(&bytes)).is_err());
        prop_assert!(read_finding(&cut).is_err() || cut.len() + 1 >= line.len());
    }

    #[test]
    fn a_summary_is_inert_and_never_overflows(reason in hostile(), count in any::<u64>()) {
        let tally = Tally {
            records: count,
            observations: u64::MAX,
            rejects: [(reason.clone(), count), ("other".to_owned(), u64::MAX)].into(),
            repeated: u64::MAX,
            judged: count,
            bytes_in: count,
            by_file: vec![FileTally { provenance: reason, records: count, rejects: u64::MAX, ..FileTally::default() }],
            ..Tally::default()
        };
        assert_inert(&written(|out| write_summary_text(out, Purpose::Judge, &tally, Style::Ansi)));
    }
}
