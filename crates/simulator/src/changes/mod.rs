//! Planned benign change: what looks like an attack to a naive detector and is none. Each one is written to
//! `benign_changes.jsonl`.
//!
//! Idea: the false findings of this field come from releases, new services, new people, rotations and drills; a test
//! without them flatters every detector.

mod ordinary;
mod upkeep;

use std::collections::BTreeMap;

use crate::chance::Chance;
use crate::network::Tool;
use crate::organisation::{Organisation, RegionId};
use crate::population::{Population, blueprint, items};
use crate::principals::{DEPLOY_USER, Kind, Principal, Task};
use crate::routines::{JOBS, PIPELINE};
use crate::settings::Scale;

/// A planned change, as told to whoever scores.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) day: u32,
    pub(crate) kind: &'static str,
    pub(crate) title: String,
    /// Ids of the principals concerned.
    pub(crate) ids: Vec<String>,
}

/// Something about a principal that is different from a day on.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    Key(String),
    Tool(Tool),
    Home(String),
    Region(RegionId),
    Hosted,
    Newest,
}

/// The plan: what to tell, and what turns on which day.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) turns: BTreeMap<u32, Vec<(usize, Turn)>>,
}

impl Turn {
    pub(crate) fn apply(self, principal: &mut Principal) {
        match self {
            Self::Key(key) => principal.card.key = key,
            Self::Tool(tool) => principal.habits.tool = tool,
            Self::Home(address) => principal.habits.home = address,
            Self::Region(region) => principal.habits.regions.push(region),
            Self::Hosted => principal.habits.hosted = !principal.habits.hosted,
            Self::Newest => principal.habits.lag = 0,
        }
    }
}

struct Planner<'a> {
    org: &'a mut Organisation,
    people: &'a mut Population,
    plan: Plan,
    chance: Chance,
    /// Occasions of a change that happens once in 120 days of a small organisation.
    weight: f64,
}

/// Plans the changes of all days; `with_upkeep`: also what is done again and again to functions, instances and snapshots.
pub(crate) fn plan(
    org: &mut Organisation,
    people: &mut Population,
    scale: Scale,
    with_upkeep: bool,
) -> Plan {
    let copies = scale.copies(12) as f64 / 12.0;
    let weight = f64::from(org.days) / 120.0 * copies.sqrt();
    let chance = Chance::named(org.seed, &["changes"]);
    let mut planner = Planner {
        org,
        people,
        plan: Plan::default(),
        chance,
        weight,
    };
    planner.releases();
    planner.waves();
    planner.arrivals();
    planner.keys();
    planner.drills();
    planner.moves();
    planner.upgrades();
    planner.recreated();
    if with_upkeep {
        planner.ordinary();
    }
    let mut plan = planner.plan;
    plan.changes
        .sort_by(|a, b| (a.day, a.kind, &a.title).cmp(&(b.day, b.kind, &b.title)));
    plan
}

