//! A small evaluator of IAM policies, written against AWS's description and not against our generator:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.
//!
//! Knows Effect, Action, Resource, the condition `aws:ViaAWSService` and wildcards; refuses everything else loudly.

use serde_json::Value;

/// A request to be decided on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The action, such as `s3:GetObject`.
    pub action: &'a str,
    /// The ARN it is for.
    pub resource: &'a str,
    /// Whether a service makes it with the caller's permissions.
    pub via_service: bool,
}

/// What policies say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Some statement allows it and none denies it.
    Allowed,
    /// No statement speaks of it.
    Unmentioned,
    /// A statement denies it, whatever others say.
    Denied,
}

/// What all documents together say.
///
/// # Panics
/// A document holds what this evaluator does not know.
#[must_use]
pub fn decide(documents: &[Value], request: Request<'_>) -> Decision {
    let mut decision = Decision::Unmentioned;
    for document in documents {
        assert_eq!(document["Version"], "2012-10-17");
        for statement in document["Statement"].as_array().unwrap() {
            if !applies(statement, request) {
                continue;
            }
            match statement["Effect"].as_str().unwrap() {
                "Deny" => return Decision::Denied,
                "Allow" => decision = Decision::Allowed,
                other => panic!("effect {other}"),
            }
        }
    }
    decision
}

fn applies(statement: &Value, request: Request<'_>) -> bool {
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    let members = statement.as_object().unwrap();
    for name in members.keys() {
        assert!(known.contains(&&**name), "element {name}");
    }
    let sid = statement["Sid"].as_str().unwrap();
    assert!(
        sid.chars().all(|char| char.is_ascii_alphanumeric()),
        "{sid}"
    );
    let action = request.action.to_ascii_lowercase();
    let any = |element: &str, fits: &dyn Fn(&str) -> bool| {
        let patterns = statement[element].as_array().unwrap();
        patterns
            .iter()
            .any(|pattern| fits(pattern.as_str().unwrap()))
    };
    any("Action", &|pattern| {
        matches(&pattern.to_ascii_lowercase(), &action)
    }) && any("Resource", &|pattern| matches(pattern, request.resource))
        && condition_holds(&statement["Condition"], request)
}

fn condition_holds(condition: &Value, request: Request<'_>) -> bool {
    if condition.is_null() {
        return true;
    }
    let expected = serde_json::json!({"Bool": {"aws:ViaAWSService": "true"}});
    assert_eq!(*condition, expected, "a condition this evaluator knows");
    request.via_service
}

/// Whether a pattern with `*`, `?` and the escapes `${*}`, `${?}`, `${$}` fits a text.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?', '$']) {
        return pattern == text;
    }
    #[derive(Clone, Copy, PartialEq)]
    enum Part {
        Any,
        One,
        Is(char),
    }
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(char) = rest.chars().next() {
        let escaped = ["${*}", "${?}", "${$}"]
            .iter()
            .find(|escape| rest.starts_with(**escape));
        if let Some(escape) = escaped {
            parts.push(Part::Is(escape.chars().nth(2).unwrap()));
            rest = &rest[escape.len()..];
            continue;
        }
        parts.push(match char {
            '*' => Part::Any,
            '?' => Part::One,
            char => Part::Is(char),
        });
        rest = &rest[char.len_utf8()..];
    }
    // Which prefixes of the pattern fit what has been read so far.
    let mut fits = vec![false; parts.len() + 1];
    fits[0] = true;
    let skip_stars = |fits: &mut Vec<bool>| {
        for at in 0..parts.len() {
            if fits[at] && parts[at] == Part::Any {
                fits[at + 1] = true;
            }
        }
    };
    skip_stars(&mut fits);
    for char in text.chars() {
        let mut next = vec![false; parts.len() + 1];
        for at in 0..parts.len() {
            if fits[at] {
                match parts[at] {
                    Part::Any => next[at] = true,
                    Part::One => next[at + 1] = true,
                    Part::Is(one) if one == char => next[at + 1] = true,
                    Part::Is(_) => {}
                }
            }
        }
        skip_stars(&mut next);
        fits = next;
    }
    fits[parts.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_fit_as_iam_says() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        };
        check("*", "", true);
        check("s3:Get*", "s3:GetObject", true);
        check("s3:Get*", "s3:PutObject", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("*b*b", "abab", true);
        check("${*}", "*", true);
        check("${*}", "x", false);
        check("a", "ab", false);
    }

    #[test]
    fn a_denial_wins() {
        let document = |effect: &str, action: &str| {
            json!({"Version": "2012-10-17", "Statement": [
                {"Sid": "A", "Effect": effect, "Action": [action], "Resource": ["*"]}]})
        };
        let request = Request {
            action: "s3:getobject",
            resource: "arn:aws:s3:::a/b",
            via_service: false,
        };
        let check = |documents: &[Value], expected: Decision| {
            assert_eq!(decide(documents, request), expected);
        };
        check(&[document("Allow", "s3:GetObject")], Decision::Allowed);
        check(&[document("Allow", "s3:PutObject")], Decision::Unmentioned);
        check(
            &[document("Allow", "*"), document("Deny", "s3:*")],
            Decision::Denied,
        );
    }
}
