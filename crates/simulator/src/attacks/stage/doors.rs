//! Ways in, and from one credential to the next: created keys and users, roles taken, sessions made of a key, the
//! console.

use crate::clock::SECOND;
use crate::network::{self, Tool};
use crate::population::Population;
use crate::principals::{Card, Kind, VENDOR_ACCOUNT};
use crate::scene::{Deed, Scene, access_key, created_user, secs};
use crate::session::{Minted, Opening, Voucher, permanent, root_session};

use super::super::scenarios::{Agent, Step};
use super::{Attack, Hand};

impl Attack {
    pub(super) fn steal_key(&mut self, people: &Population, scene: &mut Scene<'_>) {
        let account = people.all[self.victim].card.account;
        let fitting: Vec<usize> = people
            .steady(Kind::HumanUser)
            .into_iter()
            .filter(|i| *i != self.victim)
            .collect();
        let near: Vec<usize> = fitting
            .iter()
            .copied()
            .filter(|i| people.all[*i].card.account == account)
            .collect();
        let from = if near.is_empty() { fitting } else { near };
        if from.is_empty() {
            return;
        }
        let mut card = people.all[*self.chance.pick(&from)].card.clone();
        card.account = account;
        card.key = self.chance.key_id("AKIA");
        self.create_key(&card, people, scene);
        self.now += secs(self.chance.between(60.0, 600.0));
        self.hold_user(card, people, scene);
    }

