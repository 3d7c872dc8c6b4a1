//! The catalogue of AWS calls: what IAM says a call may do, what incidents say of it, and how much harm it can do.
//!
//! Facts come from outside (`data/actions.tsv` from AWS's access levels, `data/incidents.tsv` from TrailDiscover; see NOTICE) and are
//! compiled into the crate as text; names that differ between CloudTrail and IAM, and classes that a rule can't give, are ours
//! (`data/overrides.tsv`, `data/sensitivity.tsv`). Calls are keyed by event source and operation, never by name alone: `ListGroups` is
//! an identity read in IAM and an ordinary one in Greengrass.
//!
//! Nothing here guesses: a call that no table knows has unknown access, and only CloudTrail's `readOnly` can make it a read.

mod access;
mod names;
mod sensitivity;
mod services;
mod tables;

pub use access::{Access, AccessLevel, Effect};
pub use sensitivity::{Sensitivity, SensitivityClass};

use tables::{CallTable, Incident, Overrides, Reviewed, TableError};

const ACTIONS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/actions.tsv"
));
const INCIDENTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/incidents.tsv"
));
const OVERRIDES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/overrides.tsv"
));
const REVIEWED: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/sensitivity.tsv"
));

/// The tables of facts, ready for look-up.
#[derive(Debug)]
pub struct Catalogue {
    actions: CallTable<Access>,
    incidents: CallTable<Incident>,
    overrides: Overrides,
    reviewed: CallTable<Reviewed>,
}

/// An IAM policy action, such as `s3:ListAllMyBuckets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IamAction {
    /// The service prefix, such as `s3`.
    pub service: &'static str,
    /// The name, such as `ListAllMyBuckets`; for API Gateway the verb.
    pub name: &'static str,
}

/// ATT&CK ids in the order of their source, most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttackIds(&'static str);

impl AttackIds {
    /// The ids, such as `TA0007` or `T1087.004`.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        self.0.split(',').filter(|id| !id.is_empty())
    }

    /// Whether `id` is among them.
    pub fn contains(self, id: &str) -> bool {
        self.iter().any(|known| known == id)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The first sub-technique, else the first id: the most specific thing that can be said in one word.
    pub fn most_specific(self) -> Option<&'static str> {
        self.iter()
            .find(|id| id.contains('.'))
            .or_else(|| self.iter().next())
    }
}

/// What the catalogue knows of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The IAM action that allows the call, where one is known.
    pub action: Option<IamAction>,
    /// Whether the call is known to have no IAM action of its own (`sts:GetCallerIdentity`, a sign-in).
    pub no_iam_action: bool,
    /// The access levels; empty when unknown.
    pub access: Access,
    /// What the call does: CloudTrail's `readOnly` first, then the access levels, else unknown.
    pub effect: Effect,
    /// Whether the incident table has the call at all.
    pub in_incidents: bool,
    /// Whether it was used in a real attack, not only in research.
    pub in_the_wild: bool,
    /// ATT&CK tactics of the incident table.
    pub tactics: AttackIds,
    /// ATT&CK techniques of the incident table.
    pub techniques: AttackIds,
}

impl Catalogue {
    /// The catalogue compiled into this build.
    pub fn embedded() -> Catalogue {
        Catalogue::parse()
            .expect("the embedded tables are well-formed: a test reads every row of them")
    }

    fn parse() -> Result<Catalogue, TableError> {
        Ok(Catalogue {
            actions: tables::actions(ACTIONS)?,
            incidents: tables::incidents(INCIDENTS)?,
            overrides: tables::overrides(OVERRIDES)?,
            reviewed: tables::reviewed(REVIEWED)?,
        })
    }

    /// The facts of a call: `source` as CloudTrail has it (`iam.amazonaws.com`), `operation` without its date (`ListFunctions`),
    /// `read_only` as the record has it. A call that no table knows gives empty facts.
    pub fn facts(&self, source: &str, operation: &str, read_only: Option<bool>) -> Facts {
        let source = service_of(source);
        let (action, no_iam_action, access) = self.action(source, operation);
        let incident = self
            .incidents
            .get(source, operation)
            .map(|(_, _, incident)| incident);
        Facts {
            action,
            no_iam_action,
            access,
            effect: Effect::of(read_only, access),
            in_incidents: incident.is_some(),
            in_the_wild: incident.is_some_and(|incident| incident.in_the_wild),
            tactics: incident.map_or(AttackIds::default(), |incident| AttackIds(incident.tactics)),
            techniques: incident.map_or(AttackIds::default(), |incident| {
                AttackIds(incident.techniques)
            }),
        }
    }

    /// How much harm a call can do; arguments as for [`Catalogue::facts`].
    pub fn sensitivity(
        &self,
        source: &str,
        operation: &str,
        read_only: Option<bool>,
    ) -> Sensitivity {
        let facts = self.facts(source, operation, read_only);
        let source = service_of(source);
        let reviewed = self.reviewed.get(source, operation).map(|(_, _, row)| row);
        sensitivity::of(source, operation, &facts, reviewed)
    }

    /// The IAM action of a call, whether it is known to have none, and its access.
    fn action(&self, source: &str, operation: &str) -> (Option<IamAction>, bool, Access) {
        let Some(row) = self.overrides.get(source, operation) else {
            return self.known_action(source, operation, None);
        };
        match row.action {
            None => (None, true, row.access.unwrap_or_default()),
            Some((service, "*")) => self.known_action(service, operation, row.access),
            Some((service, name)) => self.known_action(service, name, row.access),
        }
    }

    fn known_action(
        &self,
        service: &str,
        name: &str,
        stated: Option<Access>,
    ) -> (Option<IamAction>, bool, Access) {
        match self.actions.get(service, name) {
            Some((service, name, access)) => (
                Some(IamAction { service, name }),
                false,
                stated.unwrap_or(*access),
            ),
            None => (None, false, stated.unwrap_or_default()),
        }
    }
}

/// The event source without its domain, as the tables spell it.
fn service_of(source: &str) -> &str {
    let global = source.strip_suffix(".amazonaws.com");
    global
        .or_else(|| source.strip_suffix(".amazonaws.com.cn"))
        .unwrap_or(source)
}

#[cfg(test)]
mod tests;
