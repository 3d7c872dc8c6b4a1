//! [`RawRecord`]: the fields of one CloudTrail record that we know, not interpreted.
//!
//! An object is read once, whatever it turns out to be: keys of records fill [`RawRecord`], keys of known wrappers
//! [`Wrapper`], everything else is skipped. Of keys that come twice the last wins, as in every common JSON reader.
//! Field names: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>.

use std::borrow::Cow;

use crate::{
    Reason,
    scan::{Break, Scanner, Value},
};

/// One record's fields; `Absent` where the record has none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RawRecord<'a> {
    pub(crate) version: Value<'a>,
    pub(crate) time: Value<'a>,
    /// `@timestamp`, which some pipelines put in place of `eventTime`.
    pub(crate) timestamp: Value<'a>,
    pub(crate) source: Value<'a>,
    pub(crate) name: Value<'a>,
    pub(crate) region: Value<'a>,
    pub(crate) address: Value<'a>,
    pub(crate) agent: Value<'a>,
    pub(crate) error_code: Value<'a>,
    pub(crate) error_message: Value<'a>,
    pub(crate) request: Value<'a>,
    pub(crate) response: Value<'a>,
    pub(crate) additional: Value<'a>,
    pub(crate) event_id: Value<'a>,
    pub(crate) read_only: Value<'a>,
    pub(crate) event_type: Value<'a>,
    pub(crate) category: Value<'a>,
    pub(crate) management: Value<'a>,
    pub(crate) recipient: Value<'a>,
    pub(crate) shared_id: Value<'a>,
    pub(crate) from_console: Value<'a>,
    /// `userIdentity` where it is no object.
    pub(crate) identity_value: Value<'a>,
    pub(crate) identity: RawIdentity<'a>,
}

/// `userIdentity`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RawIdentity<'a> {
    pub(crate) kind: Value<'a>,
    pub(crate) principal_id: Value<'a>,
    pub(crate) arn: Value<'a>,
    pub(crate) account: Value<'a>,
    pub(crate) access_key: Value<'a>,
    pub(crate) user_name: Value<'a>,
    pub(crate) invoked_by: Value<'a>,
    pub(crate) provider: Value<'a>,
    pub(crate) credential_id: Value<'a>,
    /// `onBehalfOf`, an object.
    pub(crate) on_behalf_of: Value<'a>,
    /// `sessionContext` where it is no object.
    pub(crate) session_value: Value<'a>,
    pub(crate) session: RawSession<'a>,
}

/// `userIdentity.sessionContext`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RawSession<'a> {
    /// The record has a `sessionContext` that is not empty.
    pub(crate) present: bool,
    pub(crate) created: Value<'a>,
    pub(crate) mfa: Value<'a>,
    pub(crate) source_identity: Value<'a>,
    pub(crate) ec2_delivery: Value<'a>,
    /// `webIdFederationData`, an object.
    pub(crate) web_identity: Value<'a>,
    pub(crate) issuer_id: Value<'a>,
    pub(crate) issuer_arn: Value<'a>,
    pub(crate) issuer_account: Value<'a>,
    pub(crate) issuer_name: Value<'a>,
}

/// Members that tell which wrapper or neighbour of CloudTrail an object is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wrapper<'a> {
    pub(crate) records: Value<'a>,
    pub(crate) events: Value<'a>,
    pub(crate) detail: Value<'a>,
    pub(crate) detail_type: Value<'a>,
    pub(crate) log_events: Value<'a>,
    pub(crate) message_type: Value<'a>,
    pub(crate) cloudtrail_event: Value<'a>,
    pub(crate) aws_logs: Value<'a>,
    pub(crate) kinesis: Value<'a>,
    pub(crate) data: Value<'a>,
    pub(crate) message: Value<'a>,
    pub(crate) topic: Value<'a>,
    pub(crate) sns: Value<'a>,
    pub(crate) body: Value<'a>,
    /// `Event`, as in the `s3:TestEvent` that opens every notification.
    pub(crate) event: Value<'a>,
    pub(crate) s3: Value<'a>,
    pub(crate) digest_object: Value<'a>,
    pub(crate) log_files: Value<'a>,
}

/// One object, read.
#[derive(Debug, Default)]
pub(crate) struct Object<'a> {
    pub(crate) record: RawRecord<'a>,
    /// Boxed: a record has none of its members.
    pub(crate) wrapper: Option<Box<Wrapper<'a>>>,
    /// The key it begins with.
    pub(crate) first_key: &'a str,
    /// Its elements were handed over while it was read.
    pub(crate) streamed: bool,
    /// How deep objects and arrays are nested in it, itself included.
    pub(crate) deepest: usize,
}

