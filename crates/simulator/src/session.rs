//! How sessions come to be: each way records the call that mints the credential, with the new key in
//! `responseElements`, so that lineage can be followed from key to key.

use crate::chance::Chance;
use crate::clock::{HOUR, Millis, iso};
use crate::organisation::{Organisation, RegionId};
use crate::principals::Card;
use crate::record::{Context, Identity, Who};
use crate::scene::{Deed, Scene, Session};

/// Where and when a session is opened, and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) time: Millis,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) agent: String,
    pub(crate) region: RegionId,
}

/// A session, and the ids of the events that made it.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) session: Session,
    pub(crate) events: Vec<String>,
}

/// Who vouches for a caller that has no AWS credential yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Voucher<'a> {
    /// A service principal such as `lambda.amazonaws.com`.
    Service(&'static str),
    /// A web identity: provider (ARN of an OpenID Connect provider) and subject.
    Web { provider: &'a str, subject: &'a str },
    /// Identity Center, through SAML.
    Saml { provider: &'a str },
}

fn who<'a>(org: &'a Organisation, card: &'a Card) -> Who<'a> {
    Who {
        account: &org.account(card.account).id,
        path: &card.path,
        name: &card.name,
        unique_id: &card.unique_id,
    }
}

/// The permanent key of a user, in use.
pub(crate) fn permanent(org: &Organisation, card: &Card, o: &Opening) -> Session {
    let since = Context {
        created: o.time,
        ..Context::default()
    };
    Session {
        identity: Identity::user(who(org, card), None),
        key: card.key.clone(),
        forward: Some(Identity::user(who(org, card), Some(&since))),
        principal_id: card.unique_id.clone(),
        arn: card.arn(org),
        account: card.account,
        address: o.address.clone(),
        agent: o.agent.clone(),
        region: o.region,
        since: o.time,
        console: false,
        invoked_by: None,
    }
}

/// A session of a user, from `GetSessionToken` or the browser.
fn user_session(org: &Organisation, card: &Card, key: String, mfa: bool, o: &Opening) -> Session {
    let context = Context {
        created: o.time,
        mfa,
        ..Context::default()
    };
    let identity = Identity::user(who(org, card), Some(&context));
    Session {
        forward: Some(identity.clone()),
        identity,
        key,
        ..permanent(org, card, o)
    }
}

fn role_session(
    org: &Organisation,
    card: &Card,
    key: String,
    context: &Context<'_>,
    o: &Opening,
) -> Session {
    let identity = Identity::role(who(org, card), &o.name, context);
    Session {
        forward: Some(identity.clone()),
        identity,
        key,
        principal_id: format!("{}:{}", card.unique_id, o.name),
        arn: format!(
            "arn:aws:sts::{}:assumed-role/{}/{}",
            org.account(card.account).id,
            card.name,
            o.name
        ),
        ..permanent(org, card, o)
    }
}

/// The root user in the browser; signing in is a call of its own.
pub(crate) fn root_session(org: &Organisation, card: &Card, mfa: bool, o: &Opening) -> Session {
    let account = &org.account(card.account).id;
    let identity = Identity::root(account, o.time, mfa);
    Session {
        identity,
        forward: None,
        arn: format!("arn:aws:iam::{account}:root"),
        console: true,
        ..permanent(org, card, o)
    }
}

/// A session without credentials: a service, a foreign account, somebody at a door.
pub(crate) fn unsigned(identity: Identity, account: usize, o: &Opening) -> Session {
    Session {
        identity,
        key: String::new(),
        forward: None,
        principal_id: String::new(),
        arn: String::new(),
        account,
        address: o.address.clone(),
        agent: o.agent.clone(),
        region: o.region,
        since: o.time,
        console: false,
        invoked_by: None,
    }
}

fn token(chance: &mut Chance) -> String {
    format!("IQoJb3JpZ2luX2VjE{}", chance.alphanumeric(120))
}

fn credentials(chance: &mut Chance, key: &str, time: Millis) -> String {
    format!(
        r#""credentials":{{"accessKeyId":"{key}","sessionToken":"{}","expiration":"{}"}}"#,
        token(chance),
        iso(time + HOUR)
    )
}

fn assumed(org: &Organisation, card: &Card, o: &Opening) -> String {
    format!(
        r#""assumedRoleUser":{{"assumedRoleId":"{}:{}","arn":"arn:aws:sts::{}:assumed-role/{}/{}"}}"#,
        card.unique_id,
        o.name,
        org.account(card.account).id,
        card.name,
        o.name
    )
}

fn asked(org: &Organisation, card: &Card, o: &Opening) -> String {
    format!(
        r#"{{"roleArn":"{}","roleSessionName":"{}","durationSeconds":3600}}"#,
        card.arn(org),
        o.name
    )
}

fn role_resource(org: &Organisation, card: &Card) -> String {
    format!(
        r#","resources":[{{"accountId":"{}","type":"AWS::IAM::Role","ARN":"{}"}}]"#,
        org.account(card.account).id,
        card.arn(org)
    )
}

impl Scene<'_> {
    /// A role taken by somebody without an AWS credential.
    pub(crate) fn vouched(
        &mut self,
        chance: &mut Chance,
        card: &Card,
        voucher: Voucher<'_>,
        o: &Opening,
    ) -> Minted {
        let org = self.org;
        let key = chance.key_id("ASIA");
        let account = &org.account(card.account).id;
        let (call, caller, web) = match voucher {
            Voucher::Service(service) => ("sts:AssumeRole", Identity::service(service), None),
            Voucher::Web { provider, subject } => {
                let web = format!(r#"{{"federatedProvider":"{provider}","attributes":{{}}}}"#);
                (
                    "sts:AssumeRoleWithWebIdentity",
                    Identity::web(provider, subject),
                    Some(web),
                )
            }
            Voucher::Saml { provider } => (
                "sts:AssumeRoleWithSAML",
                Identity::saml(provider, &o.name),
                None,
            ),
        };
        let mut door = unsigned(caller, card.account, o);
        if let Voucher::Service(service) = voucher {
            service.clone_into(&mut door.address);
            service.clone_into(&mut door.agent);
        }
        let response = format!(
            "{{{},{}}}",
            credentials(chance, &key, o.time),
            assumed(org, card, o)
        );
        let request = match voucher {
            Voucher::Saml { provider } => format!(
                r#"{{"principalArn":"arn:aws:iam::{account}:saml-provider/{provider}","roleArn":"{}","roleSessionName":"{}","durationSeconds":43200}}"#,
                card.arn(org),
                o.name
            ),
            _ => asked(org, card, o),
        };
        let deed = Deed {
            call: org.catalogue.id(call),
            time: o.time,
            request: Some(request),
            response: Some(response),
            extra: role_resource(org, card),
            ..Deed::default()
        };
        let events = self.perform(chance, &door, &deed).into_iter().collect();
        let context = Context {
            created: o.time,
            web: web.as_deref(),
            instance: matches!(voucher, Voucher::Service("ec2.amazonaws.com")),
            ..Context::default()
        };
        Minted {
            session: role_session(org, card, key, &context, o),
            events,
        }
    }

    /// A role taken with another session's credential; across accounts both trails see it, under one `sharedEventID`.
    pub(crate) fn assume(
        &mut self,
        chance: &mut Chance,
        caller: &Session,
        card: &Card,
        o: &Opening,
    ) -> Minted {
        let org = self.org;
        let key = chance.key_id("ASIA");
        let across = caller.account != card.account;
        let shared = if across {
            format!(r#","sharedEventID":"{}""#, chance.uuid())
        } else {
            String::new()
        };
        let mut deed = Deed {
            call: org.catalogue.id("sts:AssumeRole"),
            time: o.time,
            request: Some(asked(org, card, o)),
            response: Some(format!(
                "{{{},{}}}",
                credentials(chance, &key, o.time),
                assumed(org, card, o)
            )),
            extra: format!("{}{shared}", role_resource(org, card)),
            ..Deed::default()
        };
        let mut events: Vec<String> = self.perform(chance, caller, &deed).into_iter().collect();
        if across {
            let mut seen = caller.clone();
            seen.identity =
                Identity::foreign(&org.account(caller.account).id, &caller.principal_id);
            seen.console = false;
            deed.recipient = Some(card.account);
            events.extend(self.perform(chance, &seen, &deed));
        }
        let context = Context {
            created: o.time,
            ..Context::default()
        };
        Minted {
            session: role_session(org, card, key, &context, o),
            events,
        }
    }

    /// A role taken from an account outside the organisation: only the role's own trail sees it.
    pub(crate) fn assume_from_outside(
        &mut self,
        chance: &mut Chance,
        foreign: (&str, &str),
        card: &Card,
        o: &Opening,
    ) -> Minted {
        let caller = unsigned(Identity::foreign(foreign.0, foreign.1), card.account, o);
        let mut minted = self.assume(chance, &caller, card, o);
        minted.session.since = o.time;
        minted
    }

    /// `GetSessionToken`: a temporary key of the user itself.
    pub(crate) fn session_token(
        &mut self,
        chance: &mut Chance,
        card: &Card,
        mfa: bool,
        o: &Opening,
    ) -> Minted {
        let org = self.org;
        let key = chance.key_id("ASIA");
        let serial = if mfa {
            format!(
                r#""serialNumber":"arn:aws:iam::{}:mfa/{}","#,
                org.account(card.account).id,
                card.name
            )
        } else {
            String::new()
        };
        let deed = Deed {
            call: org.catalogue.id("sts:GetSessionToken"),
            time: o.time,
            request: Some(format!(r#"{{{serial}"durationSeconds":43200}}"#)),
            response: Some(format!(
                "{{{}}}",
                credentials(chance, &key, o.time + 11 * HOUR)
            )),
            ..Deed::default()
        };
        let base = permanent(org, card, o);
        let events = self.perform(chance, &base, &deed).into_iter().collect();
        Minted {
            session: user_session(org, card, key, mfa, o),
            events,
        }
    }

    /// `GetFederationToken`: a session named by the caller, with a part of the user's permissions.
    pub(crate) fn federation_token(
        &mut self,
        chance: &mut Chance,
        caller: &Session,
        card: &Card,
        o: &Opening,
    ) -> Minted {
        let org = self.org;
        let key = chance.key_id("ASIA");
        let account = &org.account(card.account).id;
        let response = format!(
            r#"{{{},"federatedUser":{{"federatedUserId":"{account}:{}","arn":"arn:aws:sts::{account}:federated-user/{}"}},"packedPolicySize":6}}"#,
            credentials(chance, &key, o.time + 11 * HOUR),
            o.name,
            o.name
        );
        let deed = Deed {
            call: org.catalogue.id("sts:GetFederationToken"),
            time: o.time,
            request: Some(format!(
                r#"{{"name":"{}","durationSeconds":43200}}"#,
                o.name
            )),
            response: Some(response),
            ..Deed::default()
        };
        let events = self.perform(chance, caller, &deed).into_iter().collect();
        let session = Session {
            identity: Identity::federated(who(org, card), &o.name, o.time),
            key,
            forward: None,
            principal_id: format!("{account}:{}", o.name),
            arn: format!("arn:aws:sts::{account}:federated-user/{}", o.name),
            ..permanent(org, card, o)
        };
        Minted { session, events }
    }

    /// A user signs in to the console, or fails to.
    pub(crate) fn sign_in(
        &mut self,
        chance: &mut Chance,
        card: &Card,
        succeeds: bool,
        o: &Opening,
    ) -> Minted {
        let org = self.org;
        let account = &org.account(card.account).id;
        let door = if !succeeds && chance.yes(0.2) {
            unsigned(Identity::hidden(account), card.account, o)
        } else {
            let mut door = permanent(org, card, o);
            door.key.clear();
            door
        };
        let outcome = if succeeds { "Success" } else { "Failure" };
        let mfa = if succeeds { "Yes" } else { "No" };
        let failure = if succeeds {
            ""
        } else {
            r#","errorMessage":"Failed authentication""#
        };
        let deed = Deed {
            call: org.catalogue.id("signin:ConsoleLogin"),
            time: o.time,
            response: Some(format!(r#"{{"ConsoleLogin":"{outcome}"}}"#)),
            extra: format!(
                r#"{failure},"additionalEventData":{{"LoginTo":"https://console.aws.amazon.com/console/home","MobileVersion":"No","MFAUsed":"{mfa}"}}"#
            ),
            event_type: Some("AwsConsoleSignIn"),
            ..Deed::default()
        };
        let events = self.perform(chance, &door, &deed).into_iter().collect();
        let key = chance.key_id("ASIA");
        let mut session = user_session(org, card, key, true, o);
        session.console = true;
        Minted { session, events }
    }
}
