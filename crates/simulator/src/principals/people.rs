//! People: IAM users of old, and everybody else through Identity Center.
//!
//! A person works some sessions a day, in office hours of their own time zone, in the browser or from a terminal. An
//! Identity Center session begins at the portal (`IdentityCenterUser`), then `AssumeRoleWithSAML` hands out the role.

use crate::chance::stable_hash;
use crate::clock::{HOUR, MINUTE, Millis, SECOND};
use crate::network::{self, Tool};
use crate::record::Identity;
use crate::routines::JOBS;
use crate::scene::{Deed, Scene, Session, secs};
use crate::session::{Opening, Voucher, permanent, root_session, unsigned};

use super::{Kind, Principal, Task};

/// The SAML provider that Identity Center leaves in each account.
const PORTAL: &str = "AWSSSO_5e1d9c07ab34f6e2_DO_NOT_DELETE";

impl Principal {
    pub(super) fn human_day(&mut self, scene: &mut Scene<'_>) {
        let mut due = self.due(scene.day);
        let mean = self.habits.rate
            * if scene.org.weekend(scene.day) {
                0.05
            } else {
                1.0
            };
        let mut sessions = self.chance.poisson(mean);
        if !due.is_empty() || self.awake == Some(scene.day) {
            sessions = sessions.max(1);
        }
        for _ in 0..sessions {
            let hour = 12.8 - f64::from(self.habits.zone) + self.chance.normal() * 2.2;
            let time = scene.org.day_start(scene.day)
                + ((hour * HOUR as f64) as Millis).clamp(0, 30 * HOUR);
            let (session, mut now) = self.open(scene, time);
            let mut todo: Vec<Task> = std::mem::take(&mut due);
            for _ in 0..1 + self.chance.poisson(2.3) {
                todo.push(self.draw(scene.org));
            }
            for task in todo {
                now = self.work(scene, &session, &task, now) + secs(self.chance.exponential(380.0));
            }
        }
    }

    fn open(&mut self, scene: &mut Scene<'_>, time: Millis) -> (Session, Millis) {
        let address = self.whereabouts(scene.org, scene.day);
        let office_only =
            self.card.kind == Kind::Person && matches!(JOBS[self.job].name, "finance" | "helpdesk");
        let browser = office_only || self.chance.yes(0.5);
        let tool = if browser {
            Tool::Browser
        } else {
            self.habits.tool
        };
        let o = Opening {
            time,
            name: self.card.email.clone().unwrap_or_default(),
            address,
            agent: network::agent(tool, scene.day, self.habits.lag),
            region: self.region(),
        };
        let session = if self.card.kind == Kind::Person {
            self.portal(scene, browser, o)
        } else {
            self.user(scene, browser, o)
        };
        self.latest = Some(session.clone());
        (session, time + 6 * SECOND)
    }

    fn portal(&mut self, scene: &mut Scene<'_>, browser: bool, mut o: Opening) -> Session {
        let org = scene.org;
        let id = format!(
            "{:010x}-{:08x}",
            stable_hash(&[&o.name]) & 0xff_ffff_ffff,
            stable_hash(&["user", &o.name]) & 0xffff_ffff
        );
        let mut door = Opening {
            agent: network::agent(Tool::Browser, scene.day, self.habits.lag),
            ..o.clone()
        };
        let account = org.account(0).id.clone();
        for (call, wait) in [("signin:UserAuthentication", 3), ("sso:Federate", 2)] {
            if call.starts_with("sso:") || self.chance.yes(0.6) {
                let session = unsigned(Identity::identity_center(&account, &id), 0, &door);
                let event_type = if call.starts_with("sso:") {
                    "AwsServiceEvent"
                } else {
                    "AwsConsoleSignIn"
                };
                let deed = Deed {
                    call: org.catalogue.id(call),
                    time: o.time,
                    event_type: Some(event_type),
                    ..Deed::default()
                };
                scene.perform(&mut self.chance, &session, &deed);
            }
            o.time += wait * SECOND;
            door.time = o.time;
        }
        let voucher = Voucher::Saml { provider: PORTAL };
        let mut session = scene
            .vouched(&mut self.chance, &self.card, voucher, &o)
            .session;
        session.console = browser;
        session
    }

    fn user(&mut self, scene: &mut Scene<'_>, browser: bool, mut o: Opening) -> Session {
        if browser {
            if self.chance.yes(0.07) {
                scene.sign_in(&mut self.chance, &self.card, false, &o);
                o.time += 20 * SECOND;
            }
            return scene
                .sign_in(&mut self.chance, &self.card, true, &o)
                .session;
        }
        if self.habits.mfa {
            return scene
                .session_token(&mut self.chance, &self.card, true, &o)
                .session;
        }
        permanent(scene.org, &self.card, &o)
    }

    /// Root does nothing but what is planned.
    pub(super) fn root_day(&mut self, scene: &mut Scene<'_>) {
        let due = self.due(scene.day);
        if due.is_empty() && self.awake != Some(scene.day) {
            return;
        }
        let time =
            scene.org.day_start(scene.day) + 9 * HOUR + secs(self.chance.between(0.0, 25_000.0));
        let o = Opening {
            time,
            name: String::new(),
            address: self.habits.home.clone(),
            agent: network::agent(Tool::Browser, scene.day, self.habits.lag),
            region: 0,
        };
        let session = root_session(scene.org, &self.card, true, &o);
        self.latest = Some(session.clone());
        let login = Deed {
            call: scene.org.catalogue.id("signin:ConsoleLogin"),
            time,
            response: Some(r#"{"ConsoleLogin":"Success"}"#.to_owned()),
            extra: r#","additionalEventData":{"MobileVersion":"No","MFAUsed":"Yes"}"#.to_owned(),
            event_type: Some("AwsConsoleSignIn"),
            ..Deed::default()
        };
        let mut door = session.clone();
        door.console = false;
        door.key = String::new();
        scene.perform(&mut self.chance, &door, &login);
        let mut now = time + 10 * SECOND;
        for task in due {
            now = self.work(scene, &session, &task, now) + MINUTE;
        }
    }
}
