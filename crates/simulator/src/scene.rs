//! The day's log, and how a session puts a call into it.

use crate::calls::{CallId, Names, operation, request};
use crate::chance::Chance;
use crate::clock::{Millis, SECOND, iso};
use crate::organisation::{GLOBAL_REGION, Organisation, REGIONS, RegionId};
use crate::record::{Draft, Identity};

/// A record on its way to its account's trail.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) time: Millis,
    pub(crate) account: usize,
    pub(crate) region: RegionId,
    pub(crate) text: String,
}

/// A day: the organisation's facts, and the records made so far.
pub(crate) struct Scene<'a> {
    pub(crate) org: &'a Organisation,
    pub(crate) day: u32,
    pub(crate) entries: &'a mut Vec<Entry>,
}

/// A credential in use somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) identity: Identity,
    /// Access key id, empty where there is none.
    pub(crate) key: String,
    /// Identity and key of calls that a service makes for this session; `None` where no service ever does.
    pub(crate) forward: Option<Identity>,
    /// `AROA…:name` or `AIDA…`, as another account would see it.
    pub(crate) principal_id: String,
    pub(crate) arn: String,
    pub(crate) account: usize,
    pub(crate) address: String,
    pub(crate) agent: String,
    pub(crate) region: RegionId,
    pub(crate) since: Millis,
    /// In the browser: every request bears another temporary key.
    pub(crate) console: bool,
    /// The service that uses the session, as with backups and service-linked roles.
    pub(crate) invoked_by: Option<&'static str>,
}

/// What went wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Denied,
    Throttled,
    Missing,
    Invalid,
}

/// A call about to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deed {
    pub(crate) call: CallId,
    pub(crate) time: Millis,
    pub(crate) app: String,
    pub(crate) trouble: Option<Trouble>,
    /// `requestParameters`, where the call's own will not do.
    pub(crate) request: Option<String>,
    /// `responseElements`, where the usual ones will not do.
    pub(crate) response: Option<String>,
    /// More members, each opened by a comma.
    pub(crate) extra: String,
    /// `eventType`, where it isn't `AwsApiCall`.
    pub(crate) event_type: Option<&'static str>,
    /// Account whose trail gets the record, where it isn't the session's.
    pub(crate) recipient: Option<usize>,
}

const EXCEPTION_SERVICES: &[&str] = &[
    "lambda",
    "kms",
    "secretsmanager",
    "ssm",
    "dynamodb",
    "bedrock",
    "guardduty",
    "logs",
    "ecs",
    "glue",
    "states",
    "athena",
];

fn error(trouble: Trouble, service: &str, name: &str, arn: &str) -> (&'static str, String) {
    match trouble {
        Trouble::Denied if service == "ec2" => (
            "Client.UnauthorizedOperation",
            "You are not authorized to perform this operation.".to_owned(),
        ),
        Trouble::Denied => {
            let code = if EXCEPTION_SERVICES.contains(&service) {
                "AccessDeniedException"
            } else {
                "AccessDenied"
            };
            (
                code,
                format!(
                    "User: {arn} is not authorized to perform: {service}:{} because no identity-based policy allows it",
                    operation(name)
                ),
            )
        }
        Trouble::Throttled if service == "ec2" => (
            "Client.RequestLimitExceeded",
            "Request limit exceeded.".to_owned(),
        ),
        Trouble::Throttled => ("ThrottlingException", "Rate exceeded".to_owned()),
        Trouble::Missing if service == "iam" => (
            "NoSuchEntityException",
            "The entity cannot be found.".to_owned(),
        ),
        Trouble::Missing if service == "s3" => (
            "NoSuchBucket",
            "The specified bucket does not exist".to_owned(),
        ),
        Trouble::Missing => (
            "ResourceNotFoundException",
            "The resource was not found".to_owned(),
        ),
        Trouble::Invalid => (
            "ValidationException",
            "1 validation error detected".to_owned(),
        ),
    }
}

