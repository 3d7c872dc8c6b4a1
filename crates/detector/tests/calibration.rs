//! Calibration: a function of the baseline alone, kept to its budget, and refused where history is too short.
#![allow(clippy::unwrap_used)]

#[path = "../../engine/tests/organisation/mod.rs"]
mod organisation;

use offtrail_baseline::{Baseline, Lesson};
use offtrail_detector::{Calibration, Settings, calibrate};
use offtrail_event::{Observation, Vocabulary};
use organisation::{Act, Who, day, habits, staff};
use proptest::prelude::*;

/// Ordinary days, and on some of the last thirty a person's call that nobody made before.
fn seen(days: u32, words: &Vocabulary) -> Vec<Observation> {
    let mut all = habits(&staff(), days, words);
    let names: Vec<String> = (0..12).map(|n| format!("iam:CreateThing{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        let who = Who::person(&format!("person-{n}"));
        let at = day(days - 1 - u32::try_from(n).unwrap() * 2).plus_secs(3600);
        all.push(Act::new(&who, at, name).seen(words));
    }
    all
}

fn learnt(observations: &[Observation], words: &Vocabulary) -> Baseline {
    let mut baseline = Baseline::new();
    for observation in observations {
        baseline.learn(observation, words, Lesson::ALL);
    }
    baseline
}

fn of(days: u32, budget: Option<f64>) -> Option<Calibration> {
    let words = Vocabulary::new();
    let baseline = learnt(&seen(days, &words), &words);
    calibrate(&baseline, &words, &Settings::default(), budget)
}

#[test]
fn too_short_a_history_is_not_calibrated() {
    assert_eq!(of(25, None), None);
    assert!(of(40, None).is_some());
}

#[test]
fn the_threshold_keeps_the_share_of_the_budget_aimed_at() {
    let settings = Settings::default();
    for budget in [0.1, 0.2, 0.4] {
        let made = of(60, Some(budget)).unwrap();
        let kept = made.findings_a_day(made.threshold);
        let aimed = budget * settings.calibration.caution;
        assert!(kept <= aimed, "{kept} findings a day, {aimed} aimed at");
        assert!(made.threshold >= settings.calibration.threshold_min_bits);
    }
    // What would have been raised a little lower is one finding too many, unless the floor holds the threshold up.
    let made = of(60, Some(0.1)).unwrap();
    let lower = made.findings_a_day(made.threshold - 0.02);
    assert!(lower > 0.1 * settings.calibration.caution, "{lower}");
}

#[test]
fn a_larger_budget_never_raises_the_threshold() {
    let thresholds: Vec<f64> = [0.05, 0.1, 0.3, 1.0]
        .map(|budget| of(60, Some(budget)).unwrap().threshold)
        .to_vec();
    assert!(thresholds.is_sorted_by(|a, b| a >= b), "{thresholds:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_order_of_learning_does_not_matter(order in any::<u64>()) {
        let words = Vocabulary::new();
        let mut all = seen(40, &words);
        let straight = calibrate(&learnt(&all, &words), &words, &Settings::default(), None);
        all.sort_by_key(|one| one.fingerprint.0.wrapping_mul(order | 1));
        prop_assert_eq!(straight, calibrate(&learnt(&all, &words), &words, &Settings::default(), None));
    }
}
