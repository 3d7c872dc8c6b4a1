//! Surface: the records of a file on the short way to observations ([`Parser::observe`]), which leaves out what is known of a caller.
//!
//! Law: the short way gives what the long one gives ([`Parser::read`] and a fresh [`Observer`]), also the second time, when all callers are
//! known; and a record that serde_json reads gives the same observation once serde_json has written it anew, whatever its escapes, the order of its
//! keys and those that come twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offtrail_event::Vocabulary;
use offtrail_parser::{Observer, WithDetail};
use ways::{long, rewritten, short};

#[path = "../../crates/parser/tests/reading/ways.rs"]
mod ways;

fuzz_target!(|bytes: &[u8]| {
    let words = Vocabulary::new();
    let expected = long(bytes, &words, WithDetail::Judge);
    let mut observer = Observer::new(&words, WithDetail::Judge);
    for _ in 0..2 {
        assert_eq!(short(bytes, &mut observer), expected);
    }
    for known in expected.0 {
        let Some((_, (again, rejects))) = rewritten(&known, &words, WithDetail::Judge) else { continue };
        assert_eq!((again.len(), rejects), (1, Vec::new()));
        assert_eq!(again[0].0, known.0);
    }
});
