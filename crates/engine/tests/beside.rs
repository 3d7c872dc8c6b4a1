//! Two watches over one stream: each tells what it would have told alone.
#![allow(clippy::unwrap_used)]

mod organisation;

use offtrail_baseline::Baseline;
use offtrail_detector::{Finding, Settings, Telling};
use offtrail_engine::{Repeats, Scope, Watch};
use offtrail_event::{Observation, Vocabulary};
use organisation::{Act, Who, day, habits, staff};

const DAYS: u32 = 60;

fn watch(words: &Vocabulary, settings: Settings) -> Watch<'_> {
    Watch::new(words, Baseline::new(), Repeats::default(), settings)
        .with_scope(Scope {
            judge_from: Some(day(DAYS)),
            ..Scope::default()
        })
        .with_telling(Telling::All)
}

/// Habits, then news of an intruder; one habit comes only after judging has begun, and one event twice.
fn stream(words: &Vocabulary) -> (Vec<Observation>, Vec<Observation>) {
    let (ci, etl) = (Who::robot("ci-deploy"), Who::workload("orders-task"));
    let at = |secs: i64| day(DAYS).plus_secs(secs);
    let acts = [
        Act::new(&ci, at(60), "iam:CreateUser").from("203.0.113.0/24"),
        Act::new(&ci, at(60), "iam:CreateUser").from("203.0.113.0/24"),
        Act::new(&etl, at(90), "s3:DeleteBucket").from("203.0.113.0/24"),
        Act::new(&ci, at(7_200), "iam:CreateUser"),
        Act::new(&etl, at(90_000), "kms:Decrypt"),
    ];
    let mut before: Vec<_> = habits(&staff(), DAYS, words).into_iter().collect();
    let late = before.pop();
    let mut after: Vec<_> = acts.iter().map(|act| act.seen(words)).collect();
    after.extend(late);
    (before, after)
}

fn told(mut watch: Watch<'_>, words: &Vocabulary) -> (Vec<Finding>, Vec<Finding>) {
    let (before, after) = stream(words);
    before.into_iter().for_each(|one| watch.take(one));
    let (mut own, mut beside) = (Vec::new(), Vec::new());
    for one in after {
        let time = one.time;
        watch.take(one);
        watch.advance(time.plus_secs(1), &mut |finding| own.push(finding));
        beside.append(&mut watch.take_beside());
    }
    watch.finish(&mut |finding| own.push(finding));
    beside.append(&mut watch.take_beside());
    (own, beside)
}

#[test]
fn each_tells_what_it_would_have_told_alone() {
    let words = Vocabulary::new();
    let without_network = "version = 3\n[context]\nnetwork = 0.0\nnetwork_shared = 0.0\n";
    let [first, second] = ["", without_network].map(|text| Settings::parse(text).unwrap());
    let alone = |settings: &Settings| told(watch(&words, settings.clone()), &words).0;
    let (own, beside) = told(
        watch(&words, first.clone()).with_beside(watch(&words, second.clone())),
        &words,
    );
    assert!(own.iter().any(|finding| finding.raised));
    assert_eq!(own, alone(&first));
    assert_eq!(beside, alone(&second));
    assert_ne!(own, beside, "the settings make a difference");
}
