//! What a successful call was aimed at, for the calls where that tells more than their name: who was given access, what was
//! made public, whose key was made, which secret was read.
//!
//! Read from `requestParameters` of a closed list of calls; all others never look at it. Shapes of parameters: the API references
//! of the services, as CloudTrail writes them (first letter small, lists under `items` for EC2), and policies as in
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.

use std::borrow::Cow;

use offtrail_event::{OutcomeClass, Principal, PrincipalKind, Target, TargetKind};

use crate::{
    identity::arn_account,
    scan::{Quoted, Scanner, Value},
};

/// Targets kept of one record; more are left out.
const TARGETS_MAX: usize = 8;

/// Bytes kept of a target's name.
const TARGET_BYTES_MAX: usize = 256;

/// Bytes of a policy that are looked at; IAM and S3 allow 20 KB at most.
const POLICY_BYTES_MAX: usize = 128 << 10;

/// Which call, by whom, in whose trail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aimed<'e, 'a> {
    pub(crate) source: &'e str,
    pub(crate) operation: &'e str,
    pub(crate) outcome: OutcomeClass,
    /// The account whose trail holds the record.
    pub(crate) account: &'e str,
    pub(crate) caller: &'e Principal<'a>,
}

/// How the parameters of a call are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A policy in this member; the thing it belongs to in that one.
    Policy(&'static str, &'static str),
    /// A bucket's policy.
    BucketPolicy,
    /// `attributes.Policy`, or `attributeValue` where `attributeName` is `Policy`.
    AttributePolicy(&'static str),
    /// `add.items` of this member, each with `userId` or `group`.
    Permission(&'static str, &'static str),
    /// A list of accounts, ARNs or `all` in this member.
    Grantees(&'static str, &'static str),
    /// The keys of another user.
    KeyOf,
    Acl,
    PublicAccessBlock,
    NoPublicAccessBlock,
    Replication,
    FunctionUrl,
    PubliclyAccessible(&'static str),
    Ingress,
    UserData,
    AssumedRole,
    /// The name in this member.
    Name(TargetKind, &'static str),
}

impl Shape {
    fn of(source: &str, operation: &str) -> Option<Self> {
        let service = source.strip_suffix(".amazonaws.com")?;
        match service {
            "iam" | "sts" => Self::identity(operation),
            "s3" => Self::bucket(operation),
            "ec2" | "rds" | "redshift" => Self::machine(service, operation),
            "lambda" => Self::function(operation),
            _ => Self::other(service, operation),
        }
    }

    fn identity(operation: &str) -> Option<Self> {
        Some(match operation {
            "UpdateAssumeRolePolicy" => Self::Policy("policyDocument", "roleName"),
            "CreateRole" => Self::Policy("assumeRolePolicyDocument", "roleName"),
            "CreateAccessKey"
            | "UpdateAccessKey"
            | "CreateLoginProfile"
            | "UpdateLoginProfile"
            | "DeactivateMFADevice" => Self::KeyOf,
            "AssumeRole" => Self::AssumedRole,
            _ => return None,
        })
    }

    fn bucket(operation: &str) -> Option<Self> {
        Some(match operation {
            "GetObject"
            | "ListObjects"
            | "ListObjectsV2"
            | "DeleteBucket"
            | "PutBucketVersioning"
            | "PutBucketLifecycle"
            | "PutBucketLogging"
            | "PutBucketEncryption"
            | "DeleteBucketPolicy"
            | "DeleteBucketEncryption" => Self::Name(TargetKind::Bucket, "bucketName"),
            "PutBucketPolicy" => Self::BucketPolicy,
            "PutBucketAcl" | "PutObjectAcl" => Self::Acl,
            "DeleteBucketPublicAccessBlock"
            | "DeleteAccountPublicAccessBlock"
            | "DeletePublicAccessBlock" => Self::NoPublicAccessBlock,
            "PutBucketPublicAccessBlock"
            | "PutAccountPublicAccessBlock"
            | "PutPublicAccessBlock" => Self::PublicAccessBlock,
            "PutBucketReplication" => Self::Replication,
            _ => return None,
        })
    }

    fn machine(service: &str, operation: &str) -> Option<Self> {
        Some(match (service, operation) {
            ("ec2", "ModifySnapshotAttribute") => {
                Self::Permission("createVolumePermission", "snapshotId")
            }
            ("ec2", "ModifyImageAttribute") => Self::Permission("launchPermission", "imageId"),
            ("ec2", "AuthorizeSecurityGroupIngress") => Self::Ingress,
            ("ec2", "ModifyInstanceAttribute") => Self::UserData,
            ("rds", "ModifyDBSnapshotAttribute") => {
                Self::Grantees("valuesToAdd", "dBSnapshotIdentifier")
            }
            ("rds", "ModifyDBClusterSnapshotAttribute") => {
                Self::Grantees("valuesToAdd", "dBClusterSnapshotIdentifier")
            }
            ("rds", "CreateDBInstance" | "ModifyDBInstance") => {
                Self::PubliclyAccessible("dBInstanceIdentifier")
            }
            ("redshift", "CreateCluster" | "ModifyCluster") => {
                Self::PubliclyAccessible("clusterIdentifier")
            }
            ("redshift", "AuthorizeSnapshotAccess") => {
                Self::Grantees("accountWithRestoreAccess", "snapshotIdentifier")
            }
            _ => return None,
        })
    }

    fn function(operation: &str) -> Option<Self> {
        Some(match operation {
            "Invoke" | "UpdateFunctionCode" | "UpdateFunctionConfiguration" => {
                Self::Name(TargetKind::Function, "functionName")
            }
            "AddPermission" => Self::Grantees("principal", "functionName"),
            "AddLayerVersionPermission" => Self::Grantees("principal", "layerName"),
            "CreateFunctionUrlConfig" | "UpdateFunctionUrlConfig" => Self::FunctionUrl,
            _ => return None,
        })
    }

    fn other(service: &str, operation: &str) -> Option<Self> {
        Some(match (service, operation) {
            ("secretsmanager", "GetSecretValue") => Self::Name(TargetKind::Secret, "secretId"),
            ("secretsmanager", "PutResourcePolicy") => Self::Policy("resourcePolicy", "secretId"),
            ("ssm", "GetParameter" | "GetParameterHistory") => {
                Self::Name(TargetKind::Parameter, "name")
            }
            ("ssm", "GetParameters") => Self::Name(TargetKind::Parameter, "names"),
            ("ssm", "GetParametersByPath") => Self::Name(TargetKind::Parameter, "path"),
            ("ssm", "ModifyDocumentPermission") => Self::Grantees("accountIdsToAdd", "name"),
            ("cloudtrail", "StopLogging" | "DeleteTrail" | "UpdateTrail") => {
                Self::Name(TargetKind::Trail, "name")
            }
            ("cloudtrail", "PutEventSelectors" | "PutInsightSelectors") => {
                Self::Name(TargetKind::Trail, "trailName")
            }
            ("kms", "PutKeyPolicy") => Self::Policy("policy", "keyId"),
            ("kms", "CreateGrant") => Self::Grantees("granteePrincipal", "keyId"),
            ("ecr", "SetRepositoryPolicy") => Self::Policy("policyText", "repositoryName"),
            ("sns", "AddPermission") => Self::Grantees("aWSAccountIds", "topicArn"),
            ("sqs", "AddPermission") => Self::Grantees("aWSAccountIds", "queueUrl"),
            ("sns", "SetTopicAttributes") => Self::AttributePolicy("topicArn"),
            ("sqs", "SetQueueAttributes") => Self::AttributePolicy("queueUrl"),
            ("events", "PutPermission") => Self::Grantees("principal", "eventBusName"),
            ("ram", "CreateResourceShare") => Self::Grantees("principals", "name"),
            ("ram", "AssociateResourceShare") => Self::Grantees("principals", "resourceShareArn"),
            _ => return None,
        })
    }
}

/// What it takes to tell what a call was aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// It never tells.
    Nothing,
    /// The name in this member.
    Name(TargetKind, &'static str),
    /// Its parameters and its caller.
    More,
}

impl Telling {
    /// What it takes for this call.
    pub(crate) fn of(source: &str, operation: &str) -> Self {
        match Shape::of(source, operation) {
            None => Self::Nothing,
            Some(Shape::Name(kind, member)) => Self::Name(kind, member),
            Some(_) => Self::More,
        }
    }
}

/// The name in a member of the parameters of a call of `account` that succeeded, as [`targets`] finds it where they are an object.
pub(crate) fn named<'a>(
    request: Value<'a>,
    (kind, member): (TargetKind, &str),
    account: &str,
) -> Vec<Target<'a>> {
    let mut facts = Facts {
        account,
        caller_account: "",
        found: Vec::new(),
    };
    facts.name(kind, request.member(member));
    facts.found
}

