//! The attacks, as data: who is hit, from where, with what, step by step.
//!
//! The shapes follow public incident reports (leaked keys on code hosts, instance metadata theft, model and mail abuse,
//! bucket ransom, session theft); every text and sequence here is our own.

use crate::network::Tool;
use crate::principals::{Kind, Upkeep};

/// Who is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The CI user of the seed story.
    DeployUser,
    /// Somebody of a kind.
    Kind(Kind),
    /// A person with a job.
    Job(&'static str),
    /// A CI user that keeps things of its own up to date.
    Keeper(Upkeep),
}

/// Network the intruder works from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The victim's own address.
    Same,
    Hosting,
    Vpn,
    Tor,
    /// An ordinary home line in the victim's own block.
    Neighbour,
    /// Another home line.
    Home,
    /// A code host's runner.
    Runner,
    Cloud,
}

/// How quickly calls follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// A script: about a second.
    Fast,
    /// Somebody typing: about a minute.
    Steady,
    /// About half an hour.
    Slow,
}

/// What the intruder uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// The victim's own user agent.
    Same,
    With(Tool),
}

/// One step. Calls are written as in routines: `service:Operation*times`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Calls(&'static str),
    Refused(&'static str),
    /// A second access key for another user of the account; what follows is signed with it.
    StealKey,
    /// A new user with a key; what follows is signed with it.
    NewUser(&'static str),
    /// `AssumeRole` into a role of this kind; what follows is done there.
    Take(Kind),
    /// A temporary key of the user itself.
    SessionToken,
    /// A federated session, then the console with it.
    FederatedConsole,
    /// Root signs in without its second factor.
    RootConsole,
    /// The console sign-in of a colleague, a password having been set.
    PasswordConsole,
    /// The vendor's own account takes its role, driven by somebody else.
    VendorDoor,
    /// A workflow of a fork obtains the role.
    ForkDoor,
    /// A foreign account takes a role whose trust was widened.
    ForeignDoor(Kind),
    /// Back to the victim's own credential.
    Victim,
    /// Back to the permanent key made last.
    LastKey,
    /// The code of one function that somebody else keeps is overwritten.
    OverwriteFunction,
    /// The user data of one instance that somebody else keeps is changed.
    ChangeUserData,
    /// Calls the victim makes anyway.
    Habitual(u32),
    /// Calls that peers of the victim make and it never did.
    OfPeers(u32),
    /// Days to wait.
    Sleep(u32),
    /// Hours to wait.
    Pause(u32),
    From(Origin),
    Using(Agent),
    /// Region by its place in the list of regions.
    In(usize),
}

/// One attack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) style: &'static str,
    pub(crate) victim: Victim,
    pub(crate) origin: Origin,
    pub(crate) agent: Agent,
    pub(crate) pace: Pace,
    pub(crate) steps: &'static [Step],
}

use Agent::With;
use Origin::{Cloud, Home, Hosting, Neighbour, Runner, Tor, Vpn};
use Pace::{Fast, Slow, Steady};
use Step::{
    Calls, FederatedConsole, ForeignDoor, ForkDoor, From, Habitual, In, NewUser, OfPeers,
    PasswordConsole, Pause, Refused, RootConsole, SessionToken, Sleep, StealKey, Take, Using,
    VendorDoor,
};

macro_rules! scenario {
    ($id:literal, $title:literal, $style:literal, $victim:expr, ($origin:expr, $agent:expr, $pace:expr), $steps:expr) => {
        Scenario {
            id: $id,
            title: $title,
            style: $style,
            victim: $victim,
            origin: $origin,
            agent: $agent,
            pace: $pace,
            steps: $steps,
        }
    };
}

pub(super) use scenario;

