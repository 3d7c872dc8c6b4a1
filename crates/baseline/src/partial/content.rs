//! [`Content`]: what one line says, read and written.

use std::collections::BTreeSet;

use offtrail_event::{
    Day, Fingerprint, Observation, PrincipalId, TextId, Vocabulary,
    pack::{Packed, Packer, damaged, open, pack_observations, seal, unpack_observations},
};
use xxhash_rust::xxh3::xxh3_64;

use super::{Kind, LineError, PartTally, Parts, parts, profile, written};
use crate::{Coverage, Profile};

/// Fingerprints of events of one day and slice, of one part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventIds {
    /// The day of their event time.
    pub day: Day,
    /// The highest four bits of each.
    pub slice: u8,
    /// The part they were read in.
    pub part: u32,
    /// Whether they were handed on to be judged, rather than learnt.
    pub handed_on: bool,
    /// They, sorted.
    pub ids: Vec<Fingerprint>,
}

/// What one line says.
#[derive(Clone, Debug)]
pub enum Content {
    /// What a principal did.
    Profile(PrincipalId, Box<Profile>),
    /// Hours of an account.
    Coverage(Coverage),
    /// Counts of parts.
    Tally(PartTally),
    /// Files learnt to their end: provenance and fingerprint.
    Files(Vec<(String, String)>),
    /// Events of a part.
    Ids(EventIds),
    /// Observations of an hour, to be judged.
    Observations(Vec<Observation>),
    /// Events that a part must leave out.
    Repeats(u32, Vec<(Day, Fingerprint)>),
    /// How many events there are.
    Distinct(u64),
}

impl Content {
    /// Reads a line, without its line end.
    ///
    /// # Errors
    /// It is not what was written.
    pub fn read(line: &str, words: &Vocabulary) -> Result<Self, LineError> {
        let Parts { kind, key, packed } = parts(line)?;
        if kind == Kind::Observations {
            let observations = unpack_observations(&packed, words)?;
            let first = observations
                .first()
                .ok_or_else(|| damaged("it holds none"))?;
            fits(key, hour_key(first))?;
            if let Some(other) = observations.iter().find(|one| hour_key(one) != key) {
                return Err(LineError::Key(hour_key(other)));
            }
            return Ok(Self::Observations(observations));
        }
        let mut from = open(&packed, words, &[])?;
        let content = match kind {
            Kind::Profile => {
                let id = PrincipalId::unpack(&mut from)?;
                fits(key, profile_key(id, words))?;
                Self::Profile(id, Box::new(profile::unpack(&mut from)?))
            }
            Kind::Coverage => {
                let account = TextId::unpack(&mut from)?;
                fits(key, account_key(&words.text(account)))?;
                Self::Coverage(profile::unpack_hours(&mut from)?)
            }
            Kind::Tally => {
                fits(key, "all".to_owned())?;
                Self::Tally(Packed::unpack(&mut from)?)
            }
            Kind::Files => {
                let files: Vec<(String, String)> = from.list()?;
                for (provenance, _) in &files {
                    fits(key, files_key(files_slice(provenance)))?;
                }
                Self::Files(files)
            }
            Kind::Ids => {
                let (day, slice, part, handed_on) = Packed::unpack(&mut from)?;
                fits(key, ids_key(day, slice))?;
                let ids = from.list()?;
                Self::Ids(EventIds {
                    day,
                    slice,
                    part,
                    handed_on,
                    ids,
                })
            }
            Kind::Repeats => {
                let part = Packed::unpack(&mut from)?;
                fits(key, part_key(part))?;
                Self::Repeats(part, from.list()?)
            }
            Kind::Distinct => {
                fits(key, "all".to_owned())?;
                Self::Distinct(from.number()?)
            }
            Kind::Observations => return Err(LineError::NoLine),
        };
        from.end()?;
        Ok(content)
    }
}

fn fits(key: &str, expected: String) -> Result<(), LineError> {
    if key == expected {
        return Ok(());
    }
    Err(LineError::Key(expected))
}

