//! Everybody else's code: vendors, backups, service-linked roles, services acting for themselves, the federation broker.

use crate::clock::{HOUR, MINUTE, SECOND};
use crate::network::{self, Tool};
use crate::organisation::HOME_REGION;
use crate::record::Identity;
use crate::scene::{Deed, Scene, Session, secs};
use crate::session::{Opening, Voucher, permanent, unsigned};

use super::{Kind, Principal, Task};

/// The monitoring vendor's account: foreign to the organisation.
pub(crate) const VENDOR_ACCOUNT: &str = "908415566323";
const VENDOR_PRINCIPAL: &str = "AROA5VENDORXCOLLECTR1:collector";

/// What services do for themselves: host, call, event type.
const CHORES: &[(&str, &str, &str)] = &[
    ("cloudtrail.amazonaws.com", "s3:GetBucketAcl", "AwsApiCall"),
    (
        "delivery.logs.amazonaws.com",
        "s3:GetBucketPolicy",
        "AwsApiCall",
    ),
    ("config.amazonaws.com", "s3:GetBucketAcl", "AwsApiCall"),
    ("logs.amazonaws.com", "kms:GenerateDataKey", "AwsApiCall"),
    ("sns.amazonaws.com", "kms:Decrypt", "AwsApiCall"),
    (
        "replication.ecr.amazonaws.com",
        "ecr:BatchGetImage",
        "AwsApiCall",
    ),
    (
        "secretsmanager.amazonaws.com",
        "secretsmanager:RotateSecret",
        "AwsServiceEvent",
    ),
];

impl Principal {
    pub(super) fn vendor_day(&mut self, scene: &mut Scene<'_>) {
        let mut due = self.due(scene.day);
        for round in 0..3 {
            let time = scene.org.day_start(scene.day)
                + round * 8 * HOUR
                + 17 * MINUTE
                + secs(self.chance.between(0.0, 300.0));
            let o = Opening {
                time,
                name: format!("{}-collector", self.app),
                address: format!(
                    "{}.{}",
                    super::front(&self.habits.home),
                    30 + self.chance.below(6)
                ),
                agent: self.agent(scene.day),
                region: HOME_REGION,
            };
            let minted = scene.assume_from_outside(
                &mut self.chance,
                (VENDOR_ACCOUNT, VENDOR_PRINCIPAL),
                &self.card,
                &o,
            );
            let session = minted.session;
            self.latest = Some(session.clone());
            let mut now = time + 2 * SECOND;
            let mut todo: Vec<Task> = std::mem::take(&mut due);
            todo.extend((0..12 + self.chance.below(8)).map(|_| self.draw(scene.org)));
            for task in todo {
                now = self.work(scene, &session, &task, now);
            }
        }
    }

    pub(super) fn backup_day(&mut self, scene: &mut Scene<'_>) {
        let due = self.due(scene.day);
        let time =
            scene.org.day_start(scene.day) + 5 * HOUR + secs(self.chance.between(0.0, 900.0));
        let session =
            self.service_session(scene, "backup.amazonaws.com", "AWSBackup-nightly", time);
        let mut now = time + 5 * SECOND;
        for task in due {
            now = self.work(scene, &session, &task, now);
        }
        for _ in 0..3 {
            let task = self.draw(scene.org);
            now = self.work(scene, &session, &task, now) + MINUTE;
        }
    }

    pub(super) fn service_linked_day(&mut self, scene: &mut Scene<'_>) {
        let due = self.due(scene.day);
        let service = linked_service(&self.app);
        let mut first = due.into_iter();
        for shift in 0..4 {
            let time = scene.org.day_start(scene.day)
                + shift * 6 * HOUR
                + secs(self.chance.between(0.0, 5000.0));
            let session = self.service_session(scene, service, &self.app.clone(), time);
            let mut now = time + SECOND;
            for task in first.by_ref() {
                now = self.work(scene, &session, &task, now);
            }
            for _ in 0..self.chance.poisson(self.habits.rate) {
                let task = self.draw(scene.org);
                now = self.work(scene, &session, &task, now) + secs(self.chance.exponential(900.0));
            }
        }
    }

