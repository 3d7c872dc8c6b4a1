//! A stream that stopped seeing says so, once, and says when it is over.
#![allow(clippy::unwrap_used)]

mod organisation;

use offtrail_baseline::{Baseline, Coverage};
use offtrail_detector::{Finding, Settings, Severity};
use offtrail_engine::{
    BEHIND_FOR_SECS, BLIND_SPOT_DAYS_MAX, Blindness, FUTURE_SECS_MAX, Repeats, SUSPECT_SECS, Scope,
    Watch,
};
use offtrail_event::{Observation, Timestamp, Vocabulary};
use organisation::{Act, Who, day, habits, last_states, staff};
use proptest::prelude::*;

const HOUR: i64 = 3_600;
const DAYS: u32 = 40;
const ONE: &str = "111122223333";
const OTHER: &str = "444455556666";

/// A stream in the making: a place delivers every few hours, or does not.
struct Stream<'w> {
    words: &'w Vocabulary,
    blindness: Blindness,
    coverage: Coverage,
    told: Vec<Finding>,
}

impl<'w> Stream<'w> {
    fn new(words: &'w Vocabulary) -> Self {
        Self {
            words,
            blindness: Blindness::new(Settings::default()),
            coverage: Coverage::default(),
            told: Vec::new(),
        }
    }

    fn observation(&self, (account, region): (&str, &str), time: Timestamp) -> Observation {
        let who = Who::robot("ci-deploy");
        Observation {
            account: self.words.text_id(account),
            region: self.words.text_id(region),
            ..Act::new(&who, time, "s3:GetObject").seen(self.words)
        }
    }

    fn note(&mut self, place: (&str, &str), time: Timestamp) {
        let observation = self.observation(place, time);
        self.coverage
            .see(observation.account, observation.region, time);
        self.blindness.note(&observation);
    }

    fn look(&mut self, now: Timestamp) {
        let found = self.blindness.look(now, &self.coverage, self.words);
        self.told.extend(found);
    }

    /// From `since` to `until`, hours of the organisation's life: each place delivers an event every so many hours, on time, and somebody looks every half hour.
    fn run(&mut self, (since, until): (i64, i64), places: &[((&str, &str), i64)]) {
        for hour in since..until {
            let now = day(0).plus_secs(hour * HOUR);
            for (place, every) in places {
                if hour % every == 0 {
                    self.note(*place, now);
                }
            }
            self.look(now);
            self.look(now.plus_secs(HOUR / 2));
        }
    }

    /// Types, raised or not, and titles of what was told since the last call.
    fn told(&mut self) -> Vec<(String, bool)> {
        let told = std::mem::take(&mut self.told);
        told.into_iter()
            .map(|finding| (finding.title, finding.raised))
            .collect()
    }
}

fn said(title: &str, raised: bool) -> (String, bool) {
    (title.to_owned(), raised)
}

const FULL: &[((&str, &str), i64)] = &[
    ((ONE, "eu-west-1"), 1),
    ((ONE, "us-east-1"), 4),
    ((OTHER, "eu-west-1"), 1),
];

#[test]
fn a_silent_region_is_told_once_and_so_is_its_return() {
    let words = Vocabulary::new();
    let mut stream = Stream::new(&words);
    stream.run((0, 480), FULL);
    assert_eq!(stream.told(), []);
    let without: Vec<_> = FULL
        .iter()
        .filter(|(place, _)| place.1 != "us-east-1")
        .copied()
        .collect();
    // Its longest gap is three hours: nine of silence are usual at most, and an hour of suspicion. The last event came at 476.
    stream.run((480, 487), &without);
    assert_eq!(stream.told(), []);
    stream.run((487, 560), &without);
    let finding = stream.told[0].clone();
    assert_eq!(
        stream.told(),
        [said(
            "Nothing arrives of account 111122223333 in us-east-1",
            true
        )]
    );
    assert_eq!(stream.blindness.open(), 1);
    assert_eq!(
        finding.kind,
        "DefenseEvasion:AWSAccount/BlindSpot.Silent!None"
    );
    assert_eq!(finding.severity, Severity::Medium);
    assert_eq!(finding.opened, day(0).plus_secs(476 * HOUR));
    assert!(
        finding
            .summary
            .contains("9 hours of silence would be usual at most"),
        "{}",
        finding.summary
    );
    stream.run((560, 562), FULL);
    let over = stream.told[0].clone();
    assert_eq!(
        stream.told(),
        [said(
            "Records of account 111122223333 in us-east-1 arrive again",
            false
        )]
    );
    assert_eq!((over.id, over.opened), (finding.id, finding.opened));
    assert_eq!(stream.blindness.open(), 0);
}

