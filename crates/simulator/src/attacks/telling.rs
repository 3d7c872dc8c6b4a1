//! Request parameters that give an attack away where the call's name does not: foreign accounts, everybody, large
//! instances, administrator policies.

use crate::calls::{Call, operation};

/// What the parameters name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    /// User or application.
    pub(super) app: &'a str,
    /// A powerful role of the account.
    pub(super) role: &'a str,
    /// The intruder's own account id.
    pub(super) foreign: &'a str,
}

/// The request of a call in an intruder's hands, where it differs from an ordinary one.
pub(super) fn request(call: &Call, named: &Named<'_>) -> Option<String> {
    let Named { app, role, foreign } = *named;
    let text = match operation(call.name) {
        "ModifySnapshotAttribute" => format!(
            r#"{{"snapshotId":"snap-0d5e8f7a6b1c2d394","attributeType":"CREATE_VOLUME_PERMISSION","createVolumePermission":{{"add":{{"items":[{{"userId":"{foreign}"}}]}}}}}}"#
        ),
        "ModifyDBSnapshotAttribute" => {
            format!(r#"{{"dBSnapshotIdentifier":"{app}-copy","attributeName":"restore","valuesToAdd":["{foreign}"]}}"#)
        }
        "UpdateAssumeRolePolicy" => {
            format!(r#"{{"roleName":"{role}","policyDocument":"{}"}}"#, trust(foreign))
        }
        "CreateRole" => format!(r#"{{"roleName":"{app}-sync","assumeRolePolicyDocument":"{}"}}"#, trust(foreign)),
        "AttachUserPolicy" => format!(r#"{{"userName":"{app}","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}}"#),
        "AttachRolePolicy" => format!(r#"{{"roleName":"{app}-sync","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}}"#),
        "AuthorizeSecurityGroupIngress" => {
            r#"{"groupId":"sg-0f1e2d3c4b5a69788","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}"#
                .to_owned()
        }
        "RunInstances" => {
            r#"{"instancesSet":{"items":[{"imageId":"ami-0c1d2e3f405162738","minCount":8,"maxCount":8}]},"instanceType":"g6e.24xlarge"}"#.to_owned()
        }
        "AddPermission" => format!(r#"{{"functionName":"{app}","action":"lambda:InvokeFunctionUrl","principal":"*","functionUrlAuthType":"NONE"}}"#),
        _ => return None,
    };
    Some(text)
}

/// A trust policy for a foreign account, as a JSON string inside JSON.
fn trust(foreign: &str) -> String {
    format!(
        r#"{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"arn:aws:iam::{foreign}:root\"}},\"Action\":\"sts:AssumeRole\"}}]}}"#
    )
}
