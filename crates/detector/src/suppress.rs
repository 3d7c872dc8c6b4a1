//! Hiding what a reviewed suppression covers, and nothing else.
//!
//! Each piece of news of a case is covered or not, by the patterns that fit the observation that brought it. A case whose bits reach the threshold,
//! but not without what is covered, is hidden: told with the suppression's id and not raised. It stays a case: what it rests on is held, what it
//! created is followed, and what lifts the rest of it over the threshold raises it with everything. What somebody refused is never covered.

use std::collections::BTreeMap;

use offtrail_baseline::{Suppression, Suppressions};
use offtrail_event::{CallId, Observation, PrincipalId, Vocabulary};

use crate::{
    Detector, SuppressedBy,
    assemble::finding_type,
    case::{Case, Damped},
    judge::Verdict,
    window::damped_sum,
};

/// Suppressions with their marks, by which cases remember them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hiding(Vec<(u64, Suppression)>);

impl Hiding {
    pub(crate) fn new(all: &Suppressions) -> Self {
        Self(all.iter().map(|one| (one.mark(), one.clone())).collect())
    }

    fn of(&self, mark: u64) -> Option<&Suppression> {
        let mut all = self.0.iter();
        all.find(|(known, _)| *known == mark).map(|(_, one)| one)
    }

    /// What of the news of an observation is covered.
    fn covering(&self, observation: &Observation, words: &Vocabulary) -> Covering {
        let mut covering = Covering::default();
        if self.0.is_empty() {
            return covering;
        }
        let name = words.principal(observation.principal);
        let (source, operation) = words.call(observation.call);
        let network = observation.network.map(|id| words.text(id));
        let network = network.as_deref().and_then(|text| text.split(' ').next());
        for (mark, one) in &self.0 {
            let call = one.call.as_ref();
            let fits = !one.is_over(observation.time)
                && one.speaks_of(&name)
                && call.is_none_or(|pattern| pattern.fits(&source, &operation))
                && one
                    .network
                    .as_deref()
                    .is_none_or(|wanted| network == Some(wanted));
            if fits {
                covering.calls.push(*mark);
                if call.is_none() {
                    covering.context.push(*mark);
                }
                if call.is_none() || one.network.is_some() {
                    covering.network.push(*mark);
                }
            }
        }
        covering
    }

    /// The suppressions among marks that are still there and whose type fits.
    fn live<'m>(&self, marks: &'m [u64], kind: &str) -> impl Iterator<Item = &'m u64> {
        marks.iter().filter(move |mark| {
            self.of(**mark)
                .is_some_and(|one| one.kind.as_ref().is_none_or(|wanted| wanted.fits(kind)))
        })
    }
}

/// Marks of the suppressions that cover the news of one observation. Who says that a call is no news hasn't spoken of where it comes from.
#[derive(Debug, Default)]
struct Covering {
    /// Its call, bulk of it, what it was aimed at, a denial.
    calls: Vec<u64>,
    /// Its network.
    network: Vec<u64>,
    /// Any other surroundings.
    context: Vec<u64>,
}

impl Covering {
    fn of(&self, dimension: &str) -> &[u64] {
        match dimension {
            "denied" => &self.calls,
            "network" => &self.network,
            _ => &self.context,
        }
    }
}

/// A piece of news that is or was covered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cover {
    /// By these suppressions; by none any more once it was shown outside of them.
    pub(crate) by: Vec<u64>,
    /// Bits of a surrounding.
    pub(crate) bits: f64,
    /// It would be raised whatever the threshold.
    pub(crate) above_floor: bool,
}

/// What of a case's news is covered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Covers {
    pub(crate) calls: BTreeMap<(PrincipalId, Damped), Cover>,
    pub(crate) context: BTreeMap<(PrincipalId, &'static str, u32), Cover>,
    /// The largest of each dimension that was never covered, bits.
    pub(crate) bare: BTreeMap<&'static str, f64>,
}

