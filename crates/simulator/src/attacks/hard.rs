//! Attacks that make no call their victim does not make anyway, and stories too long for every organisation; as data, like
//! [`super::scenarios`]. Everybody else makes the calls of [`HARD`] too, with ordinary targets (`changes::ordinary`).

use crate::principals::{Kind, Upkeep};

use super::scenarios::{
    Agent, Origin, Pace, Scenario,
    Step::{
        Calls, ChangeUserData, Habitual, LastKey, NewUser, OfPeers, OverwriteFunction, Pause,
        Sleep, StealKey, Take,
    },
    Victim, scenario,
};
use crate::network::Tool;

/// Hidden in what is usual: nothing tells but an amount, a target, or that it is somebody else's habit.
pub(crate) const HARD: &[Scenario] = &[
    scenario!(
        "ci-key-bulk",
        "The deploy user's key does what it always does, a hundred times as often",
        "volume only, narrow key",
        Victim::DeployUser,
        (Origin::Same, Agent::Same, Pace::Fast),
        &[Habitual(400)]
    ),
    scenario!(
        "function-overwritten",
        "A pipeline that updates its own functions all the time overwrites one that is not its own",
        "target only",
        Victim::Keeper(Upkeep::Function),
        (Origin::Same, Agent::Same, Pace::Steady),
        &[OverwriteFunction]
    ),
    scenario!(
        "user-data-changed",
        "A pipeline that keeps the user data of its own instances changes that of another one",
        "target only",
        Victim::Keeper(Upkeep::UserData),
        (Origin::Same, Agent::Same, Pace::Steady),
        &[ChangeUserData]
    ),
    scenario!(
        "snapshot-shared-abroad",
        "One who shares snapshots with the recovery account every week shares one with a foreign account",
        "target only",
        Victim::Job("databases"),
        (Origin::Same, Agent::Same, Pace::Steady),
        &[Calls("ec2:ModifySnapshotAttribute")]
    ),
    scenario!(
        "peer-routine",
        "From inside a pipeline, its key does what other pipelines do",
        "peer mimicry, same network",
        Victim::Kind(Kind::CiUser),
        (Origin::Same, Agent::Same, Pace::Slow),
        &[OfPeers(4), Pause(2), OfPeers(3)]
    ),
];

/// The seed story with a fourth credential, at once and at one call a day. A role's session ends within the hour, so that the slow
/// intruder takes it again for each call.
pub(crate) const LONG_CHAINS: &[Scenario] = &[
    scenario!(
        "ci-key-chain",
        "A CI user's leaked key lists access keys, makes one for an administrator, takes the Terraform role with it and makes a user with a key",
        "leaked key, lineage of four credentials",
        Victim::DeployUser,
        (Origin::Hosting, Agent::With(Tool::CliLinux), Pace::Steady),
        &[
            Calls("sts:GetCallerIdentity iam:ListAccessKeys*4 iam:ListUsers"),
            StealKey,
            Calls("sts:GetCallerIdentity iam:ListRoles"),
            Take(Kind::Terraform),
            Calls("sts:GetCallerIdentity"),
            NewUser("metrics-export"),
            Calls(
                "sts:GetCallerIdentity secretsmanager:ListSecrets secretsmanager:GetSecretValue*3"
            )
        ]
    ),
    scenario!(
        "ci-key-chain-slow",
        "The same four credentials at one call a day",
        "leaked key, lineage of four credentials, low and slow",
        Victim::DeployUser,
        (Origin::Hosting, Agent::With(Tool::CliLinux), Pace::Steady),
        &[
            Calls("sts:GetCallerIdentity"),
            Sleep(1),
            Calls("iam:ListAccessKeys"),
            Sleep(1),
            StealKey,
            Sleep(1),
            Calls("iam:ListUsers"),
            Sleep(1),
            Calls("iam:ListRoles"),
            Sleep(1),
            Take(Kind::Terraform),
            Calls("iam:ListUsers"),
            Sleep(1),
            LastKey,
            Take(Kind::Terraform),
            NewUser("metrics-export"),
            Sleep(1),
            Calls("sts:GetCallerIdentity"),
            Sleep(1),
            Calls("secretsmanager:ListSecrets"),
            Sleep(1),
            Calls("secretsmanager:GetSecretValue")
        ]
    ),
];
