//! Request parameters by name: small JSON objects that look like the real ones and name the caller's own resources.

use super::Call;

/// What a call is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    /// Application or resource the caller works on.
    pub(crate) app: &'a str,
    /// Account id of the resource.
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    /// At least 17 hexadecimal characters, for ids such as `i-…`.
    pub(crate) token: &'a str,
}

fn field(word: &str, n: &Names<'_>) -> String {
    let Names {
        app,
        account,
        region,
        token,
    } = *n;
    match word {
        "user" => format!(r#""userName":"{app}""#),
        "role" => format!(r#""roleName":"{app}-role""#),
        "rolearn" => format!(r#""roleArn":"arn:aws:iam::{account}:role/{app}-role","roleSessionName":"{app}""#),
        "policy" => format!(r#""policyArn":"arn:aws:iam::{account}:policy/{app}-access""#),
        "bucket" => format!(r#""bucketName":"{app}-{account}","Host":"{app}-{account}.s3.{region}.amazonaws.com""#),
        "object" => format!(r#""bucketName":"{app}-{account}","key":"{app}/{}/{token}.json""#, &token[..2]),
        "fn" => format!(r#""functionName":"{app}""#),
        "instances" => format!(r#""instancesSet":{{"items":[{{"instanceId":"i-{token}"}}]}},"filterSet":{{}}"#),
        "instance" => format!(r#""instanceId":"i-{token}""#),
        "launch" => format!(r#""instancesSet":{{"items":[{{"imageId":"ami-{token}","minCount":1,"maxCount":1}}]}},"instanceType":"m7g.large""#),
        "group" => format!(r#""groupName":"{app}-sg""#),
        "ingress" => {
            r#""groupId":"sg-0a1b2c3d4e5f60718","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"ipRanges":{"items":[{"cidrIp":"10.20.0.0/16"}]}}]}"#
                .to_owned()
        }
        "image" => format!(r#""imageId":"ami-{token}""#),
        "volume" => format!(r#""volumeId":"vol-{token}""#),
        "snapshot" => format!(r#""snapshotId":"snap-{token}""#),
        "secret" => format!(r#""secretId":"{app}/database""#),
        "param" => format!(r#""name":"/{app}/settings","withDecryption":true"#),
        "path" => format!(r#""path":"/{app}","recursive":true,"withDecryption":true"#),
        "command" => format!(r#""commandId":"{token}","instanceId":"i-{token}""#),
        "run" => format!(r#""documentName":"AWS-RunShellScript","instanceIds":["i-{token}"],"parameters":"HIDDEN_DUE_TO_SECURITY_REASONS""#),
        "target" => format!(r#""target":"i-{token}""#),
        "table" => format!(r#""tableName":"{app}""#),
        "queue" => format!(r#""queueUrl":"https://sqs.{region}.amazonaws.com/{account}/{app}""#),
        "topic" => format!(r#""topicArn":"arn:aws:sns:{region}:{account}:{app}""#),
        "stack" => format!(r#""stackName":"{app}""#),
        "cluster" => r#""cluster":"services""#.to_owned(),
        "ecsservice" => format!(r#""cluster":"services","service":"{app}""#),
        "ecstask" => format!(r#""cluster":"services","tasks":["{token}"]"#),
        "family" => format!(r#""taskDefinition":"{app}:41""#),
        "repo" => format!(r#""repositoryName":"{app}","registryId":"{account}""#),
        "loggroup" => format!(r#""logGroupName":"/apps/{app}""#),
        "metric" => r#""namespace":"AWS/ApplicationELB","metricName":"TargetResponseTime""#.to_owned(),
        "kms" => format!(r#""keyId":"arn:aws:kms:{region}:{account}:key/{}","encryptionAlgorithm":"SYMMETRIC_DEFAULT""#, &token[..12]),
        "db" => format!(r#""dBInstanceIdentifier":"{app}""#),
        "dbsnap" => format!(r#""dBSnapshotIdentifier":"{app}-{}""#, &token[..6]),
        "eks" => r#""name":"services""#.to_owned(),
        "tg" => format!(r#""targetGroupArn":"arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{app}/{}""#, &token[..16]),
        "lb" => format!(r#""loadBalancerArn":"arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{app}/{}""#, &token[..16]),
        "asg" => format!(r#""autoScalingGroupName":"{app}""#),
        "zone" => r#""hostedZoneId":"Z04211183PQ8XAMPLE""#.to_owned(),
        "api" => format!(r#""restApiId":"{}""#, &token[..10]),
        "sql" => format!(r#""workGroup":"primary","queryString":"HIDDEN_DUE_TO_SECURITY_REASONS","clientRequestToken":"{token}""#),
        "gluedb" => format!(r#""databaseName":"{app}""#),
        "gluetable" => format!(r#""databaseName":"lake","name":"{app}""#),
        "job" => format!(r#""jobName":"{app}""#),
        "machine" => format!(r#""stateMachineArn":"arn:aws:states:{region}:{account}:stateMachine:{app}""#),
        "execution" => format!(r#""executionArn":"arn:aws:states:{region}:{account}:execution:{app}:{token}""#),
        "rule" => format!(r#""name":"{app}-schedule""#),
        "model" => r#""modelId":"anthropic.claude-haiku-4-5-20251001-v1:0""#.to_owned(),
        "mail" => format!(r#""emailIdentity":"{app}.example.com""#),
        "vault" => r#""backupVaultName":"nightly""#.to_owned(),
        "permset" => r#""instanceArn":"arn:aws:sso:::instance/ssoins-6987aa11bb22cc33""#.to_owned(),
        "project" => format!(r#""projectName":"{app}""#),
        "app" => format!(r#""applicationName":"{app}""#),
        "dist" => r#""id":"E1XAMPLE0DIST7""#.to_owned(),
        "cert" => format!(r#""certificateArn":"arn:aws:acm:{region}:{account}:certificate/{}""#, &token[..12]),
        "trail" => format!(r#""name":"arn:aws:cloudtrail:{region}:{account}:trail/organisation-trail""#),
        "detector" => r#""detectorId":"0cb7e2d1a4f84a6f9e10b3c5d7e9f112""#.to_owned(),
        "stream" => format!(r#""streamName":"{app}""#),
        other => unreachable!("parameter word {other} is used in the table but not defined"),
    }
}

/// The `requestParameters` of a call, `null` where it takes none.
pub(crate) fn request(call: &Call, names: &Names<'_>) -> String {
    if call.parameters.is_empty() {
        return "null".to_owned();
    }
    let fields: Vec<String> = call
        .parameters
        .split(',')
        .map(|word| field(word, names))
        .collect();
    format!("{{{}}}", fields.join(","))
}
