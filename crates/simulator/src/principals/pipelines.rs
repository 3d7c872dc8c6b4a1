//! Pipelines: CI users with permanent keys, roles taken from a code host's runners, and the roles that either of them
//! takes in turn (Terraform, the audit scanner).

use crate::chance::Chance;
use crate::clock::{HOUR, MINUTE, Millis, SECOND};
use crate::network;
use crate::organisation::{HOME_REGION, Organisation};
use crate::scene::{Scene, Session, secs};
use crate::session::{Opening, Voucher, permanent};

use super::{Card, Kind, Principal, Task};

/// Token issuer of the code host.
const CODE_HOST: &str = "token.actions.githubusercontent.com";

/// Days between two audit scans.
const SCAN_EVERY_DAYS: u32 = 4;

impl Principal {
    pub(super) fn pipeline_day(&mut self, scene: &mut Scene<'_>) {
        let due = self.due(scene.day);
        let mean = self.habits.rate
            * if scene.org.weekend(scene.day) {
                0.2
            } else {
                1.0
            };
        let mut times: Vec<f64> = (0..self.chance.poisson(mean))
            .map(|_| 12.0 + self.chance.normal() * 3.0)
            .collect();
        if self.card.kind == Kind::CiUser && self.chance.yes(0.8) {
            times.push(2.5);
        }
        if times.is_empty() && (!due.is_empty() || self.awake == Some(scene.day)) {
            times.push(11.0);
        }
        let mut due = due;
        for hour in times {
            let time = scene.org.day_start(scene.day) + secs(hour.clamp(0.0, 23.5) * 3600.0);
            let session = self.runner_session(scene, time);
            let mut now = time + 3 * SECOND;
            let mut todo: Vec<Task> = std::mem::take(&mut due);
            for _ in 0..1 + self.chance.below(2) {
                todo.push(self.draw(scene.org));
            }
            for task in todo {
                now = self.work(scene, &session, &task, now) + secs(self.chance.exponential(25.0));
            }
        }
    }

    fn runner_session(&mut self, scene: &mut Scene<'_>, time: Millis) -> Session {
        let agent = self.agent(scene.day);
        let session = start(
            scene,
            &mut self.chance,
            &self.card,
            (time, &self.app, self.habits.hosted, &agent),
        );
        self.latest = Some(session.clone());
        session
    }

    /// A role that a pipeline or a program takes: Terraform on working days, the scanner every few days at night.
    pub(super) fn assumed_day(&mut self, runner: Option<&Card>, scene: &mut Scene<'_>) {
        let due = self.due(scene.day);
        let audit = self.card.kind == Kind::Audit;
        let forced = !due.is_empty() || self.awake == Some(scene.day);
        let runs = if audit {
            u32::from(scene.day % SCAN_EVERY_DAYS == self.slots % SCAN_EVERY_DAYS)
        } else {
            self.chance.poisson(
                self.habits.rate
                    * if scene.org.weekend(scene.day) {
                        0.05
                    } else {
                        1.0
                    },
            )
        };
        let Some(runner) = runner else { return };
        let mut due = due;
        for _ in 0..runs.max(u32::from(forced)) {
            let hour = if audit {
                3.0 + self.chance.unit()
            } else {
                (12.5 + self.chance.normal() * 2.6).clamp(0.0, 23.0)
            };
            let time = scene.org.day_start(scene.day) + secs(hour * 3600.0);
            let agent = self.agent(scene.day);
            let caller = start(
                scene,
                &mut self.chance,
                runner,
                (time, &self.app, true, &agent),
            );
            let name = if audit {
                "estate-scan".to_owned()
            } else {
                format!("tf-{}", self.app)
            };
            let o = Opening {
                time: time + 4 * SECOND,
                name,
                address: caller.address.clone(),
                agent,
                region: HOME_REGION,
            };
            let session = scene
                .assume(&mut self.chance, &caller, &self.card, &o)
                .session;
            self.latest = Some(session.clone());
            let mut now = o.time + SECOND;
            for task in std::mem::take(&mut due) {
                now = self.work(scene, &session, &task, now);
            }
            let rounds = if audit {
                self.repertoire
                    .favourites()
                    .into_iter()
                    .map(Task::Item)
                    .collect()
            } else {
                self.plan(scene.org)
            };
            for task in rounds {
                now = self
                    .work(scene, &session, &task, now)
                    .min(time + HOUR - MINUTE);
            }
        }
    }

    fn plan(&mut self, org: &Organisation) -> Vec<Task> {
        (0..2 + self.chance.poisson(3.0))
            .map(|_| self.draw(org))
            .collect()
    }
}

/// A runner's own session: a permanent key, or a role handed out to the code host or to a program.
fn start(
    scene: &mut Scene<'_>,
    chance: &mut Chance,
    card: &Card,
    run: (Millis, &str, bool, &str),
) -> Session {
    let (time, app, hosted, agent) = run;
    let org = scene.org;
    let outside = card.kind == Kind::CodeHost
        || (hosted && card.kind == Kind::CiUser && card.name != super::DEPLOY_USER);
    let address = if outside {
        network::address(chance, network::RUNNERS)
    } else {
        let nat = &org.account(card.account).nat;
        chance.pick(nat).clone()
    };
    let mut o = Opening {
        time,
        name: String::new(),
        address,
        agent: agent.to_owned(),
        region: HOME_REGION,
    };
    match card.kind {
        Kind::CodeHost => {
            "GitHubActions".clone_into(&mut o.name);
            let provider = format!(
                "arn:aws:iam::{}:oidc-provider/{CODE_HOST}",
                org.account(card.account).id
            );
            let subject = format!("repo:example-org/{app}:ref:refs/heads/main");
            let voucher = Voucher::Web {
                provider: &provider,
                subject: &subject,
            };
            scene.vouched(chance, card, voucher, &o).session
        }
        Kind::Function => {
            "estate-scan".clone_into(&mut o.name);
            scene
                .vouched(chance, card, Voucher::Service("lambda.amazonaws.com"), &o)
                .session
        }
        _ => permanent(org, card, &o),
    }
}
