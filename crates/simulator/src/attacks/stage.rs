//! Plays a scenario: keeps track of which credential is in hand and labels every event it causes.

mod doors;

use std::collections::BTreeMap;

use crate::calls::CallId;
use crate::chance::Chance;
use crate::clock::{DAY, HOUR, Millis};
use crate::network;
use crate::organisation::{HOME_REGION, Organisation};
use crate::population::Population;
use crate::principals::{Card, Kind, Principal, Upkeep};
use crate::scene::{Deed, Scene, Session, Trouble, secs};
use crate::session::{Opening, permanent, root_session};

use super::scenarios::{Agent, Origin, Pace, Scenario, Step};
use super::telling;

/// The credential in hand.
#[derive(Clone, Debug)]
struct Hand {
    session: Session,
    card: Card,
    /// It is the victim's own, taken anew each day.
    borrowed: bool,
}

/// An attack under way.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) scenario: &'static Scenario,
    /// Index of the principal that is hit.
    pub(crate) victim: usize,
    /// Day of its next move.
    pub(crate) wakes: u32,
    pub(crate) finished: bool,
    /// Event ids, in the order they were caused.
    pub(crate) events: Vec<String>,
    /// Time of the first and of the last event.
    pub(crate) span: Option<(Millis, Millis)>,
    chance: Chance,
    next: usize,
    now: Millis,
    hand: Option<Hand>,
    origin: Origin,
    agent: Agent,
    region: usize,
    addresses: BTreeMap<Origin, String>,
    foreign: String,
    /// A user made on the way.
    made_user: Option<String>,
    /// The permanent key made last.
    made_key: Option<Hand>,
}

impl Attack {
    pub(crate) fn new(
        org: &Organisation,
        scenario: &'static Scenario,
        victim: usize,
        day: u32,
    ) -> Self {
        let mut chance = Chance::named(org.seed, &["attack", scenario.id]);
        Self {
            scenario,
            victim,
            wakes: day,
            finished: false,
            events: Vec::new(),
            span: None,
            foreign: chance.digits(12),
            chance,
            next: 0,
            now: 0,
            hand: None,
            origin: scenario.origin,
            agent: scenario.agent,
            region: HOME_REGION,
            addresses: BTreeMap::new(),
            made_user: None,
            made_key: None,
        }
    }

    /// The moves of a day, after everybody's ordinary day.
    pub(crate) fn live(&mut self, people: &Population, scene: &mut Scene<'_>) {
        if self.finished || self.wakes != scene.day {
            return;
        }
        self.begin(&people.all[self.victim], scene);
        while let Some(step) = self.scenario.steps.get(self.next) {
            self.next += 1;
            if let Step::Sleep(days) = step {
                self.wakes += days;
                return;
            }
            self.step(*step, people, scene);
        }
        self.finished = true;
    }

    /// The day's first moment, and the victim's credential unless another is in hand.
    fn begin(&mut self, victim: &Principal, scene: &Scene<'_>) {
        let midnight = scene.org.day_start(scene.day);
        let live = victim
            .latest
            .as_ref()
            .filter(|session| (midnight..midnight + DAY).contains(&session.since));
        self.now = match live {
            Some(session) if !victim.card.kind.is_user() => {
                session.since + secs(self.chance.between(600.0, 3000.0))
            }
            _ => midnight + secs(self.chance.between(1.0, 20.0) * 3600.0),
        };
        if self.hand.as_ref().is_none_or(|hand| hand.borrowed) {
            self.hand = Some(self.victims_own(victim, scene.org));
        }
    }

    fn victims_own(&self, victim: &Principal, org: &Organisation) -> Hand {
        let o = Opening {
            time: self.now,
            name: String::new(),
            address: String::new(),
            agent: String::new(),
            region: HOME_REGION,
        };
        let session = match (&victim.latest, victim.card.kind) {
            (Some(session), kind) if !kind.is_user() => session.clone(),
            (_, Kind::Root) => root_session(org, &victim.card, false, &o),
            _ => permanent(org, &victim.card, &o),
        };
        Hand {
            session,
            card: victim.card.clone(),
            borrowed: true,
        }
    }