fn profile_key(id: PrincipalId, words: &Vocabulary) -> String {
    let name = words.principal(id);
    format!(
        "{:016x}",
        xxh3_64(format!("{} {}", name.kind, name.key()).as_bytes())
    )
}

/// The account as it may stand in a line; it comes from records and may hold anything.
fn account_key(account: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic();
    if account.is_empty() || !account.chars().all(plain) {
        return format!("{:016x}", xxh3_64(account.as_bytes()));
    }
    account.to_owned()
}

fn ids_key(day: Day, slice: u8) -> String {
    format!("{day}.{slice:x}")
}

fn files_key(slice: usize) -> String {
    format!("{slice:02x}")
}

/// Which of 256 lines a file stands in.
fn files_slice(provenance: &str) -> usize {
    (xxh3_64(provenance.as_bytes()) >> 56) as usize
}

fn part_key(part: u32) -> String {
    format!("{part:08}")
}

fn hour_key(observation: &Observation) -> String {
    let time = observation.time;
    format!("{}T{:02}", time.day(), time.hour_of_day())
}

/// Which slice of a day an event belongs to.
pub(super) fn slice_of(fingerprint: Fingerprint) -> u8 {
    u8::try_from(fingerprint.0 >> 60).unwrap_or(0)
}

pub(super) fn profile_line(id: PrincipalId, profile: &Profile, words: &Vocabulary) -> String {
    let packed = seal(words, &|to| {
        id.pack(to);
        profile::pack(profile, to);
    });
    written((Kind::Profile, &profile_key(id, words)), &packed)
}

pub(super) fn coverage_lines(coverage: &Coverage, words: &Vocabulary) -> Vec<String> {
    let hours: Vec<_> = coverage.iter().collect();
    hours
        .chunk_by(|one, next| one.0 == next.0)
        .map(|hours| {
            let account = hours[0].0;
            let packed = seal(words, &|to| {
                account.pack(to);
                profile::pack_hours(hours, to);
            });
            let key = account_key(&words.text(account));
            written((Kind::Coverage, &key), &packed)
        })
        .collect()
}

pub(super) fn tally_line(tally: &PartTally) -> String {
    line((Kind::Tally, "all"), &|to| tally.pack(to))
}

pub(super) fn file_lines(files: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut slices = vec![Vec::new(); 256];
    for file in files {
        slices[files_slice(&file.0)].push(file.clone());
    }
    let filled = slices.iter().enumerate().filter(|(_, all)| !all.is_empty());
    filled
        .map(|(slice, files)| line((Kind::Files, &files_key(slice)), &|to| files.pack(to)))
        .collect()
}

pub(super) fn ids_line(of: &EventIds) -> String {
    line((Kind::Ids, &ids_key(of.day, of.slice)), &|to| {
        (of.day, of.slice, of.part, of.handed_on).pack(to);
        to.list(of.ids.iter());
    })
}

pub(super) fn repeats_line(part: u32, ids: &[(Day, Fingerprint)]) -> String {
    line((Kind::Repeats, &part_key(part)), &|to| {
        part.pack(to);
        to.list(ids.iter());
    })
}

pub(super) fn distinct_line(count: u64) -> String {
    line((Kind::Distinct, "all"), &|to| to.number(count))
}

/// Lines of observations of one hour, which are in order.
pub(super) fn observation_line(observations: &[Observation], words: &Vocabulary) -> String {
    let key = observations.first().map(hour_key).unwrap_or_default();
    let packed = pack_observations(observations, words);
    written((Kind::Observations, &key), &packed)
}

pub(super) fn is_same_hour(one: &Observation, next: &Observation) -> bool {
    hour_key(one) == hour_key(next)
}

/// A line without names.
fn line(begin: (Kind, &str), pack: &dyn Fn(&mut Packer)) -> String {
    written(begin, &seal(&Vocabulary::new(), pack))
}
