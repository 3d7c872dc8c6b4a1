//! The ordinary side of the hard attacks: the same calls on own functions and instances, snapshots shared with the organisation's
//! own recovery account. Without it, finding an odd target would prove nothing.

use crate::chance::Chance;
use crate::principals::{Kind, Task, Upkeep};

use super::Planner;

/// CI users that keep the user data of instances, in an organisation of small size.
const FLEET_KEEPERS: usize = 3;

impl Planner<'_> {
    /// Plans the upkeep of all days.
    pub(super) fn ordinary(&mut self) {
        let mut chance = Chance::named(self.org.seed, &["ordinary"]);
        let users = self.people.steady(Kind::CiUser);
        let deployers = [users.clone(), self.people.steady(Kind::CodeHost)].concat();
        for who in deployers {
            self.keeps(who, Upkeep::Function, &mut chance);
        }
        let keepers = (users.len() / 3).clamp(2, FLEET_KEEPERS.max(users.len() / 3));
        for who in users.into_iter().rev().take(keepers) {
            self.keeps(who, Upkeep::UserData, &mut chance);
        }
        self.recovery_copies(&mut chance);
    }

    /// Two or three things of its own, brought up to date on most days; now and then one more.
    fn keeps(&mut self, who: usize, upkeep: Upkeep, chance: &mut Chance) {
        let app = self.people.all[who].app.clone();
        let first = 2 + chance.below(2);
        let mut things: Vec<String> = (0..first).map(|_| upkeep.thing(&app, chance)).collect();
        for day in 0..self.org.days {
            // A new one about every 150 days: in a small organisation every ten days somebody gets one.
            if chance.yes(1.0 / 150.0) {
                let thing = upkeep.thing(&app, chance);
                let title = format!("{} gets {thing} to keep", self.people.all[who].card.name);
                self.note(day, "new_thing_kept", title, &[who]);
                things.push(thing);
            }
            let mut tasks = Vec::new();
            for thing in &things {
                if chance.yes(0.45) {
                    tasks.push(self.update(upkeep, thing));
                }
            }
            if upkeep == Upkeep::UserData && chance.yes(0.3) {
                tasks.push(self.template_version(&app));
            }
            if !tasks.is_empty() {
                self.give_tasks(who, day, tasks);
            }
        }
        let kept = things.into_iter().map(|thing| (upkeep, thing));
        self.people.all[who].keeps.extend(kept);
    }

    fn update(&self, upkeep: Upkeep, thing: &str) -> Task {
        Task::Scripted {
            call: self.org.catalogue.id(upkeep.call()),
            request: upkeep.request(thing),
            response: None,
        }
    }

    /// A version of a launch template with user data, for machines that come and go by themselves.
    fn template_version(&self, app: &str) -> Task {
        Task::Scripted {
            call: self.org.catalogue.id("ec2:CreateLaunchTemplateVersion"),
            request: format!(
                r#"{{"CreateLaunchTemplateVersionRequest":{{"LaunchTemplateName":"{app}-fleet","LaunchTemplateData":{{"UserData":"<sensitiveDataRemoved>"}}}}}}"#
            ),
            response: None,
        }
    }

    /// Those who look after databases share snapshots with the recovery account, which has no trail here, about once a week; once
    /// a second one is set up.
    fn recovery_copies(&mut self, chance: &mut Chance) {
        let (first, second) = (chance.digits(12), chance.digits(12));
        let second_from = chance.range(self.org.days / 4, self.org.days - 2);
        let staff = self.people.working_as("databases");
        for who in &staff {
            for day in 0..self.org.days {
                if !chance.yes(0.2) {
                    continue;
                }
                let account = if day >= second_from && chance.yes(0.3) {
                    &second
                } else {
                    &first
                };
                let tasks = vec![
                    self.shared_volume(account, chance),
                    self.shared_database(account, chance),
                ];
                self.give_tasks(*who, day, tasks);
            }
        }
        let title = "snapshots go to a second recovery account".to_owned();
        self.note(second_from, "recovery_account", title, &staff);
    }

    fn shared_volume(&self, account: &str, chance: &mut Chance) -> Task {
        Task::Scripted {
            call: self.org.catalogue.id("ec2:ModifySnapshotAttribute"),
            request: format!(
                r#"{{"snapshotId":"snap-{}","attributeType":"CREATE_VOLUME_PERMISSION","createVolumePermission":{{"add":{{"items":[{{"userId":"{account}"}}]}}}}}}"#,
                chance.hex(17)
            ),
            response: None,
        }
    }

    fn shared_database(&self, account: &str, chance: &mut Chance) -> Task {
        Task::Scripted {
            call: self.org.catalogue.id("rds:ModifyDBSnapshotAttribute"),
            request: format!(
                r#"{{"dBSnapshotIdentifier":"nightly-{}","attributeName":"restore","valuesToAdd":["{account}"]}}"#,
                chance.hex(6)
            ),
            response: None,
        }
    }
}
