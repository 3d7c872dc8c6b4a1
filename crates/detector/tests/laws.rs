//! Laws of judging: what was learnt is no news; the landscape kept up to date while judging is the one replayed from the baseline,
//! whatever the order of learning; and the bits of a new call are those of the formulas in `docs/detection.md`, computed here from
//! the plain list of observations.
#![allow(clippy::unwrap_used)]

#[path = "../../engine/tests/organisation/mod.rs"]
mod organisation;

use std::collections::{BTreeMap, BTreeSet};

use offtrail_baseline::{Baseline, Lesson};
use offtrail_detector::{Detector, LearningPolicy, Settings, Severity, Telling, Verdict, peers};
use offtrail_event::{CallId, Observation, PrincipalId, SECONDS_PER_DAY, Timestamp, Vocabulary};
use organisation::{Act, Who, day, habits, staff};
use proptest::prelude::*;

/// Judges and learns one observation; returns what was thought of it.
fn step(
    detector: &mut Detector,
    baseline: &mut Baseline,
    observation: &Observation,
    words: &Vocabulary,
) -> Verdict {
    detector.meet(observation, baseline, words);
    let verdict = detector.judge(observation, baseline, words);
    let collected = detector.collect(observation, &verdict, baseline, words);
    let new_day = baseline
        .profile(observation.principal)
        .is_none_or(|profile| !profile.days.contains(observation.time.day()));
    detector.release(observation, &verdict, baseline);
    baseline.learn(observation, words, collected.lesson);
    detector.learn(observation, &verdict, collected.lesson, new_day, words);
    verdict
}

fn learnt<'o>(
    observations: impl IntoIterator<Item = &'o Observation>,
    words: &Vocabulary,
) -> Baseline {
    let mut baseline = Baseline::new();
    for observation in observations {
        baseline.learn(observation, words, Lesson::ALL);
    }
    baseline
}

fn detector(baseline: &Baseline, policy: LearningPolicy, words: &Vocabulary) -> Detector {
    Detector::new(Settings::default(), Telling::All, policy, baseline, words)
}

/// The bits of each piece of news in an observation, in one order.
fn bits(verdict: &Verdict) -> Vec<(String, f64)> {
    let context = verdict.context.iter().map(|news| &news.novelty);
    let calls = verdict.call.iter().map(|news| &news.novelty);
    let mut bits: Vec<(String, f64)> = context
        .chain(calls)
        .map(|novelty| {
            (
                format!("{} {}", novelty.dimension, novelty.value),
                novelty.bits,
            )
        })
        .collect();
    bits.sort_by(|a, b| a.0.cmp(&b.0));
    bits
}

fn assert_same_bits(left: &Verdict, right: &Verdict) {
    let (left, right) = (bits(left), bits(right));
    assert_eq!(left.len(), right.len(), "{left:?} {right:?}");
    for (one, other) in left.iter().zip(&right) {
        assert_eq!(one.0, other.0);
        assert!((one.1 - other.1).abs() < 1e-9, "{one:?} {other:?}");
    }
}

const CALLS: &[&str] = &[
    "s3:GetObject",
    "iam:ListUsers",
    "ecs:UpdateService",
    "iam:CreateUser",
    "ec2:RunInstances",
];

/// One observation from small numbers; those of one history lie in different seconds.
fn drawn(
    place: usize,
    (who, call, network, hours, denied): (usize, usize, u8, u32, bool),
    words: &Vocabulary,
) -> Observation {
    let staff = [
        Who::robot("ci-deploy"),
        Who::workload("orders-task"),
        Who::person("ana.novak"),
        Who::robot("sync-bot"),
    ];
    let time = day(0).plus_secs(i64::from(hours) * 3600 + i64::try_from(place).unwrap());
    let network = format!("198.51.{network}.0/24");
    let act = Act::new(&staff[who], time, CALLS[call]).from(&network);
    if denied { act.denied() } else { act }.seen(words)
}

fn history() -> impl Strategy<Value = Vec<(usize, usize, u8, u32, bool)>> {
    let one = (
        0..4_usize,
        0..CALLS.len(),
        0..3_u8,
        0..(60 * 24_u32),
        any::<bool>(),
    );
    prop::collection::vec(one, 1..60)
}

