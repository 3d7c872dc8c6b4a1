//! [`RawRecord`]: the fields of one CloudTrail record that we know, not interpreted.
//!
//! An object is read once, whatever it turns out to be: keys of records fill [`RawRecord`], keys of known wrappers
//! [`Wrapper`], everything else is skipped. Of keys that come twice the last wins, as in every common JSON reader.
//! Field names: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>.

use std::borrow::Cow;

use crate::{
    Reason,
    scan::{Break, Scanner, Value},
    walk::Walk,
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
    /// `userIdentity` as it stands there, where it is an object.
    pub(crate) identity_text: &'a str,
}

/// The keys of a record, in the order in which CloudTrail writes them, and those beside them that nobody reads.
macro_rules! keys {
    ($($key:ident = $text:literal,)+) => {
        /// A key of a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key { $($key,)+ }

        impl Key {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$key,)+];
            const TEXTS: &'static [&'static str] = &[$(concat!("\"", $text, "\":"),)+];

            pub(crate) fn of(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$key),)+ _ => None }
            }

            /// With its quotes and its colon.
            pub(crate) fn text(self) -> &'static str {
                Self::TEXTS[self as usize]
            }

            pub(crate) fn name(self) -> &'static str {
                let text = self.text();
                &text[1..text.len() - 2]
            }
        }
    };
}

keys! {
    Version = "eventVersion",
    Identity = "userIdentity",
    Time = "eventTime",
    Source = "eventSource",
    Name = "eventName",
    Region = "awsRegion",
    Address = "sourceIPAddress",
    Agent = "userAgent",
    ErrorCode = "errorCode",
    ErrorMessage = "errorMessage",
    Request = "requestParameters",
    Response = "responseElements",
    Additional = "additionalEventData",
    RequestId = "requestID",
    EventId = "eventID",
    ReadOnly = "readOnly",
    Resources = "resources",
    EventType = "eventType",
    ApiVersion = "apiVersion",
    Management = "managementEvent",
    Recipient = "recipientAccountId",
    SharedId = "sharedEventID",
    Endpoint = "vpcEndpointId",
    EndpointAccount = "vpcEndpointAccountId",
    Category = "eventCategory",
    FromConsole = "sessionCredentialFromConsole",
    Tls = "tlsDetails",
    Timestamp = "@timestamp",
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
        if let Some(key) = Key::of(key) {
            self.record.take(key, scanner)
        } else if self.take_wrapper(key, scanner)? {
            Ok(())
        } else {
            scanner.skip_value()
        }
    }

    fn take_wrapper(&mut self, key: &str, scanner: &mut Scanner<'a>) -> Result<bool, Break> {
        let Some(choose) = Wrapper::member_of(key) else {
            return Ok(false);
        };
        scanner.value_into(choose(self.wrapper.get_or_insert_default()))?;
        Ok(true)
    }
}

/// Whether a key is one of a wrapper, or of what AWS puts beside its logs.
pub(crate) fn is_of_wrapper(key: &str) -> bool {
    Wrapper::member_of(key).is_some()
}

/// Where a wrapper keeps the value of a key.
type Member<'a> = for<'w> fn(&'w mut Wrapper<'a>) -> &'w mut Value<'a>;

impl<'a> Wrapper<'a> {
    fn member_of(key: &str) -> Option<Member<'a>> {
        Some(match key {
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
            _ => return None,
        })
    }
}

