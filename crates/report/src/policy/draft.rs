//! The draft of one principal's policy, and what is told beside it.

use std::collections::{BTreeMap, BTreeSet};

use offtrail_baseline::{Baseline, MaturityRule, MaturityState};
use offtrail_detector::catalogue::Catalogue;
use offtrail_event::{Day, PrincipalId, PrincipalKind, PrincipalName, Timestamp, Vocabulary};

use super::{
    document::{Conditions, MANAGED_POLICY_CHARS_MAX, PolicyDocument, Statement, documents},
    resources::Resources,
    used::{Used, Via},
};

/// Actions that hand a role over: IAM then also asks for `iam:PassRole`, which is no call and in no record.
const PASSES_ROLE: [&str; 12] = [
    "cloudformation:CreateStack",
    "codebuild:CreateProject",
    "codepipeline:CreatePipeline",
    "ec2:AssociateIamInstanceProfile",
    "ec2:RunInstances",
    "ecs:RegisterTaskDefinition",
    "ecs:RunTask",
    "eks:CreateCluster",
    "glue:CreateJob",
    "lambda:CreateFunction",
    "sagemaker:CreateNotebookInstance",
    "states:CreateStateMachine",
];

/// What a policy is drafted from.
#[derive(Clone, Copy, Debug)]
pub struct PolicyView<'a> {
    /// The words of the baseline's ids.
    pub words: &'a Vocabulary,
    /// Where profiles lie.
    pub baseline: &'a Baseline,
    /// The catalogue of calls and actions.
    pub catalogue: &'a Catalogue,
    /// The rule of maturity.
    pub rule: MaturityRule,
    /// What was last seen before this counts as unused; [`Timestamp::MIN`] for never.
    pub since: Timestamp,
}

/// A policy of what one principal used.
#[derive(Clone, Debug)]
pub struct PolicyDraft {
    /// Whose.
    pub principal: PrincipalName,
    /// The documents; none where nothing can be allowed.
    pub documents: Vec<PolicyDocument>,
    /// First and last day of the baseline.
    pub window: Option<(Day, Day)>,
    /// Maturity at the end of the window.
    pub maturity: MaturityState,
    /// Actions whose resources the baseline does not tell: allowed on `*`.
    pub on_any_resource: Vec<String>,
    /// Actions among the allowed that hand a role over.
    pub passes_role: Vec<String>,
    /// Calls that need no permission, or none with a name of its own.
    pub without_action: Vec<String>,
    /// Calls whose action the catalogue does not know: not in the policy.
    pub unknown: Vec<String>,
    /// Calls that were only ever denied: not in the policy.
    pub denied: Vec<String>,
    /// Calls that wait for review: not in the policy.
    pub pending: Vec<String>,
    /// Calls a person refused: not in the policy.
    pub refused: Vec<String>,
    /// Calls not seen for long, with the day of the last: not in the policy.
    pub unused: Vec<(String, Day)>,
}

/// Whether a policy of IAM says what a principal of this kind may do: not of the root user, an AWS service or a foreign account.
#[must_use]
pub const fn is_governed(kind: PrincipalKind) -> bool {
    !matches!(
        kind,
        PrincipalKind::Root | PrincipalKind::AwsService | PrincipalKind::ForeignAccount
    )
}

/// Drafts the policy of a principal; `None` where the baseline holds no profile of it.
#[must_use]
pub fn draft_policy(view: &PolicyView<'_>, principal: PrincipalId) -> Option<PolicyDraft> {
    let profile = view.baseline.profile(principal)?;
    let name = view.words.principal(principal);
    let used = Used::of(profile, view.words, view.catalogue, view.since);
    let resources = Resources::of(profile, &name, view.words, view.since);
    let mut groups: BTreeMap<(&str, Via, Vec<String>), BTreeSet<String>> = BTreeMap::new();
    let mut on_any_resource = Vec::new();
    for (action, (via, operations)) in &used.actions {
        let via = via.unwrap_or(Via::Own);
        let narrowed = match via {
            Via::Own => resources.for_action(*action, operations),
            // Targets are those of calls of its own.
            Via::Service => None,
        };
        let written = format!("{}:{}", action.0, action.1);
        let resource = narrowed.unwrap_or_else(|| {
            on_any_resource.push(written.clone());
            vec!["*".to_owned()]
        });
        groups
            .entry((action.0, via, resource))
            .or_default()
            .insert(written);
    }
    let statements = groups.into_iter().map(statement).collect();
    let actions = used
        .actions
        .keys()
        .map(|(service, name)| format!("{service}:{name}"));
    let now = view
        .baseline
        .window
        .0
        .map_or(Timestamp::MIN, |(_, until)| until);
    let list = |texts: BTreeSet<String>| texts.into_iter().collect();
    Some(PolicyDraft {
        documents: documents(statements, MANAGED_POLICY_CHARS_MAX),
        window: view
            .baseline
            .window
            .0
            .map(|(since, until)| (since.day(), until.day())),
        maturity: view.rule.apply(profile, now).state,
        on_any_resource,
        passes_role: actions
            .filter(|action| PASSES_ROLE.contains(&&**action))
            .collect(),
        without_action: list(used.without_action),
        unknown: list(used.unknown),
        denied: list(used.denied),
        pending: list(used.pending),
        refused: list(used.refused),
        unused: used.unused.into_iter().collect(),
        principal: name,
    })
}

fn statement(
    ((service, via, resource), actions): ((&str, Via, Vec<String>), BTreeSet<String>),
) -> Statement {
    let narrowed = resource != ["*"];
    let suffix = match via {
        Via::Service => "ViaService",
        Via::Own if narrowed => "Named",
        Via::Own => "",
    };
    Statement {
        sid: format!("{}{suffix}", statement_id(service)),
        effect: "Allow",
        action: actions.into_iter().collect(),
        resource,
        condition: (via == Via::Service).then_some(Conditions::VIA_SERVICE),
    }
}

/// A service prefix as a statement id, which takes letters and digits only: `elasticloadbalancing` → `Elasticloadbalancing`.
fn statement_id(service: &str) -> String {
    service
        .split(|char: char| !char.is_ascii_alphanumeric())
        .map(|part| {
            let (first, rest) = part.split_at(part.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_ids_hold_letters_and_digits() {
        assert_eq!(statement_id("s3"), "S3");
        assert_eq!(statement_id("s3-object-lambda"), "S3ObjectLambda");
    }

    #[test]
    fn actions_that_pass_a_role_are_in_the_catalogue() {
        let catalogue = Catalogue::embedded();
        for action in PASSES_ROLE {
            let (service, name) = action.split_once(':').unwrap_or_default();
            let found = catalogue.facts(service, name, None).action;
            let found = found.map(|action| (action.service, action.name));
            assert_eq!(found, Some((service, name)));
        }
    }
}
