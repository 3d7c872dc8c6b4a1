//! Naming networks by who announces them, where the user gives a database; else they stay the prefixes that parsing made of them.
//!
//! A network is compared by the number of its autonomous system (`AS64500`): organisations are renamed, numbers are not. Amazon's own systems are left
//! out: most of what runs in any AWS account calls from them, and so does whoever rents a machine there, so that they would stand for no network at all.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use offtrail_baseline::{Baseline, Dimension};
use offtrail_detector::DetectorState;
use offtrail_event::{Event, TextId, Vocabulary};
use offtrail_parser::{Observer, WithDetail};
use offtrail_sources::{AsDatabase, AutonomousSystem, Looked};
use offtrail_store::Store;

use crate::progress::Talk;

/// Systems in which anybody rents AWS addresses: Amazon's and those of its partners in China. Their networks stay prefixes.
const AMAZON: [u32; 6] = [7_224, 8_987, 14_618, 16_509, 55_960, 135_629];

/// Addresses a worker remembers; a full cache is emptied.
const NAMED_ADDRESSES_MAX: usize = 1 << 16;

/// How a baseline says its networks are named, and from which edition of the database.
const NETWORKS: &str = "networks";
const NETWORKS_DATABASE: &str = "networks_database";
const BY_PREFIX: &str = "prefix";
const BY_SYSTEM: &str = "autonomous_system";

/// A database, and what came of asking it.
pub(crate) struct Naming {
    database: AsDatabase,
    /// Observations by what was found of their address.
    counts: [AtomicU64; OUTCOMES],
}

const ANNOUNCED: usize = 0;
const NO_ENTRY: usize = 1;
const NO_NUMBER: usize = 2;
const DAMAGED: usize = 3;
const OUTCOMES: usize = 4;

impl Naming {
    /// Reads the database, if one is given.
    ///
    /// # Errors
    /// It can't be used.
    pub(crate) fn open(path: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        Ok(Some(Self {
            database: AsDatabase::open(path)?,
            counts: Default::default(),
        }))
    }

    /// Says how many observations were named how. Workers must have ended.
    pub(crate) fn say(&self, talk: Talk) {
        let counts = self
            .counts
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        let mut text = format!(
            "networks by {}: {} observations from an announced address",
            self.database.edition(),
            counts[ANNOUNCED]
        );
        for (outcome, words) in [
            (NO_ENTRY, "without an entry"),
            (NO_NUMBER, "with an entry without an AS number"),
            (DAMAGED, "with an entry that can't be read"),
        ] {
            if counts[outcome] > 0 {
                text += &format!(", {} from one {words}", counts[outcome]);
            }
        }
        if counts[ANNOUNCED + 1..].iter().any(|count| *count > 0) {
            text += "; those go by prefix";
        }
        talk.say(&text);
    }

    /// Who announces these networks, as far as they are systems of the database.
    pub(crate) fn announcing(
        &self,
        networks: impl Iterator<Item = impl AsRef<str>>,
    ) -> BTreeMap<String, String> {
        let numbers = networks.filter_map(|network| {
            let digits = network.as_ref().strip_prefix("AS")?;
            digits.parse().ok()
        });
        let systems = self.database.systems(numbers.collect());
        let named = systems
            .into_iter()
            .filter(|system| !system.organisation.is_empty());
        named
            .map(|system| (key(&system), system.organisation))
            .collect()
    }

    /// What a prefix in an older baseline is called now; `None` if it stays.
    fn of_prefix(&self, text: &str) -> Option<String> {
        let system = self.database.mostly_of(text)?;
        (!AMAZON.contains(&system.number)).then(|| key(&system))
    }
}

fn key(system: &AutonomousSystem) -> String {
    format!("AS{}", system.number)
}

/// Names the networks of one worker's events.
pub(crate) struct Namer<'n> {
    naming: Option<&'n Naming>,
    known: HashMap<Box<str>, Named>,
    counts: [u64; OUTCOMES],
}

struct Named {
    outcome: usize,
    /// In place of the prefix.
    network: Option<Box<str>>,
    announced_by: Box<str>,
}

impl<'n> Namer<'n> {
    /// One for a worker.
    pub(crate) fn new(naming: Option<&'n Naming>) -> Self {
        Self {
            naming,
            known: HashMap::new(),
            counts: [0; OUTCOMES],
        }
    }

    /// Names the network of an event that came from an address.
    pub(crate) fn name(&mut self, event: &mut Event<'_>) {
        let Some(naming) = self.naming else { return };
        let origin = &mut event.origin;
        let (Some(address), Some(_)) = (origin.address.as_deref(), &origin.network) else {
            return;
        };
        if !self.known.contains_key(address) {
            if self.known.len() >= NAMED_ADDRESSES_MAX {
                self.known.clear();
            }
            self.known
                .insert(Box::from(address), named(&naming.database, address));
        }
        let Some(named) = self.known.get(address) else {
            return;
        };
        self.counts[named.outcome] += 1;
        if let Some(network) = &named.network {
            origin.network = Some(Cow::Owned(network.to_string()));
        }
        origin.announced_by = Some(Cow::Owned(named.announced_by.to_string()));
    }
}

/// An observer whose events are named, where there is a database.
pub(crate) fn named_observer<'v>(
    words: &'v Vocabulary,
    detail: WithDetail,
    naming: Option<&'v Naming>,
) -> Observer<'v> {
    let observer = Observer::new(words, detail);
    if naming.is_none() {
        return observer;
    }
    let mut namer = Namer::new(naming);
    observer.with_naming(Box::new(move |event| namer.name(event)))
}

