//! Laws of the state kept between runs: going on from it tells what one run tells; its bytes depend on no id; bytes that are not a state are
//! refused; what is too large forgets closed things and keeps open ones.
#![allow(clippy::unwrap_used)]

#[path = "../../engine/tests/organisation/mod.rs"]
mod organisation;

use offtrail_baseline::Baseline;
use offtrail_detector::{
    Detector, DetectorState, Finding, LearningPolicy, STATE_VERSION, Settings, Setup, StateError,
    Telling,
};
use offtrail_event::{MintedKind, Observation, Vocabulary};
use organisation::{Act, Who, day};
use proptest::prelude::*;

fn setup() -> Setup {
    // Low, so that short histories raise findings and hold rows back.
    let settings = Settings::parse("[finding]\nthreshold_bits = 6.0\n").unwrap();
    Setup {
        settings,
        telling: Telling::All,
        policy: LearningPolicy::HoldFlagged,
    }
}

fn fresh(words: &Vocabulary) -> Detector {
    let Setup {
        settings,
        telling,
        policy,
    } = setup();
    Detector::new(settings, telling, policy, &Baseline::new(), words)
}

/// Judges and learns observations as the engine does.
fn go_on(
    detector: &mut Detector,
    baseline: &mut Baseline,
    seen: &[Observation],
    words: &Vocabulary,
) -> Vec<Finding> {
    let mut told = Vec::new();
    for observation in seen {
        told.extend(detector.sweep(observation.time, words));
        detector.meet(observation, baseline, words);
        let verdict = detector.judge(observation, baseline, words);
        let collected = detector.collect(observation, &verdict, baseline, words);
        told.extend(collected.findings);
        let new_day = baseline
            .profile(observation.principal)
            .is_none_or(|profile| !profile.days.contains(observation.time.day()));
        detector.release(observation, &verdict, baseline);
        baseline.learn(observation, words, collected.lesson);
        detector.learn(observation, &verdict, collected.lesson, new_day, words);
    }
    told
}

const CALLS: &[&str] = &[
    "s3:GetObject",
    "iam:ListUsers",
    "ecs:UpdateService",
    "iam:CreateUser",
    "ec2:RunInstances",
    "cloudtrail:StopLogging",
];

type Drawn = (usize, usize, u8, u32, u8);

/// What happened, in order of time: calls of four principals, among them denials and keys given out.
fn observations(history: &[Drawn], words: &Vocabulary) -> Vec<Observation> {
    let staff = [
        Who::robot("ci-deploy"),
        Who::workload("orders-task"),
        Who::person("ana.novak"),
        Who::robot("sync-bot"),
    ];
    let drawn = (0_i64..).zip(history);
    let mut seen: Vec<Observation> = drawn
        .map(|(place, (who, call, network, hours, how))| {
            let time = day(0).plus_secs(i64::from(*hours) * 3600 + place);
            let network = format!("198.51.{network}.0/24");
            let act = Act::new(&staff[*who], time, CALLS[*call]).from(&network);
            match how {
                0 => act.denied().seen(words),
                1 => {
                    let whose = &staff[(*who + 1) % staff.len()];
                    act.gives(MintedKind::AccessKey, &whose.key, whose)
                        .seen(words)
                }
                _ => act.seen(words),
            }
        })
        .collect();
    seen.sort_by_key(|observation| observation.time);
    seen
}

fn history() -> impl Strategy<Value = Vec<Drawn>> {
    let one = (
        0..4_usize,
        0..CALLS.len(),
        0..3_u8,
        0..(30 * 24_u32),
        0..4_u8,
    );
    prop::collection::vec(one, 1..60)
}

fn judged(history: &[Drawn], words: &Vocabulary) -> DetectorState {
    let (mut detector, mut baseline) = (fresh(words), Baseline::new());
    let seen = observations(history, words);
    go_on(&mut detector, &mut baseline, &seen, words);
    detector.finish(words);
    detector.state(words)
}

/// A history with an open case, a closed one and keys given out.
fn eventful() -> Vec<Drawn> {
    (0..40_u8)
        .map(|n| {
            let place = usize::from(n);
            (
                place % 4,
                place % CALLS.len(),
                n % 3,
                u32::from(n) * 17,
                n % 4,
            )
        })
        .collect()
}