/// What the call was aimed at, if it is one that tells and it succeeded.
pub(crate) fn targets<'a>(request: Value<'a>, aimed: &Aimed<'_, 'a>) -> Vec<Target<'a>> {
    if aimed.outcome != OutcomeClass::Succeeded {
        return Vec::new();
    }
    let Some(shape) = Shape::of(aimed.source, aimed.operation) else {
        return Vec::new();
    };
    match request {
        // Some exporters leave the object as JSON text in a string.
        Value::String(quoted) if quoted.begins_object() => {
            let text = quoted.text();
            let inner = Scanner::new(&text).value().unwrap_or_default();
            let found = Facts::read(shape, inner, aimed);
            found.into_iter().map(own).collect()
        }
        _ => Facts::read(shape, request, aimed),
    }
}

fn own<'a>(target: Target<'_>) -> Target<'a> {
    Target {
        kind: target.kind,
        value: Cow::Owned(target.value.into_owned()),
    }
}

/// Targets found so far in one record.
struct Facts<'e, 'v> {
    account: &'e str,
    caller_account: &'e str,
    found: Vec<Target<'v>>,
}

impl<'e, 'v> Facts<'e, 'v> {
    fn read(shape: Shape, request: Value<'v>, aimed: &Aimed<'e, '_>) -> Vec<Target<'v>> {
        let mut facts = Self {
            account: aimed.account,
            caller_account: &aimed.caller.account,
            found: Vec::new(),
        };
        facts.take(shape, request, aimed.caller);
        facts.found
    }

    fn take(&mut self, shape: Shape, request: Value<'v>, caller: &Principal<'_>) {
        match shape {
            Shape::Name(kind, member) => self.name(kind, request.member(member)),
            Shape::Policy(member, thing) => {
                self.policy_text(request.member(member), request.member(thing));
            }
            Shape::BucketPolicy => {
                let bucket = request.member("bucketName");
                self.policy_text(request.member("bucketPolicy"), bucket);
                self.name(TargetKind::Bucket, bucket);
            }
            Shape::AttributePolicy(thing) => {
                let policy = request.member("attributes").member("Policy");
                let named = request.member("attributeName").string();
                let policy = if named.as_deref() == Some("Policy") {
                    request.member("attributeValue")
                } else {
                    policy
                };
                self.policy_text(policy, request.member(thing));
            }
            Shape::Permission(member, thing) => {
                let added = request.member(member).member("add").member("items");
                added.elements(|item| {
                    self.grantee(item.member("userId"), request.member(thing));
                    self.grantee(item.member("group"), request.member(thing));
                });
            }
            Shape::Grantees(member, thing) => {
                let mut grantees = request.member(member);
                if let Value::Object(_) = grantees {
                    grantees = grantees.member("items");
                }
                grantees.elements(|one| self.grantee(one, request.member(thing)));
            }
            Shape::KeyOf => {
                let user = request.member("userName");
                if user.string().is_some_and(|name| {
                    Some(&*name) != caller.name.as_deref() || caller.kind != PrincipalKind::IamUser
                }) {
                    self.name(TargetKind::KeyOf, user);
                }
            }
            Shape::AssumedRole if caller.kind == PrincipalKind::ForeignAccount => {
                self.foreign_caller(request.member("roleArn"), caller);
            }
            Shape::AssumedRole => {}
            _ => self.opened(shape, request),
        }
    }

    /// What was opened to everybody, or otherwise than by naming a grantee.
    fn opened(&mut self, shape: Shape, request: Value<'v>) {
        let bucket = || match request.member("bucketName") {
            Value::Absent => Value::String(Quoted {
                body: "account",
                escaped: false,
            }),
            bucket => bucket,
        };
        match shape {
            Shape::Acl => {
                let Value::Object(text) = request else { return };
                // Anywhere in any string, so all escapes are undone at once.
                let quoted = Quoted {
                    body: text,
                    escaped: text.contains('\\'),
                };
                let text = quoted.text();
                let marks = ["global/AllUsers", "\"public-read", "AuthenticatedUsers"];
                if marks.iter().any(|mark| text.contains(mark)) {
                    self.name(TargetKind::Public, bucket());
                }
            }
            Shape::NoPublicAccessBlock => self.name(TargetKind::Public, bucket()),
            Shape::PublicAccessBlock => {
                let mut off = false;
                let block = request.member("PublicAccessBlockConfiguration");
                block.members(|_, value| off |= value.truth() == Some(false));
                if off {
                    self.name(TargetKind::Public, bucket());
                }
            }
            Shape::Replication => {
                let rules = request.member("ReplicationConfiguration");
                let thing = request.member("bucketName");
                for list in ["Rule", "Rules"] {
                    rules.member(list).elements(|rule| {
                        self.grantee(rule.member("Destination").member("Account"), thing);
                    });
                }
            }
            Shape::FunctionUrl
                if request.member("authType").string().as_deref() == Some("NONE") =>
            {
                self.name(TargetKind::Public, request.member("functionName"));
            }
            Shape::PubliclyAccessible(thing)
                if request.member("publiclyAccessible").truth() == Some(true) =>
            {
                self.name(TargetKind::Public, request.member(thing));
            }
            Shape::Ingress => self.ingress(request),
            Shape::UserData
                if !matches!(request.member("userData"), Value::Absent | Value::Null) =>
            {
                self.name(TargetKind::UserData, request.member("instanceId"));
            }
            _ => {}
        }
    }

    fn ingress(&mut self, request: Value<'v>) {
        let is_any =
            |value: Value<'v>| matches!(value.string().as_deref(), Some("0.0.0.0/0" | "::/0"));
        let open = |permission: Value<'v>, found: &mut Self| {
            let mut any = is_any(permission.member("cidrIp"));
            for (list, member) in [("ipRanges", "cidrIp"), ("ipv6Ranges", "cidrIpv6")] {
                let ranges = permission.member(list).member("items");
                ranges.elements(|range| any |= is_any(range.member(member)));
            }
            if any {
                found.add(TargetKind::OpenIngress, Cow::Owned(port(permission)));
            }
        };
        open(request, self);
        let listed = request.member("ipPermissions").member("items");
        listed.elements(|permission| open(permission, self));
    }

