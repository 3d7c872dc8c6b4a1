//! Delivery as CloudTrail does it: small gzipped files an account and region, minutes late, not quite in order, a few
//! records hours late, a few twice.
//!
//! Memory is bounded by the records of one day and of the latest delay; a slot is written as soon as no later record
//! can fall into it.

use std::collections::BTreeMap;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::chance::{Chance, stable_hash};
use crate::clock::{HOUR, MINUTE, Millis, SECOND, folder, stamp};
use crate::organisation::{HOME_REGION, Organisation, REGIONS, RegionId};
use crate::scene::Entry;
use crate::settings::{Error, Scale, Settings};

/// Where simulated files go: a folder, an archive, a bucket, a digest in a test.
pub trait Sink {
    /// Takes one whole file; `path` is relative and separated by `/`.
    ///
    /// # Errors
    /// Whatever keeps the file from being stored; the simulation stops and reports it.
    fn file(&mut self, path: &str, bytes: &[u8]) -> std::io::Result<()>;
}

/// Share of records that arrive within 7 minutes, and within 20 minutes; the rest takes up to [`LATEST`].
const PROMPT: f64 = 0.97;
const SLOW: f64 = 0.9985;
/// Longest delay of a record.
const LATEST: Millis = 6 * HOUR;
/// Share of records that come a second time in another file.
const TWICE: f64 = 0.001;
/// Deflate level: the files are a fifth larger than at the default and twice as quick.
const LEVEL: u32 = 4;
/// Records a file holds at most.
const RECORDS_PER_FILE_MAX: usize = 600;

/// Counts of what was delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Distinct events written.
    pub events: u64,
    /// Records written a second time.
    pub repeated: u64,
    /// Records that took more than 20 minutes.
    pub late: u64,
    /// Files of records.
    pub files: u64,
    /// Digest and Insight files beside them.
    pub other_files: u64,
    /// Bytes of JSON before compression.
    pub raw_bytes: u64,
    /// Bytes written to the files of records.
    pub gz_bytes: u64,
}

type Slot = (Millis, usize, RegionId);

/// Records under way.
pub(crate) struct Delivery {
    chance: Chance,
    seed: u64,
    scale: Scale,
    /// By end of slot, account and region: time of the event, order of arrival, text.
    pending: BTreeMap<Slot, Vec<(Millis, String)>>,
    packer: Packer,
    pub(crate) tally: Delivered,
}

