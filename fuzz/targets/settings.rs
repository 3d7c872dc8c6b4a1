//! Surface: a settings file written by a user ([`Settings::parse`]).
//!
//! Law: nothing panics; a fault is told in words; settings that are accepted are the same when read again, and a comment changes
//! nothing of them or of their digest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offtrail_detector::Settings;

fuzz_target!(|text: &str| {
    match Settings::parse(text) {
        Ok(settings) => {
            let again = Settings::parse(&format!("{text}\n# a comment\n"));
            let again = again.expect("a comment after valid TOML is valid TOML");
            assert_eq!(settings.digest(), again.digest());
            assert_eq!(format!("{settings:?}"), format!("{again:?}"));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
