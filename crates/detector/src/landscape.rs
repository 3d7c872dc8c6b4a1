//! [`Landscape`]: what is common in the organisation, as the detector needs it: which groups know which calls, how rare past
//! news was, how fast each group meets news.
//!
//! Everything here is a function of the baseline's rows (dates of first sightings, active days), replayed in order of event time by
//! [`Landscape::of`] and kept up to date by the same steps, so that a baseline learnt in any order gives the same landscape.
//!
//! Popularity is an interpolated Kneser–Ney estimate over distinct principals (Kneser & Ney 1995; as a Pitman–Yor process: Teh 2006),
//! backing off from peer group to family, account, organisation and a uniform base. The peer tail is the empirical tail of that
//! surprise among all news met before (a p-value in bits, as Sanna Passino & Heard 2019 do for network edges).

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use offtrail_baseline::{Baseline, Dimension, Profile};
use offtrail_event::{
    CallId, Day, PrincipalId, SECONDS_PER_DAY, TargetKind, TextId, Timestamp, Traits, Vocabulary,
};

use crate::{
    Settings, Share,
    decay::Decayed,
    own_pace::own_pace,
    peers::{Family, Group, group_of},
    tail::Tail,
    targets_met::{Targets, account_in},
    wave::Waves,
};

/// Kinds of news whose rate is kept per group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum News {
    /// A call.
    Call,
    /// A network.
    Network,
    /// A region.
    Region,
    /// A family of user agents.
    Agent,
    /// A call denied for the first time.
    Denied,
    /// A role taken.
    Role,
    /// A principal of the group.
    Principal,
    /// A target of this kind.
    Target(TargetKind),
}

/// Kinds of news whose pace is kept.
pub(crate) const PACES: usize = 7;

impl News {
    /// Its place among the paces of a group; targets have none, they are counted one by one.
    const fn pace(self) -> Option<usize> {
        match self {
            Self::Call => Some(0),
            Self::Network => Some(1),
            Self::Region => Some(2),
            Self::Agent => Some(3),
            Self::Denied => Some(4),
            Self::Role => Some(5),
            Self::Principal => Some(6),
            Self::Target(_) => None,
        }
    }

    /// The dimension of a facet, if its news is kept.
    #[must_use]
    pub fn of(dimension: Dimension) -> Option<Self> {
        match dimension {
            Dimension::Network => Some(Self::Network),
            Dimension::Region => Some(Self::Region),
            Dimension::Agent => Some(Self::Agent),
            Dimension::Takes => Some(Self::Role),
            // The news of a target is that of its kind, which its text tells.
            Dimension::Credential
            | Dimension::Account
            | Dimension::Forwarded
            | Dimension::Target => None,
        }
    }
}

/// One level of the back-off: which calls how many of its principals know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    /// Principals that know a call, by call.
    pub(crate) knows: HashMap<u32, u32, FixedState>,
    /// Sum of `knows`.
    pub(crate) pairs: u32,
    /// Principals in the level.
    pub(crate) principals: u32,
}

impl Level {
    fn add(&mut self, call: CallId) {
        *self.knows.entry(call.0).or_default() += 1;
        self.pairs += 1;
    }

    fn remove(&mut self, call: CallId) {
        if let Some(count) = self.knows.get_mut(&call.0) {
            *count -= 1;
            self.pairs -= 1;
            if *count == 0 {
                self.knows.remove(&call.0);
            }
        }
    }

    fn seen_by(&self, call: CallId) -> u32 {
        self.knows.get(&call.0).copied().unwrap_or(0)
    }

    fn share(&self, call: CallId) -> Share {
        Share {
            principals: self.principals,
            seen_by: self.seen_by(call),
        }
    }
}

/// What one group has met, decayed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    pub(crate) news: [Decayed; PACES],
    pub(crate) active_days: Decayed,
}

/// Where a principal stands in the levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) group: usize,
    pub(crate) account: usize,
}