proptest! {
    // Each case reads the catalogue anew: few cases, many news.
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn going_on_from_the_state_tells_what_one_run_tells(history in history(), cut in any::<prop::sample::Index>()) {
        let words = Vocabulary::new();
        let seen = observations(&history, &words);
        let cut = cut.index(seen.len());
        let (mut one, mut baseline) = (fresh(&words), Baseline::new());
        go_on(&mut one, &mut baseline, &seen[..cut], &words);
        let mut other_baseline = baseline.clone();
        let mut other = Detector::resume(setup(), &one.state(&words), &other_baseline, &words).unwrap();
        let told = go_on(&mut one, &mut baseline, &seen[cut..], &words);
        let told_other = go_on(&mut other, &mut other_baseline, &seen[cut..], &words);
        prop_assert_eq!(told, told_other);
        prop_assert_eq!(one.finish(&words), other.finish(&words));
        prop_assert_eq!(one.state(&words), other.state(&words));
    }

    #[test]
    fn the_bytes_depend_on_no_id(history in history()) {
        let state = judged(&history, &Vocabulary::new());
        let others = Vocabulary::new();
        // Other names first, so that every id is another one.
        for name in ["sync-bot", "ana.novak", "somebody.else"] {
            Act::new(&Who::robot(name), day(0), "sqs:SendMessage").seen(&others);
        }
        let again = Detector::resume(setup(), &state, &Baseline::new(), &others).unwrap();
        prop_assert_eq!(again.state(&others), state);
    }

    #[test]
    fn a_changed_byte_is_refused(at in any::<prop::sample::Index>(), bit in 0..8_u8, in_cases in any::<bool>()) {
        let mut state = judged(&eventful(), &Vocabulary::new());
        let part = if in_cases { &mut state.cases } else { &mut state.landscape };
        let at = at.index(part.len());
        part[at] ^= 1 << bit;
        let refused = Detector::resume(setup(), &state, &Baseline::new(), &Vocabulary::new());
        prop_assert!(matches!(refused, Err(StateError::Damaged(_))));
    }

    #[test]
    fn any_bytes_under_a_right_checksum_end(
        mut cases in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let sealed = |bytes: &mut Vec<u8>| bytes.extend(xxhash_rust::xxh3::xxh3_64(bytes).to_le_bytes());
        sealed(&mut cases);
        let made_up = DetectorState { version: STATE_VERSION, cases, ..DetectorState::default() };
        let _ = Detector::resume(setup(), &made_up, &Baseline::new(), &Vocabulary::new());
        // And one that is nearly right.
        let mut state = judged(&eventful(), &Vocabulary::new());
        for part in [&mut state.cases, &mut state.landscape] {
            part.truncate(part.len() - 8);
            let at = at.index(part.len());
            part[at] = byte;
            sealed(part);
        }
        let words = Vocabulary::new();
        if let Ok(detector) = Detector::resume(setup(), &state, &Baseline::new(), &words) {
            prop_assert!(detector.state(&words).cases.len() > 8);
        }
    }
}

#[test]
fn another_version_is_refused_by_its_name() {
    let state = judged(&eventful(), &Vocabulary::new());
    let refused = |version: u32| {
        let state = DetectorState {
            version,
            ..state.clone()
        };
        Detector::resume(setup(), &state, &Baseline::new(), &Vocabulary::new()).unwrap_err()
    };
    let (older, newer) = (STATE_VERSION - 1, STATE_VERSION + 1);
    assert_eq!(refused(newer), StateError::Newer(newer));
    assert_eq!(refused(older), StateError::Older(older));
}

#[test]
fn what_is_too_large_forgets_what_is_closed_and_says_so() {
    let words = Vocabulary::new();
    let whole = judged(&eventful(), &words);
    assert_eq!(whole.forgotten, 0);
    let detector = Detector::resume(setup(), &whole, &Baseline::new(), &words).unwrap();
    let half = detector.state_within(&words, whole.cases.len() - 1);
    assert!(half.forgotten > 0 && half.cases.len() < whole.cases.len());
    // With no room at all: open cases stay, the landscape is to be replayed.
    let least = detector.state_within(&words, 0);
    assert!(least.cases.len() > 8 && least.landscape.is_empty());
    Detector::resume(setup(), &least, &Baseline::new(), &words).unwrap();
}
