//! What programs keep up to date: functions, and the user data of instances.

use crate::chance::Chance;

use super::Principal;

/// Kinds of things kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upkeep {
    Function,
    UserData,
}

impl Upkeep {
    /// The call that brings one up to date.
    pub(crate) fn call(self) -> &'static str {
        match self {
            Self::Function => "lambda:UpdateFunctionCode",
            Self::UserData => "ec2:ModifyInstanceAttribute",
        }
    }

    /// Its request.
    pub(crate) fn request(self, thing: &str) -> String {
        match self {
            Self::Function => format!(
                r#"{{"functionName":"{thing}","s3Bucket":"build-artefacts","s3Key":"{thing}/package.zip","publish":true,"dryRun":false}}"#
            ),
            Self::UserData => {
                format!(r#"{{"instanceId":"{thing}","userData":"<sensitiveDataRemoved>"}}"#)
            }
        }
    }

    /// The name of a new one.
    pub(crate) fn thing(self, app: &str, chance: &mut Chance) -> String {
        match self {
            Self::Function => {
                let part = *chance.pick(&["api", "worker", "cron", "hooks", "feed"]);
                format!("{app}-{part}-{}", chance.hex(4))
            }
            Self::UserData => format!("i-{}", chance.hex(17)),
        }
    }
}

impl Principal {
    /// What it keeps of a kind.
    pub(crate) fn kept(&self, upkeep: Upkeep) -> Vec<&String> {
        let all = self.keeps.iter().filter(|(kind, _)| *kind == upkeep);
        all.map(|(_, thing)| thing).collect()
    }
}
