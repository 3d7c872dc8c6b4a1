//! Principals: who they are, what they keep doing, and the day each of them has.

mod integrations;
pub(crate) use integrations::VENDOR_ACCOUNT;
mod people;
mod pipelines;
pub(crate) mod repertoire;
mod upkeep;
mod workloads;

use std::collections::BTreeMap;

use crate::calls::CallId;
use crate::chance::Chance;
use crate::clock::Millis;
use crate::network::{self, Tool};
use crate::organisation::{HOME_REGION, Organisation, RegionId, holding};
use crate::scene::{Deed, Scene, Session, Trouble, secs};
use repertoire::{Item, Repertoire, Sources};
pub(crate) use upkeep::Upkeep;

/// Kinds of principal, finer than CloudTrail's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    CiUser,
    HumanUser,
    Broker,
    Person,
    Instance,
    Function,
    Task,
    ServiceAccount,
    CodeHost,
    Terraform,
    Vendor,
    Audit,
    Backup,
    ServiceLinked,
    Service,
    Root,
}

impl Kind {
    pub(crate) const ALL: &[Self] = &[
        Self::CiUser,
        Self::HumanUser,
        Self::Broker,
        Self::Person,
        Self::Instance,
        Self::Function,
        Self::Task,
        Self::ServiceAccount,
        Self::CodeHost,
        Self::Terraform,
        Self::Vendor,
        Self::Audit,
        Self::Backup,
        Self::ServiceLinked,
        Self::Service,
        Self::Root,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CiUser => "ci_user",
            Self::HumanUser => "human_user",
            Self::Broker => "federation_broker",
            Self::Person => "identity_center_person",
            Self::Instance => "instance_role",
            Self::Function => "function_role",
            Self::Task => "task_role",
            Self::ServiceAccount => "service_account_role",
            Self::CodeHost => "code_host_role",
            Self::Terraform => "terraform_role",
            Self::Vendor => "vendor_role",
            Self::Audit => "audit_role",
            Self::Backup => "backup_role",
            Self::ServiceLinked => "service_linked_role",
            Self::Service => "aws_service",
            Self::Root => "root",
        }
    }

    /// The kind in the words of `observation-v1`.
    pub(crate) fn principal_kind(self) -> &'static str {
        match self {
            Self::CiUser | Self::HumanUser | Self::Broker => "iam_user",
            Self::Root => "root",
            Self::Service => "aws_service",
            _ => "role",
        }
    }

    pub(crate) fn is_user(self) -> bool {
        matches!(self, Self::CiUser | Self::HumanUser | Self::Broker)
    }

    pub(crate) fn is_human(self) -> bool {
        matches!(self, Self::HumanUser | Self::Person)
    }
}

/// Name, ids and permanent key of a principal.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) kind: Kind,
    pub(crate) account: usize,
    pub(crate) name: String,
    pub(crate) path: String,
    /// `AIDA…` or `AROA…`.
    pub(crate) unique_id: String,
    /// Permanent access key id of a user.
    pub(crate) key: String,
    /// The person behind a shared Identity Center role.
    pub(crate) email: Option<String>,
}

impl Card {
    pub(crate) fn arn(&self, org: &Organisation) -> String {
        let account = &org.account(self.account).id;
        match self.kind {
            Kind::Root => format!("arn:aws:iam::{account}:root"),
            kind if kind.is_user() => {
                format!("arn:aws:iam::{account}:user{}{}", self.path, self.name)
            }
            _ => format!("arn:aws:iam::{account}:role{}{}", self.path, self.name),
        }
    }

    /// `account/AIDA…`, `account/AROA…`, `account/AROA…#e-mail` for a person, `account/root`.
    pub(crate) fn id(&self, org: &Organisation) -> String {
        let account = &org.account(self.account).id;
        match (self.kind, &self.email) {
            (Kind::Root, _) => format!("{account}/root"),
            (_, Some(email)) => format!("{account}/{}#{email}", self.unique_id),
            _ => format!("{account}/{}", self.unique_id),
        }
    }
}