#[test]
fn a_silent_account_is_told_rather_than_its_regions() {
    let words = Vocabulary::new();
    let mut stream = Stream::new(&words);
    stream.run((0, 480), FULL);
    stream.run((480, 560), &FULL[2..]);
    let high = stream
        .told
        .iter()
        .all(|finding| finding.severity == Severity::High);
    assert_eq!(
        stream.told(),
        [said("Nothing arrives of account 111122223333", true)]
    );
    assert!(high);
    stream.run((560, 561), &FULL[..1]);
    assert_eq!(
        stream.told(),
        [said("Records of account 111122223333 arrive again", false)]
    );
}

#[test]
fn nothing_from_anywhere_is_one_spot() {
    let words = Vocabulary::new();
    let mut stream = Stream::new(&words);
    stream.run((0, 480), FULL);
    stream.run((480, 500), &[]);
    assert_eq!(
        stream.told(),
        [said("Nothing arrives of any account", true)]
    );
    stream.run((500, 520), FULL);
    assert_eq!(
        stream.told(),
        [said("Records of any account arrive again", false)]
    );
}

#[test]
fn what_is_late_everywhere_is_behind_and_not_silent() {
    let words = Vocabulary::new();
    let mut stream = Stream::new(&words);
    stream.run((0, 480), FULL);
    let at = |hour: i64| day(0).plus_secs(hour * HOUR);
    for hour in 490..520 {
        // Ten hours late, all of them.
        for (place, every) in FULL {
            if hour % every == 0 {
                stream.note(*place, at(hour - 10));
            }
        }
        stream.look(at(hour));
        stream.note((ONE, "eu-west-1"), at(hour - 10));
        stream.look(at(hour).plus_secs(HOUR / 2));
    }
    const { assert!(BEHIND_FOR_SECS <= HOUR / 2) };
    assert_eq!(stream.told(), [said("Deliveries are far behind", true)]);
    stream.run((520, 521), FULL);
    assert_eq!(stream.told(), [said("Deliveries are on time again", false)]);
}

#[test]
fn a_place_that_was_hardly_active_or_left_long_ago_is_not_told() {
    let words = Vocabulary::new();
    let mut stream = Stream::new(&words);
    // Six days only, and one that was left before anybody watched.
    let mut early = Stream::new(&words);
    early.run((0, 24 * 10), &[((OTHER, "ap-south-1"), 1)]);
    stream.coverage = early.coverage;
    stream.run(
        (24 * 20, 24 * 26),
        &[((ONE, "us-east-1"), 1), ((ONE, "eu-west-1"), 1)],
    );
    stream.run((24 * 26, 24 * 40), &[((ONE, "eu-west-1"), 1)]);
    assert_eq!(stream.told(), []);
}

#[test]
fn a_pause_and_a_clock_that_jumps_tell_nothing() {
    let words = Vocabulary::new();
    let mut stream = Stream::new(&words);
    stream.run((0, 480), FULL);
    // Two days off; then the backlog of one place comes before that of another.
    let at = |hour: i64| day(0).plus_secs(hour * HOUR);
    stream.look(at(528));
    stream.note((ONE, "eu-west-1"), at(527));
    stream.look(at(528).plus_secs(60));
    stream.run((528, 560), FULL);
    // The clock jumps a month ahead, and back.
    stream.look(at(1_280));
    stream.run((560, 570), FULL);
    // An event claims to be of another year.
    stream.note(
        (ONE, "eu-west-1"),
        at(570 + 9_000).plus_secs(FUTURE_SECS_MAX),
    );
    stream.run((570, 600), FULL);
    assert_eq!(stream.told(), []);
}

