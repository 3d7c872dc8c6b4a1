//! Our table of calls, as text: one paragraph a service, most used calls first.
//!
//! A paragraph opens with `@ prefix event-source`, and ` global` where the service records in us-east-1 only. Each word is
//! one call: `+` marks a write, `~` an event of the data plane, and after `:` stand its request parameters, named as in
//! [`super::parameters`]. Names are written as CloudTrail writes them, dates included.

pub(super) const TABLE: &str = "
@ sts sts.amazonaws.com
GetCallerIdentity AssumeRole:rolearn AssumeRoleWithSAML:rolearn AssumeRoleWithWebIdentity:rolearn GetSessionToken GetFederationToken DecodeAuthorizationMessage GetAccessKeyInfo:user
@ iam iam.amazonaws.com global
GetRole:role ListRoles ListAttachedRolePolicies:role GetPolicy:policy ListUsers GetUser:user ListRolePolicies:role GetRolePolicy:role GetPolicyVersion:policy ListPolicies +PassRole:role
ListInstanceProfiles GetInstanceProfile:role ListAccountAliases GetAccountSummary ListAccessKeys:user GetAccessKeyLastUsed:user ListGroups ListGroupsForUser:user ListUserPolicies:user
ListAttachedUserPolicies:user ListMFADevices:user GetLoginProfile:user ListRoleTags:role ListPolicyVersions:policy ListOpenIDConnectProviders ListSAMLProviders GetAccountPasswordPolicy
GenerateCredentialReport GetCredentialReport GetAccountAuthorizationDetails SimulatePrincipalPolicy:role ListVirtualMFADevices GetServiceLastAccessedDetails ListEntitiesForPolicy:policy
+CreateRole:role +AttachRolePolicy:role,policy +PutRolePolicy:role +DetachRolePolicy:role,policy +DeleteRole:role +DeleteRolePolicy:role +UpdateAssumeRolePolicy:role +TagRole:role
+CreatePolicy:policy +CreatePolicyVersion:policy +DeletePolicyVersion:policy +DeletePolicy:policy +CreateUser:user +DeleteUser:user +AttachUserPolicy:user,policy +DetachUserPolicy:user,policy
+PutUserPolicy:user +CreateAccessKey:user +UpdateAccessKey:user +DeleteAccessKey:user +CreateLoginProfile:user +UpdateLoginProfile:user +DeleteLoginProfile:user +ChangePassword
+CreateVirtualMFADevice:user +EnableMFADevice:user +DeactivateMFADevice:user +CreateInstanceProfile:role +AddRoleToInstanceProfile:role +AddUserToGroup:user +RemoveUserFromGroup:user
+CreateOpenIDConnectProvider +CreateServiceLinkedRole +CreateGroup +UpdateRole:role +TagUser:user
@ s3 s3.amazonaws.com
~GetObject:object ~+PutObject:object ~ListObjects:bucket ~HeadObject:object ListBuckets GetBucketLocation:bucket ~+DeleteObject:object GetBucketVersioning:bucket GetBucketPolicy:bucket
GetBucketAcl:bucket GetBucketEncryption:bucket GetBucketTagging:bucket GetBucketPublicAccessBlock:bucket GetBucketLogging:bucket GetBucketNotification:bucket GetBucketLifecycle:bucket
GetBucketPolicyStatus:bucket GetBucketReplication:bucket GetBucketObjectLockConfiguration:bucket GetBucketOwnershipControls:bucket GetBucketWebsite:bucket GetBucketCors:bucket
~+CopyObject:object +CreateBucket:bucket +PutBucketPolicy:bucket +PutBucketEncryption:bucket +PutBucketLifecycle:bucket +PutBucketTagging:bucket +PutBucketPublicAccessBlock:bucket
+PutBucketVersioning:bucket +DeleteBucket:bucket +DeleteBucketPolicy:bucket +PutBucketNotification:bucket +PutBucketReplication:bucket ~+DeleteObjects:bucket
@ ec2 ec2.amazonaws.com
DescribeInstances:instances DescribeSecurityGroups:group DescribeSubnets DescribeVpcs DescribeVolumes DescribeImages DescribeTags DescribeInstanceStatus DescribeNetworkInterfaces
DescribeRegions DescribeAvailabilityZones DescribeRouteTables DescribeSnapshots DescribeInstanceTypes DescribeLaunchTemplates DescribeLaunchTemplateVersions DescribeAddresses DescribeKeyPairs
DescribeInternetGateways DescribeNatGateways DescribeVpcEndpoints DescribeNetworkAcls DescribeInstanceAttribute:instance DescribeSpotPriceHistory DescribeVpcPeeringConnections DescribeFlowLogs
DescribeAccountAttributes GetConsoleOutput:instance GetPasswordData:instance DescribeSnapshotAttribute:snapshot GetEbsEncryptionByDefault DescribeSecurityGroupRules DescribeTransitGateways
+CreateTags:instance +RunInstances:launch +TerminateInstances:instances +StartInstances:instances +StopInstances:instances +RebootInstances:instances +AuthorizeSecurityGroupIngress:ingress
+RevokeSecurityGroupIngress:ingress +CreateSecurityGroup:group +DeleteSecurityGroup:group +CreateSnapshot:volume +DeleteSnapshot:snapshot +ModifySnapshotAttribute:snapshot +CopySnapshot:snapshot
+CreateVolume:snapshot +AttachVolume:volume +DetachVolume:volume +DeleteVolume:volume +CreateImage:instance +DeregisterImage:image +ModifyImageAttribute:image +CreateKeyPair +ImportKeyPair
+ModifyInstanceAttribute:instance +CreateLaunchTemplate +CreateLaunchTemplateVersion +RequestSpotInstances:launch +CreateNetworkInterface +DeleteNetworkInterface +AllocateAddress
+AssociateAddress:instance +ReleaseAddress +CreateRoute +DeleteFlowLogs +CreateFlowLogs +CreateVpcEndpoint +DisableEbsEncryptionByDefault +DeleteTags:instance +CreateSubnet
@ lambda lambda.amazonaws.com
GetFunction20150331v2:fn ListFunctions20150331 GetFunctionConfiguration20150331v2:fn GetPolicy20150331v2:fn ListVersionsByFunction20150331:fn ListAliases20150331:fn ListTags20170331:fn
ListEventSourceMappings20150331 GetAccountSettings20160819 GetFunctionUrlConfig:fn ListLayers20181031 GetLayerVersion20181031 GetFunctionConcurrency20190930:fn ~+Invoke:fn
+UpdateFunctionCode20150331v2:fn +UpdateFunctionConfiguration20150331v2:fn +PublishVersion20150331:fn +UpdateAlias20150331:fn +CreateFunction20150331:fn +DeleteFunction20150331:fn
+AddPermission20150331v2:fn +RemovePermission20150331v2:fn +CreateEventSourceMapping20150331:fn +PublishLayerVersion20181031 +CreateFunctionUrlConfig:fn +TagResource20170331v2:fn
+PutFunctionConcurrency20171031:fn
@ ecs ecs.amazonaws.com
DescribeServices:ecsservice DescribeTasks:ecstask DescribeTaskDefinition:family ListTasks:ecsservice ListServices:cluster DescribeClusters:cluster ListClusters ListTaskDefinitions:family
DescribeContainerInstances:cluster +UpdateService:ecsservice +RegisterTaskDefinition:family +RunTask:family +StopTask:ecstask +DeregisterTaskDefinition:family +CreateService:ecsservice
+ExecuteCommand:ecstask +CreateCluster:cluster +DeleteService:ecsservice +PutClusterCapacityProviders:cluster
@ ecr ecr.amazonaws.com
GetAuthorizationToken BatchGetImage:repo GetDownloadUrlForLayer:repo BatchCheckLayerAvailability:repo DescribeRepositories DescribeImages:repo ListImages:repo DescribeImageScanFindings:repo
GetRepositoryPolicy:repo GetLifecyclePolicy:repo +PutImage:repo +InitiateLayerUpload:repo +UploadLayerPart:repo +CompleteLayerUpload:repo +CreateRepository:repo +BatchDeleteImage:repo
+PutLifecyclePolicy:repo +SetRepositoryPolicy:repo
@ logs logs.amazonaws.com
DescribeLogGroups FilterLogEvents:loggroup DescribeLogStreams:loggroup GetLogEvents:loggroup GetQueryResults StartQuery:loggroup DescribeMetricFilters:loggroup DescribeSubscriptionFilters:loggroup
ListTagsForResource +CreateLogStream:loggroup +CreateLogGroup:loggroup +PutRetentionPolicy:loggroup +PutMetricFilter:loggroup +PutSubscriptionFilter:loggroup +DeleteLogGroup:loggroup
+DeleteLogStream:loggroup
@ monitoring monitoring.amazonaws.com
DescribeAlarms GetMetricData ListMetrics GetMetricStatistics:metric ListDashboards GetDashboard DescribeAlarmsForMetric:metric DescribeAlarmHistory +PutMetricAlarm:metric +PutDashboard
+DeleteAlarms +SetAlarmState +DisableAlarmActions
@ kms kms.amazonaws.com
Decrypt:kms GenerateDataKey:kms DescribeKey:kms Encrypt:kms ListAliases ListKeys GetKeyPolicy:kms GetKeyRotationStatus:kms ListGrants:kms ListResourceTags:kms +CreateGrant:kms +CreateKey
+CreateAlias:kms +PutKeyPolicy:kms +EnableKeyRotation:kms +ScheduleKeyDeletion:kms +DisableKey:kms +RetireGrant:kms
@ secretsmanager secretsmanager.amazonaws.com
GetSecretValue:secret DescribeSecret:secret ListSecrets GetResourcePolicy:secret ListSecretVersionIds:secret BatchGetSecretValue GetRandomPassword +PutSecretValue:secret +CreateSecret:secret
+UpdateSecret:secret +RotateSecret:secret +UpdateSecretVersionStage:secret +DeleteSecret:secret +PutResourcePolicy:secret +TagResource:secret
@ ssm ssm.amazonaws.com
GetParameter:param GetParameters:param GetParametersByPath:path DescribeParameters DescribeInstanceInformation ListCommands ListCommandInvocations GetCommandInvocation:command
DescribeSessions ListDocuments GetDocument DescribeInstancePatchStates GetParameterHistory:param +UpdateInstanceInformation:instance +PutParameter:param +DeleteParameter:param
+SendCommand:run +StartSession:target +TerminateSession +ResumeSession +CreateDocument +ModifyDocumentPermission +CreateAssociation
@ dynamodb dynamodb.amazonaws.com
DescribeTable:table ListTables DescribeTimeToLive:table DescribeContinuousBackups:table ListTagsOfResource ~GetItem:table ~Query:table ~+PutItem:table ~Scan:table ~+UpdateItem:table
ListBackups DescribeLimits +UpdateTable:table +CreateTable:table +UpdateTimeToLive:table +CreateBackup:table +DeleteTable:table +ExportTableToPointInTime:table +DeleteBackup
@ sqs sqs.amazonaws.com
GetQueueAttributes:queue GetQueueUrl:queue ListQueues ListQueueTags:queue ListDeadLetterSourceQueues:queue +CreateQueue:queue +SetQueueAttributes:queue +PurgeQueue:queue +DeleteQueue:queue
+TagQueue:queue
@ sns sns.amazonaws.com
ListTopics GetTopicAttributes:topic ListSubscriptionsByTopic:topic ListSubscriptions GetSMSAttributes GetSubscriptionAttributes:topic ListTagsForResource:topic +CreateTopic:topic
+Subscribe:topic +SetTopicAttributes:topic +Unsubscribe:topic +DeleteTopic:topic ~+Publish:topic +SetSMSAttributes
@ cloudformation cloudformation.amazonaws.com
DescribeStacks:stack DescribeStackEvents:stack ListStacks DescribeStackResources:stack GetTemplate:stack DescribeChangeSet:stack GetTemplateSummary:stack ListStackResources:stack
ListChangeSets:stack ListExports DescribeStackResource:stack +CreateChangeSet:stack +ExecuteChangeSet:stack +UpdateStack:stack +CreateStack:stack +DeleteStack:stack +DeleteChangeSet:stack
+SetStackPolicy:stack
@ cloudtrail cloudtrail.amazonaws.com
LookupEvents DescribeTrails GetTrailStatus:trail GetEventSelectors:trail ListTrails GetTrail:trail GetInsightSelectors:trail ListEventDataStores GetQueryResults +PutEventSelectors:trail
+StopLogging:trail +StartLogging:trail +DeleteTrail:trail +UpdateTrail:trail +CreateTrail:trail
@ config config.amazonaws.com
DescribeConfigRules DescribeComplianceByConfigRule GetComplianceDetailsByConfigRule DescribeConfigurationRecorders DescribeConfigurationRecorderStatus SelectResourceConfig
ListDiscoveredResources GetResourceConfigHistory DescribeDeliveryChannels +PutConfigRule +PutEvaluations +StopConfigurationRecorder +DeleteDeliveryChannel +StartConfigRulesEvaluation
@ guardduty guardduty.amazonaws.com
ListDetectors GetFindings:detector ListFindings:detector GetDetector:detector ListMembers:detector GetFindingsStatistics:detector ListFilters:detector ListIPSets:detector
+ArchiveFindings:detector +CreateFilter:detector +UpdateDetector:detector +DeleteDetector:detector +CreateIPSet:detector +DisassociateMembers:detector
@ organizations organizations.amazonaws.com global
DescribeOrganization ListAccounts DescribeAccount ListRoots ListOrganizationalUnitsForParent ListPolicies DescribePolicy ListDelegatedAdministrators ListParents ListAWSServiceAccessForOrganization
+CreateAccount +AttachPolicy +UpdatePolicy +MoveAccount +LeaveOrganization
@ rds rds.amazonaws.com
DescribeDBInstances:db DescribeDBClusters DescribeDBSnapshots DescribeEvents DescribeDBLogFiles:db DescribeDBSubnetGroups DescribeDBParameterGroups ListTagsForResource DownloadDBLogFilePortion:db
DescribeDBClusterSnapshots DescribePendingMaintenanceActions DescribeDBSnapshotAttributes:dbsnap +ModifyDBInstance:db +CreateDBSnapshot:dbsnap,db +DeleteDBSnapshot:dbsnap
+RestoreDBInstanceFromDBSnapshot:dbsnap +ModifyDBSnapshotAttribute:dbsnap +CopyDBSnapshot:dbsnap +RebootDBInstance:db +CreateDBInstance:db +DeleteDBInstance:db +StartExportTask:dbsnap
+ModifyDBParameterGroup +AddTagsToResource:db
@ eks eks.amazonaws.com
DescribeCluster:eks ListClusters ListNodegroups:eks DescribeNodegroup:eks ListAddons:eks DescribeAddon:eks ListAccessEntries:eks AccessKubernetesApi:eks ListUpdates:eks DescribeAddonVersions
+UpdateClusterVersion:eks +UpdateNodegroupVersion:eks +CreateAccessEntry:eks +AssociateAccessPolicy:eks +UpdateClusterConfig:eks +CreateNodegroup:eks
@ elasticloadbalancing elasticloadbalancing.amazonaws.com
DescribeLoadBalancers DescribeTargetHealth:tg DescribeTargetGroups DescribeListeners:lb DescribeRules DescribeTags DescribeLoadBalancerAttributes:lb +RegisterTargets:tg +DeregisterTargets:tg
+ModifyListener +ModifyRule +CreateTargetGroup +CreateLoadBalancer +DeleteLoadBalancer:lb +SetSecurityGroups:lb
@ autoscaling autoscaling.amazonaws.com
DescribeAutoScalingGroups:asg DescribeScalingActivities:asg DescribeAutoScalingInstances DescribePolicies:asg DescribeLaunchConfigurations DescribeInstanceRefreshes:asg DescribeTags
+SetDesiredCapacity:asg +UpdateAutoScalingGroup:asg +TerminateInstanceInAutoScalingGroup +StartInstanceRefresh:asg +PutScalingPolicy:asg +CreateAutoScalingGroup:asg +SuspendProcesses:asg
@ route53 route53.amazonaws.com global
ListHostedZones ListResourceRecordSets:zone GetHostedZone:zone GetChange ListHostedZonesByName ListHealthChecks ListTagsForResource +ChangeResourceRecordSets:zone +CreateHostedZone
+DeleteHostedZone:zone +CreateHealthCheck
@ apigateway apigateway.amazonaws.com
GetRestApis GetResources:api GetStages:api GetApis GetIntegrations:api GetRoutes:api GetDeployments:api GetApiKeys +CreateDeployment:api +UpdateStage:api +PutRestApi:api +UpdateRestApi:api
+CreateApiKey
@ athena athena.amazonaws.com
GetQueryExecution GetQueryResults ListWorkGroups GetWorkGroup ListQueryExecutions ListDataCatalogs GetNamedQuery ListNamedQueries BatchGetQueryExecution +StartQueryExecution:sql
+CreateNamedQuery +StopQueryExecution +CreateWorkGroup
@ glue glue.amazonaws.com
GetTable:gluetable GetDatabases GetTables:gluedb GetPartitions:gluetable GetJobRun:job GetJobRuns:job GetJob:job GetCrawler GetJobs GetConnections GetDatabase:gluedb GetTrigger GetDevEndpoints
+StartJobRun:job +StartCrawler +CreateTable:gluetable +UpdateTable:gluetable +BatchCreatePartition:gluetable +UpdateJob:job +CreateJob:job
@ states states.amazonaws.com
DescribeExecution:execution ListExecutions:machine DescribeStateMachine:machine ListStateMachines GetExecutionHistory:execution +StartExecution:machine +StopExecution:execution
+UpdateStateMachine:machine +CreateStateMachine:machine
@ events events.amazonaws.com
ListRules DescribeRule:rule ListTargetsByRule:rule ListEventBuses DescribeEventBus +PutEvents +PutRule:rule +PutTargets:rule +DisableRule:rule +DeleteRule:rule +RemoveTargets:rule
@ bedrock bedrock.amazonaws.com
InvokeModel:model ListFoundationModels GetFoundationModelAvailability:model InvokeModelWithResponseStream:model Converse:model GetFoundationModel:model ListInferenceProfiles
GetModelInvocationLoggingConfiguration GetUseCaseForModelAccess ListGuardrails ListAgents Retrieve +PutUseCaseForModelAccess +CreateFoundationModelAgreement:model
+DeleteModelInvocationLoggingConfiguration +PutFoundationModelEntitlement:model
@ ses ses.amazonaws.com
GetSendQuota ListIdentities GetAccount GetSendStatistics GetIdentityVerificationAttributes ListEmailIdentities GetEmailIdentity:mail GetAccountSendingEnabled ~+SendEmail:mail ~+SendRawEmail:mail
+VerifyEmailIdentity:mail +CreateEmailIdentity:mail +UpdateAccountSendingEnabled +PutAccountDetails +DeleteIdentity:mail
@ backup backup.amazonaws.com
ListBackupJobs ListBackupPlans ListRecoveryPointsByBackupVault:vault DescribeBackupJob ListBackupVaults GetBackupPlan ListProtectedResources DescribeBackupVault:vault +StartBackupJob:vault
+DeleteRecoveryPoint:vault +UpdateBackupPlan +DeleteBackupVault:vault +StartCopyJob:vault
@ signin signin.amazonaws.com global
ConsoleLogin GetSigninToken UserAuthentication CredentialChallenge CredentialVerification SwitchRole:role CheckMfa
@ sso sso.amazonaws.com
Federate ListApplications ListPermissionSets ListAccountAssignments:permset DescribePermissionSet:permset ListInstances Authenticate ListManagedPoliciesInPermissionSet:permset
+CreateAccountAssignment:permset +CreatePermissionSet +AttachManagedPolicyToPermissionSet:permset +ProvisionPermissionSet:permset +DeleteAccountAssignment:permset
@ identitystore identitystore.amazonaws.com
ListUsers ListGroups DescribeUser ListGroupMemberships +CreateUser +CreateGroupMembership
@ ce ce.amazonaws.com global
GetCostAndUsage GetDimensionValues GetCostForecast GetReservationUtilization GetSavingsPlansUtilization GetAnomalies GetTags
@ budgets budgets.amazonaws.com global
ViewBudget DescribeBudgets +ModifyBudget
@ support support.amazonaws.com global
DescribeCases DescribeTrustedAdvisorChecks DescribeTrustedAdvisorCheckResult DescribeServices DescribeCommunications +CreateCase +AddCommunicationToCase
@ health health.amazonaws.com global
DescribeEvents DescribeEventDetails DescribeAffectedEntities DescribeEventAggregates
@ codebuild codebuild.amazonaws.com
BatchGetBuilds:project BatchGetProjects:project ListBuildsForProject:project ListProjects +StartBuild:project +UpdateProject:project +CreateProject:project +StopBuild
@ codedeploy codedeploy.amazonaws.com
GetDeployment GetDeploymentConfig GetApplicationRevision:app ListDeployments:app GetDeploymentGroup:app ListApplications +CreateDeployment:app +RegisterApplicationRevision:app +StopDeployment
@ cloudfront cloudfront.amazonaws.com global
GetDistribution:dist GetInvalidation:dist ListDistributions GetDistributionConfig:dist ListInvalidations:dist +CreateInvalidation:dist +UpdateDistribution:dist +CreateDistribution
@ acm acm.amazonaws.com
DescribeCertificate:cert ListCertificates GetCertificate:cert ListTagsForCertificate:cert +RequestCertificate +ImportCertificate +DeleteCertificate:cert +AddTagsToCertificate:cert
@ securityhub securityhub.amazonaws.com
GetFindings GetEnabledStandards DescribeHub GetInsights ListMembers DescribeStandardsControls +BatchUpdateFindings +BatchImportFindings +DisableSecurityHub
@ elasticache elasticache.amazonaws.com
DescribeCacheClusters DescribeReplicationGroups DescribeSnapshots DescribeEvents ListTagsForResource +ModifyReplicationGroup +CreateSnapshot
@ kinesis kinesis.amazonaws.com
DescribeStreamSummary:stream ListShards:stream ListStreams DescribeStream:stream +CreateStream:stream +UpdateShardCount:stream +RegisterStreamConsumer:stream
@ sagemaker sagemaker.amazonaws.com
DescribeTrainingJob ListTrainingJobs ListEndpoints DescribeEndpoint ListNotebookInstances ListDomains DescribeDomain +CreateTrainingJob +CreateModel +CreateEndpointConfig +UpdateEndpoint
+CreatePresignedDomainUrl +CreatePresignedNotebookInstanceUrl
@ servicequotas servicequotas.amazonaws.com
ListServiceQuotas GetServiceQuota ListServices ListRequestedServiceQuotaChangeHistory +RequestServiceQuotaIncrease
@ wafv2 wafv2.amazonaws.com
ListWebACLs GetWebACL GetSampledRequests ListIPSets GetIPSet +UpdateIPSet +UpdateWebACL +CreateWebACL
@ xray xray.amazonaws.com
GetSamplingRules GetSamplingTargets GetTraceSummaries BatchGetTraces GetServiceGraph
";