    fn step(&mut self, step: Step, people: &Population, scene: &mut Scene<'_>) {
        match step {
            Step::Calls(text) => self.calls(text, None, people, scene),
            Step::Refused(text) => self.calls(text, Some(Trouble::Denied), people, scene),
            Step::Habitual(n) => self.habitual(n, people, scene),
            Step::OfPeers(n) => self.of_peers(n, people, scene),
            Step::StealKey => self.steal_key(people, scene),
            Step::NewUser(name) => self.new_user(name, people, scene),
            Step::Take(kind) => self.take(kind, people, scene),
            Step::ForeignDoor(kind) => self.foreign_door(kind, people, scene),
            Step::SessionToken
            | Step::FederatedConsole
            | Step::PasswordConsole
            | Step::RootConsole
            | Step::VendorDoor
            | Step::ForkDoor => {
                self.door(step, people, scene);
            }
            Step::Victim => self.hand = Some(self.victims_own(&people.all[self.victim], scene.org)),
            Step::LastKey => {
                if let Some(hand) = self.made_key.clone() {
                    self.hand = Some(hand);
                }
            }
            Step::OverwriteFunction => self.meddle(Upkeep::Function, people, scene),
            Step::ChangeUserData => self.meddle(Upkeep::UserData, people, scene),
            Step::Pause(hours) => self.now += Millis::from(hours) * HOUR,
            Step::From(origin) => self.origin = origin,
            Step::Using(agent) => self.agent = agent,
            Step::In(region) => self.region = region,
            Step::Sleep(_) => {}
        }
    }

    fn address(&mut self, victim: &Principal, org: &Organisation) -> String {
        let blocks = match self.origin {
            Origin::Same => {
                let own = victim
                    .latest
                    .as_ref()
                    .map(|session| session.address.clone());
                return own.unwrap_or_else(|| org.account(victim.card.account).nat[0].clone());
            }
            Origin::Hosting => network::HOSTING,
            Origin::Vpn => network::VPN,
            Origin::Tor => network::TOR,
            Origin::Home | Origin::Neighbour => network::HOMES,
            Origin::Runner => network::RUNNERS,
            Origin::Cloud => network::CLOUD,
        };
        if let Some(known) = self.addresses.get(&self.origin) {
            return known.clone();
        }
        let fresh = match self.origin {
            Origin::Neighbour => {
                network::inside(&mut self.chance, network::block_of(&victim.habits.home))
            }
            _ => network::address(&mut self.chance, blocks),
        };
        self.addresses.insert(self.origin, fresh.clone());
        fresh
    }

    fn agent(&self, victim: &Principal, day: u32) -> String {
        match (self.agent, &victim.latest) {
            (Agent::With(tool), _) => network::agent(tool, day, 0),
            (Agent::Same, Some(session)) => session.agent.clone(),
            (Agent::Same, None) => victim.agent(day),
        }
    }

    fn pass(&mut self, calls_in_row: u32) {
        let mean = match self.scenario.pace {
            Pace::Fast => 1.1,
            Pace::Steady => 50.0,
            Pace::Slow => 1700.0,
        };
        // A loop over many things runs by itself, whoever started it.
        let mean = if calls_in_row > 4 { mean / 12.0 } else { mean };
        self.now += secs(0.2 + self.chance.exponential(mean));
    }

    fn opening(&mut self, people: &Population, scene: &Scene<'_>, name: &str) -> Opening {
        let victim = &people.all[self.victim];
        Opening {
            time: self.now,
            name: name.to_owned(),
            address: self.address(victim, scene.org),
            agent: self.agent(victim, scene.day),
            region: self.region,
        }
    }

    fn label(&mut self, events: impl IntoIterator<Item = String>) {
        let before = self.events.len();
        self.events.extend(events);
        if self.events.len() > before {
            let first = self.span.map_or(self.now, |(first, _)| first.min(self.now));
            self.span = Some((first, self.now));
        }
    }

    /// Makes one call with the credential in hand.
    fn perform(&mut self, mut deed: Deed, people: &Population, scene: &mut Scene<'_>) {
        let o = self.opening(people, scene, "");
        let hand = self
            .hand
            .as_ref()
            .expect("a day begins with a credential in hand");
        let mut session = hand.session.clone();
        (session.address, session.agent, session.region) = (o.address, o.agent, o.region);
        // A stolen browser session goes on in the thief's browser; elsewhere its key is used as it is.
        session.console &= session.agent.starts_with("Mozilla");
        deed.time = self.now;
        let event = scene.perform(&mut self.chance, &session, &deed);
        self.label(event);
    }

    fn calls(
        &mut self,
        text: &str,
        trouble: Option<Trouble>,
        people: &Population,
        scene: &mut Scene<'_>,
    ) {
        for word in text.split(' ') {
            let (key, times) = word.split_once('*').unwrap_or((word, "1"));
            let times: u32 = times.parse().expect("a repetition is a number");
            let call = scene.org.catalogue.id(key);
            for round in 0..times {
                self.call(call, trouble, round as usize, people, scene);
                self.pass(times);
            }
        }
    }