    /// A caller of another account took a role: from where, and which.
    fn foreign_caller(&mut self, role: Value<'v>, caller: &Principal<'_>) {
        let Some(arn) = role.string() else { return };
        // The caller's own trail holds the call too; there the role lies elsewhere.
        if arn_account(&arn).as_deref() != Some(self.account) || caller.account == self.account {
            return;
        }
        let name = arn.rsplit('/').next().unwrap_or_default();
        self.add(
            TargetKind::ForeignCaller,
            Cow::Owned(format!("{} {name}", caller.account)),
        );
    }

    /// A policy, as an object or as JSON text, perhaps percent-encoded; `thing` is what it opens.
    fn policy_text(&mut self, policy: Value<'v>, thing: Value<'v>) {
        match policy {
            Value::Object(_) => self.policy(policy, thing),
            Value::String(quoted) if quoted.body.len() <= POLICY_BYTES_MAX => {
                let text = quoted.text();
                let text = if text.trim_start().starts_with('%') {
                    percent_decoded(&text)
                } else {
                    text
                };
                let Ok(value) = Scanner::new(&text).value() else {
                    return;
                };
                let mut inner = Facts {
                    account: self.account,
                    caller_account: self.caller_account,
                    found: Vec::new(),
                };
                let name = thing.string();
                inner.policy(value, Value::Absent);
                for target in inner.found {
                    let value = match (target.kind, &name) {
                        (TargetKind::Public, Some(name)) => {
                            Cow::Owned(self.normal(name.clone()).into_owned())
                        }
                        _ => Cow::Owned(target.value.into_owned()),
                    };
                    self.add(target.kind, value);
                }
            }
            _ => {}
        }
    }

