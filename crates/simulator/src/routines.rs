//! Work routines: short lists of calls that belong together, and the jobs whose people and programs draw from them.
//!
//! A routine is `name: call call*3 call?`: `*n` repeats up to n times, `?` happens in a third of the cases. A routine whose
//! name starts with `page-` is a page of the console: its calls arrive within a second or two.

use std::collections::BTreeMap;

use crate::calls::{CallId, Catalogue};
use crate::chance::Chance;

/// Index of a routine.
pub(crate) type RoutineId = usize;

/// One call of a routine.
#[derive(Clone, Copy, Debug)]
struct Part {
    call: CallId,
    at_most: usize,
    optional: bool,
}

/// Calls that belong together.
#[derive(Clone, Debug)]
pub(crate) struct Routine {
    parts: Vec<Part>,
    /// A page of the console, quick and broad.
    pub(crate) page: bool,
}

/// All routines, by place and by name.
#[derive(Clone, Debug)]
pub(crate) struct Routines {
    all: Vec<Routine>,
    by_name: BTreeMap<&'static str, RoutineId>,
}

impl Routine {
    /// The calls of one run, optional and repeated ones drawn.
    pub(crate) fn run(&self, chance: &mut Chance) -> Vec<CallId> {
        let mut out = Vec::new();
        for part in &self.parts {
            if part.optional && !chance.yes(0.33) {
                continue;
            }
            let times = if part.at_most > 1 {
                1 + chance.below(part.at_most)
            } else {
                1
            };
            out.extend(std::iter::repeat_n(part.call, times));
        }
        out
    }

    /// A call this routine always makes, for permissions that were never granted.
    pub(crate) fn any_call(&self, chance: &mut Chance) -> CallId {
        chance.pick(&self.parts).call
    }
}

impl Routines {
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        let mut out = Self {
            all: Vec::new(),
            by_name: BTreeMap::new(),
        };
        for line in TEXT.lines().filter(|line| !line.is_empty()) {
            let (name, calls) = line
                .split_once(": ")
                .expect("a routine has a name and calls");
            let parts = calls.split(' ').map(|word| part(catalogue, word)).collect();
            out.by_name.insert(name, out.all.len());
            out.all.push(Routine {
                parts,
                page: name.starts_with("page-"),
            });
        }
        out
    }

    pub(crate) fn get(&self, id: RoutineId) -> &Routine {
        &self.all[id]
    }

    /// The routine with this name; our own texts name only routines that exist.
    pub(crate) fn id(&self, name: &str) -> RoutineId {
        self.by_name
            .get(name)
            .copied()
            .unwrap_or_else(|| unreachable!("routine {name} is named but not written"))
    }

    pub(crate) fn ids(&self, names: &str) -> Vec<RoutineId> {
        names.split_whitespace().map(|name| self.id(name)).collect()
    }

    /// The console page of a service, if it has one.
    pub(crate) fn page(&self, service: &str) -> Option<RoutineId> {
        self.by_name
            .get(format!("page-{service}").as_str())
            .copied()
    }
}

fn part(catalogue: &Catalogue, word: &str) -> Part {
    let optional = word.ends_with('?');
    let word = word.trim_end_matches('?');
    let (key, times) = word.split_once('*').unwrap_or((word, "1"));
    Part {
        call: catalogue.id(key),
        at_most: times.parse().expect("a repetition is a number"),
        optional,
    }
}

/// What a person does for a living: routines in order of importance, services for single calls, permission set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) permission_set: &'static str,
    pub(crate) routines: &'static str,
    pub(crate) services: &'static str,
}