proptest! {
    // Each case reads the catalogue anew: few cases, many news.
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_learning_it_judging_it_again_is_silent(history in history()) {
        let words = Vocabulary::new();
        let mut seen: Vec<Observation> = (0..).zip(history).map(|(place, one)| drawn(place, one, &words)).collect();
        seen.sort_by_key(|observation| observation.time);
        let mut baseline = Baseline::new();
        let mut detector = detector(&baseline, LearningPolicy::LearnAll, &words);
        for observation in &seen {
            step(&mut detector, &mut baseline, observation, &words);
            prop_assert!(detector.judge(observation, &baseline, &words).is_silent());
        }
    }

    #[test]
    fn the_landscape_replayed_is_the_one_kept(
        history in history(),
        probe in (0..4_usize, 0..CALLS.len(), 0..4_u8, any::<bool>()),
        first in any::<prop::sample::Index>(),
    ) {
        let words = Vocabulary::new();
        let mut seen: Vec<Observation> = (0..).zip(history).map(|(place, one)| drawn(place, one, &words)).collect();
        seen.sort_by_key(|observation| observation.time);
        let mut kept_baseline = Baseline::new();
        let mut kept = detector(&kept_baseline, LearningPolicy::LearnAll, &words);
        for observation in &seen {
            step(&mut kept, &mut kept_baseline, observation, &words);
        }
        // Learnt in any order: by where a chosen number puts each.
        let mut turned: Vec<&Observation> = seen.iter().collect();
        let first = first.index(turned.len());
        turned.rotate_left(first);
        turned.sort_by_key(|observation| observation.fingerprint.0.rotate_left(u32::try_from(first).unwrap()));
        let baseline = learnt(turned, &words);
        let mut replayed = detector(&baseline, LearningPolicy::LearnAll, &words);
        let (who, call, network, denied) = probe;
        let last = drawn(0, (who, call, network, 61 * 24, denied), &words);
        kept.meet(&last, &kept_baseline, &words);
        replayed.meet(&last, &baseline, &words);
        assert_same_bits(&kept.judge(&last, &kept_baseline, &words), &replayed.judge(&last, &baseline, &words));
    }
}

/// The formulas over a plain list of observations in order of time.
struct Model<'a> {
    seen: &'a [Observation],
    words: &'a Vocabulary,
}

type Knows = Vec<(PrincipalId, CallId)>;

impl Model<'_> {
    fn group(&self, who: PrincipalId) -> peers::Group {
        let one = self.seen.iter().find(|one| one.principal == who).unwrap();
        peers::group_of(&self.words.principal(who), one.traits)
    }

    /// First sightings of (principal, call), in order of time.
    fn news(&self) -> Vec<(Timestamp, PrincipalId, CallId)> {
        let mut met = BTreeSet::new();
        let first = |one: &&Observation| met.insert((one.principal, one.call));
        let seen = self.seen.iter().filter(first);
        seen.map(|one| (one.time, one.principal, one.call))
            .collect()
    }

    /// `b = -log2 P(call | who)` where `knows` is known.
    fn surprise(&self, knows: &Knows, who: PrincipalId, call: CallId) -> f64 {
        let mine = self.group(who);
        let family = |other: &PrincipalId| self.group(*other).family == mine.family;
        let peer = |other: &PrincipalId| self.group(*other).name == mine.name;
        let everybody = |_: &PrincipalId| true;
        let levels: [&dyn Fn(&PrincipalId) -> bool; 4] = [&everybody, &everybody, &family, &peer];
        let mut probability = 1.0 / 15_000.0;
        for level in levels {
            let inside: Vec<CallId> = knows
                .iter()
                .filter(|(other, _)| level(other))
                .map(|(_, call)| *call)
                .collect();
            let known = inside.iter().filter(|other| **other == call).count() as f64;
            let kinds = inside.iter().collect::<BTreeSet<_>>().len() as f64;
            probability = ((known - 0.5).max(0.0) + (5.0 + 0.5 * kinds) * probability)
                / (inside.len() as f64 + 5.0);
        }
        -probability.log2()
    }

    /// `T`: the tail of a surprise among all news met from day 10 on.
    fn tail(&self, who: PrincipalId, call: CallId) -> f64 {
        let start = self.seen[0].time;
        let mut knows = Knows::new();
        let mut past = Vec::new();
        for (time, other, met) in self.news() {
            if time.secs_since(start) >= 10 * SECONDS_PER_DAY {
                past.push(self.surprise(&knows, other, met));
            }
            knows.push((other, met));
        }
        let sixteenths = |bits: f64| (bits * 16.0).floor();
        let b = sixteenths(self.surprise(&knows, who, call));
        let above = past.iter().filter(|other| sixteenths(**other) >= b).count() as f64;
        -((1.0 + above) / (past.len() as f64 + 1.0)).log2()
    }

    /// `R`, for news that happened to `whom` at `times`.
    fn own_rate(
        &self,
        who: PrincipalId,
        now: Timestamp,
        times: &[(PrincipalId, Timestamp)],
    ) -> f64 {
        let half = |then: Timestamp| (-(now.secs_since(then) as f64) / 86_400.0 / 45.0).exp2();
        let name = self.group(who).name;
        let peer = |other: &PrincipalId| self.group(*other).name == name;
        let days: BTreeSet<_> = self
            .seen
            .iter()
            .map(|one| (one.principal, one.time.day()))
            .collect();
        let sum = |inside: &dyn Fn(&PrincipalId) -> bool| {
            let news: f64 = times
                .iter()
                .filter(|(other, _)| inside(other))
                .map(|(_, time)| half(*time))
                .sum();
            let active: f64 = days
                .iter()
                .filter(|(other, _)| inside(other))
                .map(|(_, day)| half(day.start()))
                .sum();
            (news, active)
        };
        let (k, d) = sum(&|other| *other == who);
        let (group_k, group_d) = sum(&peer);
        let group_rate = (group_k + 0.5) / (group_d + 10.0);
        (-((k + 2.0 * group_rate) / (d + 2.0)).log2()).max(0.0)
    }
}