    fn call(
        &mut self,
        call: CallId,
        trouble: Option<Trouble>,
        round: usize,
        people: &Population,
        scene: &mut Scene<'_>,
    ) {
        let account = self.hand.as_ref().map_or(0, |hand| hand.card.account);
        let known = scene.org.catalogue.get(call);
        let app = if known.is_about_a_user() {
            self.user_meant(known.read_only, round, account, people)
        } else {
            let owners: Vec<&Principal> = people
                .all
                .iter()
                .filter(|p| p.card.account == account && p.repertoire.is_used())
                .collect();
            let owner = owners.get(self.chance.below(owners.len()));
            let app = owner.map_or("data", |p| p.app.as_str());
            format!("{app}-{}", scene.org.account(account).name)
        };
        let role = self.target(Kind::Terraform, people).map(|card| card.name);
        let named = telling::Named {
            app: &app,
            role: role.as_deref().unwrap_or("admin"),
            foreign: &self.foreign,
        };
        let request = telling::request(known, &named);
        self.perform(
            Deed {
                call,
                app,
                trouble,
                request,
                ..Deed::default()
            },
            people,
            scene,
        );
    }

    /// The user a call names: the one made for a way back, else colleagues of the victim in turn.
    fn user_meant(
        &self,
        read_only: bool,
        round: usize,
        account: usize,
        people: &Population,
    ) -> String {
        match (&self.made_user, read_only) {
            (Some(name), false) => name.clone(),
            _ => {
                let users = self.colleagues(account, people);
                let card = users.get(round % users.len().max(1)).copied();
                card.unwrap_or(&people.all[self.victim].card).name.clone()
            }
        }
    }

    /// Users of the account, people before programs, the victim last.
    fn colleagues<'p>(&self, account: usize, people: &'p Population) -> Vec<&'p Card> {
        let mut users: Vec<usize> = (0..people.all.len())
            .filter(|i| {
                people.all[*i].card.kind.is_user() && people.all[*i].card.account == account
            })
            .collect();
        users.sort_by_key(|i| {
            (
                *i == self.victim,
                people.all[*i].card.kind != Kind::HumanUser,
                *i,
            )
        });
        users.into_iter().map(|i| &people.all[i].card).collect()
    }

    fn habitual(&mut self, n: u32, people: &Population, scene: &mut Scene<'_>) {
        let victim = &people.all[self.victim];
        let mut known: Vec<CallId> = (0..victim.made.len())
            .filter(|call| victim.made[*call] > 0)
            .collect();
        known.sort_by_key(|call| (std::cmp::Reverse(victim.made[*call]), *call));
        known.truncate(12);
        for round in 0..n {
            let Some(call) = known.get(self.chance.below(known.len())) else {
                return;
            };
            self.call(*call, None, round as usize, people, scene);
            self.pass(n);
        }
    }

    /// Changes one thing that another principal of the account keeps, just as its keeper does.
    fn meddle(&mut self, upkeep: Upkeep, people: &Population, scene: &mut Scene<'_>) {
        let account = self.hand.as_ref().map_or(0, |hand| hand.card.account);
        let all = people.all.iter().enumerate();
        let others: Vec<&String> = all
            .filter(|(i, other)| *i != self.victim && other.card.account == account)
            .flat_map(|(_, other)| other.kept(upkeep))
            .collect();
        let thing = others
            .get(self.chance.below(others.len().max(1)))
            .map_or_else(
                || upkeep.thing("stranger", &mut self.chance),
                |thing| (*thing).clone(),
            );
        let deed = Deed {
            call: scene.org.catalogue.id(upkeep.call()),
            request: Some(upkeep.request(&thing)),
            ..Deed::default()
        };
        self.perform(deed, people, scene);
        self.pass(1);
    }

    fn of_peers(&mut self, n: u32, people: &Population, scene: &mut Scene<'_>) {
        let victim = &people.all[self.victim];
        let peers: Vec<&Principal> = people
            .all
            .iter()
            .filter(|p| p.card.kind == victim.card.kind)
            .collect();
        let mut new: Vec<(usize, CallId)> = (0..victim.made.len())
            .filter(|call| victim.made[*call] == 0)
            .map(|call| (peers.iter().filter(|p| p.made[call] > 0).count(), call))
            .filter(|(seen_by, _)| *seen_by > 0)
            .collect();
        new.sort_by_key(|(seen_by, call)| (std::cmp::Reverse(*seen_by), *call));
        new.truncate(2 * n as usize);
        for (_, call) in self.chance.sample(&new, n as usize) {
            self.call(call, None, 0, people, scene);
            self.pass(1);
        }
    }
}
