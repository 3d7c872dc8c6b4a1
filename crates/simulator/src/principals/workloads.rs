//! Programs that run on AWS: instances, functions, tasks, pods. Each copy holds a session that is renewed every few
//! hours; the call that mints it is made by the service that runs the program, or with a token of the cluster.

use std::collections::BTreeMap;

use crate::chance::{Chance, stable_hash};
use crate::clock::{HOUR, SECOND};
use crate::network;
use crate::scene::{Scene, Session, secs};
use crate::session::{Opening, Voucher};

use super::{Kind, Principal, Task};

/// Days after which a copy is replaced by a new one.
fn lifetime(kind: Kind) -> u32 {
    match kind {
        Kind::Instance => 14,
        Kind::Task => 3,
        Kind::ServiceAccount => 5,
        _ => 1,
    }
}

/// Hours after which a copy's session is renewed.
fn renewal_hours(kind: Kind) -> i64 {
    if kind == Kind::Function { 12 } else { 6 }
}

impl Principal {
    pub(super) fn workload_day(&mut self, scene: &mut Scene<'_>) {
        let due = self.due(scene.day);
        let mean = self.habits.rate
            * f64::from(self.slots)
            * if scene.org.weekend(scene.day) {
                0.7
            } else {
                1.0
            };
        let awake = self.awake == Some(scene.day);
        let runs = self
            .chance
            .poisson(mean)
            .max(u32::from(awake || !due.is_empty()));
        let mut sessions: BTreeMap<(u32, i64), Session> = BTreeMap::new();
        let mut due = due.into_iter();
        for run in 0..runs {
            // A hump over the afternoon on a flat night: two draws out of three by day.
            let hour = if self.chance.yes(0.65) {
                (14.0 + self.chance.normal() * 3.5).clamp(0.0, 23.9)
            } else {
                self.chance.between(0.0, 24.0)
            };
            let hour = self.on_schedule(hour);
            let time = scene.org.day_start(scene.day) + secs(hour * 3600.0);
            let slot = self.chance.range(0, self.slots);
            let period = renewal_hours(self.card.kind);
            let shift = (hour as i64) / period;
            let session = match sessions.get(&(slot, shift)) {
                Some(session) => session.clone(),
                None => {
                    let starts = scene.org.day_start(scene.day) + shift * period * HOUR;
                    let session = self.start_copy(scene, slot, starts + (time - starts) / 2);
                    sessions.insert((slot, shift), session.clone());
                    session
                }
            };
            // Sessions open half-way to their first use: an earlier run of the same shift has to wait for that.
            let mut now = time.max(session.since + SECOND);
            let tasks: Vec<Task> = if run == 0 {
                due.by_ref().collect()
            } else {
                Vec::new()
            };
            for task in tasks {
                now = self.work(scene, &session, &task, now);
            }
            let task = self.draw(scene.org);
            self.work(scene, &session, &task, now);
        }
        if let Some(session) = sessions.into_values().next_back() {
            self.latest = Some(session);
        }
    }

    /// Six functions in ten run by the clock: a few seconds after a minute of their own.
    fn on_schedule(&mut self, hour: f64) -> f64 {
        let hash = stable_hash(&[&self.card.unique_id]);
        if self.card.kind != Kind::Function || hash % 10 > 5 {
            return hour;
        }
        let minute = [0.0, 0.0, 15.0, 30.0][(hash >> 8) as usize % 4];
        hour.floor() + minute / 60.0 + self.chance.between(0.5, 4.0) / 3600.0
    }

    fn start_copy(&mut self, scene: &mut Scene<'_>, slot: u32, time: i64) -> Session {
        let age = scene.day / lifetime(self.card.kind);
        let names = [
            self.card.unique_id.as_str(),
            &slot.to_string(),
            &age.to_string(),
        ];
        let mut stable = Chance::named(scene.org.seed, &names);
        let nat = &scene.org.account(self.card.account).nat;
        let address = match self.card.kind {
            Kind::Instance if self.habits.hosted => network::address(&mut stable, network::CLOUD),
            Kind::Function => network::address(&mut stable, network::CLOUD),
            _ => nat[slot as usize % nat.len()].clone(),
        };
        let name = match self.card.kind {
            Kind::Instance => format!("i-{}", stable.hex(17)),
            Kind::Function => self.app.clone(),
            Kind::Task => stable.hex(32),
            _ => format!("botocore-session-{}", time / SECOND),
        };
        let o = Opening {
            time,
            name,
            address,
            agent: self.agent(scene.day),
            region: self.region(),
        };
        let cluster = "A1B2C3D4E5F60718293A4B5C6D7E8F90";
        let account = scene.org.account(self.card.account).id.clone();
        let provider = format!(
            "arn:aws:iam::{account}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/{cluster}"
        );
        let subject = format!("system:serviceaccount:apps:{}", self.app);
        let voucher = match self.card.kind {
            Kind::Instance => Voucher::Service("ec2.amazonaws.com"),
            Kind::Function => Voucher::Service("lambda.amazonaws.com"),
            Kind::Task => Voucher::Service("ecs-tasks.amazonaws.com"),
            _ => Voucher::Web {
                provider: &provider,
                subject: &subject,
            },
        };
        scene
            .vouched(&mut self.chance, &self.card, voucher, &o)
            .session
    }
}