impl Drop for Namer<'_> {
    fn drop(&mut self) {
        if let Some(naming) = self.naming {
            for (sum, count) in naming.counts.iter().zip(self.counts) {
                sum.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}

fn named(database: &AsDatabase, address: &str) -> Named {
    let looked = address
        .parse()
        .map_or(Looked::NoEntry, |address| database.look_up(address));
    let by_prefix = |outcome| Named {
        outcome,
        network: None,
        announced_by: Box::default(),
    };
    match looked {
        Looked::NoEntry => by_prefix(NO_ENTRY),
        Looked::NoNumber => by_prefix(NO_NUMBER),
        Looked::Damaged => by_prefix(DAMAGED),
        Looked::Announced(system) if AMAZON.contains(&system.number) => Named {
            announced_by: format!("{} {}", key(&system), system.organisation)
                .trim_end()
                .into(),
            ..by_prefix(ANNOUNCED)
        },
        Looked::Announced(system) => Named {
            outcome: ANNOUNCED,
            network: Some(key(&system).into()),
            announced_by: system.organisation.into(),
        },
    }
}

/// How a run names networks, as what machines hand to each other says it and a store keeps it.
pub(crate) fn facts(naming: Option<&Naming>) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let named = if naming.is_some() {
        BY_SYSTEM
    } else {
        BY_PREFIX
    };
    facts.insert(NETWORKS.to_owned(), named.to_owned());
    if let Some(naming) = naming {
        facts.insert(NETWORKS_DATABASE.to_owned(), naming.database.edition());
    }
    facts
}

/// That what other machines learnt names networks as a baseline does, which may be empty.
///
/// # Errors
/// It does not, or the store can't be read.
pub(crate) fn agree_on_facts(
    facts: &BTreeMap<String, String>,
    store: &Store,
    baseline: &Baseline,
) -> anyhow::Result<()> {
    let theirs = facts.get(NETWORKS).map_or(BY_PREFIX, String::as_str);
    let known = store.meta(NETWORKS)?;
    let mine = known.as_deref().unwrap_or(BY_PREFIX);
    anyhow::ensure!(
        baseline.is_empty() || mine == theirs,
        "use baseline {:?}: its networks are named by {mine} and those of the lines by {theirs}; give all parts the same --asn-db, or none, as the baseline had",
        store.path()
    );
    Ok(())
}

/// How the networks of a loaded baseline came to be named as those of this run are.
#[derive(Default)]
pub(crate) struct Agreed {
    /// Rows that went and rows in their place.
    pub(crate) renamed: Baseline,
    names: HashMap<TextId, Option<TextId>>,
    /// What the store has to keep.
    facts: Vec<(&'static str, String)>,
}

impl Agreed {
    /// What the store has to keep, for a checkpoint.
    pub(crate) fn facts(&self) -> Vec<(&str, &str)> {
        let facts = self.facts.iter();
        facts.map(|(key, value)| (*key, &**value)).collect()
    }

    /// The state of detection kept with the baseline, if any, in the names of this run.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn state(
        &self,
        store: &Store,
        (baseline, words): (&Baseline, &Vocabulary),
    ) -> anyhow::Result<Option<DetectorState>> {
        let state = store.load_detection()?;
        if self.renamed.is_empty() {
            return Ok(state);
        }
        let rename = |id| self.names.get(&id).copied().flatten();
        let renamed = |state: DetectorState| state.with_networks_renamed(&rename, baseline, words);
        Ok(state.map(renamed).transpose()?)
    }
}

/// Brings the networks of a baseline that was just loaded to the names of this run: from prefixes to systems. There is no way back.
///
/// # Errors
/// Its networks are named by system and no database is given.
pub(crate) fn agree(
    naming: Option<&Naming>,
    store: &Store,
    (baseline, words): (&mut Baseline, &Vocabulary),
) -> anyhow::Result<Agreed> {
    let mut agreed = Agreed::default();
    let by_system = store.meta(NETWORKS)?.as_deref() == Some(BY_SYSTEM);
    let last = store.meta(NETWORKS_DATABASE)?;
    let Some(naming) = naming else {
        if by_system && baseline.is_empty() {
            agreed.facts.push((NETWORKS, BY_PREFIX.to_owned()));
        } else if by_system {
            anyhow::bail!(
                "use baseline {:?}: its networks are named by autonomous system, which can't be undone; give --asn-db FILE (last used: {}), or learn another baseline without it",
                store.path(),
                last.as_deref().unwrap_or("unknown")
            );
        }
        return Ok(agreed);
    };
    let edition = naming.database.edition();
    if last.as_ref() != Some(&edition) {
        agreed.facts.push((NETWORKS_DATABASE, edition));
    }
    if by_system {
        return Ok(agreed);
    }
    agreed.facts.push((NETWORKS, BY_SYSTEM.to_owned()));
    for (_, profile) in baseline.iter() {
        for row in profile.facets_of(Dimension::Network) {
            let id = TextId(row.value);
            agreed.names.entry(id).or_insert_with(|| {
                let name = naming.of_prefix(&words.text(id))?;
                Some(words.text_id(&name))
            });
        }
    }
    let names = &agreed.names;
    let rename = |value| names.get(&TextId(value)).copied().flatten().map(|id| id.0);
    agreed.renamed = baseline.rename_values(Dimension::Network, rename);
    Ok(agreed)
}