#[test]
fn the_bits_are_those_of_the_written_formulas() {
    let words = Vocabulary::new();
    let seen = habits(&staff(), 120, &words);
    let ci = Who::robot("ci-deploy");
    let act =
        Act::new(&ci, day(120).plus_secs(3 * 3600), "iam:ListAccessKeys").from("203.0.113.0/24");
    let odd = act.seen(&words);
    let mut baseline = learnt(&seen, &words);
    let mut detector = detector(&baseline, LearningPolicy::HoldFlagged, &words);
    detector.meet(&odd, &baseline, &words);
    let verdict = detector.judge(&odd, &baseline, &words);
    let news = &verdict.call.as_ref().unwrap().novelty;

    let mut in_order = seen;
    in_order.sort_by_key(|one| one.time);
    let model = Model {
        seen: &in_order,
        words: &words,
    };
    let calls: Vec<_> = model
        .news()
        .into_iter()
        .map(|(time, who, _)| (who, time))
        .collect();
    let own = model.own_rate(odd.principal, odd.time, &calls);
    let tail = model.tail(odd.principal, odd.call);
    let weight = 4.0 * (0.5 + 0.5 * (tail / 3.0).min(1.0));
    let expected = 0.5 * 1.0 * own + tail + weight + 0.5;
    assert!(
        (news.bits - expected).abs() < 1e-9,
        "{} {expected} {}",
        news.bits,
        news.arithmetic
    );

    // The network: of 120 active days one brought a new one.
    let mut first: BTreeMap<(PrincipalId, u32), Timestamp> = BTreeMap::new();
    for one in &in_order {
        first
            .entry((one.principal, one.network.unwrap().0))
            .or_insert(one.time);
    }
    let networks: Vec<_> = first.iter().map(|((who, _), time)| (*who, *time)).collect();
    let rate = model.own_rate(odd.principal, odd.time, &networks).min(7.0);
    let network = verdict
        .context
        .iter()
        .find(|news| news.novelty.dimension == "network")
        .unwrap();
    assert!((network.novelty.bits - 1.25 * rate).abs() < 1e-9);

    // The worked example of `docs/detection.md`.
    let surprise = verdict.call.as_ref().unwrap().surprise;
    let shown =
        [surprise, tail, own, news.bits, network.novelty.bits].map(|bits| format!("{bits:.2}"));
    assert_eq!(shown, ["10.81", "6.92", "3.97", "13.40", "8.75"]);
    let collected = detector.collect(&odd, &verdict, &mut baseline, &words);
    let finding = collected.findings.into_iter().next().unwrap();
    assert_eq!(format!("{:.2}", finding.score), "22.15");
    assert_eq!(finding.severity, Severity::Critical);
}

#[test]
fn every_setting_is_explained() {
    let text = include_str!("../../../docs/detection.md");
    let mut section = "";
    for line in offtrail_detector::DEFAULT_SETTINGS.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let ways = [
                format!("`{section}.{key}`"),
                format!("`{section}.*`"),
                format!("`{key}`"),
            ];
            let told = key == "version" || ways.iter().any(|way| text.contains(way));
            assert!(told, "docs/detection.md does not name {section}.{key}");
        }
    }
    assert_eq!(section, "blindness");
}
