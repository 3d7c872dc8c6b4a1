//! AS databases: what is read of a sound one, and that a damaged one is an error or an unreadable entry, never more.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, net::IpAddr, path::Path};

use offtrail_sources::{AsDatabase, AsDatabaseError, AutonomousSystem, Looked};
use proptest::prelude::*;
use serde_json::json;

#[allow(
    dead_code,
    unreachable_pub,
    reason = "the writer serves the end-to-end tests too"
)]
#[path = "../../../tests/src/mmdb.rs"]
mod mmdb;

fn read(bytes: Vec<u8>) -> Result<AsDatabase, AsDatabaseError> {
    AsDatabase::from_bytes(bytes, Path::new("x.mmdb"))
}

fn sound() -> Vec<u8> {
    mmdb::of_systems(&[
        ("198.51.0.0/17", 64_500, "Example Telecom"),
        ("198.51.128.0/18", 64_501, "Other"),
        ("198.51.200.0/24", 64_502, "Third"),
        ("203.0.0.0/17", 64_504, "Upper"),
        ("203.0.128.0/17", 64_503, "Lower"),
        ("2001:db8::/32", 64_505, ""),
    ])
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_has_its_system() {
    let database = read(sound()).unwrap();
    let check = |text: &str, expected: Option<(u32, &str)>| {
        let expected = match expected {
            Some((number, organisation)) => Looked::Announced(AutonomousSystem {
                number,
                organisation: organisation.to_owned(),
            }),
            None => Looked::NoEntry,
        };
        assert_eq!(database.look_up(address(text)), expected, "{text}");
    };
    check("198.51.100.7", Some((64_500, "Example Telecom")));
    check("198.51.200.7", Some((64_502, "Third")));
    check("198.51.255.7", None);
    check("2001:db8::1", Some((64_505, "")));
    check("2001:db9::1", None);
    assert_eq!(database.edition(), "Test-ASN of 2026-05-01");
    let named = database.systems(BTreeSet::from([64_501, 64_505, 1]));
    let numbers: Vec<u32> = named.iter().map(|system| system.number).collect();
    assert_eq!(numbers, [64_501, 64_505]);
}

#[test]
fn a_prefix_belongs_to_who_announces_most_of_it() {
    let database = read(sound()).unwrap();
    let check = |prefix: &str, expected| {
        let number = database.mostly_of(prefix).map(|system| system.number);
        assert_eq!(number, expected, "{prefix}");
    };
    check("198.51.0.0/16", Some(64_500));
    // Halves: the lower number.
    check("203.0.0.0/16", Some(64_503));
    check("192.0.0.0/16", None);
    check("2001:db8::/32", Some(64_505));
    for no_prefix in [
        "AS64500",
        "",
        "/",
        "1.2.3.4/99",
        "1.2.3.4/31",
        "x/16",
        "::/200",
        "::/0",
    ] {
        check(no_prefix, None);
    }
}

#[test]
fn numbers_may_have_any_width() {
    let wide = |kind: u8, number: u64| {
        let key = mmdb::encoded(&json!("autonomous_system_number"));
        let record = [vec![7 << 5 | 1], key, mmdb::unsigned(kind, number)].concat();
        let bytes = mmdb::database("x", &[("0.0.0.0/1", record)]);
        let database = read(bytes).ok()?;
        match database.look_up(address("1.2.3.4")) {
            Looked::Announced(system) => Some(system.number),
            _ => None,
        }
    };
    assert_eq!(wide(mmdb::UINT16, 64_500), Some(64_500));
    assert_eq!(wide(mmdb::UINT64, 64_500), Some(64_500));
    // The largest number there is has 32 bits; 0 is nobody's.
    assert_eq!(wide(mmdb::UINT64, 1 << 32), None);
    assert_eq!(wide(mmdb::UINT32, 0), None);
}

#[test]
fn what_is_no_database_is_an_error() {
    for bytes in [&b""[..], b"PK\x03\x04", b"\xab\xcd\xefMaxMind.com\xe0"] {
        let read = read(bytes.to_vec());
        assert!(
            matches!(read, Err(AsDatabaseError::NotMmdb { .. })),
            "{read:?}"
        );
    }
}

/// Everything that is ever asked of a database.
fn ask(bytes: Vec<u8>) {
    let Ok(database) = read(bytes) else { return };
    for text in [
        "198.51.100.7",
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "2001:db8::1",
    ] {
        let _ = database.look_up(address(text));
    }
    for prefix in ["198.51.0.0/16", "2001:db8::/32", "::/32"] {
        let _ = database.mostly_of(prefix);
    }
    let _ = database.edition();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..400), after in any::<bool>()) {
        let mut all = if after { bytes.clone() } else { Vec::new() };
        all.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
        all.extend(bytes);
        ask(all);
    }

    #[test]
    fn any_damage_is_safe(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut bytes = sound();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        ask(bytes.clone());
        let from = cut.index(bytes.len());
        ask(bytes.split_off(from));
    }
}
