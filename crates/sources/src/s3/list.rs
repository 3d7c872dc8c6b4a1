//! Lists a bucket side by side after the plan, bounded in requests under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object, RequestPayer};
use tokio::task::JoinSet;

use crate::item::{Fingerprint, Item, Provenance, shown};
use crate::layout::other_service;
use crate::listing::{ListError, Listing};
use crate::range::DeliveryRange;
use crate::s3::plan::{self, Step};
use crate::s3::{Clients, S3Error};
use crate::settings::S3Settings;

/// A region's run longer than this many answers is split by year and month instead.
const RUN_PAGES_MAX: usize = 4;

/// What one step needs to know.
struct Walk {
    client: Client,
    bucket: Arc<str>,
    /// The prefix as the user gave it.
    asked: String,
    range: DeliveryRange,
    settings: S3Settings,
    /// Listing requests made.
    requests: AtomicU64,
}

/// What one step found, and what it leaves to be done.
#[derive(Default)]
struct Found {
    listing: Listing,
    next: Vec<Step>,
}

/// All objects of `bucket` whose keys begin with `prefix` and may hold something wanted; not sorted.
pub(crate) async fn list(
    clients: &Clients,
    bucket: &str,
    prefix: &str,
    range: DeliveryRange,
) -> Result<Listing, ListError> {
    let mut walk = Walk {
        client: clients.client(bucket),
        bucket: bucket.into(),
        asked: prefix.to_owned(),
        range,
        settings: clients.settings.clone(),
        requests: AtomicU64::new(0),
    };
    // The first step goes alone: it tells whether the bucket is there, open to us, and in which region.
    let mut found = walk.step(plan::first(prefix)).await;
    if let Err(error) = &found
        && let Some(client) = error
            .region()
            .and_then(|region| clients.follow(bucket, &walk.client, region))
    {
        walk.client = client;
        found = walk.step(plan::first(prefix)).await;
    }
    let Found {
        mut listing,
        next: mut waiting,
    } = found?;

    let walk = Arc::new(walk);
    let mut running: JoinSet<Result<Found, S3Error>> = JoinSet::new();
    loop {
        while running.len() < walk.settings.list_in_flight_max.max(1)
            && let Some(step) = waiting.pop()
        {
            let walk = Arc::clone(&walk);
            running.spawn(async move { walk.step(step).await });
        }
        let Some(done) = running.join_next().await else {
            break;
        };
        let found = done.map_err(|error| S3Error::broken(walk.doing(&walk.asked), &error))??;
        listing.extend(found.listing)?;
        waiting.extend(found.next);
    }
    let nothing = listing.items.is_empty()
        && listing.pruned == Default::default()
        && listing.passed_over.is_empty();
    if nothing {
        Err(S3Error::nothing_there(walk.doing(prefix)).into())
    } else {
        listing.requests += walk.requests.load(Ordering::Relaxed);
        Ok(listing)
    }
}

impl Walk {
    async fn step(&self, step: Step) -> Result<Found, S3Error> {
        match step {
            Step::Split { prefix, depth } => self.split(prefix, depth).await,
            Step::Run {
                prefix,
                after,
                splits,
            } => self.run(prefix, after, splits).await,
        }
    }

