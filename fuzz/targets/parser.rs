//! Surface: a file of any kind as CloudTrail, a queue or a person may hand it over, packed or not ([`Parser::read`]).
//!
//! Law: nothing panics; records = observations + rejects, and each is handed over once, in order; a reject's detail is short and
//! inert; every event becomes an observation; a parser that read other files before reads this one as a fresh one does.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use offtrail_event::Vocabulary;
use offtrail_parser::{FileTally, Limits, Observer, Parser, WithDetail};

/// Longest detail of a reject, as its documentation promises, in bytes.
const DETAIL_BYTES_MAX: usize = 240;

/// Small enough that short inputs reach every limit.
const TIGHT: Limits = Limits {
    inflated_bytes_max: 64 << 10,
    record_bytes_max: 4 << 10,
    nesting_max: 16,
    wrapping_max: 4,
    rescans_max: 4,
    kept_bytes_max: 16 << 10,
};

thread_local! {
    // Kept over all inputs, as a worker keeps one over all files.
    static WORKER: RefCell<Parser> = RefCell::new(Parser::new(TIGHT));
}

fuzz_target!(|bytes: &[u8]| {
    let kept = WORKER.with_borrow_mut(|parser| read(parser, bytes));
    let fresh = read(&mut Parser::new(TIGHT), bytes);
    assert_eq!(kept, fresh, "what was read before leaves no trace");
    read(&mut Parser::default(), bytes);
});

fn read(parser: &mut Parser, bytes: &[u8]) -> FileTally {
    let words = Vocabulary::new();
    let mut observer = Observer::new(&words, WithDetail::Judge);
    let (mut next, mut observed, mut rejected) = (0, 0, 0);
    let tally = parser.read(bytes, &mut |index, event, raw| {
        assert_eq!(index, next, "indexes count up without a gap");
        next += 1;
        match event {
            Ok(event) => {
                observer.observe(&event, raw);
                observed += 1;
            }
            Err(reject) => {
                assert_eq!(reject.index, index);
                assert!(reject.detail.len() <= DETAIL_BYTES_MAX, "{reject:?}");
                assert!(!reject.detail.contains(char::is_control), "{reject:?}");
                rejected += 1;
            }
        }
    });
    assert_eq!(tally.records, tally.observations + tally.rejected());
    assert_eq!(tally.observations, observed);
    assert_eq!(tally.rejected(), rejected);
    tally
}