impl Delivery {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            chance: Chance::named(settings.seed, &["delivery"]),
            seed: settings.seed,
            scale: settings.scale,
            pending: BTreeMap::new(),
            packer: Packer::new(),
            tally: Delivered::default(),
        }
    }

    /// Takes one record from its event to the slot in which it will arrive.
    pub(crate) fn post(&mut self, entry: Entry) {
        self.tally.events += 1;
        let roll = self.chance.unit();
        let minutes = if roll < PROMPT {
            self.batch_delay(&entry) + self.chance.between(0.0, 0.4)
        } else if roll < SLOW {
            self.chance.between(7.0, 20.0)
        } else {
            self.tally.late += 1;
            self.chance.between(20.0, LATEST as f64 / MINUTE as f64)
        };
        let Entry {
            time,
            account,
            region,
            text,
        } = entry;
        let arrives = time + (minutes * MINUTE as f64) as Millis;
        let slot = slot(self.scale, arrives, account, region);
        if self.chance.yes(TWICE) {
            self.tally.repeated += 1;
            let again = arrives + (self.chance.between(16.0, 55.0) * MINUTE as f64) as Millis;
            let other = self::slot(self.scale, again, account, region);
            self.pending
                .entry(other)
                .or_default()
                .push((time, text.clone()));
        }
        self.pending.entry(slot).or_default().push((time, text));
    }

    /// Minutes that all records of one account, region and few minutes wait, from 1 to 6.6.
    fn batch_delay(&self, entry: &Entry) -> f64 {
        let batch = [
            entry.account as i64,
            entry.region as i64,
            entry.time.div_euclid(4 * MINUTE),
        ]
        .map(|part| part.to_string());
        let hash = stable_hash(&[&batch[0], &batch[1], &batch[2]]) ^ self.seed;
        1.0 + 5.6 * (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1_u64 << 24) as f64
    }

    /// Writes every slot that ends by `until`.
    pub(crate) fn flush(
        &mut self,
        org: &Organisation,
        until: Millis,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        while let Some(first) = self.pending.first_entry() {
            if first.key().0 > until {
                break;
            }
            let (slot, mut records) = first.remove_entry();
            // Half of the files are in order of event time, the others nearly.
            let blur = if self.chance.yes(0.5) {
                0.0
            } else {
                25.0 * SECOND as f64
            };
            for record in &mut records {
                record.0 += (self.chance.unit() * blur) as Millis;
            }
            records.sort_by_key(|record| record.0);
            for part in records.chunks(RECORDS_PER_FILE_MAX) {
                self.write(org, slot, part, sink)?;
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        org: &Organisation,
        slot: Slot,
        records: &[(Millis, String)],
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let mut text = String::with_capacity(
            records
                .iter()
                .map(|(_, text)| text.len() + 1)
                .sum::<usize>()
                + 16,
        );
        text.push_str(r#"{"Records":["#);
        for (i, (_, record)) in records.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            text.push_str(record);
        }
        text.push_str("]}");
        let path = self.path(org, slot, "CloudTrail", "CloudTrail");
        let bytes = self.packer.pack(text.as_bytes());
        self.tally.files += 1;
        self.tally.raw_bytes += text.len() as u64;
        self.tally.gz_bytes += bytes.len() as u64;
        store(sink, &path, bytes)
    }

    fn path(
        &mut self,
        org: &Organisation,
        (end, account, region): Slot,
        folder_name: &str,
        mark: &str,
    ) -> String {
        let (account, region) = (&org.account(account).id, REGIONS[region]);
        format!(
            "AWSLogs/{account}/{folder_name}/{region}/{}/{account}_{mark}_{region}_{}_{}.json.gz",
            folder(end),
            stamp(end),
            self.chance.alphanumeric(16)
        )
    }

    /// One digest a day of each account's home region, and now and then an Insight, under the same prefix.
    pub(crate) fn companions(
        &mut self,
        org: &Organisation,
        day: u32,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let end = org.day_start(day) + 23 * HOUR;
        for account in 0..org.accounts.len() {
            let slot = (end, account, HOME_REGION);
            let id = &org.account(account).id;
            let digest = format!(
                r#"{{"awsAccountId":"{id}","digestStartTime":"{}","digestEndTime":"{}","digestS3Bucket":"organisation-trail","digestS3Object":"AWSLogs/{id}/CloudTrail-Digest/{}","digestPublicKeyFingerprint":"{}","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"oldestEventTime":null,"logFiles":[]}}"#,
                crate::clock::iso(end - HOUR),
                crate::clock::iso(end),
                stamp(end),
                self.chance.hex(32)
            );
            self.companion(org, slot, ("CloudTrail-Digest", &digest), sink)?;
            if self.chance.yes(0.04) {
                let insight = format!(
                    r#"{{"Records":[{{"eventVersion":"1.09","eventTime":"{}","awsRegion":"eu-west-1","eventID":"{}","eventType":"AwsCloudTrailInsight","recipientAccountId":"{id}","sharedEventID":"{}","insightDetails":{{"state":"Start","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","insightType":"ApiCallRateInsight"}},"eventCategory":"Insight"}}]}}"#,
                    crate::clock::iso(end - HOUR),
                    self.chance.uuid(),
                    self.chance.uuid()
                );
                self.companion(org, slot, ("CloudTrail-Insight", &insight), sink)?;
            }
        }
        Ok(())
    }

    fn companion(
        &mut self,
        org: &Organisation,
        slot: Slot,
        (kind, text): (&str, &str),
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let path = self.path(org, slot, kind, kind);
        self.tally.other_files += 1;
        store(sink, &path, self.packer.pack(text.as_bytes()))
    }
}

/// Busy regions are delivered every five minutes, those of a small organisation every ten, quiet ones every fifteen.
fn slot(scale: Scale, arrives: Millis, account: usize, region: RegionId) -> Slot {
    let minutes = match (scale, account, region) {
        (Scale::Medium | Scale::Large, 1.., HOME_REGION) => 5,
        (Scale::Small, 1, HOME_REGION) => 10,
        _ => 15,
    };
    let width = minutes * MINUTE;
    ((arrives.div_euclid(width) + 1) * width, account, region)
}

/// Gives a file to the sink, naming it where that fails.
pub(crate) fn store(sink: &mut dyn Sink, path: &str, bytes: &[u8]) -> Result<(), Error> {
    sink.file(path, bytes).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

/// A gzip writer that keeps its state from file to file and writes a header without time or name (RFC 1952).
struct Packer {
    deflate: Compress,
    out: Vec<u8>,
}

impl Packer {
    fn new() -> Self {
        Self {
            deflate: Compress::new(Compression::new(LEVEL), false),
            out: Vec::new(),
        }
    }

    fn pack(&mut self, bytes: &[u8]) -> &[u8] {
        self.deflate.reset();
        self.out.clear();
        self.out
            .extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
        // Deflate never grows data by more than a few bytes a block; a second round covers any other case.
        self.out.reserve(bytes.len() + bytes.len() / 1000 + 64);
        loop {
            let read = self.deflate.total_in() as usize;
            let status =
                self.deflate
                    .compress_vec(&bytes[read..], &mut self.out, FlushCompress::Finish);
            match status.expect("deflating into memory has no way to fail") {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => self.out.reserve(1 << 16),
            }
        }
        let mut crc = Crc::new();
        crc.update(bytes);
        self.out.extend_from_slice(&crc.sum().to_le_bytes());
        self.out
            .extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        &self.out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read;

    #[test]
    fn packed_files_unpack_to_the_same_bytes() {
        let mut packer = Packer::new();
        let check = |packer: &mut Packer, bytes: &[u8]| {
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(packer.pack(bytes))
                .read_to_end(&mut back)
                .unwrap();
            assert_eq!(back, bytes);
        };
        check(&mut packer, b"");
        check(&mut packer, b"{\"Records\":[]}");
        let mut chance = Chance::named(1, &["noise"]);
        let noise: Vec<u8> = (0..300_000).map(|_| chance.bits() as u8).collect();
        check(&mut packer, &noise);
        check(&mut packer, b"again");
    }
}
