//! Who is in the organisation at the start: how many of each kind, what they draw from, how much history they have.
//! People are in [`staff`], programs in [`machines`], other people's code in [`partners`].

mod machines;
mod partners;
mod staff;

use crate::chance::Chance;
use crate::network::{self, Tool};
use crate::organisation::{Organisation, SECOND_REGION};
use crate::principals::repertoire::{Item, Repertoire, Sources};
use crate::principals::{Card, DEPLOY_USER, Habits, Kind, Principal};
use crate::routines::{JOBS, RoutineId};
use crate::settings::Scale;

/// What a new principal is made of.
#[derive(Clone, Debug)]
pub(crate) struct Blueprint {
    pub(crate) kind: Kind,
    pub(crate) account: usize,
    pub(crate) name: String,
    pub(crate) app: String,
    pub(crate) path: &'static str,
    pub(crate) job: usize,
    pub(crate) sources: Sources,
    /// Discount and strength of its repertoire.
    pub(crate) growth: (f64, f64),
    pub(crate) rate: f64,
    /// Draws made before the first day.
    pub(crate) tenure: u32,
    pub(crate) tool: Tool,
    pub(crate) from: u32,
    pub(crate) email: Option<String>,
}

/// All principals; their places never change, so that an index is a name.
#[derive(Debug, Default)]
pub(crate) struct Population {
    pub(crate) all: Vec<Principal>,
}

impl Population {
    pub(crate) fn new(org: &mut Organisation, scale: Scale) -> Self {
        let mut out = Self::default();
        let mut chance = Chance::named(org.seed, &["population"]);
        out.users(org, scale, &mut chance);
        out.people(org, scale, &mut chance);
        out.workloads(org, scale, &mut chance);
        out.pipelines(org, scale, &mut chance);
        out.integrations(org, scale, &mut chance);
        for principal in &mut out.all {
            principal.habits.rate *= scale.busyness();
        }
        out
    }

    /// Adds a principal; its index.
    pub(crate) fn add(&mut self, org: &Organisation, plan: Blueprint) -> usize {
        let account = org.account(plan.account).name.clone();
        let who = plan.email.clone().unwrap_or_default();
        // Names may repeat where a role is made again; streams must not.
        let namesakes = self
            .all
            .iter()
            .filter(|p| {
                p.card.account == plan.account
                    && p.card.name == plan.name
                    && p.card.email == plan.email
            })
            .count();
        let names = [
            &account,
            plan.kind.name(),
            &plan.name,
            &who,
            &namesakes.to_string(),
        ];
        let mut chance = Chance::named(org.seed, &names);
        let prefix = if plan.kind.is_user() { "AIDA" } else { "AROA" };
        let card = Card {
            kind: plan.kind,
            account: plan.account,
            unique_id: chance.unique_id(prefix),
            key: chance.key_id("AKIA"),
            name: plan.name,
            path: plan.path.to_owned(),
            email: plan.email,
        };
        let habits = Habits {
            rate: plan.rate,
            tool: plan.tool,
            lag: chance.range(0, 80),
            home: home(&mut chance, plan.kind),
            zone: *chance.pick(&[0, 1, 1, 1, 2, -5, -8]),
            regions: if chance.yes(0.12) {
                vec![SECOND_REGION]
            } else {
                Vec::new()
            },
            hosted: chance.yes(0.4),
            mfa: chance.yes(0.4),
        };
        let mut principal = Principal {
            card,
            job: plan.job,
            app: plan.app,
            slots: 1 + u32::from(chance.yes(0.3)),
            repertoire: Repertoire::new(plan.growth.0, plan.growth.1),
            sources: plan.sources,
            habits,
            from: plan.from,
            until: u32::MAX,
            away: Vec::new(),
            tasks: Default::default(),
            awake: None,
            forbidden: Vec::new(),
            runner: None,
            made: vec![0; org.catalogue.len()],
            latest: None,
            keeps: Vec::new(),
            chance,
        };
        for _ in 0..plan.tenure {
            principal
                .repertoire
                .draw(&mut principal.chance, &principal.sources, org);
        }
        principal.settle(org);
        self.all.push(principal);
        self.all.len() - 1
    }

    pub(crate) fn of(&self, kind: Kind) -> Vec<usize> {
        (0..self.all.len())
            .filter(|i| self.all[*i].card.kind == kind)
            .collect()
    }

    /// Those of this kind that are there from the first day to the last.
    pub(crate) fn steady(&self, kind: Kind) -> Vec<usize> {
        self.of(kind)
            .into_iter()
            .filter(|i| self.all[*i].from == 0 && self.all[*i].until == u32::MAX)
            .collect()
    }

    /// People of a job.
    pub(crate) fn working_as(&self, job: &str) -> Vec<usize> {
        self.steady(Kind::Person)
            .into_iter()
            .filter(|i| JOBS[self.all[*i].job].name == job)
            .collect()
    }
}

impl Principal {
    /// Holidays for people; a permission that was never granted for some machines.
    fn settle(&mut self, org: &Organisation) {
        if self.card.kind.is_human() && self.chance.yes(0.55) && org.days > 30 {
            let first = self.chance.range(4, org.days - 4);
            self.away
                .push((first, first + *self.chance.pick(&[4, 7, 12])));
        } else if !self.card.kind.is_human()
            && self.card.name != DEPLOY_USER
            && self.chance.yes(0.2)
        {
            let favourites = self.repertoire.favourites();
            if let Some(item) = favourites.get(self.chance.below(favourites.len())) {
                let call = match item {
                    Item::Call(call) => *call,
                    Item::Routine(id) => org.routines.get(*id).any_call(&mut self.chance),
                };
                self.forbidden.push(call);
            }
        }
    }
}

/// Most people have a home line, a few hide it behind a VPN; vendors rent servers. Intruders come from the same blocks.
fn home(chance: &mut Chance, kind: Kind) -> String {
    let blocks = match kind {
        Kind::Vendor => network::HOSTING,
        kind if kind.is_human() && chance.yes(0.08) => network::VPN,
        _ => network::HOMES,
    };
    network::address(chance, blocks)
}

/// A principal that does nothing yet.
pub(crate) fn blueprint(kind: Kind, account: usize, name: String, app: String) -> Blueprint {
    Blueprint {
        kind,
        account,
        name,
        app,
        path: "/",
        job: 0,
        sources: Sources::default(),
        growth: (0.05, 0.2),
        rate: 0.0,
        tenure: 0,
        tool: Tool::Python,
        from: 0,
        email: None,
    }
}

/// Routines by name, for changes.
pub(crate) fn items(org: &Organisation, names: &str) -> Vec<Item> {
    org.routines
        .ids(names)
        .into_iter()
        .map(|id: RoutineId| Item::Routine(id))
        .collect()
}