/// What a case held before an observation was added.
pub(crate) struct Held {
    calls: Vec<Damped>,
    context: Vec<(&'static str, u32)>,
}

/// A case without what is covered.
struct Rest {
    /// As [`Case::score`].
    score: f64,
    /// As [`Case::whole_score`].
    whole: f64,
    /// Something uncovered is above the floor, or something covered was.
    floor: (bool, bool),
}

/// What may enter the damped sum by an observation.
fn keys<'v>(
    observation: &Observation,
    verdict: &'v Verdict,
) -> impl Iterator<Item = Damped> + use<'v> {
    let call: CallId = observation.call;
    let targets = verdict.targets.iter();
    [Damped::Call(call), Damped::Bulk(call)]
        .into_iter()
        .chain(targets.map(|news| Damped::Target(news.value)))
}

impl Case {
    /// What it holds already of what an observation shows.
    pub(crate) fn held(&self, observation: &Observation, verdict: &Verdict) -> Held {
        let id = observation.principal;
        let context = verdict.context.iter().map(|news| news.key);
        Held {
            calls: keys(observation, verdict)
                .filter(|key| self.calls.contains_key(&(id, *key)))
                .collect(),
            context: context
                .filter(|(dimension, value)| self.seen_context.contains(&(id, dimension, *value)))
                .collect(),
        }
    }

    /// Covers what an observation brought; uncovers what it shows again outside of what covered it.
    fn cover(
        &mut self,
        (observation, verdict): (&Observation, &Verdict),
        held: &Held,
        covering: &Covering,
    ) {
        let id = observation.principal;
        for key in keys(observation, verdict) {
            let at = (id, key);
            if held.calls.contains(&key) {
                if let Some(cover) = self.covers.calls.get_mut(&at) {
                    cover.by.retain(|mark| covering.calls.contains(mark));
                }
            } else if self.calls.contains_key(&at) && !covering.calls.is_empty() {
                let call = verdict.call.as_deref();
                let cover = Cover {
                    by: covering.calls.clone(),
                    bits: 0.0,
                    above_floor: key == Damped::Call(observation.call)
                        && call.is_some_and(|news| news.above_floor),
                };
                self.covers.calls.insert(at, cover);
            }
        }
        for news in &verdict.context {
            let (dimension, value) = news.key;
            let (at, by) = ((id, dimension, value), covering.of(dimension));
            if held.context.contains(&news.key) {
                if let Some(cover) = self.covers.context.get_mut(&at) {
                    cover.by.retain(|mark| by.contains(mark));
                }
            } else if by.is_empty() {
                let bare = self.covers.bare.entry(dimension).or_default();
                *bare = bare.max(news.novelty.bits);
            } else {
                let cover = Cover {
                    by: by.to_vec(),
                    bits: news.novelty.bits,
                    above_floor: false,
                };
                self.covers.context.insert(at, cover);
            }
        }
    }

    /// What is left of it without the news of which `is_covered` says so by their marks.
    fn rest(&self, is_covered: &dyn Fn(&[u64]) -> bool) -> Rest {
        let covers = &self.covers;
        let bare = self.calls.iter().filter(|(key, _)| {
            let cover = covers.calls.get(*key);
            !cover.is_some_and(|cover| is_covered(&cover.by))
        });
        let bare: Vec<(Damped, PrincipalId, f64)> = bare
            .map(|((id, damped), bits)| (*damped, *id, *bits))
            .collect();
        let context = self.context.iter().map(|(dimension, largest)| {
            let mut covered = covers.context.iter();
            if !covered.any(|((_, of, _), _)| of == dimension) {
                return *largest;
            }
            let again = covers.context.iter();
            again
                .filter(|((_, of, _), cover)| of == dimension && !is_covered(&cover.by))
                .map(|(_, cover)| cover.bits)
                .chain(covers.bare.get(dimension).copied())
                .fold(0.0, f64::max)
        });
        let context: f64 = context.sum();
        let shared = bare
            .iter()
            .map(|(damped, id, bits)| bits * self.share_of(*id, *damped));
        let mut floors = covers.calls.values().filter(|cover| cover.above_floor);
        let uncovered = floors.clone().any(|cover| !is_covered(&cover.by));
        Rest {
            score: damped_sum(shared) + context,
            whole: damped_sum(bare.iter().map(|(_, _, bits)| *bits)) + context,
            floor: (uncovered, floors.next().is_some()),
        }
    }