    fn policy(&mut self, policy: Value<'v>, thing: Value<'v>) {
        policy.member("Statement").elements(|statement| {
            if statement.member("Effect").string().as_deref() != Some("Allow") {
                return;
            }
            let principal = statement.member("Principal");
            let named = match principal {
                Value::Object(_) => principal.member("AWS"),
                other => other,
            };
            let bound = statement.member("Condition") != Value::Absent;
            named.elements(|one| {
                // A condition may hold everybody off: to the company's network, to one source. It is not told as public.
                if !(bound && one.string().as_deref() == Some("*")) {
                    self.grantee(one, thing);
                }
            });
        });
    }

    /// Somebody who was given access to `thing`: an account id, an ARN, `*` or `all`; services and the like are left out.
    fn grantee(&mut self, grantee: Value<'v>, thing: Value<'v>) {
        let Some(text) = grantee.text_or_number("").ok().flatten() else {
            return;
        };
        if matches!(&*text, "*" | "all") {
            let thing = thing.string().unwrap_or(Cow::Borrowed("unnamed"));
            let thing = self.normal(thing);
            return self.add(TargetKind::Public, thing);
        }
        let account = if text.starts_with("arn:") {
            arn_account(&text).unwrap_or_default()
        } else {
            text
        };
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if is_account && *account != *self.account && *account != *self.caller_account {
            self.add(TargetKind::ForeignAccount, account);
        }
    }

