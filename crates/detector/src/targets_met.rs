//! [`Targets`]: what the organisation's calls have been aimed at: how many of each kind, by how many, and which accounts.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use offtrail_baseline::{Dimension, FacetRow, Profile};
use offtrail_event::{TargetKind, TextId, Timestamp, Vocabulary};

use crate::landscape::News;

/// One target by its text.
#[derive(Clone, Copy, Debug)]
struct Met {
    kind: TargetKind,
    /// Principals that met it.
    by: u32,
    /// Place of the account it names, if it names one.
    account: Option<usize>,
}

/// What the organisation's calls have been aimed at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    met: HashMap<u32, Met, FixedState>,
    /// First sightings of (principal, target), by kind.
    pairs: [u32; TargetKind::ALL.len()],
    account_index: HashMap<Box<str>, usize, FixedState>,
    /// First sightings that named the account.
    accounts: Vec<u32>,
}

/// The account that a target names.
pub(crate) fn account_in(kind: TargetKind, text: &str) -> Option<&str> {
    let (_, value) = text.split_once(':')?;
    match kind {
        TargetKind::ForeignAccount => Some(value),
        TargetKind::ForeignCaller => value.split(' ').next(),
        _ => None,
    }
}

impl Targets {
    /// Makes room for a target.
    pub(crate) fn meet(&mut self, id: TextId, words: &Vocabulary) {
        if self.met.contains_key(&id.0) {
            return;
        }
        let text = words.text(id);
        let Some(kind) = TargetKind::of_text(&text) else {
            return;
        };
        let account = account_in(kind, &text).map(|account| {
            let next = self.accounts.len();
            let place = *self.account_index.entry(account.into()).or_insert(next);
            if place == next {
                self.accounts.push(0);
            }
            place
        });
        let met = Met {
            kind,
            by: 0,
            account,
        };
        self.met.insert(id.0, met);
    }

    /// The news of a row: that of its target's kind, else that of its dimension.
    pub(crate) fn news_of(&self, row: &FacetRow) -> Option<News> {
        if row.dimension != Dimension::Target {
            return News::of(row.dimension);
        }
        self.met.get(&row.value).map(|met| News::Target(met.kind))
    }

    pub(crate) fn add(&mut self, value: u32) {
        self.change(value, |count| count.saturating_add(1));
    }

    pub(crate) fn remove(&mut self, value: u32) {
        self.change(value, |count| count.saturating_sub(1));
    }

    /// Each target met, with how many principals met it: all that [`Targets::restore`] needs.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (TextId, u32)> {
        let met = self.met.iter().filter(|(_, met)| met.by > 0);
        met.map(|(value, met)| (TextId(*value), met.by))
    }

    /// Takes up what was kept of a target.
    pub(crate) fn restore(&mut self, id: TextId, by: u32, words: &Vocabulary) {
        self.meet(id, words);
        self.change(id.0, |count| count.saturating_add(by));
    }

    fn change(&mut self, value: u32, change: impl Fn(u32) -> u32) {
        let Some(met) = self.met.get_mut(&value) else {
            return;
        };
        met.by = change(met.by);
        let pairs = &mut self.pairs[met.kind as usize];
        *pairs = change(*pairs);
        if let Some(place) = met.account {
            self.accounts[place] = change(self.accounts[place]);
        }
    }

    /// How often a principal used targets of a kind before `now`, and how many of them only once.
    pub(crate) fn uses(&self, profile: &Profile, kind: TargetKind, now: Timestamp) -> (u64, u32) {
        let mut uses = (0, 0);
        let rows = profile.facets_of(Dimension::Target);
        for row in rows.filter(|row| row.standing.is_known() && row.first < now) {
            if self.met.get(&row.value).is_some_and(|met| met.kind == kind) {
                uses.0 += u64::from(row.count);
                uses.1 += u32::from(row.count == 1);
            }
        }
        uses
    }

    /// Principals that met a target.
    pub(crate) fn met_by(&self, value: u32) -> u32 {
        self.met.get(&value).map_or(0, |met| met.by)
    }

    /// First sightings of a kind by any principal.
    pub(crate) fn pairs(&self, kind: TargetKind) -> u32 {
        self.pairs[kind as usize]
    }

    /// First sightings that named an account.
    pub(crate) fn account_met(&self, account: &str) -> u32 {
        let place = self.account_index.get(account);
        place.map_or(0, |place| self.accounts[*place])
    }
}