/// The attacks of every organisation, the seed story first.
pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario!(
        "ci-key-listaccesskeys",
        "A CI user's permanent key, pushed to a code host, lists access keys, mints one for an administrator and ends in the Terraform role",
        "leaked key, lineage of three credentials",
        Victim::DeployUser,
        (Hosting, With(Tool::CliLinux), Steady),
        &[
            Calls("sts:GetCallerIdentity iam:ListAccessKeys*4 iam:ListUsers"),
            Refused("iam:GetAccountAuthorizationDetails"),
            StealKey,
            Calls("sts:GetCallerIdentity iam:ListRoles iam:ListAttachedUserPolicies"),
            Take(Kind::Terraform),
            Calls(
                "sts:GetCallerIdentity secretsmanager:ListSecrets secretsmanager:GetSecretValue*5 ssm:GetParametersByPath*2 kms:Decrypt*2"
            )
        ]
    ),
    scenario!(
        "ci-key-whisper",
        "A CI key tried once a day from a VPN, one identity read at a time",
        "low and slow",
        Victim::Kind(Kind::CiUser),
        (Vpn, Agent::Same, Slow),
        &[
            Calls("sts:GetCallerIdentity"),
            Sleep(1),
            Calls("iam:GetUser"),
            Sleep(1),
            Calls("iam:ListAccessKeys"),
            Sleep(1),
            Calls("iam:ListAttachedUserPolicies")
        ]
    ),
    scenario!(
        "instance-role-ssrf",
        "Credentials of an instance role, read from its metadata service through the application, used from a rented server",
        "stolen instance role",
        Victim::Kind(Kind::Instance),
        (Hosting, With(Tool::Cli), Steady),
        &[
            Calls("sts:GetCallerIdentity s3:ListBuckets"),
            Refused("iam:ListRoles ec2:DescribeInstances lambda:ListFunctions"),
            Calls(
                "secretsmanager:ListSecrets secretsmanager:GetSecretValue*3 s3:ListObjects*3 s3:GetObject*25"
            )
        ]
    ),
    scenario!(
        "person-session-hijack",
        "An engineer's Identity Center session, stolen from the browser, prepares a second way in",
        "stolen browser session",
        Victim::Job("cloud"),
        (Vpn, With(Tool::Browser), Steady),
        &[
            Calls(
                "organizations:ListAccounts iam:ListUsers iam:ListRoles sso:ListPermissionSets sso:ListAccountAssignments"
            ),
            NewUser("svc-telemetry"),
            Calls("sts:GetCallerIdentity"),
            Step::Victim,
            Calls("iam:AttachUserPolicy iam:CreateLoginProfile")
        ]
    ),
    scenario!(
        "function-role-injected",
        "Code injected into a function looks around with the function's own role",
        "same network, same agent",
        Victim::Kind(Kind::Function),
        (Origin::Same, Agent::Same, Fast),
        &[
            Calls("sts:GetCallerIdentity"),
            Refused("iam:ListAttachedRolePolicies secretsmanager:ListSecrets"),
            Calls(
                "ssm:DescribeParameters ssm:GetParametersByPath*3 s3:ListBuckets lambda:ListFunctions lambda:GetFunction*3"
            )
        ]
    ),
    scenario!(
        "model-theft",
        "A user's key sold to people who run language models on other people's bills",
        "model abuse",
        Victim::Kind(Kind::HumanUser),
        (Vpn, With(Tool::OldPython), Fast),
        &[
            Calls(
                "sts:GetCallerIdentity bedrock:ListFoundationModels bedrock:GetModelInvocationLoggingConfiguration bedrock:GetFoundationModelAvailability*6"
            ),
            Refused("bedrock:InvokeModel"),
            Calls(
                "bedrock:PutUseCaseForModelAccess bedrock:CreateFoundationModelAgreement bedrock:PutFoundationModelEntitlement*2"
            ),
            In(3),
            Calls(
                "bedrock:InvokeModel*30 bedrock:Converse*25 bedrock:InvokeModelWithResponseStream*20"
            )
        ]
    ),
    scenario!(
        "mail-abuse",
        "A pipeline's key raises the mail quota and sends a phishing run",
        "mail abuse",
        Victim::Kind(Kind::CiUser),
        (Hosting, With(Tool::OldPython), Fast),
        &[
            Calls(
                "sts:GetCallerIdentity ses:GetSendQuota ses:GetAccount ses:ListIdentities ses:GetSendStatistics"
            ),
            Refused("ses:PutAccountDetails"),
            Calls("ses:CreateEmailIdentity ses:UpdateAccountSendingEnabled"),
            Pause(3),
            Calls("ses:SendEmail*45")
        ]
    ),
    scenario!(
        "bucket-ransom",
        "Buckets emptied with a lifecycle rule and bulk deletes, a note left behind",
        "data destruction",
        Victim::Kind(Kind::HumanUser),
        (Hosting, With(Tool::BucketBrowser), Fast),
        &[
            Calls(
                "s3:ListBuckets s3:GetBucketVersioning*5 s3:GetBucketObjectLockConfiguration*5 s3:ListObjects*6 s3:GetObject*30"
            ),
            Calls(
                "s3:PutBucketVersioning*3 s3:PutBucketLifecycle*3 s3:DeleteObjects*25 s3:DeleteObject*25 s3:PutObject"
            )
        ]
    ),
    scenario!(
        "trail-silenced",
        "Somebody in the Terraform role switches off the recording",
        "defence evasion",
        Victim::Kind(Kind::Terraform),
        (Cloud, Agent::Same, Steady),
        &[
            Calls(
                "cloudtrail:DescribeTrails cloudtrail:GetTrailStatus cloudtrail:StopLogging cloudtrail:DeleteTrail"
            ),
            Calls(
                "guardduty:ListDetectors guardduty:DeleteDetector config:StopConfigurationRecorder"
            )
        ]
    ),
    scenario!(
        "snapshot-given-away",
        "Volumes copied by sharing their snapshots with an account outside",
        "exfiltration by sharing",
        Victim::Job("databases"),
        (Neighbour, With(Tool::Cli), Steady),
        &[
            Calls("ec2:DescribeVolumes ec2:DescribeSnapshots ec2:CreateSnapshot*3"),
            Pause(1),
            Calls("ec2:ModifySnapshotAttribute*3")
        ]
    ),
    scenario!(
        "fleet-commands",
        "A pipeline's key runs shell commands on the fleet",
        "remote execution",
        Victim::Kind(Kind::CiUser),
        (Runner, Agent::Same, Steady),
        &[Calls(
            "ssm:DescribeInstanceInformation*2 ssm:SendCommand*5 ssm:GetCommandInvocation*5 ssm:ListCommandInvocations*2"
        )]
    ),
    scenario!(
        "federated-console",
        "A long-lived key turned into console sessions that outlive it",
        "federation persistence",
        Victim::Kind(Kind::HumanUser),
        (Vpn, With(Tool::Python), Steady),
        &[
            Calls("sts:GetCallerIdentity iam:GetUser"),
            FederatedConsole,
            Calls(
                "ec2:DescribeInstances s3:ListBuckets iam:ListUsers ce:GetCostAndUsage rds:DescribeDBInstances"
            )
        ]
    ),
    scenario!(
        "trust-widened",
        "A role's trust policy is opened to a foreign account, which comes in two days later",
        "trust backdoor",
        Victim::Job("cloud"),
        (Origin::Same, Agent::Same, Steady),
        &[
            Calls("iam:ListRoles iam:GetRole*3 iam:UpdateAssumeRolePolicy"),
            Sleep(2),
            From(Hosting),
            Using(With(Tool::Rust)),
            ForeignDoor(Kind::Terraform),
            Calls(
                "sts:GetCallerIdentity iam:ListAttachedRolePolicies s3:ListBuckets s3:GetObject*12"
            )
        ]
    ),
    scenario!(
        "fork-workflow",
        "A pull request from a fork obtains the deploy role through a trust condition that is too wide",
        "code host supply chain",
        Victim::Kind(Kind::CodeHost),
        (Runner, With(Tool::Workflow), Fast),
        &[
            ForkDoor,
            Calls("sts:GetCallerIdentity"),
            Refused("iam:GetAccountAuthorizationDetails"),
            Calls(
                "secretsmanager:ListSecrets secretsmanager:GetSecretValue*6 ssm:GetParametersByPath*3"
            ),
            Calls("iam:CreateOpenIDConnectProvider iam:CreateRole iam:AttachRolePolicy")
        ]
    ),
    scenario!(
        "vendor-breached",
        "The vendor's collector account is in other hands and reads what the vendor never read",
        "third party",
        Victim::Kind(Kind::Vendor),
        (Hosting, With(Tool::Python), Steady),
        &[
            VendorDoor,
            Calls(
                "sts:GetCallerIdentity iam:ListUsers iam:ListRoles s3:ListBuckets secretsmanager:ListSecrets s3:ListObjects*3 s3:GetObject*12"
            ),
            Refused("rds:CopyDBSnapshot rds:ModifyDBSnapshotAttribute")
        ]
    ),
    scenario!(
        "mining-fleet",
        "Large instances in regions nobody uses",
        "resource theft",
        Victim::Kind(Kind::HumanUser),
        (Hosting, With(Tool::Pentest), Fast),
        &[
            Calls(
                "sts:GetCallerIdentity ec2:DescribeRegions servicequotas:ListServiceQuotas ec2:DescribeInstanceTypes"
            ),
            In(4),
            Calls(
                "ec2:CreateKeyPair ec2:CreateSecurityGroup ec2:AuthorizeSecurityGroupIngress ec2:RunInstances*5"
            ),
            In(5),
            Calls("ec2:RunInstances*5 ec2:RequestSpotInstances*3"),
            In(6),
            Calls("ec2:RunInstances*4")
        ]
    ),
    scenario!(
        "pod-escape",
        "A container that got out uses the pod's role to look for the cluster's secrets",
        "container escape",
        Victim::Kind(Kind::ServiceAccount),
        (Origin::Same, With(Tool::Cli), Steady),
        &[
            Calls("sts:GetCallerIdentity eks:ListClusters eks:DescribeCluster"),
            Refused("secretsmanager:GetSecretValue*2 ssm:GetParameter*2 iam:ListRoles"),
            Calls(
                "ecr:GetAuthorizationToken ecr:DescribeRepositories ec2:DescribeInstances ec2:DescribeNetworkInterfaces"
            )
        ]
    ),
    scenario!(
        "task-storm",
        "A task's credentials thrown at everything there is",
        "denied storm",
        Victim::Kind(Kind::Task),
        (Tor, With(Tool::Pentest), Fast),
        &[
            Calls("sts:GetCallerIdentity"),
            Refused(
                "iam:ListUsers iam:ListRoles iam:ListPolicies iam:GetAccountSummary iam:ListGroups ec2:DescribeInstances ec2:DescribeVpcs rds:DescribeDBInstances"
            ),
            Calls("s3:ListBuckets"),
            Refused(
                "lambda:ListFunctions kms:ListKeys organizations:DescribeOrganization dynamodb:ListTables ecr:DescribeRepositories cloudtrail:DescribeTrails logs:DescribeLogGroups"
            )
        ]
    ),
    scenario!(
        "login-profile",
        "A password is set for a colleague's user, its second factor removed, and used the next day",
        "login profile backdoor",
        Victim::Kind(Kind::HumanUser),
        (Vpn, With(Tool::PowerShell), Steady),
        &[
            Calls(
                "iam:ListUsers iam:GetLoginProfile*3 iam:ListMFADevices*2 iam:UpdateLoginProfile iam:DeactivateMFADevice"
            ),
            Sleep(1),
            PasswordConsole,
            Calls("iam:ListGroupsForUser iam:ListAttachedUserPolicies s3:ListBuckets")
        ]
    ),
    scenario!(
        "root-takeover",
        "Root's mailbox was taken, its password reset, its second factor replaced",
        "root",
        Victim::Kind(Kind::Root),
        (Home, With(Tool::Browser), Steady),
        &[
            RootConsole,
            Calls(
                "iam:GetAccountSummary organizations:ListAccounts iam:ListMFADevices iam:DeactivateMFADevice iam:CreateVirtualMFADevice iam:EnableMFADevice iam:CreateAccessKey"
            )
        ]
    ),
    scenario!(
        "dormant-user",
        "A user made by a stolen pipeline key sleeps for three days, then looks around",
        "new backdoor user",
        Victim::Kind(Kind::CiUser),
        (Home, With(Tool::Cli), Steady),
        &[
            Calls("sts:GetCallerIdentity iam:PutUserPolicy"),
            NewUser("aws-config-helper"),
            Sleep(3),
            Calls("sts:GetCallerIdentity s3:ListBuckets ec2:DescribeInstances iam:ListRoles"),
            Take(Kind::Terraform),
            Calls("secretsmanager:ListSecrets secretsmanager:GetSecretValue*2")
        ]
    ),
    scenario!(
        "function-door",
        "A layer with a back door and a public address for a function",
        "serverless persistence",
        Victim::Job("application"),
        (Vpn, With(Tool::Node), Steady),
        &[Calls(
            "lambda:ListFunctions lambda:GetFunction*3 lambda:GetPolicy*2 lambda:PublishLayerVersion lambda:UpdateFunctionConfiguration lambda:AddPermission lambda:CreateFunctionUrlConfig"
        )]
    ),
    scenario!(
        "scanner-reads-secrets",
        "The audit scanner's role is used to read what the scanner only lists",
        "hides in a broad reader",
        Victim::Kind(Kind::Audit),
        (Vpn, With(Tool::Python), Steady),
        &[
            Habitual(25),
            Calls(
                "secretsmanager:GetSecretValue*5 ssm:GetParametersByPath*3 ec2:GetPasswordData*3"
            )
        ]
    ),
    scenario!(
        "database-drip",
        "A database copied out over days by one who may",
        "slow insider",
        Victim::Job("data"),
        (Origin::Same, Agent::Same, Slow),
        &[
            Calls("rds:DescribeDBSnapshots"),
            Sleep(1),
            Calls("rds:CreateDBSnapshot"),
            Sleep(1),
            Calls("rds:ModifyDBSnapshotAttribute"),
            Sleep(1),
            Calls("rds:StartExportTask")
        ]
    ),
    scenario!(
        "key-without-trace",
        "A temporary key of the user itself outlives the rotation of the stolen one",
        "session token persistence",
        Victim::Kind(Kind::HumanUser),
        (Hosting, With(Tool::Go), Steady),
        &[
            Calls("sts:GetCallerIdentity"),
            SessionToken,
            Calls(
                "sts:GetCallerIdentity dynamodb:ListTables dynamodb:Scan*8 dynamodb:ExportTableToPointInTime*2"
            )
        ]
    ),
    scenario!(
        "bulk-download",
        "An instance role downloads ten times what it ever did, and nothing else",
        "volume only",
        Victim::Kind(Kind::Instance),
        (Origin::Same, Agent::Same, Fast),
        &[Habitual(220)]
    ),
    scenario!(
        "peer-mimicry",
        "A pipeline's key does what other pipelines do",
        "peer mimicry",
        Victim::Kind(Kind::CiUser),
        (Runner, Agent::Same, Slow),
        &[OfPeers(4), Pause(2), OfPeers(3)]
    ),
    scenario!(
        "backups-first",
        "Recovery points and snapshots are deleted before anything else",
        "recovery inhibited",
        Victim::Job("cloud"),
        (Vpn, With(Tool::Python), Fast),
        &[
            Calls(
                "backup:ListBackupVaults backup:ListRecoveryPointsByBackupVault*3 backup:DeleteRecoveryPoint*18 ec2:DescribeSnapshots ec2:DeleteSnapshot*25 rds:DeleteDBSnapshot*8"
            ),
            Calls("kms:DescribeKey*2 kms:ScheduleKeyDeletion*2")
        ]
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn scenarios_are_many_and_differ() {
        let ids: BTreeSet<&str> = SCENARIOS.iter().map(|s| s.id).collect();
        assert_eq!(ids.len(), SCENARIOS.len());
        assert!(SCENARIOS.len() >= 18);
        assert_eq!(SCENARIOS[0].id, "ci-key-listaccesskeys");
        assert!(
            SCENARIOS
                .iter()
                .all(|s| !s.title.is_empty() && !s.steps.is_empty())
        );
    }
}
