//! Users and people: CI users and humans with permanent keys, everybody in Identity Center.

use crate::chance::Chance;
use crate::network::Tool;
use crate::organisation::Organisation;
use crate::principals::repertoire::Sources;
use crate::principals::{DEPLOY_USER, Kind};
use crate::routines::{JOBS, Job, PIPELINE};
use crate::settings::Scale;

use super::{Blueprint, Population, blueprint};

const GIVEN: &[&str] = &[
    "aino", "bruno", "carmen", "dario", "edda", "fatima", "goran", "hilde", "ismael", "judit",
    "kemal", "leonie", "marek", "noor", "oskar", "petra", "quentin", "ruth", "samir", "teresa",
    "ulrich", "vesna", "willem", "ximena", "yara", "zoltan", "agnes", "boris", "clara", "denis",
];
const FAMILY: &[&str] = &[
    "adler", "brandt", "castro", "doyle", "egger", "falk", "greco", "holm", "ivanov", "jonker",
    "kaya", "lund", "moreau", "nagy", "ortiz",
];
const CI_NAMES: &[&str] = &[
    DEPLOY_USER,
    "ci-images",
    "ci-website",
    "ci-release",
    "ci-nightly",
    "ci-mobile",
    "ci-data",
    "ci-infra",
    "ci-legacy",
];

impl Population {
    pub(super) fn users(&mut self, org: &mut Organisation, scale: Scale, chance: &mut Chance) {
        for i in 0..scale.copies(9) {
            let name = match i / CI_NAMES.len() {
                0 => CI_NAMES[i].to_owned(),
                round => format!("{}-{}", CI_NAMES[i % CI_NAMES.len()], round + 1),
            };
            let pool = if i == 0 {
                org.routines.ids("build-secrets release-function release-service push-image release-stack read-settings publish-site who-am-i")
            } else {
                chance.sample(&org.routines.ids(PIPELINE), 6)
            };
            let services = chance.sample(
                &[
                    "lambda",
                    "ecs",
                    "ecr",
                    "s3",
                    "cloudformation",
                    "ssm",
                    "codebuild",
                    "elasticloadbalancing",
                ],
                3,
            );
            let rate = if i == 0 {
                4.0
            } else {
                *chance.pick(&[1.0, 1.5, 2.5])
            };
            let tenure = if i == 0 { 1500 } else { chance.range(60, 500) };
            let growth = if i == 0 { (0.05, 0.3) } else { (0.14, 0.5) };
            let app = org.new_app();
            let account = if i == 0 {
                1
            } else {
                1 + i % (org.accounts.len() - 1)
            };
            let sources = Sources {
                routines: pool,
                services,
                writes: 0.35,
                browses: false,
            };
            let blank = blueprint(Kind::CiUser, account, name, app);
            self.add(
                org,
                Blueprint {
                    sources,
                    growth,
                    rate,
                    tenure,
                    tool: *chance.pick(&[Tool::CliLinux, Tool::Python]),
                    ..blank
                },
            );
        }
        for i in 0..scale.copies(12) {
            let job = *chance.pick(&[0, 0, 2, 3, 3, 8]);
            let name = person(chance, i);
            let blank = blueprint(
                Kind::HumanUser,
                1 + i % (org.accounts.len() - 1),
                name,
                org.new_app(),
            );
            let rate = *chance.pick(&[0.3, 0.5, 0.8]);
            let tenure = chance.range(40, 260);
            let sources = human_sources(org, &JOBS[job]);
            self.add(
                org,
                Blueprint {
                    job,
                    sources,
                    growth: (0.48, 5.0),
                    rate,
                    tenure,
                    tool: Tool::Cli,
                    ..blank
                },
            );
        }
        let blank = blueprint(Kind::Broker, 1, "partner-portal".to_owned(), org.new_app());
        let sources = Sources {
            routines: org
                .routines
                .ids("page-s3 look-bucket page-athena run-query"),
            ..Sources::default()
        };
        self.add(
            org,
            Blueprint {
                sources,
                growth: (0.1, 0.3),
                rate: 3.0,
                tenure: 300,
                tool: Tool::Java,
                ..blank
            },
        );
    }

    pub(super) fn people(&mut self, org: &Organisation, scale: Scale, chance: &mut Chance) {
        // Every job is somebody's; the first ones are those of most people.
        let order = [0, 3, 2, 0, 4, 1, 8, 0, 5, 6, 3, 0, 2, 7, 1, 0, 4, 3, 0, 2];
        for i in 0..scale.copies(36) {
            let job = order[i % order.len()];
            let name = person(chance, 1000 + i);
            let rate = *chance.pick(&[0.4, 0.7, 1.0]);
            let tenure = 40 + (220.0 * chance.unit().powi(2)) as u32;
            let accounts = match JOBS[job].name {
                "security" | "finance" => vec![0],
                _ if chance.yes(0.4) && org.accounts.len() > 2 => {
                    chance.sample(&(1..org.accounts.len()).collect::<Vec<_>>(), 2)
                }
                _ => vec![1 + chance.below(org.accounts.len() - 1)],
            };
            for account in accounts {
                self.person(
                    org,
                    (&format!("{name}@example.com"), job, account),
                    (0, tenure, rate),
                );
            }
        }
    }

    /// A person in a permission set of an account; all who share it share the role.
    pub(crate) fn person(
        &mut self,
        org: &Organisation,
        who: (&str, usize, usize),
        history: (u32, u32, f64),
    ) -> usize {
        let (email, job, account) = who;
        let set = JOBS[job].permission_set;
        let hash = crate::chance::stable_hash(&[set, &org.account(account).id]);
        let name = format!("AWSReservedSSO_{set}_{hash:016x}");
        let shared = self
            .all
            .iter()
            .find(|p| p.card.name == name && p.card.account == account)
            .map(|p| p.card.unique_id.clone());
        let blank = blueprint(
            Kind::Person,
            account,
            name,
            format!("{}-work", JOBS[job].name),
        );
        let at = self.add(
            org,
            Blueprint {
                path: "/aws-reserved/sso.amazonaws.com/",
                job,
                sources: human_sources(org, &JOBS[job]),
                growth: (0.48, 6.0),
                from: history.0,
                tenure: history.1,
                rate: history.2,
                tool: Tool::Cli,
                email: Some(email.to_owned()),
                ..blank
            },
        );
        if let Some(unique_id) = shared {
            self.all[at].card.unique_id = unique_id;
        }
        at
    }
}

fn person(chance: &mut Chance, i: usize) -> String {
    let base = format!("{}.{}", chance.pick(GIVEN), chance.pick(FAMILY));
    if i % 1000 < 40 {
        format!("{base}{}", ["", "2", "3", "4"][i % 1000 / 10])
    } else {
        format!("{base}{i}")
    }
}

fn human_sources(org: &Organisation, job: &Job) -> Sources {
    Sources {
        routines: org.routines.ids(job.routines),
        services: job.services.split(' ').collect(),
        writes: 0.16,
        browses: true,
    }
}
