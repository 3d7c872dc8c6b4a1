//! Two backtests of the same events: which findings come, go, or change.
//!
//! The id of a finding is a digest of the root principal and of the event that opened it, so the same case opened by another event has another
//! id. So findings are matched by id first, then by shared evidence of the same root: the pair that shares most events first.

use std::collections::BTreeMap;

use offtrail_event::Fingerprint;

use super::ForecastFinding;

/// What becomes of a finding under the second settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Raised only under the first.
    Goes,
    /// Raised only under the second.
    Comes,
    /// Raised under both, with another severity.
    Changes,
    /// Raised under both, with the same severity.
    Stays,
}

impl Fate {
    /// Every fate, in the order they are told in.
    pub const ALL: &'static [Self] = &[Self::Goes, Self::Comes, Self::Changes, Self::Stays];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Goes => "only with A",
            Self::Comes => "only with B",
            Self::Changes => "another severity",
            Self::Stays => "the same in both",
        }
    }
}

/// A finding under the first and under the second settings, of which at least one is raised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair<'f> {
    /// Its fate.
    pub fate: Fate,
    /// Under the first settings, if told.
    pub first: Option<&'f ForecastFinding>,
    /// Under the second settings, if told.
    pub second: Option<&'f ForecastFinding>,
}

impl<'f> Pair<'f> {
    fn of(first: Option<&'f ForecastFinding>, second: Option<&'f ForecastFinding>) -> Option<Self> {
        let raised = |one: Option<&ForecastFinding>| one.is_some_and(|one| one.raised);
        let fate = match (raised(first), raised(second)) {
            (false, false) => return None,
            (true, false) => Fate::Goes,
            (false, true) => Fate::Comes,
            (true, true) if first.map(|one| one.severity) == second.map(|one| one.severity) => {
                Fate::Stays
            }
            (true, true) => Fate::Changes,
        };
        Some(Self {
            fate,
            first,
            second,
        })
    }

    /// The finding that tells what it is about: the raised one, of two the first.
    #[must_use]
    pub fn told(&self) -> Option<&'f ForecastFinding> {
        match self.fate {
            Fate::Comes => self.second,
            Fate::Goes | Fate::Changes | Fate::Stays => self.first,
        }
    }

    fn score(&self) -> f64 {
        let score = |one: Option<&ForecastFinding>| one.map_or(0.0, |one| one.score);
        score(self.first).max(score(self.second))
    }
}

/// Matches what two runs told: by fate, then highest score, then id.
#[must_use]
pub fn compare<'f>(first: &'f [ForecastFinding], second: &'f [ForecastFinding]) -> Vec<Pair<'f>> {
    let mut partner = by_id(first, second);
    by_evidence(first, second, &mut partner);
    let mut taken = vec![false; second.len()];
    for index in partner.iter().flatten() {
        taken[*index] = true;
    }
    let paired = first
        .iter()
        .zip(&partner)
        .filter_map(|(one, other)| Pair::of(Some(one), other.map(|index| &second[index])));
    let alone = second
        .iter()
        .zip(&taken)
        .filter_map(|(one, taken)| Pair::of(None, (!taken).then_some(one)));
    let mut pairs: Vec<Pair<'f>> = paired.chain(alone).collect();
    let id = |pair: &Pair<'f>| pair.told().map(|one| one.id.as_str());
    pairs.sort_by(|a, b| {
        a.fate
            .cmp(&b.fate)
            .then(b.score().total_cmp(&a.score()))
            .then_with(|| id(a).cmp(&id(b)))
    });
    pairs
}

/// For each of the first, the index of the second with the same id.
fn by_id(first: &[ForecastFinding], second: &[ForecastFinding]) -> Vec<Option<usize>> {
    let ids: BTreeMap<&str, usize> = second
        .iter()
        .enumerate()
        .map(|(index, one)| (one.id.as_str(), index))
        .collect();
    first
        .iter()
        .map(|one| ids.get(one.id.as_str()).copied())
        .collect()
}

/// Fills in partners for those that have none, by shared events of the same root.
fn by_evidence(
    first: &[ForecastFinding],
    second: &[ForecastFinding],
    partner: &mut [Option<usize>],
) {
    let mut taken = vec![false; second.len()];
    for index in partner.iter().flatten() {
        taken[*index] = true;
    }
    let mut holders: BTreeMap<Fingerprint, Vec<usize>> = BTreeMap::new();
    for (index, one) in second
        .iter()
        .enumerate()
        .filter(|(index, _)| !taken[*index])
    {
        for event in &one.evidence {
            holders.entry(*event).or_default().push(index);
        }
    }
    let mut candidates = Vec::new();
    for (mine, one) in first.iter().enumerate() {
        if partner[mine].is_some() {
            continue;
        }
        let mut overlap: BTreeMap<usize, usize> = BTreeMap::new();
        for theirs in one
            .evidence
            .iter()
            .filter_map(|event| holders.get(event))
            .flatten()
        {
            if second[*theirs].root == one.root {
                *overlap.entry(*theirs).or_default() += 1;
            }
        }
        candidates.extend(
            overlap
                .into_iter()
                .map(|(theirs, events)| (events, mine, theirs)),
        );
    }
    candidates.sort_by(|a, b| {
        b.0.cmp(&a.0)
            .then_with(|| first[a.1].id.cmp(&first[b.1].id))
            .then_with(|| second[a.2].id.cmp(&second[b.2].id))
    });
    for (_, mine, theirs) in candidates {
        if partner[mine].is_none() && !taken[theirs] {
            partner[mine] = Some(theirs);
            taken[theirs] = true;
        }
    }
}
