//! [`AsDatabase`]: who announces an address, from an MMDB file with autonomous systems.
//!
//! MMDB is MaxMind's open format (<https://maxmind.github.io/MaxMind-DB/>): a binary tree over the bits of addresses whose leaves point to
//! records. GeoLite2-ASN and DB-IP call the number `autonomous_system_number`, IPinfo `asn`. The file is read whole and never trusted:
//! the reader bounds depth and size of what it decodes, and what can't be decoded is told apart from what isn't there.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    fs::File,
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use maxminddb::{MaxMindDbError, PathElement, Reader, WithinOptions};

/// Largest database read, bytes. GeoLite2-ASN has 12 million, the largest that are sold a few hundred.
pub const DATABASE_BYTES_MAX: u64 = 1 << 30;

/// Networks of a database looked at in search of the first with an AS number.
pub const RECORDS_PROBED_MAX: usize = 100_000;

/// Networks of a database walked over in search of systems by number; GeoLite2-ASN has about 700,000.
pub const NETWORKS_WALKED_MAX: usize = 20_000_000;

/// Characters kept of an organisation's name.
pub const ORGANISATION_CHARS_MAX: usize = 80;

/// Parts of a prefix that are looked up to see whose most of it is: a power of two.
const PARTS: u32 = 256;

/// An autonomous system: who announces a network to the rest of the internet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AutonomousSystem {
    /// Its number, never 0.
    pub number: u32,
    /// The organisation behind it, as one line of bounded length; empty if the database doesn't name it. Text of whoever made the file.
    pub organisation: String,
}

/// What a database holds of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Who announces it.
    Announced(AutonomousSystem),
    /// There is no entry.
    NoEntry,
    /// There is an entry, without an AS number.
    NoNumber,
    /// There is an entry that can't be read.
    Damaged,
}

/// A database that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AsDatabaseError {
    /// The file can't be read.
    #[error("read AS database {path:?}; correct the path")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is larger than [`DATABASE_BYTES_MAX`].
    #[error(
        "read AS database {0:?}: larger than {DATABASE_BYTES_MAX} bytes; give a database that holds autonomous systems only"
    )]
    TooLarge(PathBuf),
    /// It is no MMDB, or a truncated one.
    #[error(
        "read AS database {path:?}: no MMDB file, or a damaged one; download it again (and unpack it if it is packed)"
    )]
    NotMmdb {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<MaxMindDbError>,
    },
    /// No record has an AS number.
    #[error(
        "read AS database {path:?}: it is of type {kind:?} and holds no AS numbers; give one with autonomous systems, such as GeoLite2-ASN, DB-IP's IP to ASN or IPinfo's ASN"
    )]
    NoSystems {
        /// The file.
        path: PathBuf,
        /// Its own word for its type.
        kind: String,
    },
}

/// A database of autonomous systems in memory. Threads share it.
pub struct AsDatabase {
    reader: Reader<Vec<u8>>,
}

impl fmt::Debug for AsDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsDatabase").field(&self.edition()).finish()
    }
}