    /// Whether it reached the threshold, hidden or not.
    pub(crate) fn has_reached(&self) -> bool {
        self.raised || self.suppressed.is_some()
    }
}

impl Detector {
    /// Hides what these cover.
    pub fn set_suppressions(&mut self, all: &Suppressions) {
        self.hiding = Hiding::new(all);
    }

    /// Raises a case to which an observation was just added, or hides it, if it reaches the threshold.
    pub(crate) fn raise_or_hide(
        &self,
        case: &mut Case,
        (observation, verdict): (&Observation, &Verdict),
        held: &Held,
        words: &Vocabulary,
    ) {
        let covering = self.hiding.covering(observation, words);
        case.cover((observation, verdict), held, &covering);
        let score = case.score();
        let floor = verdict.call.as_ref().is_some_and(|news| news.above_floor);
        let reaches = |score: f64, floor: bool| {
            score >= self.threshold || (self.has_floor && floor && score > 0.0)
        };
        let any_covered = !case.covers.calls.is_empty() || !case.covers.context.is_empty();
        if case.raised || !verdict.ruled.is_empty() || !any_covered {
            case.raised |= reaches(score, floor) || !verdict.ruled.is_empty();
            if case.raised {
                case.suppressed = None;
            }
            return;
        }
        let Some(lead) = &case.lead else { return };
        let kind = finding_type(case, lead, &words.principal(lead.principal));
        let rest = case.rest(&|marks| self.hiding.live(marks, &kind).next().is_some());
        let at = (observation.principal, Damped::Call(observation.call));
        let (uncovered_floor, covered_floor) = rest.floor;
        let bare_floor = uncovered_floor || (floor && !case.covers.calls.contains_key(&at));
        if reaches(rest.score, bare_floor) {
            (case.raised, case.suppressed) = (true, None);
            return;
        }
        // A rest that reaches it only through calls of waves joins their change, as it would without suppressions.
        let told = reaches(score, covered_floor) || case.whole_score() >= self.threshold;
        let hides = told && rest.whole < self.threshold;
        case.suppressed = hides.then(|| self.heaviest_cover(case, &kind)).flatten();
    }

    /// The suppression that hides most of a case; of several of one weight the first of the file.
    fn heaviest_cover(&self, case: &Case, kind: &str) -> Option<u64> {
        let mut weights: BTreeMap<u64, f64> = BTreeMap::new();
        let calls = case.covers.calls.iter();
        let calls = calls.map(|(key, cover)| (cover, case.calls.get(key).copied().unwrap_or(0.0)));
        let context = case.covers.context.values();
        for (cover, bits) in calls.chain(context.map(|cover| (cover, cover.bits))) {
            for mark in self.hiding.live(&cover.by, kind) {
                *weights.entry(*mark).or_default() += bits;
            }
        }
        let all = self.hiding.0.iter();
        all.filter_map(|(mark, _)| Some((*mark, *weights.get(mark)?)))
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(mark, _)| mark)
    }

    /// What a finding says of the suppression that hides it.
    pub(crate) fn suppressed_by(&self, case: &Case) -> Option<SuppressedBy> {
        let one = self.hiding.of(case.suppressed?)?;
        Some(SuppressedBy {
            id: one.id.to_string(),
            author: one.author.to_string(),
            on: one.on,
            until: one.until,
            reason: one.reason.to_string(),
        })
    }
}
