//! Listing and reading against a real S3 server on this machine: moto, where there is one: everything but S3 is tested without.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests start a server and may fail loudly"
)]

mod moto;

use std::collections::BTreeMap;
use std::sync::Mutex;

use offtrail_sources::{
    Item, ItemsError, Listing, Provenance, Pruned, S3Settings, Settings, Source, Sources, TimeRange,
};

use moto::{Moto, isolated, with_credentials};

/// What these tests ask of the server beside.
trait Bucket {
    fn fill(&self, bucket: &str, objects: &BTreeMap<String, String>);
    fn settings(&self, list_page_size: i32) -> Settings;
}

impl Bucket for Moto {
    fn fill(&self, bucket: &str, objects: &BTreeMap<String, String>) {
        self.request("PUT", &format!("/{bucket}"), b"");
        for (key, body) in objects {
            self.request(
                "PUT",
                &format!("/{bucket}/{}", escaped(key)),
                body.as_bytes(),
            );
        }
    }

    fn settings(&self, list_page_size: i32) -> Settings {
        let s3 = S3Settings {
            endpoint: Some(self.endpoint()),
            region: Some("us-east-1".into()),
            // Moto answers a first request of a kind with 500 now and then when the machine is busy.
            attempts_max: 5,
            list_page_size,
            ..S3Settings::default()
        };
        Settings {
            s3,
            ..Settings::default()
        }
    }
}

/// A key as it stands in a request's path.
fn escaped(key: &str) -> String {
    key.replace(' ', "%20")
        .replace('+', "%2B")
        .replace('\u{1}', "%01")
}

fn s3(bucket: &str, prefix: &str) -> Source {
    Source::S3 {
        bucket: bucket.into(),
        prefix: prefix.into(),
    }
}

fn keys(listing: &Listing, asked: &str) -> Vec<String> {
    let key = |item: Result<Item, ItemsError>| match item.unwrap().provenance {
        Provenance::Object { bucket, key } if &*bucket == asked => key.to_string(),
        other => panic!("{other:?} is not in {asked}"),
    };
    listing.items.iter().map(key).collect()
}

/// Two accounts of an organisation, two regions, days over three months and two years, and what else lies in a real bucket.
fn archive() -> BTreeMap<String, String> {
    let mut keys = Vec::new();
    for account in ["111122223333", "444455556666"] {
        for region in ["eu-west-1", "us-east-1"] {
            for (year, month, day) in [
                (2025, 12, 31),
                (2026, 7, 1),
                (2026, 8, 28),
                (2026, 8, 29),
                (2026, 8, 30),
                (2026, 8, 31),
            ] {
                keys.push(format!(
                    "trail/AWSLogs/o-ab12/{account}/CloudTrail/{region}/{year}/{month:02}/{day:02}/{account}_CloudTrail_{region}_{year}{month:02}{day:02}T1200Z_a.json.gz"
                ));
            }
        }
    }
    keys.push(
        "trail/AWSLogs/o-ab12/111122223333/CloudTrail-Digest/eu-west-1/2026/08/30/digest.json.gz"
            .to_owned(),
    );
    keys.push("trail/AWSLogs/copied by hand/a+b.json".to_owned());
    keys.push("trail/AWSLogs/o-ab12/111122223333/CloudTrail/eu-west-1/stray.json".to_owned());
    keys.push("top.json".to_owned());
    keys.push("odd\u{1}name.json".to_owned());
    keys.into_iter()
        .map(|key| (key.clone(), format!("content of {key}")))
        .collect()
}