impl Planner<'_> {
    /// Days for a change that happens `times` times in 120 days of a small organisation; at least once.
    fn days(&mut self, times: f64) -> Vec<u32> {
        let n = ((times * self.weight).round() as usize).max(1);
        let mut days: Vec<u32> = (0..n)
            .map(|_| self.chance.range(3, self.org.days - 2))
            .collect();
        days.sort_unstable();
        days
    }

    fn note(&mut self, day: u32, kind: &'static str, title: String, who: &[usize]) {
        let mut ids: Vec<String> = who
            .iter()
            .map(|i| self.people.all[*i].card.id(self.org))
            .collect();
        ids.sort();
        ids.dedup();
        self.plan.changes.push(Change {
            day,
            kind,
            title,
            ids,
        });
    }

    /// Gives somebody routines to do on a day; people wait for a working day.
    fn give(&mut self, who: usize, day: u32, names: &str) -> u32 {
        let tasks: Vec<Task> = items(self.org, names).into_iter().map(Task::Item).collect();
        self.give_tasks(who, day, tasks)
    }

    fn give_tasks(&mut self, who: usize, day: u32, tasks: Vec<Task>) -> u32 {
        let principal = &mut self.people.all[who];
        let day = if principal.card.kind.is_human() {
            self.org.working_day(day)
        } else {
            day
        };
        if day < principal.until {
            principal.tasks.entry(day).or_default().extend(tasks);
        }
        day
    }

    fn turn(&mut self, day: u32, who: usize, turn: Turn) {
        self.plan.turns.entry(day).or_default().push((who, turn));
    }

    fn any(&mut self, kinds: &[Kind]) -> Option<usize> {
        let all: Vec<usize> = kinds
            .iter()
            .flat_map(|kind| self.people.steady(*kind))
            .filter(|i| self.people.all[*i].card.name != DEPLOY_USER)
            .collect();
        if all.is_empty() {
            None
        } else {
            Some(*self.chance.pick(&all))
        }
    }

    fn colleague(&mut self, job: &str) -> Option<usize> {
        let all = self.people.working_as(job);
        if all.is_empty() {
            self.any(&[Kind::Person])
        } else {
            Some(*self.chance.pick(&all))
        }
    }

    fn releases(&mut self) {
        for day in self.days(40.0) {
            let Some(who) = self.any(&[
                Kind::Function,
                Kind::Instance,
                Kind::Task,
                Kind::ServiceAccount,
            ]) else {
                continue;
            };
            let principal = &mut self.people.all[who];
            let fresh = (0..1 + principal.chance.below(3))
                .map(|_| {
                    Task::Item(principal.repertoire.novel(
                        &mut principal.chance,
                        &principal.sources,
                        self.org,
                    ))
                })
                .collect();
            let day = self.give_tasks(who, day, fresh);
            let title = format!(
                "{} is released with code that makes new calls",
                self.people.all[who].app
            );
            self.note(day, "release", title, &[who]);
        }
        for day in self.days(20.0) {
            let Some(who) = self.any(&[Kind::CiUser, Kind::CodeHost]) else {
                continue;
            };
            let pool: Vec<&str> = PIPELINE.split(' ').collect();
            let step = *self.chance.pick(&pool);
            let day = self.give(who, day, step);
            let title = format!(
                "the pipeline of {} gains a step: {step}",
                self.people.all[who].card.name
            );
            self.note(day, "pipeline_step", title, &[who]);
        }
    }

    /// The same novelty for many within days.
    fn waves(&mut self) {
        let waves: [(Kind, &'static str, &str, &str); 4] = [
            (
                Kind::Function,
                "library_release",
                "library-release",
                "a shared library reads its settings and traces",
            ),
            (
                Kind::Person,
                "tool_release",
                "tool-release",
                "an internal command-line tool reaches everybody",
            ),
            (
                Kind::CodeHost,
                "pipeline_template",
                "step-release",
                "the pipeline template scans images",
            ),
            (
                Kind::Terraform,
                "provider_upgrade",
                "provider-upgrade",
                "the Terraform provider reads more attributes",
            ),
        ];
        for (kind, name, routines, title) in waves {
            for day in self.days(1.5) {
                let mut who = Vec::new();
                for i in self.people.steady(kind) {
                    if self.chance.yes(0.5) {
                        let on = day + self.chance.range(0, 4);
                        self.give(i, on, routines);
                        who.push(i);
                    }
                }
                self.note(day, name, title.to_owned(), &who);
            }
        }
        for day in self.days(5.0) {
            let (routines, page, title) = *self.chance.pick(&[
                ("adopt-streams", "page-glue", "streams"),
                ("adopt-firewall", "page-cloudfront", "a web firewall"),
                ("adopt-workflows", "page-states", "workflows"),
            ]);
            let Some(builder) = self.any(&[Kind::Terraform]) else {
                continue;
            };
            self.give(builder, day, routines);
            let mut who = vec![builder];
            for _ in 0..2 {
                if let Some(colleague) = self.any(&[Kind::Person]) {
                    self.give(colleague, day + 1, page);
                    who.push(colleague);
                }
            }
            self.note(
                day,
                "new_service",
                format!("the organisation takes up {title}"),
                &who,
            );
        }
    }

    fn arrivals(&mut self) {
        for (n, day) in self.days(4.0).into_iter().enumerate() {
            let job = *self.chance.pick(&[0, 0, 2, 3, 5]);
            let account = 1 + self.chance.below(self.org.accounts.len() - 1);
            let day = self.org.working_day(day);
            let email = format!(
                "{}{n}@example.com",
                self.chance.pick(&[
                    "hedda.weiss",
                    "ilias.papadakis",
                    "mira.solberg",
                    "tom.okoro"
                ])
            );
            let who = self
                .people
                .person(self.org, (&email, job, account), (day, 0, 0.9));
            self.note(
                day,
                "hire",
                format!("{email} joins as {}", JOBS[job].name),
                &[who],
            );
        }
        for day in self.days(3.0) {
            let mut chance = self.chance.clone();
            let kind = *chance.pick(&[Kind::Function, Kind::Task, Kind::Instance]);
            let app = self.org.new_app();
            let account = 1 + chance.below(self.org.accounts.len() - 1);
            let mut plan = self.people.workload(
                self.org,
                &mut chance,
                blueprint(kind, account, format!("{app}-new"), app.clone()),
            );
            (plan.from, plan.tenure) = (day, 0);
            let who = self.people.add(self.org, plan);
            self.chance = chance;
            self.note(
                day,
                "new_application",
                format!("{app} goes live with a role of its own"),
                &[who],
            );
        }
        for day in self.days(3.0) {
            let Some(who) = self.any(&[Kind::Person]) else {
                continue;
            };
            let first = self.org.working_day(day);
            self.people.all[who].until = first;
            self.people.all[who].tasks.retain(|on, _| *on < first);
            self.note(first, "leaver", "a person leaves".to_owned(), &[who]);
            if let Some(admin) = self.colleague("cloud") {
                let day = self.give(admin, first, "leaver");
                self.note(
                    day,
                    "leaver",
                    "an administrator removes what a leaver had".to_owned(),
                    &[admin],
                );
            }
        }
    }
}
