//! Changes of upkeep: key rotations, reviews and drills, moves, upgrades, roles made again.

use crate::chance::Chance;
use crate::network::{self, Tool};
use crate::organisation::{NEW_REGION, SECOND_REGION};
use crate::principals::{DEPLOY_USER, Kind, Task};
use crate::scene::access_key;

use super::{Planner, Turn};

impl Planner<'_> {
    /// Keys rotated by their owner or by an administrator; the new key is in use from the next day.
    pub(super) fn keys(&mut self) {
        let mut rotated = Vec::new();
        for day in self.days(9.0) {
            let Some(user) = self.any(&[Kind::CiUser, Kind::HumanUser]) else {
                continue;
            };
            // A second rotation would have to name the key of the first.
            if rotated.contains(&user) {
                continue;
            }
            rotated.push(user);
            let own = self.people.all[user].card.kind == Kind::HumanUser;
            let Some(by) = (if own {
                Some(user)
            } else {
                self.colleague("cloud")
            }) else {
                continue;
            };
            let day = self.org.working_day(day);
            let card = self.people.all[user].card.clone();
            let key = self.chance.key_id("AKIA");
            let call = |name: &str| self.org.catalogue.id(&format!("iam:{name}"));
            let named = format!(r#"{{"userName":"{}"}}"#, card.name);
            let old = format!(
                r#"{{"userName":"{}","accessKeyId":"{}"}}"#,
                card.name, card.key
            );
            let inactive = format!(
                r#"{{"userName":"{}","accessKeyId":"{}","status":"Inactive"}}"#,
                card.name, card.key
            );
            let open = vec![
                Task::Scripted {
                    call: call("ListAccessKeys"),
                    request: named.clone(),
                    response: None,
                },
                Task::Scripted {
                    call: call("CreateAccessKey"),
                    request: named,
                    response: Some(access_key(&card.name, &key, self.org.day_start(day))),
                },
            ];
            let close = vec![
                Task::Scripted {
                    call: call("UpdateAccessKey"),
                    request: inactive,
                    response: None,
                },
                Task::Scripted {
                    call: call("DeleteAccessKey"),
                    request: old,
                    response: None,
                },
            ];
            self.give_tasks(by, day, open);
            self.give_tasks(by, day + 4, close);
            self.turn(day + 1, user, Turn::Key(key));
            self.note(
                day,
                "key_rotation",
                format!("the key of {} is rotated", card.name),
                &[by, user],
            );
        }
    }

    pub(super) fn drills(&mut self) {
        let drills: [(&'static str, &str, &str, f64, &str); 8] = [
            (
                "access_review",
                "security",
                "access-review",
                2.0,
                "everybody's keys are reviewed",
            ),
            (
                "incident_drill",
                "security",
                "incident-drill",
                4.0,
                "a leaked credential is investigated",
            ),
            (
                "restore_exercise",
                "databases",
                "restore-exercise",
                3.0,
                "backups are restored as an exercise",
            ),
            (
                "cost_cleanup",
                "cloud",
                "idle-cleanup",
                3.0,
                "idle resources are deleted",
            ),
            (
                "trail_tuning",
                "cloud",
                "trail-tuning",
                2.0,
                "data events are added to the trail",
            ),
            (
                "model_trial",
                "application",
                "model-access",
                4.0,
                "a team tries a language model",
            ),
            (
                "image_sharing",
                "cloud",
                "share-image",
                2.0,
                "an image is shared between own accounts",
            ),
            (
                "new_pipeline_user",
                "cloud",
                "new-pipeline-user",
                2.0,
                "a user for a new pipeline is created",
            ),
        ];
        for (kind, job, routine, times, title) in drills {
            for day in self.days(times) {
                let Some(who) = self.colleague(job) else {
                    continue;
                };
                let day = self.give(who, day, routine);
                self.note(day, kind, title.to_owned(), &[who]);
            }
        }
        for day in self.days(1.5) {
            let Some(who) = self.any(&[Kind::Root]) else {
                continue;
            };
            let routine = *self
                .chance
                .pick(&["root-billing", "root-billing", "root-glass"]);
            self.give(who, day, routine);
            self.note(
                day,
                "root_sign_in",
                format!("root signs in as planned: {routine}"),
                &[who],
            );
        }
    }

    pub(super) fn moves(&mut self) {
        let half = self.org.days / 2;
        let office = network::inside(&mut self.chance, network::OFFICES[1]);
        self.org.office.push((half, office));
        self.note(
            half,
            "office_move",
            "the office gets another address".to_owned(),
            &[],
        );
        let day = self.chance.range(self.org.days / 3, self.org.days - 2);
        let vpn = network::inside(&mut self.chance, network::OFFICES[3]);
        self.org.vpn.push((day, vpn));
        self.note(
            day,
            "vpn_move",
            "the corporate VPN leaves by another address".to_owned(),
            &[],
        );
        for day in self.days(6.0) {
            let Some(who) = self.any(&[Kind::Person, Kind::HumanUser]) else {
                continue;
            };
            let away = self.chance.yes(0.5);
            let blocks = if away {
                *self
                    .chance
                    .pick(&[network::AWAY, network::AWAY, network::VPN])
            } else {
                network::HOMES
            };
            let home = network::address(&mut self.chance, blocks);
            let before = self.people.all[who].habits.home.clone();
            self.turn(day, who, Turn::Home(home));
            if away {
                self.turn(day + 5, who, Turn::Home(before));
            } else {
                let tool =
                    *self
                        .chance
                        .pick(&[Tool::PowerShell, Tool::Go, Tool::Rust, Tool::Python]);
                self.turn(day, who, Turn::Tool(tool));
            }
            let title = if away {
                "a journey of five days"
            } else {
                "a new home line and a new computer"
            };
            self.note(day, "new_place", title.to_owned(), &[who]);
        }
        for day in self.days(3.0) {
            let Some(who) = self.any(&[Kind::CiUser]) else {
                continue;
            };
            self.turn(day, who, Turn::Hosted);
            self.note(
                day,
                "runner_move",
                "a pipeline moves between own and hosted runners".to_owned(),
                &[who],
            );
        }
    }

    pub(super) fn upgrades(&mut self) {
        for day in self.days(5.0) {
            let Some(who) = self.any(&[Kind::Function, Kind::Task, Kind::Instance]) else {
                continue;
            };
            let tool = *self
                .chance
                .pick(&[Tool::Go, Tool::Rust, Tool::Node, Tool::Java]);
            self.turn(day, who, Turn::Tool(tool));
            self.note(
                day,
                "rewrite",
                "a program is rewritten with another SDK".to_owned(),
                &[who],
            );
        }
        for day in self.days(2.0) {
            let mut who = Vec::new();
            for kind in [Kind::Function, Kind::CiUser, Kind::CodeHost] {
                for i in self.people.steady(kind) {
                    if self.people.all[i].card.name != DEPLOY_USER && self.chance.yes(0.4) {
                        self.turn(day, i, Turn::Newest);
                        who.push(i);
                    }
                }
            }
            self.note(
                day,
                "sdk_upgrade",
                "many programs get the newest SDK".to_owned(),
                &who,
            );
        }
        for (day, region) in [
            (self.org.days / 3, SECOND_REGION),
            (self.org.days * 5 / 6, NEW_REGION),
        ] {
            let mut who = Vec::new();
            for kind in [Kind::Function, Kind::Terraform, Kind::Task] {
                for i in self.people.steady(kind) {
                    if self.chance.yes(0.3) {
                        self.turn(day, i, Turn::Region(region));
                        who.push(i);
                    }
                }
            }
            self.note(
                day,
                "new_region",
                "work spreads to another region".to_owned(),
                &who,
            );
        }
    }

    /// A role deleted and made again: the same ARN, another unique id.
    pub(super) fn recreated(&mut self) {
        for day in self.days(2.0) {
            let Some(old) = self.any(&[Kind::Function, Kind::Task]) else {
                continue;
            };
            if self.people.all.iter().any(|p| p.runner == Some(old)) {
                continue;
            }
            let mut new = self.people.all[old].clone();
            new.chance = Chance::named(self.org.seed, &["recreated", &new.card.unique_id]);
            new.card.unique_id = new.chance.unique_id("AROA");
            new.from = day;
            new.tasks.clear();
            self.people.all[old].until = day;
            self.people.all[old].tasks.retain(|on, _| *on < day);
            self.people.all.push(new);
            let at = self.people.all.len() - 1;
            self.note(
                day,
                "recreated",
                "a role is made again under the same name".to_owned(),
                &[old, at],
            );
        }
    }
}
