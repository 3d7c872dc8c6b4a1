//! Policy documents in IAM's own form, and their division where one would be longer than AWS takes.
//!
//! An allowing (or denying) statement means every one of its actions on every one of its resources, so a statement divided into halves,
//! each its own statement, means the same. Divided are the longest lists first, and statements stay in their order.

use serde::Serialize;

use crate::review::escaped;

/// Longest managed policy, in characters; white space does not count.
pub const MANAGED_POLICY_CHARS_MAX: usize = 6_144;

/// Longest service control policy, in characters, white space left out.
pub const SCP_CHARS_MAX: usize = 5_120;

/// Managed policies that one user or role takes, unless AWS has raised the quota.
pub const MANAGED_POLICIES_MAX: usize = 10;

/// Service control policies that one account, unit or root takes.
pub const SCPS_MAX: usize = 5;

/// The version of IAM's policy language: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>.
const LANGUAGE: &str = "2012-10-17";

/// One policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    /// Its statements, each with an id that no other of the document has.
    pub statement: Vec<Statement>,
}

/// One statement: its actions on its resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Its id: letters and digits.
    pub sid: String,
    /// `Allow` or `Deny`.
    pub effect: &'static str,
    /// Actions, sorted.
    pub action: Vec<String>,
    /// Resources as ARN patterns, sorted, or `*`.
    pub resource: Vec<String>,
    /// When it holds; `None`: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Conditions>,
}

/// The one condition that drafts use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Conditions {
    bool: ViaService,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ViaService {
    #[serde(rename = "aws:ViaAWSService")]
    via: &'static str,
}

impl Conditions {
    /// A service makes the call with the caller's permissions.
    pub(super) const VIA_SERVICE: Self = Self {
        bool: ViaService { via: "true" },
    };
}

impl PolicyDocument {
    fn of(statement: Vec<Statement>) -> Self {
        Self {
            version: LANGUAGE,
            statement,
        }
    }

    /// Its JSON, indented, ending in a newline; what shows nothing or turns the direction of writing is escaped.
    ///
    /// # Panics
    /// Never: texts and lists of texts are JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let plain = serde_json::to_string_pretty(self).expect("texts and lists of texts are JSON");
        escaped(&plain) + "\n"
    }

    /// Its length as AWS counts it or a little more: white space within texts counts here.
    #[must_use]
    pub fn chars(&self) -> usize {
        chars(self)
    }
}

fn chars(value: &impl Serialize) -> usize {
    let text = serde_json::to_string(value).expect("texts and lists of texts are JSON");
    text.chars().count()
}

/// Statements as few documents, none longer than `chars_max`; statement ids are numbered where they would repeat.
pub(super) fn documents(statements: Vec<Statement>, chars_max: usize) -> Vec<PolicyDocument> {
    let empty = PolicyDocument::of(Vec::new()).chars();
    // What a number appended to an id and a comma between statements may add.
    const SLACK: usize = 8;
    let mut documents = Vec::new();
    let mut open: Vec<Statement> = Vec::new();
    let mut length = empty;
    for piece in statements
        .into_iter()
        .flat_map(|statement| pieces(statement, chars_max.saturating_sub(empty + SLACK)))
    {
        let more = chars(&piece) + SLACK;
        if length + more > chars_max && !open.is_empty() {
            documents.push(numbered(std::mem::take(&mut open)));
            length = empty;
        }
        length += more;
        open.push(piece);
    }
    if !open.is_empty() {
        documents.push(numbered(open));
    }
    documents
}

/// The statement, or statements that mean the same, each within the length where that can be.
fn pieces(statement: Statement, chars_max: usize) -> Vec<Statement> {
    let (actions, resources) = (statement.action.len(), statement.resource.len());
    if chars(&statement) <= chars_max || (actions < 2 && resources < 2) {
        return vec![statement];
    }
    let by_resource = chars(&statement.resource) > chars(&statement.action);
    let mut first = statement.clone();
    let mut second = statement;
    if actions < 2 || by_resource && resources > 1 {
        second.resource = first.resource.split_off(resources.div_ceil(2));
    } else {
        second.action = first.action.split_off(actions.div_ceil(2));
    }
    [first, second]
        .into_iter()
        .flat_map(|half| pieces(half, chars_max))
        .collect()
}

/// The document of these statements, with a number after each id that occurs again.
fn numbered(mut statements: Vec<Statement>) -> PolicyDocument {
    let ids: Vec<String> = statements.iter().map(|one| one.sid.clone()).collect();
    for (at, statement) in statements.iter_mut().enumerate() {
        let before = ids[..at].iter().filter(|id| **id == ids[at]).count();
        if before > 0 {
            // The underscore is not allowed, and a name may end in a digit: an N keeps them apart.
            statement.sid = format!("{}N{}", ids[at], before + 1);
        }
    }
    PolicyDocument::of(statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(actions: usize, resources: usize) -> Statement {
        let list = |what: &str, count: usize| {
            let numbers = 0..count;
            numbers
                .map(|number| format!("{what}:{number:04}"))
                .collect()
        };
        Statement {
            sid: "Any".into(),
            effect: "Allow",
            action: list("service:Action", actions),
            resource: list("arn:aws:s3:::bucket", resources),
            condition: None,
        }
    }

    #[test]
    fn documents_keep_within_the_length_and_mean_the_same() {
        let check = |actions, resources, chars_max, most: usize| {
            let all = documents(vec![statement(actions, resources)], chars_max);
            assert!(
                (1..=most).contains(&all.len()),
                "{actions} × {resources}: {}",
                all.len()
            );
            let mut pairs = 0;
            for one in &all {
                assert!(one.chars() <= chars_max, "{}", one.chars());
                let statements = one.statement.iter();
                pairs += statements
                    .map(|piece| piece.action.len() * piece.resource.len())
                    .sum::<usize>();
            }
            assert_eq!(pairs, actions * resources);
        };
        check(1, 1, 400, 1);
        check(3, 2, 400, 1);
        check(400, 1, 6_144, 2);
        check(1, 400, 6_144, 2);
        check(50, 50, 1_200, 8);
    }

    #[test]
    fn statement_ids_of_a_document_differ() {
        let all = documents(
            vec![statement(1, 1), statement(2, 1), statement(3, 1)],
            6_144,
        );
        let ids: Vec<_> = all[0].statement.iter().map(|one| &*one.sid).collect();
        assert_eq!(ids, ["Any", "AnyN2", "AnyN3"]);
    }
}