    async fn split(&self, prefix: String, depth: usize) -> Result<Found, S3Error> {
        let mut found = Found::default();
        let mut token = None;
        loop {
            let page = self.page(&prefix, Some("/"), None, token).await?;
            for object in page.contents.unwrap_or_default() {
                self.add(object, &mut found.listing);
            }
            for folder in page
                .common_prefixes
                .unwrap_or_default()
                .into_iter()
                .filter_map(|common| common.prefix)
            {
                match plan::below(folder, depth, &self.range) {
                    Some(step) => found.next.push(step),
                    None => found.listing.pruned.ranges += 1,
                }
            }
            let above = found
                .next
                .iter()
                .filter(|step| matches!(step, Step::Split { depth: 1.., .. }))
                .count();
            if above > self.settings.fanout_max {
                let run = Step::Run {
                    prefix,
                    after: None,
                    splits: false,
                };
                return Ok(Found {
                    listing: Listing::default(),
                    next: vec![run],
                });
            }
            token = page.next_continuation_token;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn run(
        &self,
        prefix: String,
        after: Option<String>,
        splits: bool,
    ) -> Result<Found, S3Error> {
        let mut found = Found::default();
        found.listing.pruned.ranges += u64::from(after.is_some());
        let mut token = None;
        for pages in 1_usize.. {
            let page = self.page(&prefix, None, after.clone(), token).await?;
            for object in page.contents.unwrap_or_default() {
                self.add(object, &mut found.listing);
            }
            token = page.next_continuation_token;
            if token.is_none() {
                break;
            }
            if splits && pages >= RUN_PAGES_MAX {
                return Ok(Found {
                    listing: Listing::default(),
                    next: vec![Step::Split { prefix, depth: 0 }],
                });
            }
        }
        Ok(found)
    }

    async fn page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        after: Option<String>,
        token: Option<String>,
    ) -> Result<ListObjectsV2Output, S3Error> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut page = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(prefix)
            .set_delimiter(delimiter.map(str::to_owned))
            .set_start_after(after)
            .set_continuation_token(token)
            .set_request_payer(
                self.settings
                    .requester_pays
                    .then_some(RequestPayer::Requester),
            )
            // XML can't carry every character that a key may have.
            .encoding_type(EncodingType::Url)
            .max_keys(self.settings.list_page_size.clamp(1, 1_000))
            .send()
            .await
            .map_err(|error| S3Error::from_sdk(self.doing(prefix), &error))?;
        // Some stores don't know the parameter; they don't say that they obeyed it.
        if page.encoding_type == Some(EncodingType::Url) {
            for object in page.contents.iter_mut().flatten() {
                object.key = object.key.take().map(|key| decode(&key));
            }
            for folder in page.common_prefixes.iter_mut().flatten() {
                folder.prefix = folder.prefix.take().map(|prefix| decode(&prefix));
            }
        }
        Ok(page)
    }

    /// Adds an object, unless it is one of the empty ones that S3's console makes to show a folder, or another service's.
    fn add(&self, object: Object, listing: &mut Listing) {
        let Some(key) = object.key else { return };
        let size = object
            .size
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0);
        if size == 0 && key.ends_with('/') {
            return;
        }
        if self.passes_over(&key, listing) {
            return;
        }
        let etag = object.e_tag.unwrap_or_default().trim_matches('"').into();
        let provenance = Provenance::Object {
            bucket: Arc::clone(&self.bucket),
            key: key.into_boxed_str(),
        };
        listing.add(
            Item {
                provenance,
                fingerprint: Fingerprint::Object { etag, size },
            },
            &self.range,
        );
    }

    /// Whether a key or folder is another service's and not what the user aimed at; if so, it is told.
    fn passes_over(&self, key: &str, listing: &mut Listing) -> bool {
        let Some(folder) = other_service(key) else {
            return false;
        };
        if !passes_over(folder, &self.asked) {
            return false;
        }
        listing.passed_over.insert(Provenance::Object {
            bucket: Arc::clone(&self.bucket),
            key: folder.into(),
        });
        true
    }

    fn doing(&self, prefix: &str) -> String {
        format!("list s3://{}/{}", self.bucket, shown(prefix))
    }
}

/// Whether another service's folder is passed over where `asked` was asked for: not when the user aimed at it.
pub(crate) fn passes_over(folder: &str, asked: &str) -> bool {
    let beside = folder.trim_end_matches('/').rfind('/');
    asked.len() <= beside.map_or(0, |slash| slash + 1)
}

/// Undoes form-url-encoding, which S3 uses in listings and notifications (`+` is a space). What is no encoding is kept as it is.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text
            .get(at + 1..at + 3)
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                decoded.push(value);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::decode;
    use proptest::prelude::*;

    #[test]
    fn listed_keys_are_decoded() {
        for (listed, key) in [
            ("a+b%2Bc%2Fd", "a b+c/d"),
            ("%C3%A9%01", "é\u{1}"),
            ("100%", "100%"),
            ("%zz%+1", "%zz% 1"),
            ("%FF", "%FF"),
            ("%é", "%é"),
        ] {
            assert_eq!(decode(listed), key, "{listed}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,40}") {
            let _ = decode(&text);
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(&encoded), text);
        }
    }
}