impl<'a> Object<'a> {
    /// Reads the value of `key`, which is next.
    pub(crate) fn take(&mut self, key: &str, scanner: &mut Scanner<'a>) -> Result<(), Break> {
        if self.record.take(key, scanner)? || self.take_wrapper(key, scanner)? {
            return Ok(());
        }
        scanner.value().map(drop)
    }

    fn take_wrapper(&mut self, key: &str, scanner: &mut Scanner<'a>) -> Result<bool, Break> {
        let choose: for<'w> fn(&'w mut Wrapper<'a>) -> &'w mut Value<'a> = match key {
            "Records" | "records" => |wrapper| &mut wrapper.records,
            "Events" => |wrapper| &mut wrapper.events,
            "detail" => |wrapper| &mut wrapper.detail,
            "detail-type" => |wrapper| &mut wrapper.detail_type,
            "logEvents" => |wrapper| &mut wrapper.log_events,
            "messageType" => |wrapper| &mut wrapper.message_type,
            "CloudTrailEvent" => |wrapper| &mut wrapper.cloudtrail_event,
            "awslogs" => |wrapper| &mut wrapper.aws_logs,
            "kinesis" => |wrapper| &mut wrapper.kinesis,
            "data" | "Data" => |wrapper| &mut wrapper.data,
            "Message" => |wrapper| &mut wrapper.message,
            "TopicArn" => |wrapper| &mut wrapper.topic,
            "Sns" => |wrapper| &mut wrapper.sns,
            "body" | "Body" => |wrapper| &mut wrapper.body,
            "Event" => |wrapper| &mut wrapper.event,
            "s3" => |wrapper| &mut wrapper.s3,
            "digestS3Object" => |wrapper| &mut wrapper.digest_object,
            "logFiles" => |wrapper| &mut wrapper.log_files,
            _ => return Ok(false),
        };
        scanner.value_into(choose(self.wrapper.get_or_insert_default()))?;
        Ok(true)
    }
}

impl<'a> RawRecord<'a> {
    fn take(&mut self, key: &str, scanner: &mut Scanner<'a>) -> Result<bool, Break> {
        let field = match key {
            "eventVersion" => &mut self.version,
            "userIdentity" => return self.take_identity(scanner).map(|()| true),
            "eventTime" => &mut self.time,
            "@timestamp" => &mut self.timestamp,
            "eventSource" => &mut self.source,
            "eventName" => &mut self.name,
            "awsRegion" => &mut self.region,
            "sourceIPAddress" => &mut self.address,
            "userAgent" => &mut self.agent,
            "errorCode" => &mut self.error_code,
            "errorMessage" => &mut self.error_message,
            "requestParameters" => &mut self.request,
            "responseElements" => &mut self.response,
            "additionalEventData" => &mut self.additional,
            "eventID" => &mut self.event_id,
            "readOnly" => &mut self.read_only,
            "eventType" => &mut self.event_type,
            "eventCategory" => &mut self.category,
            "managementEvent" => &mut self.management,
            "recipientAccountId" => &mut self.recipient,
            "sharedEventID" => &mut self.shared_id,
            "sessionCredentialFromConsole" => &mut self.from_console,
            _ => return Ok(false),
        };
        scanner.value_into(field)?;
        Ok(true)
    }

