//! Reading one delivery with every record counted, and adding what came of it to the run's tally.

use std::collections::BTreeMap;

use anyhow::Context as _;
use offtrail_event::Observation;
use offtrail_parser::{FileTally as Parsed, Observer, Parser};
use offtrail_report::{Apart, FileTally, Tally};
use offtrail_sources::{Delivery, ReadError};

use crate::{args::RejectsMax, pipeline::naming::Namer, progress::Progress};

/// What came of one file.
#[derive(Debug)]
pub(crate) struct FileOutcome {
    provenance: String,
    bytes_in: u64,
    parsed: Parsed,
    unreadable: Option<ReadError>,
}

/// Parses a delivery, names networks, and hands over each record and reject, with its index.
pub(crate) fn read(
    (parser, namer): (&mut Parser, &mut Namer<'_>),
    delivery: Delivery,
    each: &mut offtrail_parser::Each<'_>,
) -> FileOutcome {
    let (outcome, _) = parsed_from(delivery, |bytes| {
        parser.read(bytes, &mut |index, mut read, raw| {
            if let Ok(event) = &mut read {
                namer.name(event);
            }
            each(index, read, raw);
        })
    });
    outcome
}

/// Parses a delivery and hands over each observation; rejects are counted by the parser all the same. Also gives back the buffer of its bytes, to be
/// read into again.
pub(crate) fn observe(
    (parser, observer): (&mut Parser, &mut Observer<'_>),
    delivery: Delivery,
    mut each: impl FnMut(Observation),
) -> (FileOutcome, Vec<u8>) {
    parsed_from(delivery, |bytes| {
        parser.observe(bytes, observer, &mut |_, read, _| {
            if let Ok(observation) = read {
                each(observation);
            }
        })
    })
}

fn parsed_from(delivery: Delivery, parse: impl FnOnce(&[u8]) -> Parsed) -> (FileOutcome, Vec<u8>) {
    let provenance = delivery.item.provenance.to_string();
    match delivery.bytes {
        Ok(bytes) => {
            let outcome = FileOutcome {
                provenance,
                bytes_in: bytes.len() as u64,
                parsed: parse(&bytes),
                unreadable: None,
            };
            (outcome, bytes)
        }
        Err(error) => {
            let outcome = FileOutcome {
                provenance,
                bytes_in: 0,
                parsed: Parsed::default(),
                unreadable: Some(error),
            };
            (outcome, Vec::new())
        }
    }
}

impl FileOutcome {
    /// Whether the file was read to its end.
    pub(crate) fn is_readable(&self) -> bool {
        self.unreadable.is_none()
    }

    /// Bytes as they lay there.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes_in
    }

    /// Records found.
    pub(crate) fn records(&self) -> u64 {
        self.parsed.records
    }

    /// Adds itself to the run's tally. `rows` also keeps a row of its own.
    ///
    /// # Errors
    /// It could not be read for a reason that holds for every other file too.
    pub(crate) fn count(
        self,
        tally: &mut Tally,
        rows: Rows,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        if let Some(error) = self.unreadable {
            if error.is_general() {
                return Err(error.into());
            }
            progress.note(&format!("not read: {error}"));
            tally.files_unreadable += 1;
            return Ok(());
        }
        let parsed = &self.parsed;
        let apart = Apart {
            digests: parsed.digests,
            insights: parsed.insights,
            notifications: parsed.notifications,
        };
        tally.files_read += 1;
        tally.bytes_in += self.bytes_in;
        tally.bytes_inflated += parsed.inflated_bytes;
        tally.records += parsed.records;
        tally.observations += parsed.observations;
        tally.apart.digests += apart.digests;
        tally.apart.insights += apart.insights;
        tally.apart.notifications += apart.notifications;
        for (reason, count) in &parsed.rejects {
            *tally.rejects.entry((*reason).to_owned()).or_default() += count;
        }
        if rows == Rows::ByFile {
            tally.by_file.push(FileTally {
                provenance: self.provenance,
                records: parsed.records,
                observations: parsed.observations,
                rejects: parsed.rejected(),
                apart,
            });
        }
        Ok(())
    }
}

/// Whether the summary has a row for each file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Only sums.
    Sums,
    /// A row for each file.
    ByFile,
}

/// The counters a store keeps over all runs.
pub(crate) fn counters(before: &Tally, after: &Tally) -> BTreeMap<&'static str, u64> {
    let of = |tally: &Tally| {
        [
            ("files", tally.files_read),
            ("bytes_in", tally.bytes_in),
            ("records", tally.records),
            ("observations", tally.observations),
            ("rejects", tally.rejected()),
            ("repeated", tally.repeated),
            ("out_of_scope", tally.out_of_scope),
            ("learnt", tally.learnt),
        ]
    };
    of(after)
        .into_iter()
        .zip(of(before))
        .map(|((name, after), (_, before))| (name, after - before))
        .collect()
}

/// Holds the run to `--max-rejects`. An unreadable file counts as one reject.
///
/// # Errors
/// More of the input was unreadable than allowed.
pub(crate) fn within_rejects_max(tally: &Tally, max: Option<RejectsMax>) -> anyhow::Result<()> {
    let Some(max) = max else {
        return Ok(());
    };
    let unreadable = tally.rejected() + tally.files_unreadable;
    let all = tally.records + tally.files_unreadable;
    let allowed = match max {
        RejectsMax::Count(count) => count,
        RejectsMax::Percent(percent) => (all as f64 * percent / 100.0).floor() as u64,
    };
    if unreadable <= allowed {
        return Ok(());
    }
    Err(anyhow::anyhow!(
        "{unreadable} of {all} records and files could not be read; look at them with `offtrail events SOURCE --rejects FILE`, or raise --max-rejects"
    ))
    .with_context(|| format!("keep within --max-rejects {max}"))
}