/// What is common in the organisation.
#[derive(Clone, Debug)]
pub struct Landscape {
    pub(crate) settings: Settings,
    pub(crate) groups: Vec<(Group, Level, Pace)>,
    pub(crate) families: [Level; 4],
    pub(crate) accounts: Vec<Level>,
    pub(crate) organisation: Level,
    pub(crate) group_index: HashMap<String, usize, FixedState>,
    pub(crate) account_index: HashMap<Arc<str>, usize, FixedState>,
    pub(crate) members: Vec<Option<Membership>>,
    /// Members by account and ARN, to tell a re-created principal.
    pub(crate) arn_index: HashMap<(Arc<str>, Arc<str>), Vec<PrincipalId>, FixedState>,
    /// Principals that use a network.
    pub(crate) network_users: HashMap<u32, u32, FixedState>,
    pub(crate) targets: Targets,
    pub(crate) tail: Tail,
    pub(crate) waves: Waves,
    /// First event of the baseline.
    pub(crate) start: Option<Timestamp>,
}

/// How surprising a call is for a principal, and the counts behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Popularity {
    /// `-log2` of its probability among peers, bits.
    pub surprise: f64,
    /// Its tail among all news so far, bits: what the score uses.
    pub tail: f64,
    /// Peer group.
    pub peers: Share,
    /// Account.
    pub account: Share,
    /// Organisation.
    pub organisation: Share,
}

impl Landscape {
    /// Of nothing; `start` is the first event of the baseline.
    pub(crate) fn empty(settings: &Settings, start: Option<Timestamp>) -> Self {
        Self {
            settings: settings.clone(),
            groups: Vec::new(),
            families: Default::default(),
            accounts: Vec::new(),
            organisation: Level::default(),
            group_index: HashMap::default(),
            account_index: HashMap::default(),
            members: Vec::new(),
            arn_index: HashMap::default(),
            network_users: HashMap::default(),
            targets: Targets::default(),
            tail: Tail::default(),
            waves: Waves::default(),
            start,
        }
    }

    /// Makes a principal a member of its group, if it isn't yet. `traits`: what the present observation tells of its nature, beside the baseline.
    pub fn join(
        &mut self,
        (id, traits): (PrincipalId, Traits),
        time: Timestamp,
        baseline: &Baseline,
        words: &Vocabulary,
    ) {
        let index = id.0 as usize;
        if self.members.get(index).is_some_and(Option::is_some) {
            return;
        }
        let name = words.principal(id);
        let learnt = baseline
            .profile(id)
            .map_or(Traits::default(), |profile| profile.traits);
        let group = group_of(&name, learnt.union(traits));
        if !name.arn.is_empty() {
            let place = (Arc::clone(&name.account), Arc::clone(&name.arn));
            self.arn_index.entry(place).or_default().push(id);
        }
        let family = group.family;
        let next = self.groups.len();
        let group_slot = *self.group_index.entry(group.name.clone()).or_insert(next);
        if group_slot == next {
            self.groups.push((group, Level::default(), Pace::default()));
        }
        let next = self.accounts.len();
        let account = *self.account_index.entry(name.account).or_insert(next);
        if account == next {
            self.accounts.push(Level::default());
        }
        if self.members.len() <= index {
            self.members.resize(index + 1, None);
        }
        self.members[index] = Some(Membership {
            group: group_slot,
            account,
        });
        self.groups[group_slot].1.principals += 1;
        if family != Family::Service {
            self.families[family as usize].principals += 1;
            self.accounts[account].principals += 1;
            self.organisation.principals += 1;
        }
        self.learn_news(id, News::Principal, time);
    }

    fn member(&self, id: PrincipalId) -> Option<Membership> {
        self.members.get(id.0 as usize).copied().flatten()
    }