#[test]
fn an_archive_is_listed_whole_and_in_order_at_any_page_size() {
    with_credentials(
        "an_archive_is_listed_whole_and_in_order_at_any_page_size",
        || {
            let Some(moto) = Moto::start() else { return };
            let objects = archive();
            moto.fill("logs", &objects);
            moto.request(
                "PUT",
                "/logs/trail/AWSLogs/111122223333/Config/x.json",
                b"{}",
            );
            moto.request("PUT", "/logs/trail/AWSLogs/", b"");
            let expected: Vec<String> = objects.keys().cloned().collect();
            for (page_size, prefix) in [
                (1_000, ""),
                (1, ""),
                (2, "tra"),
                (1, "trail/AWSLogs/"),
                (3, "trail/AWSLogs/o-ab12/1111"),
            ] {
                let listing = Sources::new(moto.settings(page_size))
                    .list(&[s3("logs", prefix)], TimeRange::default())
                    .unwrap();
                let expected: Vec<&String> = expected
                    .iter()
                    .filter(|key| key.starts_with(prefix))
                    .collect();
                assert_eq!(
                    keys(&listing, "logs").iter().collect::<Vec<_>>(),
                    expected,
                    "{page_size} {prefix}"
                );
                assert_eq!(listing.pruned, Pruned::default());
                assert_eq!(
                    listing.passed_over.len(),
                    usize::from(!prefix.contains("o-ab12"))
                );
            }
            let mut narrow = moto.settings(1_000);
            narrow.s3.fanout_max = 0;
            let sources = Sources::new(narrow);
            let listing = sources
                .list(&[s3("logs", "")], TimeRange::default())
                .unwrap();
            assert_eq!(keys(&listing, "logs"), expected, "in one plain run");
            let reader = sources.read(listing.items).unwrap();
            for body in objects.values() {
                assert_eq!(
                    String::from_utf8(reader.next().unwrap().bytes.unwrap()).unwrap(),
                    *body
                );
            }
            assert!(reader.next().is_none());
            for aimed in [
                "trail/AWSLogs/111122223333/Config/",
                "trail/AWSLogs/111122223333/Conf",
            ] {
                let named = sources
                    .list(&[s3("logs", aimed)], TimeRange::default())
                    .unwrap();
                assert_eq!(
                    named.items.len(),
                    1,
                    "another service's folder is read where it is named"
                );
            }
        },
    );
}

#[test]
fn a_range_leaves_out_what_the_keys_tell() {
    with_credentials("a_range_leaves_out_what_the_keys_tell", || {
        let Some(moto) = Moto::start() else { return };
        moto.fill("logs", &archive());
        let range = TimeRange {
            since: Some(1_788_048_000),
            until: Some(1_788_048_000 + 60),
        }; // 2026-08-30, its first minute
        for page_size in [1_000, 1] {
            let settings = Settings {
                lateness_secs_max: 43_200,
                ..moto.settings(page_size)
            };
            let listing = Sources::new(settings)
                .list(&[s3("logs", "trail/")], range)
                .unwrap();
            let dated: Vec<String> = keys(&listing, "logs")
                .into_iter()
                .filter(|key| key.contains("/2026/"))
                .collect();
            let accounts = |region: &str| {
                ["111122223333", "444455556666"].map(|account| {
                format!("trail/AWSLogs/o-ab12/{account}/CloudTrail/{region}/2026/08/30/{account}_CloudTrail_{region}_20260830T1200Z_a.json.gz")
            })
            };
            let mut expected = [accounts("eu-west-1"), accounts("us-east-1")].concat();
            expected.push("trail/AWSLogs/o-ab12/111122223333/CloudTrail-Digest/eu-west-1/2026/08/30/digest.json.gz".to_owned());
            expected.sort_unstable();
            assert_eq!(dated, expected, "page size {page_size}");
            assert!(
                keys(&listing, "logs")
                    .contains(&"trail/AWSLogs/copied by hand/a+b.json".to_owned())
            );
            assert!(
                listing.pruned.files > 0 && listing.pruned.ranges > 0,
                "{:?}",
                listing.pruned
            );
        }
    });
}