pub(crate) const JOBS: &[Job] = &[
    Job {
        name: "application",
        permission_set: "AppBuilder",
        routines: "who-am-i read-logs page-lambda page-logs page-monitoring check-service query-logs page-ecs look-table look-queue pull-images read-setting page-dynamodb hotfix-function page-sqs run-workflow look-bucket page-cloudformation read-secret page-states try-model restart-service",
        services: "lambda logs ecs dynamodb sqs sns states events monitoring apigateway ecr s3 xray",
    },
    Job {
        name: "web",
        permission_set: "AppBuilder",
        routines: "who-am-i look-bucket page-s3 page-cloudfront read-logs purge-cache page-route53 page-acm page-logs page-apigateway read-setting page-lambda",
        services: "s3 cloudfront route53 acm lambda logs apigateway wafv2",
    },
    Job {
        name: "data",
        permission_set: "LakeWriter",
        routines: "run-query page-athena page-glue who-am-i run-job look-bucket page-s3 browse-catalogue page-rds read-logs run-workflow page-states train-model look-table make-bucket",
        services: "athena glue s3 kinesis states dynamodb sagemaker logs",
    },
    Job {
        name: "cloud",
        permission_set: "CloudOps",
        routines: "page-ec2 who-am-i look-network page-monitoring page-iam page-vpc cluster-check read-logs page-ecs page-cloudformation shell-on-instance scale-group page-rds change-group page-route53 look-roles restart-instance new-role page-kms page-ssm dns-change check-trail page-cloudtrail run-command edit-policy page-organizations snapshot-volume manage-users page-backup",
        services: "ec2 iam eks ecs autoscaling elasticloadbalancing route53 rds kms ssm cloudformation acm backup wafv2",
    },
    Job {
        name: "security",
        permission_set: "SecOps",
        routines: "page-guardduty triage-findings page-securityhub look-users check-trail page-cloudtrail look-roles who-am-i page-config page-iam look-keys page-kms page-organizations page-sso credential-report page-s3 look-network",
        services: "guardduty securityhub cloudtrail iam config kms organizations sso s3 ec2 identitystore",
    },
    Job {
        name: "models",
        permission_set: "ModelLab",
        routines: "train-model page-sagemaker who-am-i try-model look-bucket run-query page-s3 pull-images read-logs page-bedrock",
        services: "sagemaker bedrock s3 athena ecr glue logs",
    },
    Job {
        name: "finance",
        permission_set: "Costs",
        routines: "page-ce page-organizations page-budgets open-case",
        services: "ce budgets organizations support",
    },
    Job {
        name: "helpdesk",
        permission_set: "Viewer",
        routines: "page-logs page-monitoring page-ec2 read-logs open-case page-rds page-health query-logs page-sqs page-ecs",
        services: "logs monitoring ec2 rds sqs ecs support health",
    },
    Job {
        name: "databases",
        permission_set: "DataStoreOps",
        routines: "page-rds page-monitoring database-logs who-am-i snapshot-database page-dynamodb tune-database read-logs read-secret restore-database page-elasticache page-backup",
        services: "rds dynamodb elasticache backup kms monitoring logs",
    },
];

/// What pipelines of CI users and of code hosts do.
pub(crate) const PIPELINE: &str = "build-secrets release-function release-service push-image publish-site release-stack read-settings start-build release-fleet purge-cache bake-image migrate-database update-cluster clean-images publish-api who-am-i";
/// What application roles do.
pub(crate) const APPLICATION: &str = "app-objects app-secret app-setting app-items app-decrypt app-queue app-publish app-workflow app-mail app-model app-query app-job app-metrics app-invoke app-events app-stream app-trace app-tokens app-certificates app-upload";

