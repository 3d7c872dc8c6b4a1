//! Other people's code: vendors, backups, service-linked roles, services acting for themselves; and root.

use crate::chance::Chance;
use crate::network::Tool;
use crate::organisation::Organisation;
use crate::principals::Kind;
use crate::principals::repertoire::Sources;
use crate::settings::Scale;

use super::{Blueprint, Population, blueprint};

const LINKED: &[&str] = &[
    "AutoScaling",
    "ECS",
    "RDS",
    "Config",
    "ElasticLoadBalancing",
    "AmazonEKS",
    "AmazonGuardDuty",
    "Support",
];

impl Population {
    pub(super) fn integrations(&mut self, org: &Organisation, scale: Scale, chance: &mut Chance) {
        self.vendors(org, scale, chance);
        self.backups(org, scale);
        self.service_linked(org, scale);
        for account in 0..org.accounts.len() {
            self.own_account(org, account);
        }
    }

    fn vendors(&mut self, org: &Organisation, scale: Scale, chance: &mut Chance) {
        for i in 0..scale.copies(3) {
            let vendor = ["beaconwatch", "spendlens", "cloudsieve"][i % 3];
            let blank = blueprint(
                Kind::Vendor,
                1 + i % (org.accounts.len() - 1),
                format!("{vendor}-integration"),
                vendor.to_owned(),
            );
            let services = chance.sample(
                &[
                    "ec2",
                    "rds",
                    "monitoring",
                    "lambda",
                    "ecs",
                    "elasticloadbalancing",
                    "sqs",
                    "dynamodb",
                    "kinesis",
                    "elasticache",
                ],
                6,
            );
            let sources = Sources {
                routines: Vec::new(),
                services,
                writes: 0.0,
                browses: false,
            };
            let blank = Blueprint {
                sources,
                growth: (0.1, 8.0),
                rate: 1.0,
                tenure: 1500,
                tool: Tool::Go,
                ..blank
            };
            self.add(org, blank);
        }
    }

    fn backups(&mut self, org: &Organisation, scale: Scale) {
        for i in 0..scale.copies(2).min(org.accounts.len() - 1) {
            let blank = blueprint(
                Kind::Backup,
                1 + i % (org.accounts.len() - 1),
                "AWSBackupDefaultServiceRole".to_owned(),
                "nightly".to_owned(),
            );
            let sources = Sources {
                routines: org.routines.ids("nightly-backup expire-backups"),
                services: vec!["ec2", "rds"],
                writes: 0.4,
                browses: false,
            };
            self.add(
                org,
                Blueprint {
                    path: "/service-role/",
                    sources,
                    growth: (0.02, 0.1),
                    rate: 1.0,
                    tenure: 300,
                    tool: Tool::Java,
                    ..blank
                },
            );
        }
    }

    fn service_linked(&mut self, org: &Organisation, scale: Scale) {
        for i in 0..scale.copies(LINKED.len()) {
            let app = LINKED[i % LINKED.len()];
            let account = 1 + (i / LINKED.len()) % (org.accounts.len() - 1);
            let blank = blueprint(
                Kind::ServiceLinked,
                account,
                format!("AWSServiceRoleFor{app}"),
                app.to_owned(),
            );
            let service = match app {
                "AutoScaling" => "autoscaling",
                "ECS" => "ecs",
                "RDS" => "rds",
                "Config" => "config",
                "ElasticLoadBalancing" => "elasticloadbalancing",
                "AmazonEKS" => "eks",
                "AmazonGuardDuty" => "guardduty",
                _ => "support",
            };
            let sources = Sources {
                routines: Vec::new(),
                services: vec![service, "ec2"],
                writes: 0.2,
                browses: false,
            };
            self.add(
                org,
                Blueprint {
                    path: "/aws-service-role/",
                    sources,
                    growth: (0.05, 0.4),
                    rate: 3.0,
                    tenure: 600,
                    tool: Tool::Java,
                    ..blank
                },
            );
        }
    }

    /// What every account has: its services and its root.
    fn own_account(&mut self, org: &Organisation, account: usize) {
        self.add(
            org,
            Blueprint {
                rate: 9.0,
                ..blueprint(
                    Kind::Service,
                    account,
                    "aws-services".to_owned(),
                    "services".to_owned(),
                )
            },
        );
        self.add(
            org,
            blueprint(Kind::Root, account, "root".to_owned(), "account".to_owned()),
        );
    }
}
