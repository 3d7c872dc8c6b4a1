//! Surface: the body of a queue's message, which whoever may send to the queue chooses ([`Notice::read`]).
//!
//! Law: nothing panics; an object told has a bucket and a key; an event is handed on unchanged, and read again it is the same event; wrapped in
//! SNS once more, a message tells the same; a refusal is one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offtrail_sources::{Notice, NoticeError};

fuzz_target!(|body: &str| {
    let read = Notice::read(body);
    match &read {
        Ok(Notice::Objects { objects, .. }) => {
            let named = |object: &offtrail_sources::Announced| {
                !object.bucket.is_empty() && !object.key.is_empty()
            };
            assert!(objects.iter().all(named), "{objects:?}");
        }
        Ok(Notice::Event { text, .. }) => assert_eq!(Notice::read(text), read),
        Err(error) => {
            let told = error.to_string();
            assert!(!told.contains(char::is_control), "{told:?}");
        }
    }
    let wrapped = serde_json::json!({"Type": "Notification", "Message": body}).to_string();
    match Notice::read(&wrapped) {
        Err(NoticeError::TooDeep) => {}
        again => assert_eq!(again, read),
    }
});
