//! Programs: workloads on AWS, pipelines of code hosts, Terraform roles, the audit scanner.

use crate::calls::CallId;
use crate::chance::Chance;
use crate::network::Tool;
use crate::organisation::Organisation;
use crate::principals::Kind;
use crate::principals::repertoire::{Item, Sources};
use crate::routines::{APPLICATION, PIPELINE};
use crate::settings::Scale;

use super::{Blueprint, Population, blueprint};

const TOOLS: &[Tool] = &[Tool::Python, Tool::Java, Tool::Go, Tool::Node];

impl Population {
    pub(super) fn workloads(&mut self, org: &mut Organisation, scale: Scale, chance: &mut Chance) {
        let kinds: [(Kind, usize, &str, &str); 4] = [
            (Kind::Instance, 14, "-server", "/"),
            (Kind::Function, 30, "-function-role", "/service-role/"),
            (Kind::Task, 11, "-task", "/"),
            (Kind::ServiceAccount, 8, "-pod", "/"),
        ];
        for (kind, count, suffix, path) in kinds {
            for i in 0..scale.copies(count) {
                let app = org.new_app();
                let account = 1 + i % (org.accounts.len() - 1);
                let blank = blueprint(kind, account, format!("{app}{suffix}"), app);
                let plan = self.workload(org, chance, Blueprint { path, ..blank });
                self.add(org, plan);
            }
        }
        for (name, routines) in [
            ("cluster-scaler", "scale-nodes"),
            ("disk-driver", "attach-disks"),
            ("name-sync", "sync-names"),
            ("balancer-sync", "sync-balancers"),
        ] {
            let blank = blueprint(Kind::ServiceAccount, 1, name.to_owned(), name.to_owned());
            let sources = Sources {
                routines: org.routines.ids(routines),
                services: vec!["ec2"],
                writes: 0.1,
                browses: false,
            };
            self.add(
                org,
                Blueprint {
                    sources,
                    growth: (0.03, 0.15),
                    rate: 7.0,
                    tenure: 2000,
                    tool: Tool::Go,
                    ..blank
                },
            );
        }
    }

    /// Fills in what an application role does.
    pub(crate) fn workload(
        &self,
        org: &Organisation,
        chance: &mut Chance,
        blank: Blueprint,
    ) -> Blueprint {
        let mut routines = chance.sample(&org.routines.ids(APPLICATION), 4);
        match blank.kind {
            Kind::Instance => routines.insert(0, org.routines.id("agent-report")),
            Kind::Task => routines.insert(0, org.routines.id("pull-on-start")),
            _ => {}
        }
        let services = chance.sample(
            &[
                "s3",
                "dynamodb",
                "sqs",
                "secretsmanager",
                "ssm",
                "kms",
                "sns",
                "states",
            ],
            2,
        );
        let rate = match blank.kind {
            Kind::Function => *chance.pick(&[2.0, 4.0, 8.0]),
            _ => *chance.pick(&[3.0, 5.0, 9.0]),
        };
        Blueprint {
            sources: Sources {
                routines,
                services,
                writes: 0.3,
                browses: false,
            },
            growth: (0.06, 0.2),
            rate,
            tenure: chance.range(150, 1500),
            tool: *chance.pick(TOOLS),
            ..blank
        }
    }