    /// Members of an account that were met under an ARN, in no particular order.
    #[must_use]
    pub fn under_arn(&self, account: &Arc<str>, arn: &Arc<str>) -> &[PrincipalId] {
        self.arn_index
            .get(&(Arc::clone(account), Arc::clone(arn)))
            .map_or(&[], Vec::as_slice)
    }

    /// The group of a member.
    #[must_use]
    pub fn group(&self, id: PrincipalId) -> Option<&Group> {
        self.member(id).map(|member| &self.groups[member.group].0)
    }

    /// The family of a member; what is not one is a service.
    #[must_use]
    pub fn family(&self, id: PrincipalId) -> Family {
        self.group(id).map_or(Family::Service, |group| group.family)
    }

    /// Counts an active day, as of its midnight: whatever the order of learning, that is known of it.
    pub fn active(&mut self, id: PrincipalId, day: Day) {
        let half_life = self.settings.call.rate_half_life_days;
        if let Some(member) = self.member(id) {
            self.groups[member.group]
                .2
                .active_days
                .add(1.0, day.start(), half_life);
        }
    }

    /// Counts a piece of news.
    pub fn learn_news(&mut self, id: PrincipalId, news: News, time: Timestamp) {
        self.count_news(id, news, 1.0, time);
    }

    fn count_news(&mut self, id: PrincipalId, news: News, count: f64, time: Timestamp) {
        let half_life = self.settings.call.rate_half_life_days;
        if let Some((member, pace)) = self.member(id).zip(news.pace()) {
            self.groups[member.group].2.news[pace].add(count, time, half_life);
        }
    }

    /// Counts a value of a dimension.
    pub fn learn_facet(&mut self, id: PrincipalId, news: News, value: u32, time: Timestamp) {
        self.learn_news(id, news, time);
        if news == News::Network && self.family(id) != Family::Service {
            *self.network_users.entry(value).or_default() += 1;
        }
        if self.counts_target(id, news) {
            self.targets.add(value);
        }
    }

    /// Takes a value back that turned out to belong to a raised finding.
    pub fn unlearn_facet(&mut self, id: PrincipalId, news: News, value: u32, time: Timestamp) {
        self.count_news(id, news, -1.0, time);
        if news == News::Network
            && let Some(users) = self.network_users.get_mut(&value)
        {
            *users = users.saturating_sub(1);
        }
        if self.counts_target(id, news) {
            self.targets.remove(value);
        }
    }

    /// Services and callers without a profile of their own meet nothing for the organisation, but for the roles that such callers take.
    fn counts_target(&self, id: PrincipalId, news: News) -> bool {
        match news {
            News::Target(TargetKind::ForeignCaller) => true,
            News::Target(_) => self.family(id) != Family::Service,
            _ => false,
        }
    }

    /// Makes room for a target of an observation.
    pub fn meet_target(&mut self, target: TextId, words: &Vocabulary) {
        self.targets.meet(target, words);
    }

    /// What the organisation has met of targets.
    pub(crate) fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Whether the account that a target names was named before or, where it is given access, has principals here.
    pub(crate) fn knows_account(&self, kind: TargetKind, value: &str) -> bool {
        account_in(kind, value).is_some_and(|account| {
            let is_member = kind == TargetKind::ForeignAccount;
            self.targets.account_met(account) > 0
                || (is_member && self.account_index.contains_key(account))
        })
    }

    /// Counts a call that is new to a principal.
    pub fn learn_call(&mut self, id: PrincipalId, call: CallId, time: Timestamp) {
        let Some(member) = self.member(id) else {
            return;
        };
        let family = self.groups[member.group].0.family;
        if family != Family::Service && self.day_of(time) >= self.settings.popularity.tail_from_day
        {
            let surprise = self.surprise(member, family, call);
            self.tail.add(surprise);
        }
        self.learn_news(id, News::Call, time);
        self.groups[member.group].1.add(call);
        if family != Family::Service {
            self.families[family as usize].add(call);
            self.accounts[member.account].add(call);
            self.organisation.add(call);
        }
    }