fn usual_response(name: &str, names: &Names<'_>, time: Millis, chance: &mut Chance) -> String {
    let Names {
        app,
        account,
        token,
        ..
    } = *names;
    match name {
        "CreateAccessKey" => access_key(app, &chance.key_id("AKIA"), time),
        "CreateUser" => created_user(account, app, &chance.unique_id("AIDA"), time),
        "CreateRole" => created_role(
            account,
            &format!("{app}-role"),
            &chance.unique_id("AROA"),
            time,
        ),
        "RunInstances" => format!(
            r#"{{"reservationId":"r-{token}","ownerId":"{account}","instancesSet":{{"items":[{{"instanceId":"i-{token}"}}]}}}}"#
        ),
        "CreateSnapshot" => {
            format!(r#"{{"snapshotId":"snap-{token}","ownerId":"{account}","status":"pending"}}"#)
        }
        _ => "null".to_owned(),
    }
}

/// `responseElements` of `CreateAccessKey`.
pub(crate) fn access_key(user: &str, key: &str, time: Millis) -> String {
    format!(
        r#"{{"accessKey":{{"accessKeyId":"{key}","status":"Active","userName":"{user}","createDate":"{}"}}}}"#,
        iso(time)
    )
}

/// `responseElements` of `CreateUser`.
pub(crate) fn created_user(account: &str, name: &str, unique_id: &str, time: Millis) -> String {
    format!(
        r#"{{"user":{{"path":"/","userName":"{name}","userId":"{unique_id}","arn":"arn:aws:iam::{account}:user/{name}","createDate":"{}"}}}}"#,
        iso(time)
    )
}

/// `responseElements` of `CreateRole`.
pub(crate) fn created_role(account: &str, name: &str, unique_id: &str, time: Millis) -> String {
    format!(
        r#"{{"role":{{"path":"/","roleName":"{name}","roleId":"{unique_id}","arn":"arn:aws:iam::{account}:role/{name}","createDate":"{}"}}}}"#,
        iso(time)
    )
}

impl Scene<'_> {
    /// Records what the session does; the event id, or `None` where the moment lies outside the simulated days.
    pub(crate) fn perform(
        &mut self,
        chance: &mut Chance,
        who: &Session,
        deed: &Deed,
    ) -> Option<String> {
        if deed.time < self.org.start || deed.time >= self.org.end() {
            return None;
        }
        let key = if who.console {
            chance.key_id("ASIA")
        } else {
            who.key.clone()
        };
        let identity = who.identity.json(&key, who.invoked_by);
        self.put(chance, who, deed, (&identity, &who.address, &who.agent))
    }

    /// Records a service's call on behalf of the session, with a key of its own (a forward-access session).
    pub(crate) fn forward(
        &mut self,
        chance: &mut Chance,
        who: &Session,
        deed: &Deed,
        service: &str,
    ) {
        let Some(identity) = &who.forward else { return };
        if deed.time < self.org.start || deed.time >= self.org.end() {
            return;
        }
        let identity = identity.json(&chance.key_id("ASIA"), Some(service));
        self.put(chance, who, deed, (&identity, service, service));
    }

    fn put(
        &mut self,
        chance: &mut Chance,
        who: &Session,
        deed: &Deed,
        signed: (&str, &str, &str),
    ) -> Option<String> {
        let org = self.org;
        let call = org.catalogue.get(deed.call);
        let region = if call.global {
            GLOBAL_REGION
        } else {
            who.region
        };
        let account = deed.recipient.unwrap_or(who.account);
        let token = chance.hex(32);
        let names = Names {
            app: &deed.app,
            account: &org.account(account).id,
            region: REGIONS[region],
            token: &token,
        };
        let asked = deed
            .request
            .clone()
            .unwrap_or_else(|| request(call, &names));
        let failed = deed
            .trouble
            .map(|trouble| error(trouble, call.service, call.name, &who.arn));
        let answered = match (&failed, &deed.response) {
            (Some(_), _) => "null".to_owned(),
            (None, Some(response)) => response.clone(),
            (None, None) if call.read_only => "null".to_owned(),
            (None, None) => usual_response(operation(call.name), &names, deed.time, chance),
        };
        let console = if who.console {
            r#","sessionCredentialFromConsole":"true""#
        } else {
            ""
        };
        let (id, text) = Draft {
            time: deed.time,
            call,
            identity: signed.0,
            account: names.account,
            region: names.region,
            address: signed.1,
            agent: signed.2,
            error: failed
                .as_ref()
                .map(|(code, message)| (*code, message.as_str())),
            request: &asked,
            response: &answered,
            extra: &format!("{}{console}", deed.extra),
            event_type: deed.event_type.unwrap_or("AwsApiCall"),
        }
        .write(chance);
        self.entries.push(Entry {
            time: deed.time,
            account,
            region,
            text,
        });
        Some(id)
    }
}

/// Seconds, with their fraction, as simulated time.
pub(crate) fn secs(seconds: f64) -> Millis {
    (seconds * SECOND as f64) as Millis
}