/// Something to be done on a certain day.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// A new routine or call, kept in the repertoire from then on.
    Item(Item),
    /// A call with its own request and answer, once.
    Scripted {
        call: CallId,
        request: String,
        response: Option<String>,
    },
}

/// When somebody works, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// Runs or sessions on a working day.
    pub(crate) rate: f64,
    pub(crate) tool: Tool,
    /// Days by which the tool lags behind its newest version.
    pub(crate) lag: u32,
    pub(crate) home: String,
    /// Hours ahead of UTC.
    pub(crate) zone: i32,
    /// Regions besides the home region.
    pub(crate) regions: Vec<RegionId>,
    /// Hosted runners rather than the account's own network.
    pub(crate) hosted: bool,
    pub(crate) mfa: bool,
}

/// One principal, alive.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) card: Card,
    pub(crate) job: usize,
    pub(crate) app: String,
    /// Copies that run at once.
    pub(crate) slots: u32,
    pub(crate) chance: Chance,
    pub(crate) repertoire: Repertoire,
    pub(crate) sources: Sources,
    pub(crate) habits: Habits,
    /// First day, and the day after the last.
    pub(crate) from: u32,
    pub(crate) until: u32,
    pub(crate) away: Vec<(u32, u32)>,
    pub(crate) tasks: BTreeMap<u32, Vec<Task>>,
    /// Must show itself that day, so that an attack finds a live session.
    pub(crate) awake: Option<u32>,
    /// Calls whose permission was never granted.
    pub(crate) forbidden: Vec<CallId>,
    /// Who takes this role, as an index into the principals.
    pub(crate) runner: Option<usize>,
    /// Times each call was made, by call.
    pub(crate) made: Vec<u32>,
    pub(crate) latest: Option<Session>,
    /// What it keeps up to date: functions, instances with user data.
    pub(crate) keeps: Vec<(Upkeep, String)>,
}

impl Principal {
    pub(crate) fn is_active(&self, day: u32) -> bool {
        self.from <= day
            && day < self.until
            && !self
                .away
                .iter()
                .any(|(first, end)| (*first..*end).contains(&day))
    }

    pub(crate) fn agent(&self, day: u32) -> String {
        network::agent(self.habits.tool, day, self.habits.lag)
    }

    /// Lives through a day; `runner` is the card of whoever takes this role.
    pub(crate) fn live(&mut self, runner: Option<&Card>, scene: &mut Scene<'_>) {
        let due = self.tasks.contains_key(&scene.day) || self.awake == Some(scene.day);
        if !due && !self.is_active(scene.day) {
            return;
        }
        match self.card.kind {
            Kind::Person | Kind::HumanUser => self.human_day(scene),
            Kind::Instance | Kind::Function | Kind::Task | Kind::ServiceAccount => {
                self.workload_day(scene)
            }
            Kind::CiUser | Kind::CodeHost => self.pipeline_day(scene),
            Kind::Terraform | Kind::Audit => self.assumed_day(runner, scene),
            Kind::Vendor => self.vendor_day(scene),
            Kind::Backup => self.backup_day(scene),
            Kind::ServiceLinked => self.service_linked_day(scene),
            Kind::Service => self.service_day(scene),
            Kind::Broker => self.broker_day(scene),
            Kind::Root => self.root_day(scene),
        }
    }

    /// Tasks of the day; new items enter the repertoire with some weight.
    fn due(&mut self, day: u32) -> Vec<Task> {
        let tasks = self.tasks.remove(&day).unwrap_or_default();
        for task in &tasks {
            if let Task::Item(item) = task {
                self.repertoire.add(*item, 2);
            }
        }
        tasks
    }

    /// The next thing from the repertoire.
    fn draw(&mut self, org: &Organisation) -> Task {
        Task::Item(self.repertoire.draw(&mut self.chance, &self.sources, org))
    }

