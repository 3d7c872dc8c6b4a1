//! Laws of partial profiles: any parts and any tree of merges say the same as the whole; an event counts once; nothing broken is read.
#![allow(clippy::unwrap_used)]

use std::{borrow::Cow, collections::BTreeMap};

use offtrail_baseline::{
    Lesson,
    partial::{Content, Kind, LineError, PartTally, Partial, event_repeats},
};
use offtrail_event::{
    Category, CredentialKind, Day, Fingerprint, Mint, MintedKind, Observation, OriginKind,
    OutcomeClass, Principal, PrincipalId, PrincipalKind, TargetKind, Timestamp, Traits, Vocabulary,
};
use proptest::prelude::*;

/// What happened, without ids: who (of four), what (of five), when (hours), and the event's own id.
type Event = (u8, u8, i64, u64);

fn principal(words: &Vocabulary, who: u8) -> PrincipalId {
    words.principal_id(&Principal {
        kind: [PrincipalKind::Role, PrincipalKind::IamUser][usize::from(who % 2)],
        account: Cow::Owned(format!("{:012}", who / 2)),
        id: Cow::Owned(format!("AIDA{who}")),
        arn: Some(Cow::Owned(format!("arn:aws:iam::1:user/{who}"))),
        name: None,
        person: (who == 3).then_some(Cow::Borrowed("ann@example.com")),
        person_is_key: who == 3,
    })
}

fn observation(words: &Vocabulary, (who, what, hours, id): Event) -> Observation {
    let text = |kind: &str, number: i64| words.text_id(&format!("{kind}{number}"));
    Observation {
        fingerprint: Fingerprint(id),
        time: Timestamp::parse("2026-01-01")
            .unwrap()
            .plus_secs(hours * 3_600),
        principal: principal(words, who),
        principal_kind: PrincipalKind::Role,
        call: words.call_id("iam.amazonaws.com", &format!("Call{what}")),
        outcome: OutcomeClass::ALL[usize::from(what % 3)],
        account: text("account", i64::from(who / 2)),
        region: text("region", hours % 3),
        network: (hours % 2 == 0).then(|| text("network", hours % 7)),
        agent: text("agent", i64::from(what)),
        credential_kind: [CredentialKind::RoleSession, CredentialKind::ForwardAccess]
            [usize::from(what == 4)],
        credential: None,
        origin: OriginKind::Address,
        read_only: None,
        category: Category::Management,
        by_service: false,
        traits: Traits(1 << (what % 5)),
        mint: (what == 1).then(|| Mint {
            kind: MintedKind::Session,
            credential: None,
            principal: Some(principal(words, (who + 1) % 4)),
        }),
        targets: (what == 2).then(|| Box::from([(TargetKind::Secret, text("secret:", hours))])),
        detail: None,
    }
}

/// What a part of its own vocabulary learnt.
fn learnt(part: u32, events: &[Event]) -> (Vocabulary, Partial) {
    let words = Vocabulary::new();
    let mut partial = Partial::default();
    // Other parts, other ids.
    for other in 0..part % 5 {
        let _ = words.text_id(&format!("region{other}"));
        let _ = principal(&words, (other % 4) as u8);
    }
    for event in events {
        partial
            .baseline
            .learn(&observation(&words, *event), &words, Lesson::ALL);
    }
    let counts = [("learnt".to_owned(), events.len() as u64)];
    partial.tally = PartTally {
        parts: vec![part],
        window: partial.baseline.window,
        counts: counts.into(),
        facts: BTreeMap::new(),
    };
    let ids = events.iter().map(|event| {
        let one = observation(&words, *event);
        (one.time.day(), one.fingerprint)
    });
    partial.see((part, false), ids).unwrap();
    partial
        .files
        .insert((format!("file{part}"), "mtime:1+1".to_owned()));
    (words, partial)
}

fn lines(partial: &Partial, words: &Vocabulary) -> Vec<String> {
    let mut all = Vec::new();
    let done: Result<(), ()> = partial.lines(words, |line| {
        all.push(line);
        Ok(())
    });
    done.unwrap();
    all
}

fn folded<'l>(
    lines: impl IntoIterator<Item = &'l String>,
) -> Result<(Vocabulary, Partial), LineError> {
    let words = Vocabulary::new();
    let mut partial = Partial::default();
    for line in lines {
        partial.take(Content::read(line, &words)?, &words)?;
    }
    Ok((words, partial))
}