impl<'a> RawRecord<'a> {
    /// Reads the value of `key`, which is next.
    pub(crate) fn take(&mut self, key: Key, scanner: &mut Scanner<'a>) -> Result<(), Break> {
        let field = match key {
            Key::Version => &mut self.version,
            Key::Identity => return self.take_identity(scanner),
            Key::Time => &mut self.time,
            Key::Timestamp => &mut self.timestamp,
            Key::Source => &mut self.source,
            Key::Name => &mut self.name,
            Key::Region => &mut self.region,
            Key::Address => &mut self.address,
            Key::Agent => &mut self.agent,
            Key::ErrorCode => &mut self.error_code,
            Key::ErrorMessage => &mut self.error_message,
            Key::Request => &mut self.request,
            Key::Response => &mut self.response,
            Key::Additional => &mut self.additional,
            Key::EventId => &mut self.event_id,
            Key::ReadOnly => &mut self.read_only,
            Key::EventType => &mut self.event_type,
            Key::Category => &mut self.category,
            Key::Management => &mut self.management,
            Key::Recipient => &mut self.recipient,
            Key::SharedId => &mut self.shared_id,
            Key::FromConsole => &mut self.from_console,
            Key::RequestId
            | Key::Resources
            | Key::ApiVersion
            | Key::Endpoint
            | Key::EndpointAccount
            | Key::Tls => return scanner.skip_value(),
        };
        scanner.value_into(field)
    }

    fn take_identity(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Break> {
        let around = std::mem::take(&mut scanner.deepest);
        scanner.peek();
        let start = scanner.at();
        self.identity = RawIdentity::default();
        self.identity_text = "";
        if !scanner.eat(b'{') {
            self.identity_value = scanner.value()?;
        } else {
            self.identity_value = Value::Object("");
            let mut first = true;
            while let Some(key) = scanner.next_key(&mut first)? {
                self.identity.take(&key.text(), scanner)?;
            }
            self.identity_text = &scanner.text()[start..scanner.at()];
        }
        scanner.deepest = scanner.deepest.max(around);
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
            _ => return scanner.skip_value(),
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
                "attributes" => {
                    (self.created, self.mfa) = (Value::Absent, Value::Absent);
                    match scanner.eat(b'{') {
                        true => self.take_attributes(scanner)?,
                        false => scanner.skip_value()?,
                    }
                }
                "sessionIssuer" => {
                    (self.issuer_id, self.issuer_arn) = (Value::Absent, Value::Absent);
                    (self.issuer_account, self.issuer_name) = (Value::Absent, Value::Absent);
                    match scanner.eat(b'{') {
                        true => self.take_issuer(scanner)?,
                        false => scanner.skip_value()?,
                    }
                }
                _ => scanner.skip_value()?,
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
                _ => scanner.skip_value()?,
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
                _ => scanner.skip_value()?,
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
            Self::String(quoted) => Ok(Some(quoted.text()).filter(|text| is_given(text))),
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
            Self::String(quoted) => {
                let text = quoted.text();
                let is = |word: &str| text.eq_ignore_ascii_case(word);
                is("true").then_some(true).or(is("false").then_some(false))
            }
            _ => None,
        }
    }

    /// The members of these names, as [`Value::member`] gives each.
    pub(crate) fn members_named<const N: usize>(self, names: [&str; N]) -> [Self; N] {
        let mut found = [Self::Absent; N];
        self.members(|name, value| {
            if let Some(at) = names.iter().position(|known| *known == name) {
                found[at] = value;
            }
        });
        found
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
        if !scanner.eat(b'{') {
            return;
        }
        let mut first = true;
        let mut walk = Walk::new(text, scanner.at());
        loop {
            let start = walk.at;
            let Some((key, value)) = walk.member() else {
                scanner.go_to(start);
                break;
            };
            each(key, value);
            match walk.peek() {
                Some(b',') => walk.at += 1,
                Some(b'}') => return,
                _ => {
                    scanner.go_to(walk.at);
                    first = false;
                    break;
                }
            }
        }
        // From here on with spaces, or escapes in a key. The span was accepted once; a break can't happen, and would only end the walk.
        while let Ok(Some(key)) = scanner.next_key(&mut first) {
            let Ok(value) = scanner.value() else { return };
            each(&key.text(), value);
        }
    }
}

/// Whether a text says anything: some exporters write a dash or two for what is not there.
#[inline(always)]
pub(crate) fn is_given(text: &str) -> bool {
    !matches!(text, "" | "-" | "--")
}