    /// A role that a service takes and uses itself: address and agent are the service's.
    fn service_session(
        &mut self,
        scene: &mut Scene<'_>,
        service: &'static str,
        name: &str,
        time: i64,
    ) -> Session {
        let o = Opening {
            time,
            name: name.to_owned(),
            address: service.to_owned(),
            agent: service.to_owned(),
            region: self.region(),
        };
        let mut session = scene
            .vouched(&mut self.chance, &self.card, Voucher::Service(service), &o)
            .session;
        session.invoked_by = Some(service);
        session.forward = None;
        self.latest = Some(session.clone());
        session
    }

    pub(super) fn service_day(&mut self, scene: &mut Scene<'_>) {
        let account = scene.org.account(self.card.account).id.clone();
        for _ in 0..self.chance.poisson(self.habits.rate) {
            let time = scene.org.day_start(scene.day) + secs(self.chance.between(0.0, 86_000.0));
            let (host, call, event_type) = *self.chance.pick(CHORES);
            let o = Opening {
                time,
                name: String::new(),
                address: host.to_owned(),
                agent: host.to_owned(),
                region: HOME_REGION,
            };
            let identity = if event_type == "AwsServiceEvent" {
                Identity::untyped(&account, host)
            } else {
                Identity::service(host)
            };
            let session = unsigned(identity, self.card.account, &o);
            let deed = Deed {
                call: scene.org.catalogue.id(call),
                time,
                app: "organisation-logs".to_owned(),
                event_type: Some(event_type),
                ..Deed::default()
            };
            scene.perform(&mut self.chance, &session, &deed);
        }
    }

    /// A portal of our own that hands out federated sessions for partners, under one user's key.
    pub(super) fn broker_day(&mut self, scene: &mut Scene<'_>) {
        debug_assert_eq!(self.card.kind, Kind::Broker);
        let mut due = self.due(scene.day);
        let mean = self.habits.rate
            * if scene.org.weekend(scene.day) {
                0.1
            } else {
                1.0
            };
        for _ in 0..self.chance.poisson(mean).max(u32::from(!due.is_empty())) {
            let time = scene.org.day_start(scene.day)
                + 7 * HOUR
                + secs(self.chance.between(0.0, 36_000.0));
            let nat = scene.org.account(self.card.account).nat[0].clone();
            let o = Opening {
                time,
                name: String::new(),
                address: nat,
                agent: self.agent(scene.day),
                region: HOME_REGION,
            };
            let base = permanent(scene.org, &self.card, &o);
            self.latest = Some(base.clone());
            let partner = format!("partner-{}", 1 + self.chance.below(5));
            let o = Opening { name: partner, ..o };
            let mut session = scene
                .federation_token(&mut self.chance, &base, &self.card, &o)
                .session;
            session.address = network::address(&mut self.chance, &network::HOMES[..4]);
            session.agent = network::agent(Tool::Browser, scene.day, 10);
            let mut now = time + 8 * SECOND;
            let mut todo: Vec<Task> = std::mem::take(&mut due);
            todo.extend((0..2).map(|_| self.draw(scene.org)));
            for task in todo {
                now = self.work(scene, &session, &task, now) + MINUTE;
            }
            self.latest = Some(base.clone());
        }
    }
}

fn linked_service(app: &str) -> &'static str {
    match app {
        "AutoScaling" => "autoscaling.amazonaws.com",
        "ECS" => "ecs.amazonaws.com",
        "RDS" => "rds.amazonaws.com",
        "Config" => "config.amazonaws.com",
        "ElasticLoadBalancing" => "elasticloadbalancing.amazonaws.com",
        "AmazonEKS" => "eks.amazonaws.com",
        "AmazonGuardDuty" => "guardduty.amazonaws.com",
        _ => "support.amazonaws.com",
    }
}
