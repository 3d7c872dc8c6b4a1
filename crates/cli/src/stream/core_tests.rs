//! Laws of the loop: killed between any two ticks it tells and knows what one that was never disturbed tells and knows.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, path::Path};

use offtrail_baseline::Suppressions;
use offtrail_detector::{LearningPolicy, Settings, Telling};
use offtrail_engine::Raising;
use offtrail_parser::{Observer, Parser, WithDetail};
use offtrail_simulator::{Scale, Sink, simulate};
use proptest::prelude::*;

use super::*;

/// The records of an organisation's archive, file by file, in order of delivery.
struct Files(Vec<Vec<u8>>);

impl Sink for Files {
    fn file(&mut self, path: &str, bytes: &[u8]) -> std::io::Result<()> {
        if path.contains("/CloudTrail/") {
            self.0.push(bytes.to_vec());
        }
        Ok(())
    }
}

fn files() -> Vec<Vec<u8>> {
    let settings = offtrail_simulator::Settings {
        days: 16,
        scale: Scale::Demo,
        ..offtrail_simulator::Settings::default()
    };
    let mut files = Files(Vec::new());
    simulate(&settings, &mut files, &mut |_| {}).unwrap();
    files.0
}

fn observations(files: &[Vec<u8>], words: &Vocabulary) -> Vec<Observation> {
    let mut parser = Parser::default();
    let mut observer = Observer::new(words, WithDetail::Judge);
    let mut all = Vec::new();
    for bytes in files {
        parser.observe(bytes, &mut observer, &mut |_, read, _| all.extend(read));
    }
    all
}

fn rules() -> Rules {
    Rules {
        settings: Settings::default(),
        suppressions: Suppressions::default(),
        threshold: Some(6.0),
        policy: LearningPolicy::HoldFlagged,
        telling: Telling::Raised,
        min_severity: None,
    }
}

/// What happens before a tick.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Checkpoint,
    /// The process is killed and started again.
    Kill,
}

fn open<'c>(path: &Path, words: &'c Vocabulary, settle: Duration) -> Core<'c> {
    let store = Store::open_for_stream(path).unwrap();
    Core::open((words, None), store, rules(), (settle, Instant::now())).unwrap()
}

/// All states told, in order, with their keys.
type Told = Vec<(String, String)>;

/// Ticks over `files` in chunks, with something before each.
fn run(files: &[Vec<u8>], before: &[Before], settle: Duration) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    let mut chunks = files.chunks(files.len().div_ceil(before.len()));
    let mut told = Vec::new();
    let mut words = Vocabulary::new();
    let mut waits: &[Before] = before;
    // One life after the other: ids of a vocabulary hold within one.
    loop {
        let mut core = open(&path, &words, settle);
        let mut killed = false;
        while let Some((first, rest)) = waits.split_first() {
            match first {
                Before::Kill if !killed => {
                    killed = true;
                    break;
                }
                Before::Checkpoint => core.checkpoint(Instant::now()).unwrap(),
                Before::Kill | Before::Nothing => {}
            }
            waits = rest;
            let chunk = chunks.next().unwrap_or_default();
            let batch = Batch {
                observations: observations(chunk, &words),
                ..Batch::default()
            };
            let extent = if rest.is_empty() {
                Extent::All
            } else {
                Extent::Due
            };
            core.tick(batch, extent, (&Tally::default(), Instant::now(), None))
                .unwrap();
        }
        if !killed {
            core.checkpoint(Instant::now()).unwrap();
            for state in core.store().outbox_after(0, usize::MAX).unwrap() {
                told.push((state.key, state.line));
            }
            return told;
        }
        drop(core);
        words = Vocabulary::new();
        // The kill is over.
        if let Some((_, rest)) = waits.split_first() {
            let mut left = vec![Before::Nothing];
            left.extend_from_slice(rest);
            waits = Vec::leak(left);
        }
    }
}

fn befores() -> impl Strategy<Value = Vec<Before>> {
    let before = prop_oneof![
        3 => Just(Before::Nothing),
        1 => Just(Before::Checkpoint),
        2 => Just(Before::Kill),
    ];
    proptest::collection::vec(before, 2..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 4, ..ProptestConfig::default() })]
    #[test]
    fn killed_between_ticks_it_tells_the_same_once(before in befores()) {
        let files = files();
        let undisturbed = vec![Before::Nothing; before.len()];
        let expected = run(&files, &undisturbed, Duration::ZERO);
        let disturbed = run(&files, &before, Duration::ZERO);
        prop_assert!(!expected.is_empty(), "nothing was told");
        let keys: BTreeSet<_> = disturbed.iter().map(|(key, _)| key).collect();
        prop_assert_eq!(keys.len(), disturbed.len(), "a state was told twice");
        prop_assert_eq!(&expected, &disturbed);
    }
}

#[test]
fn with_a_long_wait_it_tells_what_one_pass_in_order_of_time_tells() {
    let mut files = files();
    let words = Vocabulary::new();
    let mut watch = Watch::new(
        &words,
        Baseline::new(),
        Repeats::default(),
        rules().settings,
    )
    .with_raising(Raising::At(offtrail_detector::Threshold {
        bits: 6.0,
        calibrated: false,
    }));
    for observation in observations(&files, &words) {
        watch.take(observation);
    }
    let mut expected = Vec::new();
    let (rules, mut tally) = (rules(), ToldTally::default());
    watch.finish(&mut |finding| tell(&finding, &rules, &mut tally, &mut expected));
    // In whatever order files come, and killed twice on the way.
    files.reverse();
    let before = [
        Before::Nothing,
        Before::Kill,
        Before::Checkpoint,
        Before::Kill,
        Before::Nothing,
    ];
    let told = run(&files, &before, Duration::from_secs(86_400));
    assert_eq!(told, expected);
    assert!(!told.is_empty());
}