    fn take_identity(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Break> {
        self.identity = RawIdentity::default();
        if !scanner.eat(b'{') {
            self.identity_value = scanner.value()?;
            return Ok(());
        }
        self.identity_value = Value::Object("");
        let mut first = true;
        while let Some(key) = scanner.next_key(&mut first)? {
            self.identity.take(&key.text(), scanner)?;
        }
        Ok(())
    }
}

impl<'a> RawIdentity<'a> {
    fn take(&mut self, key: &str, scanner: &mut Scanner<'a>) -> Result<(), Break> {
        let field = match key {
            "type" => &mut self.kind,
            "principalId" => &mut self.principal_id,
            "arn" => &mut self.arn,
            "accountId" => &mut self.account,
            "accessKeyId" => &mut self.access_key,
            "userName" => &mut self.user_name,
            "invokedBy" => &mut self.invoked_by,
            "identityProvider" => &mut self.provider,
            "credentialId" => &mut self.credential_id,
            "onBehalfOf" => &mut self.on_behalf_of,
            "sessionContext" => {
                self.session = RawSession::default();
                if !scanner.eat(b'{') {
                    self.session_value = scanner.value()?;
                    return Ok(());
                }
                self.session_value = Value::Object("");
                return self.session.take(scanner);
            }
            _ => return scanner.value().map(drop),
        };
        scanner.value_into(field)
    }
}

impl<'a> RawSession<'a> {
    /// Reads the members of `sessionContext`; the opening brace is consumed.
    fn take(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Break> {
        let mut first = true;
        while let Some(key) = scanner.next_key(&mut first)? {
            self.present = true;
            match &*key.text() {
                "sourceIdentity" => self.source_identity = scanner.value()?,
                "ec2RoleDelivery" => self.ec2_delivery = scanner.value()?,
                "webIdFederationData" => self.web_identity = scanner.value()?,
                "attributes" if scanner.eat(b'{') => self.take_attributes(scanner)?,
                "sessionIssuer" if scanner.eat(b'{') => self.take_issuer(scanner)?,
                _ => drop(scanner.value()?),
            }
        }
        Ok(())
    }

    fn take_attributes(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Break> {
        let mut first = true;
        while let Some(key) = scanner.next_key(&mut first)? {
            match &*key.text() {
                "creationDate" => scanner.value_into(&mut self.created)?,
                "mfaAuthenticated" => scanner.value_into(&mut self.mfa)?,
                _ => drop(scanner.value()?),
            }
        }
        Ok(())
    }

    fn take_issuer(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Break> {
        let mut first = true;
        while let Some(key) = scanner.next_key(&mut first)? {
            match &*key.text() {
                "principalId" => scanner.value_into(&mut self.issuer_id)?,
                "arn" => scanner.value_into(&mut self.issuer_arn)?,
                "accountId" => scanner.value_into(&mut self.issuer_account)?,
                "userName" => scanner.value_into(&mut self.issuer_name)?,
                _ => drop(scanner.value()?),
            }
        }
        Ok(())
    }
}

impl<'a> Value<'a> {
    /// The text of a field that is a string where it is given. Absent, null, empty and the dashes that redaction leaves are `None`.
    pub(crate) fn text(self, field: &'static str) -> Result<Option<Cow<'a, str>>, Reason> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::String(quoted) if matches!(quoted.body, "" | "-" | "--") => Ok(None),
            Self::String(quoted) => Ok(Some(quoted.text())),
            _ => Err(Reason::BadField(field)),
        }
    }

    /// The text of a field that some exporters write as a number, such as an account.
    pub(crate) fn text_or_number(
        self,
        field: &'static str,
    ) -> Result<Option<Cow<'a, str>>, Reason> {
        match self {
            Self::Number(digits) => Ok(Some(Cow::Borrowed(digits))),
            other => other.text(field),
        }
    }

    /// The text of a string, if it is one and not empty.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        self.text("").ok().flatten()
    }

    /// A truth value, also as the text `"true"` or `"false"`; `None` for all else.
    pub(crate) fn truth(self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(truth),
            Self::String(quoted) if quoted.body.eq_ignore_ascii_case("true") => Some(true),
            Self::String(quoted) if quoted.body.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The member `key` of an object, the last of several; `Absent` if this is no object or has none.
    pub(crate) fn member(self, key: &str) -> Self {
        let mut found = Self::Absent;
        self.members(|name, value| {
            if name == key {
                found = value;
            }
        });
        found
    }

    /// Hands over each element of an array; of any other value that value alone, as AWS writes lists of one.
    pub(crate) fn elements(self, mut each: impl FnMut(Self)) {
        let text = match self {
            Self::Array(text) => text,
            Self::Absent | Self::Null => return,
            one => return each(one),
        };
        let mut scanner = Scanner::new(text);
        if !scanner.eat(b'[') {
            return;
        }
        while !scanner.eat(b']') {
            let Ok(value) = scanner.value() else { return };
            each(value);
            scanner.eat(b',');
        }
    }

    /// Hands over each member of an object.
    pub(crate) fn members(self, mut each: impl FnMut(&str, Self)) {
        let Self::Object(text) = self else { return };
        let mut scanner = Scanner::new(text);
        let mut first = true;
        // The span was accepted once; a break can't happen, and would only end the walk.
        if scanner.eat(b'{') {
            while let Ok(Some(key)) = scanner.next_key(&mut first) {
                let Ok(value) = scanner.value() else { return };
                each(&key.text(), value);
            }
        }
    }
}
