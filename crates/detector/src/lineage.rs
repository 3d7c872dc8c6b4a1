//! [`Lineage`]: which credential minted which, so that a session's calls count for the credential at the root of its chain.
//!
//! Evidence: `responseElements` of AssumeRole*, GetSessionToken, GetFederationToken, CreateAccessKey, CreateUser, CreateRole, and whose password
//! CreateLoginProfile and UpdateLoginProfile set: it is followed into the console by the user's name. A session belongs to what opened it for
//! `session_days`; a created key, password, user or role for `created_days`, and then for `session_days` from its first use. What a raised
//! finding created stays suspect for `created_days`, however long it is in use.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use offtrail_event::{
    CredentialId, CredentialKind, MintedKind, Observation, PrincipalId, PrincipalKind,
    SECONDS_PER_DAY, TargetKind, Timestamp, Vocabulary,
};

use crate::{LineageStep, case::Case, settings::FindingSettings};

/// Most credentials remembered; the oldest half is forgotten beyond that.
pub(crate) const LINEAGE_CREDENTIALS_MAX: usize = 1_000_000;
/// Longest chain followed.
pub(crate) const LINEAGE_STEPS_MAX: usize = 32;

/// What was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Minted {
    Credential(CredentialId),
    Principal(PrincipalId),
}

/// One edge.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    /// The principal at the root of the chain.
    pub(crate) root: PrincipalId,
    /// The principal that signed.
    pub(crate) by: PrincipalId,
    /// The credential that signed, if known: where the chain goes on.
    pub(crate) parent: Option<CredentialId>,
    pub(crate) minted_at: Timestamp,
    /// First use of what was created; `None` for sessions and for what was not used yet.
    pub(crate) first_use: Option<Timestamp>,
    pub(crate) created: bool,
    pub(crate) step: LineageStep,
}

/// Where an observation's credential comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ancestry {
    /// The principal at the root of the chain.
    pub root: PrincipalId,
    /// Whether a created key, user or role is on the way: such use reopens the creator's finding.
    pub created: bool,
}

/// The cases whose findings are raised, or hidden by a suppression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raised<'c> {
    pub(crate) open: &'c BTreeMap<PrincipalId, Case>,
    pub(crate) closed: &'c BTreeMap<PrincipalId, Case>,
}

impl Raised<'_> {
    /// Whether a finding that reached the threshold about this root was open or kept when something was created.
    pub(crate) fn covers(self, root: PrincipalId, minted_at: Timestamp) -> bool {
        let cases = [self.open.get(&root), self.closed.get(&root)];
        let mut cases = cases.into_iter().flatten();
        cases.any(|case| case.has_reached() && case.opened <= minted_at)
    }
}

/// Which credential minted which.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    pub(crate) edges: HashMap<Minted, Edge, FixedState>,
}

impl Lineage {
    /// Where the credential of an observation comes from; `None` if it is its own root. `is_suspect`: whether what was created some
    /// time ago still counts for who created it.
    #[must_use]
    pub(crate) fn ancestry(
        &self,
        observation: &Observation,
        words: &Vocabulary,
        settings: &FindingSettings,
        is_suspect: impl Fn(&Edge) -> bool,
    ) -> Option<Ancestry> {
        let edge = self.edge_of(observation, words)?;
        let is_live = edge.is_live(observation.time, settings)
            || (edge.is_young(observation.time, settings) && is_suspect(edge));
        if !is_live || edge.root == observation.principal {
            return None;
        }
        Some(Ancestry {
            root: edge.root,
            created: edge.created,
        })
    }

    fn edge_of(&self, observation: &Observation, words: &Vocabulary) -> Option<&Edge> {
        let by_key = observation
            .credential
            .and_then(|id| self.edges.get(&Minted::Credential(id)));
        let by_password = || {
            let password = password_used(observation, words)?;
            self.edges.get(&Minted::Credential(password))
        };
        by_key
            .or_else(by_password)
            .or_else(|| self.edges.get(&Minted::Principal(observation.principal)))
    }

    /// Notes the use of a created credential or principal, and what an observation gave out.
    pub(crate) fn learn(
        &mut self,
        observation: &Observation,
        words: &Vocabulary,
        settings: &FindingSettings,
        ancestry: Option<Ancestry>,
    ) {
        let time = observation.time;
        let keys = [
            observation.credential.map(Minted::Credential),
            password_used(observation, words).map(Minted::Credential),
            Some(Minted::Principal(observation.principal)),
        ];
        for key in keys.into_iter().flatten() {
            if let Some(edge) = self.edges.get_mut(&key)
                && edge.created
            {
                edge.first_use.get_or_insert(time);
            }
        }
        let Some(mint) = observation.mint else { return };
        if !can_be_root(observation.principal_kind) {
            return;
        }
        let minted = match (mint.kind, mint.credential, mint.principal) {
            (MintedKind::User | MintedKind::Role, _, Some(principal)) => {
                Minted::Principal(principal)
            }
            (_, Some(credential), _) => Minted::Credential(credential),
            (MintedKind::LoginProfile, ..) => {
                let Some(user) = password_set(observation, words) else {
                    return;
                };
                let account = words.account_of(observation.principal);
                Minted::Credential(password(&account, &user))
            }
            _ => return,
        };
        let above = self
            .edge_of(observation, words)
            .filter(|edge| ancestry.is_some() || edge.is_live(time, settings));
        let root = above.map_or(observation.principal, |edge| edge.root);
        let created = mint.kind != MintedKind::Session || above.is_some_and(|edge| edge.created);
        let edge = Edge {
            root,
            by: observation.principal,
            parent: observation.credential,
            minted_at: time,
            first_use: None,
            created,
            step: step_of(observation, words),
        };
        if self.edges.len() >= LINEAGE_CREDENTIALS_MAX {
            self.forget_older_half();
        }
        self.edges.entry(minted).or_insert(edge);
    }

