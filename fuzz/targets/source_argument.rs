//! Surface: what a user, or a script for one, names as input on the command line ([`Source::parse`]).
//!
//! Law: nothing panics; a bucket is never empty and holds no `/`, and bucket and prefix put together again are the same source; a path
//! is the argument unchanged; a refusal is one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offtrail_sources::Source;

fuzz_target!(|argument: &str| {
    match Source::parse(argument) {
        Ok(Source::Stdin) => assert_eq!(argument, "-"),
        Ok(Source::Path(path)) => assert_eq!(path.to_str(), Some(argument)),
        Ok(Source::S3 { bucket, prefix }) => {
            assert!(!bucket.is_empty() && !bucket.contains('/'), "{bucket:?}");
            assert!(argument.ends_with(prefix.as_str()));
            let again = Source::parse(&format!("s3://{bucket}/{prefix}"));
            assert_eq!(again, Ok(Source::S3 { bucket, prefix }));
        }
        Err(error) => {
            let told = error.to_string();
            assert!(!told.contains(char::is_control), "{told:?}");
        }
    }
});