    /// Does one thing from `time` on; the moment after it.
    fn work(
        &mut self,
        scene: &mut Scene<'_>,
        session: &Session,
        task: &Task,
        time: Millis,
    ) -> Millis {
        match task {
            Task::Item(Item::Call(call)) => {
                self.make(scene, session, &[*call], (time, self.gap(false)))
            }
            Task::Item(Item::Routine(id)) => {
                let routine = scene.org.routines.get(*id);
                let calls = routine.run(&mut self.chance);
                self.make(scene, session, &calls, (time, self.gap(routine.page)))
            }
            Task::Scripted {
                call,
                request,
                response,
            } => {
                let deed = Deed {
                    call: *call,
                    time,
                    app: self.app.clone(),
                    request: Some(request.clone()),
                    response: response.clone(),
                    ..Deed::default()
                };
                scene.perform(&mut self.chance, session, &deed);
                self.made[*call] += 1;
                time + secs(self.chance.exponential(8.0))
            }
        }
    }

    /// Mean seconds between two calls.
    fn gap(&self, page: bool) -> f64 {
        match (page, self.card.kind.is_human()) {
            (true, _) => 0.3,
            (false, true) => 5.0,
            (false, false) => 1.2,
        }
    }

    /// Makes calls one after the other, with the failures of ordinary days.
    fn make(
        &mut self,
        scene: &mut Scene<'_>,
        session: &Session,
        calls: &[CallId],
        start: (Millis, f64),
    ) -> Millis {
        let (mut time, gap) = start;
        let mut session = session.clone();
        if !self.habits.regions.is_empty() && self.chance.yes(0.25) {
            session.region = *self.chance.pick(&self.habits.regions);
        }
        let app = format!("{}-{}", self.app, scene.org.account(self.card.account).name);
        for call in calls {
            let trouble = if self.forbidden.contains(call) {
                Some(Trouble::Denied)
            } else if self.chance.yes(0.007) {
                Some(*self.chance.pick(&[
                    Trouble::Throttled,
                    Trouble::Throttled,
                    Trouble::Missing,
                    Trouble::Invalid,
                ]))
            } else {
                None
            };
            let deed = Deed {
                call: *call,
                time,
                app: app.clone(),
                trouble,
                ..Deed::default()
            };
            scene.perform(&mut self.chance, &session, &deed);
            self.made[*call] += 1;
            self.follow(scene, &session, &deed);
            time += secs(self.chance.exponential(gap));
        }
        self.latest = Some(session);
        time
    }

    /// Some calls make a service decrypt on the caller's behalf.
    fn follow(&mut self, scene: &mut Scene<'_>, session: &Session, deed: &Deed) {
        let call = scene.org.catalogue.get(deed.call);
        let reads_secret = matches!(
            call.name,
            "GetSecretValue" | "GetParameter" | "GetParametersByPath"
        );
        if reads_secret && deed.trouble.is_none() && self.chance.yes(0.4) {
            let after = Deed {
                call: scene.org.catalogue.id("kms:Decrypt"),
                time: deed.time + 40,
                trouble: None,
                ..deed.clone()
            };
            scene.forward(&mut self.chance, session, &after, call.source);
        }
    }

    /// Where a person is at work today: office, home, VPN or on the way.
    fn whereabouts(&mut self, org: &Organisation, day: u32) -> String {
        let roll = self.chance.unit();
        if roll < 0.42 {
            return format!(
                "{}.{}",
                front(holding(&org.office, day)),
                10 + self.chance.below(4)
            );
        }
        if roll < 0.80 {
            return self.habits.home.clone();
        }
        if roll < 0.96 {
            return format!(
                "{}.{}",
                front(holding(&org.vpn, day)),
                20 + self.chance.below(3)
            );
        }
        network::address(&mut self.chance, network::MOBILE)
    }

    fn region(&self) -> RegionId {
        HOME_REGION
    }
}

/// The first three parts of an address.
fn front(address: &str) -> &str {
    address.rsplit_once('.').map_or(address, |(front, _)| front)
}

/// The CI user of the seed story: deep in history, always from its own network, never touching keys.
pub(crate) const DEPLOY_USER: &str = "ci-deploy";
