//! What a principal used, sorted into what a policy may allow and what is told apart.

use std::collections::{BTreeMap, BTreeSet};

use offtrail_baseline::{Dimension, Profile, Standing};
use offtrail_detector::catalogue::{Catalogue, IamAction};
use offtrail_event::{Day, OutcomeClass, TextId, Timestamp, Vocabulary};

/// Actions that a call needs beside the one it is named for, by service and operation.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html> and the like, section permissions.
const COMPANIONS: [(&str, &str, &[ActionKey]); 4] = [
    (
        "dynamodb",
        "TransactWriteItems",
        &[
            ("dynamodb", "ConditionCheckItem"),
            ("dynamodb", "DeleteItem"),
            ("dynamodb", "UpdateItem"),
        ],
    ),
    ("kms", "ReEncrypt", &[("kms", "ReEncryptTo")]),
    ("s3", "CopyObject", &[("s3", "GetObject")]),
    ("s3", "UploadPartCopy", &[("s3", "GetObject")]),
];

/// Who makes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Via {
    /// The principal itself.
    Own,
    /// Only a service, with the principal's permissions.
    Service,
}

/// An IAM action, as the catalogue spells it.
pub(super) type ActionKey = (&'static str, &'static str);

/// What was used of a profile.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Operations behind each action, and whether the principal itself made one.
    pub(super) actions: BTreeMap<ActionKey, (Option<Via>, BTreeSet<String>)>,
    /// Calls that are known to have no action of their own.
    pub(super) without_action: BTreeSet<String>,
    /// Calls whose action the catalogue does not know.
    pub(super) unknown: BTreeSet<String>,
    /// Calls that were only ever denied.
    pub(super) denied: BTreeSet<String>,
    /// Calls that wait for review.
    pub(super) pending: BTreeSet<String>,
    /// Calls a person refused.
    pub(super) refused: BTreeSet<String>,
    /// Calls not seen for long, with the day of the last.
    pub(super) unused: BTreeMap<String, Day>,
}

impl Used {
    /// Of a profile; what was last seen before `since` is unused.
    pub(super) fn of(
        profile: &Profile,
        words: &Vocabulary,
        catalogue: &Catalogue,
        since: Timestamp,
    ) -> Self {
        let mut used = Self::default();
        let mut denied = BTreeSet::new();
        let mut succeeded = BTreeSet::new();
        for row in profile.calls() {
            let text = words.call_text(row.call());
            match row.outcome() {
                OutcomeClass::Denied => {
                    denied.insert(text);
                    continue;
                }
                // Permission was given, or never asked for: what failed tells nothing that a policy needs.
                OutcomeClass::Failed => continue,
                OutcomeClass::Succeeded => {}
            }
            succeeded.insert(text.clone());
            match row.standing() {
                Standing::Pending => used.pending.insert(text),
                Standing::Refused => used.refused.insert(text),
                Standing::Learnt | Standing::Approved if row.last < since => {
                    used.unused.insert(text, row.last.day()).is_none()
                }
                Standing::Learnt | Standing::Approved => {
                    let (source, operation) = words.call(row.call());
                    used.add(catalogue, (&source, &operation), (Via::Own, text));
                    true
                }
            };
        }
        for row in profile.facets_of(Dimension::Forwarded) {
            let text = words.text(TextId(row.value)).to_string();
            if !row.standing.is_known() {
                continue;
            }
            let shown = format!("{text} (through a service)");
            if row.last < since {
                used.unused.insert(shown, row.last.day());
            } else if let Some((source, operation)) = text.split_once(':') {
                used.add(catalogue, (source, operation), (Via::Service, shown));
            }
        }
        used.denied = denied.difference(&succeeded).cloned().collect();
        used
    }

    fn add(&mut self, catalogue: &Catalogue, call: (&str, &str), (via, text): (Via, String)) {
        let facts = catalogue.facts(call.0, call.1, None);
        match facts.action {
            Some(IamAction { service, name }) => {
                self.see((service, name), via, call.1);
                for (_, _, more) in COMPANIONS
                    .iter()
                    .filter(|(of, operation, _)| (*of, *operation) == (service, call.1))
                {
                    for action in *more {
                        self.see(*action, via, call.1);
                    }
                }
            }
            None if facts.no_iam_action => {
                self.without_action.insert(text);
            }
            None => {
                self.unknown.insert(text);
            }
        }
    }

    fn see(&mut self, action: ActionKey, via: Via, operation: &str) {
        let (first, operations) = self.actions.entry(action).or_default();
        *first = Some(first.map_or(via, |first| first.min(via)));
        operations.insert(operation.to_owned());
    }
}