/// Lines of what all parts learnt alike: everything but what counts parts.
fn comparable(lines: &[String]) -> Vec<&String> {
    let compared = [Kind::Profile, Kind::Coverage];
    let is_compared =
        |line: &&String| Kind::of_line(line).is_some_and(|kind| compared.contains(&kind));
    lines.iter().filter(is_compared).collect()
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (0..4u8, 0..5u8, 0..24 * 150i64);
    prop::collection::vec(event, 0..80).prop_map(|all| {
        let numbered = (0u64..).zip(all);
        numbered
            .map(|(number, (who, what, hours))| {
                (who, what, hours, number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_parts_and_any_tree_of_merges_say_what_the_whole_says(
        all in events(),
        parts in prop::collection::vec(0..6u32, 80),
        tree in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (words, whole) = learnt(0, &all);
        let expected = lines(&whole, &words);
        let mut heaps: Vec<Vec<String>> = (0..6u32)
            .map(|part| {
                let own: Vec<Event> = all.iter().zip(&parts).filter(|(_, of)| **of == part).map(|(event, _)| *event).collect();
                let (words, partial) = learnt(part, &own);
                lines(&partial, &words)
            })
            .collect();
        // Merge two heaps at a time, whichever chance says.
        for at in tree {
            if heaps.len() < 2 {
                break;
            }
            let one = heaps.swap_remove(at.index(heaps.len()));
            let other = heaps.swap_remove(at.index(heaps.len()));
            let (words, partial) = folded(other.iter().chain(&one)).unwrap();
            heaps.push(lines(&partial, &words));
        }
        let (words, merged) = folded(heaps.iter().flatten()).unwrap();
        let got = lines(&merged, &words);
        prop_assert_eq!(comparable(&got), comparable(&expected));
        prop_assert_eq!(merged.baseline.window, whole.baseline.window);
        prop_assert_eq!(merged.baseline.observations, all.len() as u64);
        prop_assert_eq!(merged.tally.count("learnt"), all.len() as u64);
        prop_assert_eq!(&merged.tally.parts, &[0, 1, 2, 3, 4, 5]);
        prop_assert_eq!(merged.files.len(), 6);
    }

    #[test]
    fn an_event_in_several_parts_stays_with_the_lowest(
        seen in prop::collection::btree_set((0..5u32, 0..40u64, 0..2u16), 0..120),
    ) {
        let mut partial = Partial::default();
        for (part, id, day) in &seen {
            let id = Fingerprint(id.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            partial.see((*part, id.0 & 1 == 1), [(Day(20_000 + day), id)].into_iter()).unwrap();
        }
        let mut first: BTreeMap<(u64, u16), u32> = BTreeMap::new();
        for (part, id, day) in &seen {
            first.entry((*id, *day)).or_insert(*part);
        }
        let told = event_repeats(&partial);
        prop_assert_eq!(told.distinct, Some(first.len() as u64));
        let left_out: usize = (0..5).map(|part| told.repeats_of(part).count()).sum();
        prop_assert_eq!(left_out, seen.len() - first.len());
        for (part, id, day) in &seen {
            let event = (Day(20_000 + day), Fingerprint(id.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let out = told.repeats_of(*part).any(|one| one == event);
            prop_assert_eq!(out, first[&(*id, *day)] != *part);
        }
        // What was told comes back from its lines.
        let (words, back) = folded(&lines(&told, &Vocabulary::new())).unwrap();
        prop_assert_eq!(lines(&back, &words), lines(&told, &words));
    }

    #[test]
    fn a_line_that_was_changed_is_refused(all in events(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let (words, partial) = learnt(1, &all);
        for line in lines(&partial, &words) {
            let mut bytes = line.clone().into_bytes();
            let place = at.index(bytes.len());
            bytes[place] = to;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            if changed != line {
                let read = Content::read(&changed, &Vocabulary::new());
                prop_assert!(read.is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(kind in 0..8usize, payload in prop::collection::vec(any::<u8>(), 0..80)) {
        use base64::Engine as _;
        let payload = base64::engine::general_purpose::STANDARD.encode(payload);
        let line = format!("{}\tall\t{payload}", Kind::ALL[kind]);
        let _ = Content::read(&line, &Vocabulary::new());
    }
}

#[test]
fn observations_come_back_by_hour() {
    let words = Vocabulary::new();
    let mut all: Vec<_> = [(0, 0, 5, 1), (1, 1, 3, 2), (2, 2, 5, 3)]
        .map(|event| observation(&words, event))
        .into();
    let lines = Partial::observation_lines(&mut all, &words);
    let keys: Vec<_> = lines
        .iter()
        .map(|line| line.split('\t').nth(1).unwrap())
        .collect();
    assert_eq!(keys, ["2026-01-01T03", "2026-01-01T05"]);
    let Content::Observations(back) = Content::read(&lines[1], &Vocabulary::new()).unwrap() else {
        panic!("no observations");
    };
    assert_eq!(
        back.iter().map(|one| one.fingerprint.0).collect::<Vec<_>>(),
        [1, 3]
    );
}

#[test]
fn what_would_count_twice_is_refused() {
    let check = |one: &[Event], other: (u32, &[Event]), expected: &str| {
        let (words, partial) = learnt(1, one);
        let mut all = lines(&partial, &words);
        let (words, partial) = learnt(other.0, other.1);
        all.extend(lines(&partial, &words));
        let refused = folded(&all).err().map(|error| error.to_string());
        assert!(
            refused.as_deref().unwrap_or("").starts_with(expected),
            "{refused:?}"
        );
    };
    check(&[(0, 0, 1, 7)], (2, &[(0, 0, 1, 7)]), "");
    check(
        &[(0, 0, 1, 7)],
        (1, &[(1, 0, 1, 8)]),
        "it counts part 1, which was counted before",
    );
    let (words, partial) = learnt(1, &[(0, 0, 1, 7)]);
    let ids: Vec<_> = lines(&partial, &words)
        .into_iter()
        .filter(|line| Kind::of_line(line) == Some(Kind::Ids))
        .collect();
    let twice = folded(ids.iter().chain(&ids)).err();
    assert_eq!(twice, Some(LineError::Twice(1)));
}

#[test]
fn parts_made_otherwise_are_refused() {
    let mut one = PartTally {
        parts: vec![0],
        ..PartTally::default()
    };
    let mut other = one.clone();
    other.parts = vec![1];
    other
        .facts
        .insert("networks".to_owned(), "prefix".to_owned());
    let refused = one.merge(&other).unwrap_err().to_string();
    assert_eq!(
        refused,
        "its networks is \"prefix\" and that of lines before it \"\"; run all parts with the same options"
    );
    assert_eq!(one.parts, [0]);
}

#[test]
fn a_newer_line_says_so() {
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::STANDARD.encode([9, 1, 2, 3]);
    let refused = Content::read(&format!("tally\tall\t{payload}"), &Vocabulary::new());
    assert_eq!(refused.unwrap_err(), LineError::Newer(9));
}