    fn name(&mut self, kind: TargetKind, value: Value<'v>) {
        let mut first = Value::Absent;
        value.elements(|one| {
            if first == Value::Absent {
                first = one;
            }
        });
        if let Some(text) = first.string() {
            let name = self.normal(text);
            let name = match kind {
                TargetKind::Parameter => trimmed_start(name, '/'),
                _ => name,
            };
            self.add(kind, name);
        }
    }

    fn add(&mut self, kind: TargetKind, value: Cow<'v, str>) {
        let value = bounded(value);
        let target = Target { kind, value };
        if self.found.len() < TARGETS_MAX
            && !target.value.is_empty()
            && !self.found.contains(&target)
        {
            self.found.push(target);
        }
    }

    /// A name as it is, an ARN as the name in it, with the account before it where that is another.
    fn normal(&self, text: Cow<'v, str>) -> Cow<'v, str> {
        if !text.starts_with("arn:") {
            return text;
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [_, _, service, _, account, resource] = parts[..] else {
            return text;
        };
        let (kind, name) = resource.split_once(['/', ':']).unwrap_or(("", resource));
        let name = match (service, kind) {
            // The name, a dash and six characters that Secrets Manager adds.
            ("secretsmanager", "secret") => match name.len().checked_sub(7) {
                Some(at) if name.as_bytes()[at] == b'-' => name.get(..at).unwrap_or(name),
                _ => name,
            },
            // The version or alias goes.
            ("lambda", _) => name.split(':').next().unwrap_or(name),
            ("s3", _) => resource,
            _ => name,
        };
        if account.is_empty() || account == self.account {
            Cow::Owned(name.to_owned())
        } else {
            Cow::Owned(format!("{account}:{name}"))
        }
    }
}

/// `tcp 22`, `tcp 8000-9000`, `all`.
fn port(permission: Value<'_>) -> String {
    let text = |member: &str| {
        let value = permission.member(member).text_or_number("");
        value.ok().flatten().unwrap_or_default()
    };
    let (protocol, from, to) = (text("ipProtocol"), text("fromPort"), text("toPort"));
    match (&*protocol, &*from, &*to) {
        ("-1" | "", "" | "-1", _) => "all".to_owned(),
        (protocol, "", _) => protocol.to_owned(),
        (protocol, from, to) if from == to || to.is_empty() => format!("{protocol} {from}"),
        (protocol, from, to) => format!("{protocol} {from}-{to}"),
    }
}

fn trimmed_start(text: Cow<'_, str>, mark: char) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches(mark)),
        Cow::Owned(text) => Cow::Owned(text.trim_start_matches(mark).to_owned()),
    }
}

fn bounded(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= TARGET_BYTES_MAX {
        return text;
    }
    let end = text.floor_char_boundary(TARGET_BYTES_MAX);
    Cow::Owned(text[..end].to_owned())
}

/// Percent-encoding undone (RFC 3986, section 2.1); what is not UTF-8 then is replaced.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}