    fn create_key(&mut self, card: &Card, people: &Population, scene: &mut Scene<'_>) {
        let deed = Deed {
            call: scene.org.catalogue.id("iam:CreateAccessKey"),
            request: Some(format!(r#"{{"userName":"{}"}}"#, card.name)),
            response: Some(access_key(&card.name, &card.key, self.now)),
            ..Deed::default()
        };
        self.perform(deed, people, scene);
    }

    pub(super) fn new_user(&mut self, name: &str, people: &Population, scene: &mut Scene<'_>) {
        self.made_user = Some(name.to_owned());
        let account = self.hand.as_ref().map_or(0, |hand| hand.card.account);
        let card = Card {
            kind: Kind::HumanUser,
            account,
            name: name.to_owned(),
            path: "/".to_owned(),
            unique_id: self.chance.unique_id("AIDA"),
            key: self.chance.key_id("AKIA"),
            email: None,
        };
        let id = &scene.org.account(account).id;
        let deed = Deed {
            call: scene.org.catalogue.id("iam:CreateUser"),
            request: Some(format!(r#"{{"userName":"{name}"}}"#)),
            response: Some(created_user(id, name, &card.unique_id, self.now)),
            ..Deed::default()
        };
        self.perform(deed, people, scene);
        self.pass(1);
        self.create_key(&card, people, scene);
        self.now += secs(self.chance.between(60.0, 400.0));
        self.hold_user(card, people, scene);
    }

    fn hold_user(&mut self, card: Card, people: &Population, scene: &Scene<'_>) {
        let o = self.opening(people, scene, "");
        self.hand = Some(Hand {
            session: permanent(scene.org, &card, &o),
            card,
            borrowed: false,
        });
        self.made_key.clone_from(&self.hand);
    }

    fn hold(&mut self, minted: Minted, card: Card) {
        self.label(minted.events);
        self.hand = Some(Hand {
            session: minted.session,
            card,
            borrowed: false,
        });
        self.now += 3 * SECOND;
    }

    /// The first role of this kind, of the credential's own account where there is one.
    pub(super) fn target(&self, kind: Kind, people: &Population) -> Option<Card> {
        let account = self.hand.as_ref().map(|hand| hand.card.account);
        let roles = people
            .steady(kind)
            .into_iter()
            .filter(|i| *i != self.victim);
        roles
            .map(|i| &people.all[i].card)
            .min_by_key(|card| Some(card.account) != account)
            .cloned()
    }

    pub(super) fn take(&mut self, kind: Kind, people: &Population, scene: &mut Scene<'_>) {
        let Some(card) = self.target(kind, people) else {
            return;
        };
        let name = self
            .chance
            .pick(&["admin", "session", "test", "tmp"])
            .to_string();
        let o = self.opening(people, scene, &name);
        let mut caller = self
            .hand
            .as_ref()
            .expect("a day begins with a credential in hand")
            .session
            .clone();
        (caller.address, caller.agent, caller.region) =
            (o.address.clone(), o.agent.clone(), o.region);
        let minted = scene.assume(&mut self.chance, &caller, &card, &o);
        self.hold(minted, card);
    }

    pub(super) fn foreign_door(&mut self, kind: Kind, people: &Population, scene: &mut Scene<'_>) {
        let Some(card) = self.target(kind, people) else {
            return;
        };
        let o = self.opening(people, scene, "support-session");
        let principal = self.chance.unique_id("AIDA");
        let foreign = self.foreign.clone();
        let minted = scene.assume_from_outside(&mut self.chance, (&foreign, &principal), &card, &o);
        self.hold(minted, card);
    }

    /// Ways in and credentials made of the victim itself.
    pub(super) fn door(&mut self, step: Step, people: &Population, scene: &mut Scene<'_>) {
        let mut victim = people.all[self.victim].card.clone();
        let mut o = self.opening(people, scene, &victim.name.clone());
        let mut own = self
            .victims_own(&people.all[self.victim], scene.org)
            .session;
        (own.address, own.agent, own.region) = (o.address.clone(), o.agent.clone(), o.region);
        let minted = match step {
            Step::SessionToken => scene.session_token(&mut self.chance, &victim, false, &o),
            Step::PasswordConsole => {
                o.agent = network::agent(Tool::Browser, scene.day, 0);
                self.agent = Agent::With(Tool::Browser);
                // The colleague whose password was set before.
                if let Some(colleague) = self.colleagues(victim.account, people).first() {
                    victim = (*colleague).clone();
                }
                scene.sign_in(&mut self.chance, &victim, true, &o)
            }
            Step::RootConsole => self.root_console(&victim, &o, scene),
            Step::VendorDoor => scene.assume_from_outside(
                &mut self.chance,
                (VENDOR_ACCOUNT, "AROA5VENDORXCOLLECTR1:i-0b7c5d2e9f3a41686"),
                &victim,
                &o,
            ),
            Step::ForkDoor => {
                let account = &scene.org.account(victim.account).id;
                let provider = format!(
                    "arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"
                );
                let subject = format!(
                    "repo:example-org/{}:pull_request",
                    people.all[self.victim].app
                );
                "GitHubActions".clone_into(&mut o.name);
                scene.vouched(
                    &mut self.chance,
                    &victim,
                    Voucher::Web {
                        provider: &provider,
                        subject: &subject,
                    },
                    &o,
                )
            }
            _ => {
                "support".clone_into(&mut o.name);
                let minted = scene.federation_token(&mut self.chance, &own, &victim, &o);
                self.federated_console(minted, scene)
            }
        };
        self.hold(minted, victim);
    }

    fn root_console(&mut self, card: &Card, o: &Opening, scene: &mut Scene<'_>) -> Minted {
        let session = root_session(scene.org, card, false, o);
        let mut door = session.clone();
        (door.console, door.key) = (false, String::new());
        let deed = Deed {
            call: scene.org.catalogue.id("signin:ConsoleLogin"),
            time: o.time,
            response: Some(r#"{"ConsoleLogin":"Success"}"#.to_owned()),
            extra: r#","additionalEventData":{"MobileVersion":"No","MFAUsed":"No"}"#.to_owned(),
            event_type: Some("AwsConsoleSignIn"),
            ..Deed::default()
        };
        let events = scene
            .perform(&mut self.chance, &door, &deed)
            .into_iter()
            .collect();
        Minted { session, events }
    }

    /// Swaps a federated session for a place in the console.
    fn federated_console(&mut self, mut minted: Minted, scene: &mut Scene<'_>) -> Minted {
        self.agent = Agent::With(Tool::Browser);
        let browser = network::agent(Tool::Browser, scene.day, 0);
        for call in ["signin:GetSigninToken", "signin:ConsoleLogin"] {
            self.now += 4 * SECOND;
            let response =
                (call == "signin:ConsoleLogin").then(|| r#"{"ConsoleLogin":"Success"}"#.to_owned());
            let deed = Deed {
                call: scene.org.catalogue.id(call),
                time: self.now,
                response,
                event_type: Some("AwsConsoleSignIn"),
                ..Deed::default()
            };
            let event = scene.perform(&mut self.chance, &minted.session, &deed);
            minted.events.extend(event);
            minted.session.agent.clone_from(&browser);
        }
        minted.session.console = true;
        minted
    }
}