const TEXT: &str = "\
who-am-i: sts:GetCallerIdentity
read-logs: logs:DescribeLogGroups logs:DescribeLogStreams logs:GetLogEvents*4 logs:FilterLogEvents*3?
query-logs: logs:DescribeLogGroups logs:StartQuery logs:GetQueryResults*4
check-service: ecs:DescribeServices*2 ecs:ListTasks ecs:DescribeTasks elasticloadbalancing:DescribeTargetHealth?
restart-service: ecs:DescribeServices ecs:UpdateService ecs:DescribeServices*4
look-table: dynamodb:DescribeTable dynamodb:ListTables? dynamodb:Query*2?
look-queue: sqs:ListQueues sqs:GetQueueAttributes*3
pull-images: ecr:GetAuthorizationToken ecr:DescribeRepositories? ecr:BatchGetImage ecr:GetDownloadUrlForLayer*3
read-setting: ssm:GetParameter*2 ssm:DescribeParameters?
hotfix-function: lambda:GetFunction lambda:UpdateFunctionCode lambda:GetFunctionConfiguration*2 lambda:Invoke?
run-workflow: states:ListStateMachines? states:StartExecution states:DescribeExecution*4 states:GetExecutionHistory?
look-bucket: s3:ListBuckets s3:ListObjects*3 s3:HeadObject? s3:GetObject*2
read-secret: secretsmanager:ListSecrets? secretsmanager:DescribeSecret secretsmanager:GetSecretValue
try-model: bedrock:ListFoundationModels bedrock:InvokeModel*3
purge-cache: cloudfront:ListDistributions? cloudfront:CreateInvalidation cloudfront:GetInvalidation*2
run-query: athena:StartQueryExecution athena:GetQueryExecution*4 athena:GetQueryResults glue:GetTable?
run-job: glue:GetJob glue:StartJobRun glue:GetJobRun*5
browse-catalogue: glue:GetDatabases glue:GetTables*2 glue:GetPartitions?
train-model: sagemaker:CreateTrainingJob sagemaker:DescribeTrainingJob*4 s3:ListObjects
make-bucket: s3:CreateBucket s3:PutBucketEncryption s3:PutBucketPublicAccessBlock s3:PutBucketTagging?
look-network: ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeSecurityGroups ec2:DescribeRouteTables? ec2:DescribeNetworkInterfaces?
cluster-check: eks:ListClusters? eks:DescribeCluster eks:ListNodegroups eks:DescribeNodegroup*2 sts:GetCallerIdentity?
shell-on-instance: ssm:DescribeInstanceInformation ssm:StartSession ssm:TerminateSession
scale-group: autoscaling:DescribeAutoScalingGroups autoscaling:SetDesiredCapacity autoscaling:DescribeScalingActivities*2
change-group: ec2:DescribeSecurityGroups ec2:AuthorizeSecurityGroupIngress ec2:DescribeSecurityGroupRules?
look-roles: iam:ListRoles iam:GetRole*3 iam:ListAttachedRolePolicies*3 iam:GetPolicyVersion?
restart-instance: ec2:DescribeInstances ec2:RebootInstances ec2:DescribeInstanceStatus*3
new-role: iam:CreateRole iam:AttachRolePolicy iam:GetRole iam:TagRole?
dns-change: route53:ListHostedZones route53:ListResourceRecordSets route53:ChangeResourceRecordSets route53:GetChange*2
check-trail: cloudtrail:DescribeTrails cloudtrail:GetTrailStatus cloudtrail:LookupEvents*3
run-command: ssm:SendCommand ssm:GetCommandInvocation*3
edit-policy: iam:GetPolicy iam:GetPolicyVersion iam:CreatePolicyVersion iam:DeletePolicyVersion?
snapshot-volume: ec2:DescribeVolumes ec2:CreateSnapshot ec2:DescribeSnapshots*2
manage-users: iam:ListUsers iam:GetUser iam:AddUserToGroup? iam:ListGroupsForUser iam:TagUser?
triage-findings: guardduty:ListDetectors guardduty:ListFindings guardduty:GetFindings*3 guardduty:ArchiveFindings?
look-users: iam:ListUsers iam:GetUser*3 iam:ListAttachedUserPolicies*2 iam:ListMFADevices*2
look-keys: iam:ListUsers iam:ListAccessKeys*4 iam:GetAccessKeyLastUsed*4
credential-report: iam:GenerateCredentialReport*2 iam:GetCredentialReport
open-case: support:DescribeCases support:CreateCase? support:DescribeCommunications?
database-logs: rds:DescribeDBInstances rds:DescribeDBLogFiles rds:DownloadDBLogFilePortion*3
snapshot-database: rds:CreateDBSnapshot rds:DescribeDBSnapshots*3
tune-database: rds:DescribeDBParameterGroups rds:ModifyDBParameterGroup rds:ModifyDBInstance?
restore-database: rds:DescribeDBSnapshots rds:RestoreDBInstanceFromDBSnapshot rds:DescribeDBInstances*3
build-secrets: secretsmanager:GetSecretValue*2 ssm:GetParameter?
release-function: s3:PutObject lambda:UpdateFunctionCode lambda:GetFunctionConfiguration*3 lambda:PublishVersion lambda:UpdateAlias
release-service: ecr:GetAuthorizationToken ecs:DescribeTaskDefinition ecs:RegisterTaskDefinition ecs:UpdateService ecs:DescribeServices*5
push-image: ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability*4 ecr:InitiateLayerUpload*2 ecr:UploadLayerPart*2 ecr:CompleteLayerUpload*2 ecr:PutImage
publish-site: s3:ListObjects s3:PutObject*6 s3:DeleteObject? cloudfront:CreateInvalidation
release-stack: cloudformation:GetTemplateSummary cloudformation:DescribeStacks cloudformation:CreateChangeSet cloudformation:DescribeChangeSet*3 cloudformation:ExecuteChangeSet cloudformation:DescribeStackEvents*4
read-settings: ssm:GetParametersByPath*2 ssm:GetParameters?
start-build: codebuild:StartBuild codebuild:BatchGetBuilds*5
release-fleet: s3:PutObject codedeploy:RegisterApplicationRevision codedeploy:CreateDeployment codedeploy:GetDeployment*4
bake-image: ec2:RunInstances ec2:DescribeInstances*3 ec2:CreateImage ec2:DescribeImages*3 ec2:CreateTags ec2:TerminateInstances
migrate-database: secretsmanager:GetSecretValue rds:DescribeDBInstances rds:CreateDBSnapshot? ecs:RunTask ecs:DescribeTasks*3
update-cluster: eks:DescribeCluster ecr:DescribeImages eks:AccessKubernetesApi*2
clean-images: ecr:DescribeRepositories ecr:ListImages*3 ecr:BatchDeleteImage
publish-api: apigateway:PutRestApi apigateway:CreateDeployment apigateway:GetStages?
app-objects: s3:GetObject*3 s3:PutObject?
app-upload: s3:PutObject*3 s3:ListObjects?
app-secret: secretsmanager:GetSecretValue
app-setting: ssm:GetParameter*2
app-items: dynamodb:DescribeTable
app-decrypt: kms:Decrypt*2 kms:GenerateDataKey?
app-queue: sqs:GetQueueUrl sqs:GetQueueAttributes?
app-publish: sns:GetTopicAttributes sns:Publish?
app-workflow: states:StartExecution states:DescribeExecution*2
app-mail: ses:GetSendQuota? ses:SendEmail*2
app-model: bedrock:InvokeModel*2
app-query: athena:StartQueryExecution athena:GetQueryExecution*3 athena:GetQueryResults
app-job: glue:StartJobRun glue:GetJobRun*2
app-metrics: monitoring:GetMetricData? monitoring:ListMetrics? logs:CreateLogStream
app-invoke: lambda:Invoke*2
app-events: events:PutEvents
app-stream: kinesis:DescribeStreamSummary kinesis:ListShards
app-trace: xray:GetSamplingRules xray:GetSamplingTargets
app-tokens: kms:Encrypt kms:DescribeKey
app-certificates: acm:DescribeCertificate
agent-report: ssm:UpdateInstanceInformation
pull-on-start: ecr:GetAuthorizationToken ecr:BatchGetImage ecr:GetDownloadUrlForLayer*4 logs:CreateLogStream
scale-nodes: autoscaling:DescribeAutoScalingGroups*2 ec2:DescribeInstanceTypes? ec2:DescribeLaunchTemplateVersions autoscaling:SetDesiredCapacity? autoscaling:TerminateInstanceInAutoScalingGroup?
attach-disks: ec2:DescribeVolumes ec2:AttachVolume? ec2:DetachVolume? ec2:CreateVolume? ec2:DescribeInstances
sync-names: route53:ListHostedZones route53:ListResourceRecordSets*2 route53:ChangeResourceRecordSets?
sync-balancers: elasticloadbalancing:DescribeLoadBalancers elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeTargetHealth*2 elasticloadbalancing:RegisterTargets? ec2:DescribeSubnets?
nightly-backup: ec2:DescribeVolumes ec2:CreateSnapshot*4 ec2:CreateTags*3 rds:DescribeDBInstances rds:CreateDBSnapshot*2 ec2:DescribeSnapshots*2
expire-backups: ec2:DescribeSnapshots ec2:DeleteSnapshot*4 rds:DeleteDBSnapshot*2
plan-network: ec2:DescribeVpcs ec2:DescribeSubnets*2 ec2:DescribeSecurityGroups*3 ec2:DescribeRouteTables ec2:DescribeInternetGateways ec2:DescribeNatGateways ec2:DescribeNetworkAcls
plan-roles: iam:GetRole*6 iam:ListRolePolicies*6 iam:ListAttachedRolePolicies*6 iam:GetPolicy*4 iam:GetPolicyVersion*4
plan-buckets: s3:GetBucketPolicy*4 s3:GetBucketAcl*4 s3:GetBucketVersioning*4 s3:GetBucketEncryption*4 s3:GetBucketTagging*4 s3:GetBucketPublicAccessBlock*4
plan-functions: lambda:GetFunction*4 lambda:ListVersionsByFunction*4 lambda:GetPolicy*3
plan-keys: kms:DescribeKey*4 kms:GetKeyPolicy*4 kms:GetKeyRotationStatus*4 kms:ListResourceTags*3
plan-queues: sqs:GetQueueAttributes*4 sqs:ListQueueTags*4 sns:GetTopicAttributes*3
plan-logs: logs:DescribeLogGroups*3 logs:ListTagsForResource*3 monitoring:DescribeAlarms*3
access-review: iam:ListUsers iam:ListAccessKeys*8 iam:GetAccessKeyLastUsed*8 iam:ListMFADevices*6 iam:GenerateCredentialReport iam:GetCredentialReport
rotate-open: iam:ListAccessKeys iam:CreateAccessKey iam:GetAccessKeyLastUsed
rotate-close: iam:ListAccessKeys iam:UpdateAccessKey iam:DeleteAccessKey
incident-drill: cloudtrail:LookupEvents*5 iam:ListUsers iam:ListAccessKeys*2 iam:GetAccessKeyLastUsed*2 iam:UpdateAccessKey guardduty:ListFindings guardduty:GetFindings iam:ListAttachedUserPolicies iam:PutUserPolicy?
restore-exercise: rds:DescribeDBSnapshots rds:CopyDBSnapshot rds:RestoreDBInstanceFromDBSnapshot rds:DescribeDBInstances*3 ec2:CopySnapshot ec2:CreateVolume rds:DeleteDBInstance
idle-cleanup: ec2:DescribeVolumes ec2:DeleteVolume*4 ec2:DescribeSnapshots ec2:DeleteSnapshot*6 ec2:ReleaseAddress*2 elasticloadbalancing:DeleteLoadBalancer
leaver: iam:ListAccessKeys iam:UpdateAccessKey iam:DeleteAccessKey iam:DeleteLoginProfile iam:ListAttachedUserPolicies iam:DetachUserPolicy iam:DeleteUser
new-pipeline-user: iam:CreateUser iam:AttachUserPolicy iam:CreateAccessKey iam:TagUser
model-access: bedrock:ListFoundationModels bedrock:GetFoundationModelAvailability bedrock:PutUseCaseForModelAccess bedrock:CreateFoundationModelAgreement bedrock:InvokeModel*3
trail-tuning: cloudtrail:GetEventSelectors cloudtrail:PutEventSelectors cloudtrail:GetTrailStatus
share-image: ec2:DescribeImages ec2:ModifyImageAttribute ec2:ModifySnapshotAttribute
provider-upgrade: s3:GetBucketReplication*3 s3:GetBucketObjectLockConfiguration*3 s3:GetBucketOwnershipControls*3 s3:GetBucketWebsite*3 lambda:GetFunctionConcurrency*2 iam:ListRoleTags*3
adopt-streams: kinesis:CreateStream kinesis:DescribeStreamSummary*2 kinesis:RegisterStreamConsumer iam:CreateRole iam:PutRolePolicy iam:PassRole
adopt-firewall: wafv2:ListWebACLs wafv2:CreateWebACL wafv2:GetWebACL*2 wafv2:UpdateWebACL elasticloadbalancing:DescribeLoadBalancers
adopt-workflows: states:CreateStateMachine states:DescribeStateMachine*2 iam:CreateRole iam:PutRolePolicy events:PutRule events:PutTargets
library-release: xray:GetSamplingRules xray:GetSamplingTargets ssm:GetParametersByPath
tool-release: sts:GetCallerIdentity iam:ListAccountAliases ssm:DescribeInstanceInformation ssm:StartSession
step-release: sts:GetCallerIdentity ecr:DescribeImageScanFindings securityhub:BatchImportFindings
root-billing: iam:GetAccountSummary ce:GetCostAndUsage budgets:ViewBudget support:DescribeCases
root-glass: iam:GetAccountSummary iam:ListUsers iam:ListAccessKeys iam:ListMFADevices iam:EnableMFADevice
page-ec2: ec2:DescribeInstances*2 ec2:DescribeInstanceStatus ec2:DescribeVolumes ec2:DescribeAddresses ec2:DescribeKeyPairs ec2:DescribeSecurityGroups ec2:DescribeTags ec2:DescribeAccountAttributes autoscaling:DescribeAutoScalingGroups? elasticloadbalancing:DescribeLoadBalancers?
page-vpc: ec2:DescribeVpcs ec2:DescribeSubnets ec2:DescribeRouteTables ec2:DescribeInternetGateways ec2:DescribeNatGateways ec2:DescribeVpcEndpoints ec2:DescribeVpcPeeringConnections? ec2:DescribeTransitGateways?
page-iam: iam:GetAccountSummary iam:ListUsers iam:ListRoles iam:ListPolicies? iam:ListAccountAliases iam:GetAccountPasswordPolicy? iam:ListGroups? iam:ListMFADevices
page-lambda: lambda:ListFunctions lambda:GetAccountSettings lambda:GetFunction lambda:GetPolicy lambda:ListVersionsByFunction lambda:ListAliases lambda:ListTags? lambda:ListEventSourceMappings? logs:DescribeLogGroups?
page-s3: s3:ListBuckets s3:GetBucketLocation*3 s3:GetBucketVersioning s3:GetBucketPolicyStatus s3:GetBucketPublicAccessBlock s3:GetBucketAcl? s3:GetBucketEncryption?
page-logs: logs:DescribeLogGroups*2 logs:DescribeLogStreams logs:DescribeMetricFilters? logs:DescribeSubscriptionFilters? logs:GetLogEvents*2
page-monitoring: monitoring:DescribeAlarms monitoring:ListDashboards monitoring:GetDashboard monitoring:ListMetrics*2 monitoring:GetMetricData*4
page-ecs: ecs:ListClusters ecs:DescribeClusters ecs:ListServices ecs:DescribeServices*2 ecs:ListTasks ecs:DescribeTasks
page-dynamodb: dynamodb:ListTables dynamodb:DescribeTable*2 dynamodb:DescribeTimeToLive dynamodb:DescribeContinuousBackups? dynamodb:ListBackups?
page-sqs: sqs:ListQueues sqs:GetQueueAttributes*4 sqs:ListQueueTags? sqs:ListDeadLetterSourceQueues?
page-cloudformation: cloudformation:ListStacks cloudformation:DescribeStacks cloudformation:DescribeStackEvents cloudformation:DescribeStackResources? cloudformation:GetTemplate? cloudformation:ListChangeSets?
page-states: states:ListStateMachines states:DescribeStateMachine states:ListExecutions states:DescribeExecution? states:GetExecutionHistory?
page-cloudfront: cloudfront:ListDistributions cloudfront:GetDistribution cloudfront:GetDistributionConfig? cloudfront:ListInvalidations wafv2:ListWebACLs?
page-route53: route53:ListHostedZones route53:GetHostedZone route53:ListResourceRecordSets route53:ListHealthChecks?
page-acm: acm:ListCertificates acm:DescribeCertificate*2 acm:ListTagsForCertificate?
page-apigateway: apigateway:GetRestApis apigateway:GetResources apigateway:GetStages apigateway:GetApis? apigateway:GetDeployments?
page-athena: athena:ListWorkGroups athena:ListDataCatalogs athena:ListQueryExecutions athena:GetWorkGroup glue:GetDatabases glue:GetTables athena:ListNamedQueries?
page-glue: glue:GetDatabases glue:GetTables glue:GetJobs glue:GetJobRuns? glue:GetCrawler? glue:GetConnections?
page-rds: rds:DescribeDBInstances*2 rds:DescribeDBClusters rds:DescribeEvents rds:DescribePendingMaintenanceActions rds:DescribeDBSnapshots? rds:DescribeDBParameterGroups? monitoring:GetMetricData?
page-kms: kms:ListKeys kms:ListAliases kms:DescribeKey*3 kms:GetKeyPolicy? kms:GetKeyRotationStatus?
page-ssm: ssm:DescribeInstanceInformation ssm:DescribeParameters ssm:ListDocuments? ssm:DescribeSessions? ssm:ListCommands?
page-cloudtrail: cloudtrail:DescribeTrails cloudtrail:GetTrailStatus cloudtrail:LookupEvents*2 cloudtrail:ListEventDataStores?
page-organizations: organizations:DescribeOrganization organizations:ListRoots organizations:ListAccounts organizations:ListOrganizationalUnitsForParent*2 organizations:ListPolicies?
page-backup: backup:ListBackupVaults backup:ListBackupJobs backup:ListBackupPlans backup:ListProtectedResources? backup:ListRecoveryPointsByBackupVault?
page-guardduty: guardduty:ListDetectors guardduty:GetDetector guardduty:ListFindings guardduty:GetFindings guardduty:GetFindingsStatistics guardduty:ListMembers?
page-securityhub: securityhub:DescribeHub securityhub:GetEnabledStandards securityhub:GetFindings*2 securityhub:GetInsights? securityhub:DescribeStandardsControls?
page-config: config:DescribeConfigRules config:DescribeComplianceByConfigRule config:DescribeConfigurationRecorderStatus config:GetComplianceDetailsByConfigRule*2?
page-sso: sso:ListInstances sso:ListPermissionSets sso:DescribePermissionSet*2 sso:ListAccountAssignments? identitystore:ListUsers identitystore:ListGroups?
page-sagemaker: sagemaker:ListDomains sagemaker:ListTrainingJobs sagemaker:ListEndpoints? sagemaker:ListNotebookInstances? sagemaker:DescribeDomain
page-bedrock: bedrock:ListFoundationModels bedrock:ListInferenceProfiles bedrock:GetFoundationModel? bedrock:ListGuardrails?
page-ce: ce:GetCostAndUsage*3 ce:GetDimensionValues*2 ce:GetCostForecast ce:GetTags?
page-budgets: budgets:DescribeBudgets budgets:ViewBudget*2
page-health: health:DescribeEventAggregates health:DescribeEvents health:DescribeEventDetails?
page-elasticache: elasticache:DescribeCacheClusters elasticache:DescribeReplicationGroups elasticache:DescribeEvents?
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_routine_exists_and_names_known_calls() {
        let catalogue = Catalogue::new();
        let routines = Routines::new(&catalogue);
        assert!(routines.all.len() > 110, "{}", routines.all.len());
        for job in JOBS {
            assert!(!routines.ids(job.routines).is_empty());
            for service in job.services.split(' ') {
                assert!(!catalogue.of_service(service).is_empty(), "{service}");
            }
        }
        assert!(routines.ids(PIPELINE).len() > 10 && routines.ids(APPLICATION).len() > 10);
    }

    #[test]
    fn a_run_keeps_the_fixed_calls_in_order() {
        let catalogue = Catalogue::new();
        let routines = Routines::new(&catalogue);
        let mut chance = Chance::named(1, &["run"]);
        let run = routines.get(routines.id("rotate-open")).run(&mut chance);
        let keys: Vec<&str> = run.iter().map(|id| catalogue.get(*id).name).collect();
        assert_eq!(
            keys,
            ["ListAccessKeys", "CreateAccessKey", "GetAccessKeyLastUsed"]
        );
    }
}