#[test]
fn many_threads_get_each_object_once_and_in_order() {
    with_credentials("many_threads_get_each_object_once_and_in_order", || {
        let Some(moto) = Moto::start() else { return };
        let objects: BTreeMap<String, String> = (0..150)
            .map(|number| {
                (
                    format!("f/{number:04}.json"),
                    format!("{number} {}", "x".repeat(number * 7)),
                )
            })
            .collect();
        moto.fill("many", &objects);
        let expected: Vec<String> = objects.into_values().collect();
        for in_flight_bytes_max in [1, 20_000, 128 << 20] {
            let sources = Sources::new(Settings {
                in_flight_bytes_max,
                in_flight_max: 8,
                ..moto.settings(40)
            });
            let listing = sources
                .list(&[s3("many", "f/")], TimeRange::default())
                .unwrap();
            assert!(
                listing
                    .items
                    .iter()
                    .zip(&expected)
                    .all(|(item, body)| item.unwrap().size() == body.len() as u64)
            );
            let reader = sources.read(listing.items).unwrap();
            let seen = Mutex::new(BTreeMap::new());
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let mut last = None;
                        while let Some(delivery) = reader.next() {
                            assert!(last < Some(delivery.index), "indices rise in each thread");
                            last = Some(delivery.index);
                            let text = String::from_utf8(delivery.bytes.unwrap()).unwrap();
                            assert!(
                                seen.lock().unwrap().insert(delivery.index, text).is_none(),
                                "handed out twice"
                            );
                        }
                    });
                }
            });
            assert_eq!(
                seen.into_inner().unwrap().into_values().collect::<Vec<_>>(),
                expected
            );
        }
    });
}

#[test]
fn what_is_missing_is_told_in_one_line() {
    with_credentials("what_is_missing_is_told_in_one_line", || {
        let Some(moto) = Moto::start() else { return };
        let objects = BTreeMap::from([
            ("a".to_owned(), "one".to_owned()),
            ("b".to_owned(), "two".to_owned()),
            ("c".to_owned(), "three".to_owned()),
        ]);
        moto.fill("small", &objects);
        let sources = Sources::new(Settings {
            object_bytes_max: 4,
            ..moto.settings(1_000)
        });
        let refused = |bucket: &str, prefix: &str| {
            sources
                .list(&[s3(bucket, prefix)], TimeRange::default())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused("nobody-has-this", "y/"),
            "list s3://nobody-has-this/y/: the bucket does not exist (NoSuchBucket); check the name and the account"
        );
        assert_eq!(
            refused("small", "zzz/"),
            "list s3://small/zzz/: no object's key begins with this prefix; check the prefix"
        );

        let items = sources
            .list(&[s3("small", "")], TimeRange::default())
            .unwrap()
            .items;
        moto.request("DELETE", "/small/b", b"");
        let reader = sources.read(items).unwrap();
        let mut seen = Vec::new();
        while let Some(delivery) = reader.next() {
            seen.push(match delivery.bytes {
                Ok(bytes) => String::from_utf8(bytes).unwrap(),
                Err(error) => {
                    assert!(!error.is_general());
                    error.to_string()
                }
            });
        }
        assert_eq!(
            seen,
            [
                "one",
                "read s3://small/b: the object is no longer there (NoSuchKey); it was deleted or moved after it was listed",
                "read s3://small/c: more than 4 bytes; not read (raise object_bytes_max to read it)",
            ]
        );
    });
}

#[test]
fn a_reader_may_be_dropped_half_way() {
    with_credentials("a_reader_may_be_dropped_half_way", || {
        let Some(moto) = Moto::start() else { return };
        let objects = (0..20)
            .map(|number| (format!("{number:02}"), "x".to_owned()))
            .collect();
        moto.fill("half", &objects);
        let sources = Sources::new(moto.settings(1_000));
        let items = sources
            .list(&[s3("half", "")], TimeRange::default())
            .unwrap()
            .items;
        let reader = sources.read(items).unwrap();
        drop(sources);
        assert_eq!(reader.next().unwrap().bytes.unwrap(), b"x");
        drop(reader);
    });
}

#[test]
fn endpoint_and_region_come_from_the_environment() {
    let name = "endpoint_and_region_come_from_the_environment";
    if std::env::var_os("OFFTRAIL_S3_TEST").is_some() {
        let items = Sources::new(Settings::default())
            .list(&[s3("by-env", "")], TimeRange::default())
            .unwrap()
            .items;
        assert_eq!(
            items.len(),
            1,
            "found through AWS_ENDPOINT_URL, path-style on a loopback address"
        );
        return;
    }
    let Some(moto) = Moto::start() else { return };
    moto.fill(
        "by-env",
        &BTreeMap::from([("a".to_owned(), "x".to_owned())]),
    );
    let endpoint = moto.endpoint();
    let mut command = isolated(name);
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example");
    assert!(command.status().unwrap().success());
}
