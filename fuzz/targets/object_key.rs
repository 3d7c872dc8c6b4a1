//! Surface: the key of an object, or the path of a file, which anybody may choose (`Item::layout`, and the name as shown).
//!
//! Law: nothing panics; what a key is said to tell is in it: twelve digits of account, a region, a day that exists; shown, it is one
//! line without control characters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offtrail_sources::{Day, Fingerprint, Item, Provenance};

fuzz_target!(|key: &str| {
    let object = Provenance::Object {
        bucket: "bucket".into(),
        key: key.into(),
    };
    let path = Provenance::Path(std::path::Path::new(key).into());
    let items = [object, path].map(|provenance| Item {
        provenance,
        fingerprint: Fingerprint::Unknown,
    });
    for item in &items {
        let shown = item.provenance.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        let Some(layout) = item.layout() else {
            continue;
        };
        assert!(
            layout.account.len() == 12 && layout.account.bytes().all(|b| b.is_ascii_digit()),
            "{layout:?}"
        );
        assert!(
            key.contains(&layout.account) && key.contains(&layout.region),
            "{layout:?}"
        );
        let Day { year, month, day } = layout.day;
        assert_eq!(Day::new(year, month, day), Some(layout.day));
        assert_eq!(Day::of(layout.day.start()), Some(layout.day));
        assert!(
            layout.delivered.is_none_or(|secs| Day::of(secs).is_some()),
            "{layout:?}"
        );
    }
    assert_eq!(
        items[0].layout(),
        items[1].layout(),
        "a copy on disk tells what the object told"
    );
});