impl AsDatabase {
    /// Reads a database file.
    ///
    /// # Errors
    /// It can't be read, is too large, is no MMDB, or holds no AS numbers.
    pub fn open(path: &Path) -> Result<Self, AsDatabaseError> {
        let unreadable = |source| AsDatabaseError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(DATABASE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > DATABASE_BYTES_MAX {
            return Err(AsDatabaseError::TooLarge(path.to_owned()));
        }
        Self::from_bytes(bytes, path)
    }

    /// Takes a database that was read already; `path` is what errors call it.
    ///
    /// # Errors
    /// It is no MMDB, or holds no AS numbers.
    pub fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self, AsDatabaseError> {
        let not_mmdb = |source| AsDatabaseError::NotMmdb {
            path: path.to_owned(),
            source: Box::new(source),
        };
        let reader = Reader::from_source(bytes).map_err(not_mmdb)?;
        let database = Self { reader };
        if !database.has_systems().map_err(not_mmdb)? {
            return Err(AsDatabaseError::NoSystems {
                path: path.to_owned(),
                kind: one_line(&database.reader.metadata().database_type),
            });
        }
        Ok(database)
    }

    /// Whether there is an AS number among the first networks.
    fn has_systems(&self) -> Result<bool, MaxMindDbError> {
        let all = WithinOptions::default().include_networks_without_data();
        for found in self.reader.networks(all)?.take(RECORDS_PROBED_MAX) {
            if matches!(read(&found?), Looked::Announced(_)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Type and day of the database, for people: `GeoLite2-ASN of 2026-05-01`.
    #[must_use]
    pub fn edition(&self) -> String {
        let metadata = self.reader.metadata();
        let kind = one_line(&metadata.database_type);
        let (year, month, day) = date_of(metadata.build_epoch);
        format!("{kind} of {year:04}-{month:02}-{day:02}")
    }

    /// Who announces an address.
    #[must_use]
    pub fn look_up(&self, address: IpAddr) -> Looked {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Looked::NoEntry;
        }
        self.reader
            .lookup(address)
            .map_or(Looked::Damaged, |found| read(&found))
    }

    /// The systems of these numbers, each as it is first met in the order of addresses.
    #[must_use]
    pub fn systems(&self, mut numbers: BTreeSet<u32>) -> Vec<AutonomousSystem> {
        let all = WithinOptions::default().include_networks_without_data();
        let mut systems = Vec::new();
        let mut met = HashSet::new();
        let Ok(networks) = self.reader.networks(all) else {
            return systems;
        };
        for found in networks.take(NETWORKS_WALKED_MAX).flatten() {
            if numbers.is_empty() {
                break;
            }
            if !found.offset().is_some_and(|offset| met.insert(offset)) {
                continue;
            }
            if let Looked::Announced(system) = read(&found)
                && numbers.remove(&system.number)
            {
                systems.push(system);
            }
        }
        systems
    }

    /// Who announces most of a prefix such as `198.51.0.0/16`: the system found in most of 256 parts of it, of equals the lowest number.
    /// `None` if the text is no prefix or no part is announced.
    #[must_use]
    pub fn mostly_of(&self, prefix: &str) -> Option<AutonomousSystem> {
        let (address, length) = prefix.split_once('/')?;
        let (address, length): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
        let bits_free = if address.is_ipv4() { 32 } else { 128 }.max(length) - length;
        let step_bits = bits_free.checked_sub(PARTS.ilog2())?;
        let mut systems: BTreeMap<u32, (u32, AutonomousSystem)> = BTreeMap::new();
        for part in 0..PARTS {
            let offset = u128::from(part) << step_bits;
            let address = match address {
                IpAddr::V4(first) => {
                    let offset = u32::try_from(offset).ok()?;
                    IpAddr::from(Ipv4Addr::from_bits(first.to_bits() | offset))
                }
                IpAddr::V6(first) => IpAddr::from(Ipv6Addr::from_bits(first.to_bits() | offset)),
            };
            if let Looked::Announced(system) = self.look_up(address) {
                systems.entry(system.number).or_insert((0, system)).0 += 1;
            }
        }
        // The last of equal maxima is taken, so walk from the highest number down.
        let most = systems
            .into_values()
            .rev()
            .max_by_key(|(parts, _)| *parts)?;
        Some(most.1)
    }
}

/// Reads what a leaf points to.
fn read(found: &maxminddb::LookupResult<'_, Vec<u8>>) -> Looked {
    if !found.has_data() {
        return Looked::NoEntry;
    }
    // Readers are strict about widths, writers are not.
    let number = |key: &'static str| {
        let path = [PathElement::Key(key)];
        if let Ok(number) = found.decode_path::<u32>(&path) {
            return Ok(number);
        }
        if let Ok(number) = found.decode_path::<u16>(&path) {
            return Ok(number.map(u32::from));
        }
        let number = found.decode_path::<u64>(&path)?;
        Ok::<_, MaxMindDbError>(number.map(|number| u32::try_from(number).unwrap_or(0)))
    };
    let text = |key: &'static str| found.decode_path::<&str>(&[PathElement::Key(key)]);
    let number = match (number("autonomous_system_number"), text("asn")) {
        (Ok(Some(number)), _) => number,
        (Ok(None), Ok(Some(text))) => {
            let digits = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            digits.parse().unwrap_or(0)
        }
        (Ok(None), Ok(None)) => 0,
        // IPinfo writes `asn` as text, others as a number.
        (Ok(None), Err(_)) => match number("asn") {
            Ok(number) => number.unwrap_or(0),
            Err(_) => return Looked::Damaged,
        },
        (Err(_), _) => return Looked::Damaged,
    };
    if number == 0 {
        return Looked::NoNumber;
    }
    let organisation = ["autonomous_system_organization", "as_name", "name"]
        .into_iter()
        .find_map(|key| text(key).ok().flatten());
    Looked::Announced(AutonomousSystem {
        number,
        organisation: one_line(organisation.unwrap_or_default()),
    })
}

/// A text of a database as one line of bounded length: white space and control characters become single spaces.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for c in text.chars() {
        let c = if c.is_control() || c.is_whitespace() {
            ' '
        } else {
            c
        };
        if c == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if chars == ORGANISATION_CHARS_MAX {
            line.push('…');
            break;
        }
        line.push(c);
        chars += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// The day of a time in seconds since 1970, by Howard Hinnant's `civil_from_days`; the last day of 9999 for any later one.
fn date_of(epoch_secs: u64) -> (u64, u64, u64) {
    let days = (epoch_secs / 86_400).min(2_932_896) + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_line() {
        let check = |text: &str, expected: &str| assert_eq!(one_line(text), expected);
        check("Example Telecom", "Example Telecom");
        check(" a\u{1b}[31m\n\n b\t", "a [31m b");
        check("", "");
        let long = "x".repeat(100_000);
        assert_eq!(one_line(&long).chars().count(), ORGANISATION_CHARS_MAX + 1);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let check = |epoch_secs, expected| assert_eq!(date_of(epoch_secs), expected);
        check(0, (1970, 1, 1));
        check(951_782_400, (2000, 2, 29));
        check(1_798_761_599, (2026, 12, 31));
        check(u64::MAX, (9999, 12, 31));
    }
}