    pub(super) fn pipelines(&mut self, org: &mut Organisation, scale: Scale, chance: &mut Chance) {
        let mut runners = Vec::new();
        for i in 0..scale.copies(6) {
            let app = org.new_app();
            let blank = blueprint(
                Kind::CodeHost,
                1 + i % (org.accounts.len() - 1),
                format!("actions-{app}"),
                app,
            );
            let sources = Sources {
                routines: chance.sample(&org.routines.ids(PIPELINE), 8),
                services: chance.sample(
                    &["lambda", "ecs", "ecr", "s3", "cloudformation", "ssm", "iam"],
                    3,
                ),
                writes: 0.35,
                browses: false,
            };
            let (rate, tenure) = (*chance.pick(&[1.5, 2.5]), chance.range(60, 350));
            runners.push(self.add(
                org,
                Blueprint {
                    sources,
                    growth: (0.2, 0.6),
                    rate,
                    tenure,
                    tool: Tool::Workflow,
                    ..blank
                },
            ));
        }
        let users = self.of(Kind::CiUser);
        for i in 0..scale.copies(4) {
            let account = 1 + i % (org.accounts.len() - 1);
            let name = if i < 4 {
                "terraform-apply".to_owned()
            } else {
                format!("terraform-apply-{}", i / 4 + 1)
            };
            let blank = blueprint(
                Kind::Terraform,
                account,
                if i % 2 == 0 {
                    name
                } else {
                    format!("{name}-network")
                },
                "estate".to_owned(),
            );
            let services = chance.sample(
                &[
                    "ec2",
                    "iam",
                    "s3",
                    "lambda",
                    "rds",
                    "route53",
                    "ecs",
                    "elasticloadbalancing",
                    "kms",
                    "logs",
                    "sns",
                    "sqs",
                    "acm",
                    "events",
                    "ssm",
                ],
                9,
            );
            let routines = "plan-network plan-roles plan-buckets plan-functions plan-keys plan-queues plan-logs new-role make-bucket change-group";
            let sources = Sources {
                routines: org.routines.ids(routines),
                services,
                writes: 0.4,
                browses: false,
            };
            let tenure = chance.range(400, 1200);
            let at = self.add(
                org,
                Blueprint {
                    sources,
                    growth: (0.42, 14.0),
                    rate: 0.8,
                    tenure,
                    tool: Tool::Terraform,
                    ..blank
                },
            );
            // The first is taken by a CI user, the next by a code host's role, and so on.
            self.all[at].runner = Some(if i % 2 == 0 {
                users[(i / 2 + 1) % users.len()]
            } else {
                runners[i / 2 % runners.len()]
            });
        }
        self.scanners(org, scale, chance);
    }

    fn scanners(&mut self, org: &Organisation, scale: Scale, chance: &mut Chance) {
        let mut core = blueprint(
            Kind::Function,
            0,
            "estate-scan-role".to_owned(),
            "estate-scan".to_owned(),
        );
        core.sources.routines = org.routines.ids("app-upload app-setting");
        let runner = self.add(
            org,
            Blueprint {
                growth: (0.03, 0.1),
                rate: 1.0,
                tenure: 300,
                tool: Tool::Python,
                ..core
            },
        );
        for i in 0..scale.copies(2) {
            let blank = blueprint(
                Kind::Audit,
                1 + i % (org.accounts.len() - 1),
                format!("estate-audit-{}", i + 1),
                "audit".to_owned(),
            );
            let at = self.add(
                org,
                Blueprint {
                    growth: (0.0, 0.1),
                    tool: Tool::Python,
                    ..blank
                },
            );
            let auditor = &mut self.all[at];
            auditor.runner = Some(runner);
            auditor.slots = i as u32;
            for service in org
                .catalogue
                .services()
                .filter(|name| *name != "sts" && *name != "signin")
            {
                let reads: Vec<CallId> = org
                    .catalogue
                    .of_service(service)
                    .iter()
                    .copied()
                    .filter(|id| is_plain_read(org, *id))
                    .take(7)
                    .collect();
                for call in reads {
                    if chance.yes(0.4) {
                        auditor.repertoire.add(Item::Call(call), 1);
                    }
                }
            }
        }
    }
}

fn is_plain_read(org: &Organisation, id: CallId) -> bool {
    let call = org.catalogue.get(id);
    let secret = matches!(
        call.name,
        "GetSecretValue"
            | "GetParameter"
            | "GetParameters"
            | "GetParametersByPath"
            | "GetPasswordData"
            | "BatchGetSecretValue"
            | "Decrypt"
    );
    call.read_only
        && !call.data
        && !secret
        && !call.name.starts_with("InvokeModel")
        && call.name != "Converse"
}
