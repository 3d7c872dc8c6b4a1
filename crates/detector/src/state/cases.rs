//! The first part: open and closed cases, lineage, the counts of the day, and what records told of calls.

use offtrail_baseline::{Baseline, Dimension};
use offtrail_event::{
    CallId, CredentialId, Day, PrincipalId, TextId, Timestamp, Vocabulary,
    pack::{PackError, Packed, Packer, Unpacker, damaged},
    packed_struct,
};

use crate::{
    Detector,
    case::{BroughtCall, BroughtFacet, Case, Damped, Follower, Lead},
    change::Change,
    landscape::News,
    lineage::{Edge, Minted},
    obey::RuledNote,
    suppress::{Cover, Covers},
    wave::Wave,
};

use super::values::{pack_value, unpack_value};

/// All that can't be computed anew.
pub(super) struct Kept {
    open: Vec<Case>,
    changes: Vec<Change>,
    closed: Vec<Case>,
    edges: Vec<(Minted, Edge)>,
    today: Vec<(PrincipalId, CallId, Day, u32)>,
    /// What the records that showed a call first said of it.
    read_only: Vec<(CallId, bool)>,
    swept: Option<Timestamp>,
}

impl Kept {
    pub(super) fn of(detector: &Detector) -> Self {
        let counts = detector.today.counts.iter();
        let edges = detector.lineage.edges.iter();
        let read_only = detector.sensitivities.told.iter();
        Self {
            open: detector.open.values().cloned().collect(),
            changes: detector.changes.values().cloned().collect(),
            closed: detector.closed.values().cloned().collect(),
            edges: edges
                .map(|(minted, edge)| (*minted, edge.clone()))
                .collect(),
            today: counts
                .map(|((principal, call), (day, count))| (*principal, *call, *day, *count))
                .collect(),
            read_only: read_only.map(|(call, told)| (*call, *told)).collect(),
            swept: detector.swept,
        }
    }

    /// Forgets the older half of closed cases and of edges; returns how many went.
    pub(super) fn forget_older_half(&mut self) -> u64 {
        let before = self.closed.len() + self.edges.len();
        let newest_first = |case: &Case| (std::cmp::Reverse(case.last), case.id.clone());
        self.closed.sort_by_cached_key(newest_first);
        self.closed.truncate(self.closed.len() / 2);
        self.edges.sort_by(|(_, a), (_, b)| {
            let key = |edge: &Edge| (edge.minted_at, edge.step.minted.clone());
            key(b).cmp(&key(a))
        });
        self.edges.truncate(self.edges.len() / 2);
        (before - self.closed.len() - self.edges.len()) as u64
    }

    /// A case no longer answers for a network that `baseline` knew before it, under another of its names.
    pub(super) fn leave_known_networks(&mut self, baseline: &Baseline) {
        for case in self.open.iter_mut().chain(&mut self.closed) {
            case.brought_facets.retain(|brought| {
                let profile = baseline.profile(brought.principal);
                let row =
                    profile.and_then(|profile| profile.facet(brought.dimension, brought.value));
                brought.dimension != Dimension::Network
                    || row.is_none_or(|row| row.first >= brought.time)
            });
        }
    }

    pub(super) fn pack(&self, to: &mut Packer) {
        to.unordered(self.open.iter().cloned());
        to.unordered(self.changes.iter().cloned());
        to.unordered(self.closed.iter().cloned());
        to.unordered(self.edges.iter().cloned());
        to.unordered(self.today.iter().copied());
        to.unordered(self.read_only.iter().copied());
        self.swept.pack(to);
    }

    pub(super) fn read(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let kept = Self {
            open: from.list()?,
            changes: from.list()?,
            closed: from.list()?,
            edges: from.list()?,
            today: from.list()?,
            read_only: from.list()?,
            swept: Packed::unpack(from)?,
        };
        from.end()?;
        Ok(kept)
    }