#[test]
fn a_place_that_stays_silent_is_forgotten() {
    let words = Vocabulary::new();
    let mut stream = Stream::new(&words);
    stream.run((0, 480), FULL);
    stream.run((480, 480 + 24 * (BLIND_SPOT_DAYS_MAX + 2)), &FULL[2..]);
    assert_eq!(stream.told().len(), 1);
    assert_eq!(stream.blindness.open(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_restart_anywhere_tells_the_same(cut in 480_i64..600, silent in 0_usize..3) {
        let words = Vocabulary::new();
        let left: Vec<_> = FULL.iter().enumerate().filter(|(i, _)| *i != silent).map(|(_, place)| *place).collect();
        let run = |restart: bool| {
            let mut stream = Stream::new(&words);
            stream.run((0, 480), FULL);
            stream.run((480, cut), &left);
            if restart {
                let bytes = stream.blindness.pack(&words);
                let other = Vocabulary::new();
                let _ = other.text_id("somebody else's");
                let back = Blindness::unpack(&bytes, Settings::default(), &other).unwrap();
                assert_eq!(back.pack(&other), bytes);
                stream.blindness = Blindness::unpack(&bytes, Settings::default(), &words).unwrap();
            }
            stream.run((cut, 620), &left);
            stream.run((620, 640), FULL);
            stream.told
        };
        let whole = run(false);
        prop_assert!(!whole.is_empty());
        prop_assert_eq!(run(true), whole);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let words = Vocabulary::new();
        prop_assert!(Blindness::unpack(&bytes, Settings::default(), &words).is_err());
    }
}

#[test]
fn suspicion_is_shorter_than_the_least_silence() {
    let least = Settings::default().blindness.silent_hours_min * HOUR as f64;
    assert!((SUSPECT_SECS as f64) < least);
}

/// What is told where the first [`DAYS`] times three days are only learnt.
fn told_after_history(all: Vec<Observation>, words: &Vocabulary) -> Vec<Finding> {
    let mut watch = Watch::new(
        words,
        Baseline::new(),
        Repeats::default(),
        Settings::default(),
    )
    .with_scope(Scope {
        judge_from: Some(day(DAYS * 3)),
        ..Scope::default()
    });
    all.into_iter().for_each(|one| watch.take(one));
    let mut told = Vec::new();
    watch.finish(&mut |finding| told.push(finding));
    told
}

#[test]
fn a_stopped_trail_is_always_told() {
    let words = Vocabulary::new();
    let admin = Who::person("admin");
    let mut all = habits(&staff(), DAYS * 3, &words);
    // Somebody does it every day: no news at all.
    for i in 0..DAYS * 3 {
        for call in ["cloudtrail:StopLogging", "cloudtrail:StartLogging"] {
            let time = day(i).plus_secs(36_000);
            all.push(Act::new(&admin, time, call).seen(&words));
        }
    }
    let time = day(DAYS * 3).plus_secs(36_000);
    all.push(Act::new(&admin, time, "cloudtrail:StopLogging").seen(&words));
    all.push(Act::new(&admin, time.plus_secs(60), "cloudtrail:StartLogging").seen(&words));
    let denied = Act::new(&admin, time.plus_secs(90), "cloudtrail:StopLogging").denied();
    all.push(denied.seen(&words));
    let mut told = told_after_history(all, &words);
    told.retain(|finding| finding.kind == "DefenseEvasion:AWSAccount/BlindSpot.TrailStopped!None");
    let [first] = told.as_slice() else {
        panic!("{told:#?}");
    };
    assert!(first.severity >= Severity::Medium && first.raised);
    assert_eq!(&*first.principal.name, "admin");
    assert_eq!(first.evidence[0].call, "cloudtrail:StopLogging");
}

#[test]
fn a_first_stop_of_a_trail_is_raised_as_high() {
    let words = Vocabulary::new();
    let admin = Who::person("anna");
    let mut all = habits(&staff(), DAYS * 3, &words);
    for i in 0..DAYS * 3 {
        for (j, call) in [
            "iam:ListUsers",
            "ec2:DescribeInstances",
            "s3:ListAllMyBuckets",
            "ec2:RunInstances",
        ]
        .iter()
        .enumerate()
        {
            let time = day(i).plus_secs(36_000 + 60 * j as i64);
            all.push(Act::new(&admin, time, call).seen(&words));
        }
    }
    let stop = Act::new(
        &admin,
        day(DAYS * 3).plus_secs(40_000),
        "cloudtrail:StopLogging",
    );
    all.push(stop.seen(&words));
    let told = told_after_history(all, &words);
    let last = last_states(told.clone());
    assert!(
        last.iter().any(|finding| finding.raised
            && finding.severity >= Severity::High
            && finding
                .evidence
                .iter()
                .any(|one| one.call == "cloudtrail:StopLogging")),
        "{told:#?}"
    );
}