    /// The chain from the root to the credential of an observation, in order of time.
    #[must_use]
    pub fn chain(&self, observation: &Observation, words: &Vocabulary) -> Vec<LineageStep> {
        let mut steps = Vec::new();
        let mut edge = self.edge_of(observation, words);
        while let Some(here) = edge {
            steps.push(here.step.clone());
            if steps.len() >= LINEAGE_STEPS_MAX {
                break;
            }
            let above = here
                .parent
                .and_then(|id| self.edges.get(&Minted::Credential(id)));
            edge = above
                .or_else(|| self.edges.get(&Minted::Principal(here.by)))
                // Tools chain roles within a second; what was listed already would be a circle.
                .filter(|up| up.minted_at <= here.minted_at && !steps.contains(&up.step));
        }
        steps.reverse();
        steps
    }

    /// How many edges are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Forgets what can't matter any more at `now`.
    pub fn expire(&mut self, now: Timestamp, settings: &FindingSettings) {
        let days = settings.created_days + settings.session_days;
        self.edges.retain(|_, edge| {
            now.secs_since(edge.minted_at) as f64 <= days * SECONDS_PER_DAY as f64
        });
    }

    fn forget_older_half(&mut self) {
        let mut times: Vec<Timestamp> = self.edges.values().map(|edge| edge.minted_at).collect();
        let middle = times.len() / 2;
        let (_, cut, _) = times.select_nth_unstable(middle);
        let cut = *cut;
        self.edges.retain(|_, edge| edge.minted_at > cut);
    }
}

impl Edge {
    fn is_live(&self, now: Timestamp, settings: &FindingSettings) -> bool {
        if !self.created {
            return days(now, self.minted_at) <= settings.session_days;
        }
        let is_fresh = |first| days(now, first) <= settings.session_days;
        self.is_young(now, settings) && self.first_use.is_none_or(is_fresh)
    }

    /// Whether it was created, and not long ago.
    fn is_young(&self, now: Timestamp, settings: &FindingSettings) -> bool {
        self.created && days(now, self.minted_at) <= settings.created_days
    }
}

fn days(now: Timestamp, since: Timestamp) -> f64 {
    now.secs_since(since) as f64 / SECONDS_PER_DAY as f64
}

/// Whether a step gave out something that lasts, unlike a session.
pub(crate) fn lasts(step: &LineageStep) -> bool {
    !step.minted.starts_with("ASIA")
}

/// Whether a principal can be the root of a chain: one with permissions of its own in the organisation.
fn can_be_root(kind: PrincipalKind) -> bool {
    matches!(
        kind,
        PrincipalKind::Root
            | PrincipalKind::IamUser
            | PrincipalKind::Role
            | PrincipalKind::FederatedUser
    )
}

/// What identifies a user's password, of which no record shows more than whose it is.
fn password(account: &str, user: &str) -> CredentialId {
    CredentialId::of(&format!("password of {account}/{user}"))
}

/// The password that a user in the console came in with.
fn password_used(observation: &Observation, words: &Vocabulary) -> Option<CredentialId> {
    let in_console = matches!(
        observation.credential_kind,
        CredentialKind::Console | CredentialKind::None
    );
    if observation.principal_kind != PrincipalKind::IamUser || !in_console {
        return None;
    }
    let user = words.principal(observation.principal);
    Some(password(&user.account, &user.name))
}

/// The user whose password a call set: another one, or the caller itself.
fn password_set(observation: &Observation, words: &Vocabulary) -> Option<Box<str>> {
    let mint = observation.mint?;
    if mint.kind != MintedKind::LoginProfile {
        return None;
    }
    let mut targets = observation.targets.as_deref().unwrap_or_default().iter();
    let other = targets.find(|(kind, _)| *kind == TargetKind::KeyOf);
    if let Some((_, text)) = other {
        let text = words.text(*text);
        return text.split_once(':').map(|(_, user)| user.into());
    }
    let own = mint.principal == Some(observation.principal);
    own.then(|| (&*words.principal(observation.principal).name).into())
}

/// The step that an observation makes, where it gave something out.
pub(crate) fn step_of(observation: &Observation, words: &Vocabulary) -> LineageStep {
    let detail = observation.detail.as_ref();
    let text = |field: Option<&str>| field.filter(|text| !text.is_empty()).map(str::to_owned);
    let signer = text(detail.map(|detail| detail.access_key_id()));
    let minted = text(detail.map(|detail| detail.minted_key()));
    let principal = observation
        .mint
        .and_then(|mint| mint.principal)
        .map(|id| words.principal(id).key());
    let password = password_set(observation, words).map(|user| format!("password of {user}"));
    LineageStep {
        credential: signer.unwrap_or_else(|| words.principal(observation.principal).key()),
        minted: minted.or(principal).or(password).unwrap_or_default(),
        by: words.call_text(observation.call),
        event_id: detail.map_or_else(String::new, |detail| detail.event_id().to_owned()),
        time: observation.time,
    }
}