    pub(super) fn put_into(self, detector: &mut Detector, words: &Vocabulary) {
        for (call, read_only) in self.read_only {
            detector.sensitivities.meet(call, Some(read_only), words);
        }
        let by_root = |cases: Vec<Case>| cases.into_iter().map(|case| (case.root, case)).collect();
        detector.open = by_root(self.open);
        let changes = self.changes.into_iter();
        detector.changes = changes
            .map(|change| (change.source.clone(), change))
            .collect();
        detector.closed = by_root(self.closed);
        detector.lineage.edges = self.edges.into_iter().collect();
        detector.today.counts = self
            .today
            .into_iter()
            .map(|(principal, call, day, count)| ((principal, call), (day, count)))
            .collect();
        detector.swept = self.swept;
    }
}

/// Dimension and value of what a principal showed within a case.
struct ContextKey(PrincipalId, &'static str, u32);

impl Packed for ContextKey {
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
        self.1.pack(to);
        pack_value((self.1, self.2), to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let (principal, dimension) = (Packed::unpack(from)?, <&'static str>::unpack(from)?);
        Ok(Self(principal, dimension, unpack_value(dimension, from)?))
    }
}

impl Packed for Damped {
    fn pack(&self, to: &mut Packer) {
        match self {
            Self::Call(call) => (0_u8, *call).pack(to),
            Self::Bulk(call) => (1_u8, *call).pack(to),
            Self::Target(text) => (2_u8, TextId(*text)).pack(to),
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        Ok(match u8::unpack(from)? {
            0 => Self::Call(Packed::unpack(from)?),
            1 => Self::Bulk(Packed::unpack(from)?),
            2 => Self::Target(TextId::unpack(from)?.0),
            _ => return Err(damaged("neither call nor target")),
        })
    }
}

packed_struct!(BroughtCall {
    principal,
    call,
    outcome,
    time,
    surprise,
    counted
});

impl Packed for BroughtFacet {
    fn pack(&self, to: &mut Packer) {
        self.principal.pack(to);
        self.dimension.pack(to);
        pack_value((self.dimension.as_str(), self.value), to);
        if let News::Target(kind) = self.news {
            kind.pack(to);
        }
        self.time.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let (principal, dimension) = (Packed::unpack(from)?, Dimension::unpack(from)?);
        let value = unpack_value(dimension.as_str(), from)?;
        let news = match dimension {
            Dimension::Target => Some(News::Target(Packed::unpack(from)?)),
            _ => News::of(dimension),
        };
        let news = news.ok_or_else(|| damaged("a dimension brings no news"))?;
        Ok(Self {
            principal,
            dimension,
            value,
            news,
            time: Packed::unpack(from)?,
        })
    }
}

packed_struct!(Wave {
    since,
    others,
    lineages
});
packed_struct!(Follower {
    time,
    wave,
    novelty
});

impl Packed for Change {
    fn pack(&self, to: &mut Packer) {
        self.gathered.pack(to);
        (self.source.clone(), self.since, self.score).pack(to);
        to.unordered(self.calls.iter().copied());
        to.unordered(self.members.iter().map(|(id, first)| (*id, *first)));
        (self.told_members, self.told_calls).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let gathered = Packed::unpack(from)?;
        let (source, since, score) = Packed::unpack(from)?;
        let (calls, members): (Vec<_>, Vec<_>) = (from.list()?, from.list()?);
        let (told_members, told_calls) = Packed::unpack(from)?;
        Ok(Self {
            gathered,
            source,
            since,
            score,
            calls: calls.into_iter().collect(),
            members: members.into_iter().collect(),
            told_members,
            told_calls,
        })
    }
}

packed_struct!(Lead {
    bits,
    principal,
    credential,
    call,
    target,
    class,
    outcome,
    attack,
    ruled
});
packed_struct!(RuledNote { severity, text });
packed_struct!(Cover {
    by,
    bits,
    above_floor
});

impl Packed for Covers {
    fn pack(&self, to: &mut Packer) {
        let calls = self.calls.iter();
        to.unordered(calls.map(|(key, cover)| (*key, cover.clone())));
        let context = self.context.iter();
        to.unordered(
            context
                .map(|((id, name, value), cover)| (ContextKey(*id, name, *value), cover.clone())),
        );
        to.unordered(self.bare.iter().map(|(key, bits)| (*key, *bits)));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let calls: Vec<((PrincipalId, Damped), Cover)> = from.list()?;
        let context: Vec<(ContextKey, Cover)> = from.list()?;
        let bare: Vec<(&'static str, f64)> = from.list()?;
        let context = context.into_iter();
        Ok(Self {
            calls: calls.into_iter().collect(),
            context: context
                .map(|(ContextKey(id, name, value), cover)| ((id, name, value), cover))
                .collect(),
            bare: bare.into_iter().collect(),
        })
    }
}

impl Packed for Case {
    fn pack(&self, to: &mut Packer) {
        self.id.pack(to);
        self.root.pack(to);
        (self.opened, self.until, self.last).pack(to);
        to.unordered(self.calls.iter().map(|(key, bits)| (*key, *bits)));
        to.unordered(self.context.iter().map(|(key, bits)| (*key, *bits)));
        let followers = self.followers.iter();
        to.unordered(followers.map(|(key, follower)| (*key, follower.clone())));
        to.unordered(self.seen.iter().map(|(key, new)| (*key, *new)));
        let keys = self.seen_context.iter();
        to.unordered(keys.map(|(principal, name, value)| ContextKey(*principal, name, *value)));
        self.lead.pack(to);
        self.evidence.pack(to);
        self.novelties.pack(to);
        self.lineage.pack(to);
        to.unordered(self.attack.iter().cloned());
        self.ruled.pack(to);
        self.brought_calls.pack(to);
        self.brought_facets.pack(to);
        self.note.pack(to);
        (self.raised, self.foothold).pack(to);
        (self.change.clone(), self.wave_share).pack(to);
        (self.told, self.told_evidence).pack(to);
        self.covers.pack(to);
        self.suppressed.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        let (id, root) = Packed::unpack(from)?;
        let (opened, until, last) = Packed::unpack(from)?;
        let (calls, context) = (from.list()?, from.list()?);
        let (followers, seen): (Vec<_>, Vec<_>) = (from.list()?, from.list()?);
        let seen_context: Vec<ContextKey> = from.list()?;
        let (lead, evidence, novelties): (Option<Lead>, Vec<_>, _) = Packed::unpack(from)?;
        if lead.is_none() {
            return Err(damaged("a case without evidence"));
        }
        let (lineage, attack) = (Packed::unpack(from)?, from.list()?);
        let ruled = Packed::unpack(from)?;
        let (brought_calls, brought_facets, note) = Packed::unpack(from)?;
        let (raised, foothold) = Packed::unpack(from)?;
        let (change, wave_share) = Packed::unpack(from)?;
        let (told, told_evidence) = Packed::unpack(from)?;
        let (covers, suppressed) = Packed::unpack(from)?;
        Ok(Self {
            id,
            root,
            opened,
            until,
            last,
            calls: calls.into_iter().collect(),
            context: context.into_iter().collect(),
            followers: followers.into_iter().collect(),
            seen: seen.into_iter().collect(),
            ruled,
            seen_context: seen_context
                .into_iter()
                .map(|ContextKey(principal, name, value)| (principal, name, value))
                .collect(),
            lead,
            evidence,
            novelties,
            lineage,
            attack: attack.into_iter().collect(),
            brought_calls,
            brought_facets,
            note,
            covers,
            suppressed,
            raised,
            change,
            wave_share,
            foothold,
            told,
            told_evidence,
        })
    }
}

impl Packed for Minted {
    fn pack(&self, to: &mut Packer) {
        match self {
            Self::Credential(id) => (true, *id).pack(to),
            Self::Principal(id) => (false, *id).pack(to),
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, PackError> {
        Ok(match bool::unpack(from)? {
            true => Self::Credential(CredentialId::unpack(from)?),
            false => Self::Principal(PrincipalId::unpack(from)?),
        })
    }
}

packed_struct!(Edge {
    root,
    by,
    parent,
    minted_at,
    first_use,
    created,
    step
});
