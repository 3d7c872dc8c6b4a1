//! What a principal does, and how that grows.
//!
//! Idea: a Pitman–Yor process (Pitman & Yor 1997; Teh 2006). The next thing is new with probability
//! (θ + d·k) / (θ + n) after n draws of k different things, else an old one in proportion to its use less d. The number of
//! different things then grows like n^d: quickly at first, more slowly for ever, faster for people than for machines.

use crate::calls::CallId;
use crate::chance::Chance;
use crate::organisation::Organisation;
use crate::routines::RoutineId;

/// Something a principal may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    Routine(RoutineId),
    Call(CallId),
}

/// Where new things come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// Routines of the job, most likely first.
    pub(crate) routines: Vec<RoutineId>,
    /// Services single calls are taken from, most likely first.
    pub(crate) services: Vec<&'static str>,
    /// Share of writes among single calls.
    pub(crate) writes: f64,
    /// Opens console pages of services.
    pub(crate) browses: bool,
}

/// Things done so far, with their counts.
#[derive(Clone, Debug)]
pub(crate) struct Repertoire {
    items: Vec<(Item, u32)>,
    total: u32,
    discount: f64,
    strength: f64,
}

impl Repertoire {
    pub(crate) fn new(discount: f64, strength: f64) -> Self {
        Self {
            items: Vec::new(),
            total: 0,
            discount,
            strength,
        }
    }

    /// The next thing to do.
    pub(crate) fn draw(
        &mut self,
        chance: &mut Chance,
        sources: &Sources,
        org: &Organisation,
    ) -> Item {
        let (kinds, total) = (self.items.len() as f64, f64::from(self.total));
        let item =
            if chance.unit() * (total + self.strength) < self.strength + self.discount * kinds {
                self.novel(chance, sources, org)
            } else {
                self.old(chance.unit() * (total - self.discount * kinds))
            };
        self.add(item, 1);
        item
    }

    fn old(&self, mut mark: f64) -> Item {
        for (item, count) in &self.items {
            mark -= f64::from(*count) - self.discount;
            if mark <= 0.0 {
                return *item;
            }
        }
        self.items
            .last()
            .expect("an old thing is drawn only after a new one")
            .0
    }

    pub(crate) fn add(&mut self, item: Item, weight: u32) {
        self.total += weight;
        match self.items.iter_mut().find(|(known, _)| *known == item) {
            Some((_, count)) => *count += weight,
            None => self.items.push((item, weight)),
        }
    }

    /// Something from the job first, then from its services.
    pub(crate) fn novel(&self, chance: &mut Chance, sources: &Sources, org: &Organisation) -> Item {
        let fresh: Vec<RoutineId> = sources
            .routines
            .iter()
            .copied()
            .filter(|id| {
                !self
                    .items
                    .iter()
                    .any(|(item, _)| *item == Item::Routine(*id))
            })
            .collect();
        if !fresh.is_empty() && chance.yes(0.66) {
            let rank = (chance.exponential(2.2) as usize).min(fresh.len() - 1);
            return Item::Routine(fresh[rank]);
        }
        let service = if sources.services.is_empty() {
            "sts"
        } else {
            let rank = (chance.exponential(2.5) as usize).min(sources.services.len() - 1);
            sources.services[rank]
        };
        if sources.browses
            && chance.yes(0.35)
            && let Some(page) = org.routines.page(service)
        {
            return Item::Routine(page);
        }
        Item::Call(single(chance, org, service, sources.writes))
    }

    /// It holds anything yet.
    pub(crate) fn is_used(&self) -> bool {
        !self.items.is_empty()
    }

    /// The items so far, most used first.
    pub(crate) fn favourites(&self) -> Vec<Item> {
        let mut sorted = self.items.clone();
        sorted.sort_by_key(|(item, count)| (std::cmp::Reverse(*count), *item));
        sorted.into_iter().map(|(item, _)| item).collect()
    }
}

/// A call of a service: popularity falls with its place in the table (Zipf).
fn single(chance: &mut Chance, org: &Organisation, service: &str, writes: f64) -> CallId {
    let wants_read = !chance.yes(writes);
    let all = org.catalogue.of_service(service);
    let fitting: Vec<CallId> = all
        .iter()
        .copied()
        .filter(|id| org.catalogue.get(*id).read_only == wants_read)
        .collect();
    let from = if fitting.is_empty() { all } else { &fitting };
    // Inverse of the Pareto tail with exponent 0.6.
    let rank = (1.0 - chance.unit()).powf(-1.0 / 0.6) - 1.0;
    from[(rank as usize).min(from.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routines::JOBS;
    use crate::settings::{Scale, Settings};

    #[test]
    fn repertoires_grow_more_and_more_slowly() {
        let org = Organisation::new(&Settings {
            scale: Scale::Demo,
            ..Settings::default()
        });
        let job = &JOBS[3];
        let sources = Sources {
            routines: org.routines.ids(job.routines),
            services: job.services.split(' ').collect(),
            writes: 0.2,
            browses: true,
        };
        let mut chance = Chance::named(1, &["growth"]);
        let mut repertoire = Repertoire::new(0.5, 6.0);
        let mut sizes = Vec::new();
        for n in 1..=1600 {
            repertoire.draw(&mut chance, &sources, &org);
            if [100, 400, 1600].contains(&n) {
                sizes.push(repertoire.items.len());
            }
        }
        assert!(sizes[1] > sizes[0] && sizes[2] > sizes[1], "{sizes:?}");
        assert!(
            sizes[2] < sizes[0] * 8,
            "{sizes:?}: sixteen times the draws gave nearly as many times the things"
        );
    }
}
