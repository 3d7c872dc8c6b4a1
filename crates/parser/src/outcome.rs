//! How a call ended: succeeded, denied (authorisation was refused) or failed (anything else).
//!
//! Denied is a table of error codes, each with its source, and a few words of messages for records without a code. A code
//! that is not in the table is a failure: better one refusal too few than ordinary failures counted as probing.

use std::borrow::Cow;

use offtrail_event::{Outcome, OutcomeClass};

use crate::{
    Reason,
    record::RawRecord,
    scan::{Scanner, Value},
};

/// Beginnings and ends of codes that mean "you may not": the filter of the CIS AWS Foundations Benchmark for unauthorised calls,
/// `AccessDenied*` and `*UnauthorizedOperation` (with `Client.` before it, as CloudTrail writes EC2's errors).
const DENIED_BEGINNING: &str = "AccessDenied";
const DENIED_END: &str = "UnauthorizedOperation";

/// Further codes that mean the same, by the documentation of a service that answers with them.
const DENIED: &[&str] = &[
    // "Common errors" of the query protocol (DocumentDB, Transcribe, …): "you do not have permission to perform this action".
    "NotAuthorized",
    // Cognito Identity and Kinesis Video Streams: "the caller is not authorized to perform this operation".
    "NotAuthorizedException",
    // API Gateway: "the request is denied because the caller has insufficient permissions"; AppSync.
    "UnauthorizedException",
    // SNS: "the user has been denied access to the requested resource".
    "AuthorizationError",
    "AuthorizationErrorException",
    // License Manager: "the account does not have permission to perform the action".
    "AuthorizationException",
    // Elemental MediaConvert: "you don't have permissions for this action with the credentials you sent".
    "ForbiddenException",
    // CloudTrail, network activity events: the endpoint's policy refused.
    "VpceAccessDenied",
    // Seen in records of the field without a page that documents them.
    "UnauthorizedAccess",
    "Client.UnauthorizedAccess",
];

/// Whether a code means that authorisation was refused.
fn is_denied(code: &str) -> bool {
    code.starts_with(DENIED_BEGINNING) || code.ends_with(DENIED_END) || DENIED.contains(&code)
}

/// Words of `errorMessage` that mean the same where a record has no code.
const DENIED_WORDS: &[&str] = &[
    "not authorized to perform",
    "access denied",
    "explicit deny",
    "accessdenied",
];

/// How a call with this error code ended.
pub(crate) fn of_code(code: &str) -> OutcomeClass {
    if is_denied(code) {
        OutcomeClass::Denied
    } else {
        OutcomeClass::Failed
    }
}

/// Whether sign-ins of this name say how they ended in their response.
pub(crate) const SIGN_IN: &str = "ConsoleLogin";

/// How a call ended.
pub(crate) fn outcome<'a>(record: &RawRecord<'a>) -> Result<Outcome<'a>, Reason> {
    let code = record.error_code.text_or_number("errorCode")?;
    if let Some(code) = code {
        return Ok(Outcome {
            class: of_code(&code),
            code: Some(code),
        });
    }
    let class = match record.error_message.string() {
        Some(message) if denies(&message) => OutcomeClass::Denied,
        Some(_) => OutcomeClass::Failed,
        None if sign_in_failed(record) => OutcomeClass::Failed,
        None => OutcomeClass::Succeeded,
    };
    Ok(Outcome { class, code: None })
}

fn denies(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    DENIED_WORDS.iter().any(|words| message.contains(words))
}

/// Sign-in events say how they ended in `responseElements`, under their own name: `{"ConsoleLogin":"Failure"}`.
fn sign_in_failed(record: &RawRecord<'_>) -> bool {
    if !matches!(record.event_type, Value::String(kind) if kind.is("AwsConsoleSignIn"))
        && !is(record.name, SIGN_IN)
    {
        return false;
    }
    let Some(name) = record.name.string() else {
        return false;
    };
    with_object(record.response, |response| {
        is(response.member(&name), "Failure")
    })
    .unwrap_or(false)
}

fn is(value: Value<'_>, text: &str) -> bool {
    matches!(value, Value::String(quoted) if quoted.is(text))
}

/// Calls `read` with an object, also where it stands as JSON text in a string, as some exporters leave it.
pub(crate) fn with_object<T>(value: Value<'_>, read: impl FnOnce(Value<'_>) -> T) -> Option<T> {
    match value {
        Value::Object(_) => Some(read(value)),
        Value::String(quoted) if quoted.begins_object() => {
            let text: Cow<'_, str> = quoted.text();
            let inner = Scanner::new(&text).value().ok()?;
            matches!(inner, Value::Object(_)).then(|| read(inner))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::record::Object;

    fn check(json: &str, expected: OutcomeClass) {
        let mut scanner = Scanner::new(json);
        let mut object = Object::default();
        let mut first = true;
        scanner.eat(b'{');
        while let Some(key) = scanner.next_key(&mut first).unwrap() {
            object.take(&key.text(), &mut scanner).unwrap();
        }
        assert_eq!(outcome(&object.record).unwrap().class, expected, "{json}");
    }

    #[test]
    fn classes() {
        check(r#"{"eventName":"ListUsers"}"#, OutcomeClass::Succeeded);
        check(r#"{"errorCode":null}"#, OutcomeClass::Succeeded);
        let cis = [
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "Client.UnauthorizedOperation",
        ];
        for code in DENIED.iter().chain(&cis) {
            check(
                &format!(r#"{{"errorCode":"{code}"}}"#),
                OutcomeClass::Denied,
            );
        }
        for code in [
            "ThrottlingException",
            "NoSuchEntityException",
            "Client.DryRunOperation",
            "ExpiredToken",
            "OptInRequired",
            "AuthFailure",
        ] {
            check(
                &format!(r#"{{"errorCode":"{code}"}}"#),
                OutcomeClass::Failed,
            );
        }
        check(
            r#"{"errorMessage":"User: x is not authorized to perform: s3:Get"}"#,
            OutcomeClass::Denied,
        );
        check(
            r#"{"errorMessage":"Failed authentication"}"#,
            OutcomeClass::Failed,
        );
    }

    #[test]
    fn sign_in_is_read_from_the_response() {
        check(
            r#"{"eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Failure"}}"#,
            OutcomeClass::Failed,
        );
        check(
            r#"{"eventName":"ConsoleLogin","responseElements":"{\"ConsoleLogin\":\"Failure\"}"}"#,
            OutcomeClass::Failed,
        );
        check(
            r#"{"eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Success"}}"#,
            OutcomeClass::Succeeded,
        );
        check(
            r#"{"eventName":"SwitchRole","eventType":"AwsConsoleSignIn","responseElements":{"SwitchRole":"Failure"}}"#,
            OutcomeClass::Failed,
        );
        check(
            r#"{"eventName":"PutX","responseElements":{"PutX":"Failure"}}"#,
            OutcomeClass::Succeeded,
        );
    }
}