    /// Takes a call back that turned out to belong to a raised finding. `surprise` is what it was learnt with.
    pub fn unlearn_call(&mut self, id: PrincipalId, call: CallId, time: Timestamp, surprise: f64) {
        let Some(member) = self.member(id) else {
            return;
        };
        let family = self.groups[member.group].0.family;
        self.count_news(id, News::Call, -1.0, time);
        self.groups[member.group].1.remove(call);
        if family != Family::Service {
            self.families[family as usize].remove(call);
            self.accounts[member.account].remove(call);
            self.organisation.remove(call);
            if self.day_of(time) >= self.settings.popularity.tail_from_day {
                self.tail.remove(surprise);
            }
        }
    }

    /// Days since the first event of the baseline.
    pub(crate) fn day_of(&self, time: Timestamp) -> f64 {
        self.start.map_or(0.0, |start| {
            time.secs_since(start) as f64 / SECONDS_PER_DAY as f64
        })
    }

    /// Sets the first event of a baseline that was empty.
    pub fn begin(&mut self, time: Timestamp) {
        self.start.get_or_insert(time);
    }

    fn surprise(&self, member: Membership, family: Family, call: CallId) -> f64 {
        let popularity = &self.settings.popularity;
        let mut probability = 1.0 / popularity.base_calls;
        let family_level = &self.families[family as usize];
        for level in [
            &self.organisation,
            &self.accounts[member.account],
            family_level,
            &self.groups[member.group].1,
        ] {
            let known = f64::from(level.seen_by(call));
            let spread = popularity.strength + popularity.discount * level.knows.len() as f64;
            probability = ((known - popularity.discount).max(0.0) + spread * probability)
                / (f64::from(level.pairs) + popularity.strength);
        }
        -probability.min(1.0).log2()
    }

    /// How surprising a call is for a member; `None` for what is no member.
    #[must_use]
    pub fn popularity(&self, id: PrincipalId, call: CallId) -> Option<Popularity> {
        let member = self.member(id)?;
        let (group, level, _) = &self.groups[member.group];
        let surprise = self.surprise(member, group.family, call);
        Some(Popularity {
            surprise,
            tail: self.tail.bits(surprise),
            peers: level.share(call),
            account: self.accounts[member.account].share(call),
            organisation: self.organisation.share(call),
        })
    }

    /// Principals that use a network.
    #[must_use]
    pub fn network_users(&self, network: u32) -> u32 {
        self.network_users.get(&network).copied().unwrap_or(0)
    }

    /// How many principals are members of the organisation's levels.
    #[must_use]
    pub fn principals(&self) -> u32 {
        self.organisation.principals
    }

    /// The rate at which a group meets news, per active day of one of its principals.
    #[must_use]
    pub fn group_rate(&self, id: PrincipalId, news: News, now: Timestamp) -> f64 {
        let half_life = self.settings.call.rate_half_life_days;
        let Some(member) = self.member(id) else {
            return 0.05;
        };
        let pace = &self.groups[member.group].2;
        let met = news
            .pace()
            .map_or(0.0, |at| pace.news[at].at(now, half_life));
        (met + 0.5) / (pace.active_days.at(now, half_life) + 10.0)
    }

    /// The rate at which a principal meets news, per active day, leaning on its group's while it is young.
    #[must_use]
    pub fn own_rate(
        &self,
        id: PrincipalId,
        profile: Option<&Profile>,
        news: News,
        now: Timestamp,
    ) -> f64 {
        let group_rate = self.group_rate(id, news, now);
        let half_life = self.settings.call.rate_half_life_days;
        let (met, days) = profile.map_or((0.0, 0.0), |profile| {
            own_pace(profile, news, now, half_life)
        });
        (met + 2.0 * group_rate) / (days + 2.0)
    }
}
