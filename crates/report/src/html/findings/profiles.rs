//! What the baseline knows of the principals of a page: their week, their calls by service, and which of their peers make the calls that are new.
//!
//! The baseline is told as it stands when the page is written; what a finding itself counted stood when it was judged.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use offtrail_baseline::Profile;
use offtrail_detector::peers::group_of;
use offtrail_event::{CallId, PrincipalId};
use serde::Serialize;

use super::{Known, index::principal_key};
use crate::{FindingV1, PrincipalV1, inert::inert};

/// Most principals whose profile is in a page, those of the worst findings first.
pub const PROFILES_IN_PAGE_MAX: usize = 1_000;

/// Services told of a profile, most used first.
const SERVICES_MAX: usize = 12;

/// New calls of a finding that peers are asked about, heaviest first.
const CALLS_OF_FINDING_MAX: usize = 8;

/// Peers named for each call, and beside them.
const MAKERS_MAX: usize = 6;
const OTHERS_MAX: usize = 8;

/// Peers named of a group.
const MEMBERS_MAX: usize = 60;

/// Shades of an hour; one digit each.
const SHADES: u32 = 9;

#[derive(Serialize)]
pub(super) struct Profiles {
    /// First and last event learnt.
    window: Option<(String, String)>,
    /// Whether some were left out.
    left_out: usize,
    /// By [`principal_key`].
    profiles: BTreeMap<String, ProfileShown>,
    groups: Vec<GroupShown>,
}

#[derive(Serialize)]
struct ProfileShown {
    observations: u64,
    calls: usize,
    seen: Option<(String, String)>,
    /// 168 digits, Monday 00:00 UTC first: 0 never, 9 the busiest hour.
    week: String,
    /// The busiest hour, counted from Monday 00:00 UTC, and its calls.
    busiest: (usize, u16),
    /// Name, sightings, distinct calls.
    services: Vec<(String, u64, u32)>,
    services_more: usize,
    /// Place in `groups`.
    group: usize,
}

#[derive(Serialize)]
struct GroupShown {
    name: String,
    rule: String,
    size: usize,
    members: Vec<MemberShown>,
    /// By call: how many make it, and which of `members`.
    calls: BTreeMap<String, (usize, Vec<usize>)>,
}

#[derive(Serialize)]
struct MemberShown {
    key: String,
    name: String,
    account: String,
}

/// The profiles of the principals of these findings, worst finding first.
pub(super) fn profiles(findings: &[FindingV1], known: Known<'_>) -> Profiles {
    let wanted = wanted(findings);
    let calls = calls_by_text(known, wanted.values().flatten());
    let mut ids: BTreeMap<String, PrincipalId> = BTreeMap::new();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut group_names: BTreeMap<String, String> = BTreeMap::new();
    for (id, profile) in known.baseline.iter() {
        let name = known.words.principal(id);
        let group = group_of(&name, profile.traits);
        let key = principal_key(&PrincipalV1::from(&name));
        if wanted.contains_key(&key) {
            ids.insert(key.clone(), id);
            group_names.insert(key, group.name.clone());
        }
        let rule = group.rule.into_owned();
        let entry = groups.entry(group.name).or_default();
        entry.rules.insert(rule);
        entry.members.push(id);
    }
    let mut asked: BTreeMap<&str, Asked<'_>> = BTreeMap::new();
    for (key, group) in &group_names {
        let own = wanted.get(key).into_iter().flatten();
        let own = own.map(|call| (call.as_str(), calls.get(call).copied()));
        asked.entry(group).or_default().extend(own);
    }
    let mut shown = Profiles {
        window: known
            .baseline
            .window
            .0
            .map(|(since, until)| (since.to_string(), until.to_string())),
        left_out: left_out(findings, &wanted),
        profiles: BTreeMap::new(),
        groups: Vec::new(),
    };
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, asked) in &asked {
        if let Some(group) = groups.get(*name) {
            places.insert(name, shown.groups.len());
            shown.groups.push(group.shown(name, asked, known));
        }
    }
    for (key, id) in &ids {
        let place = group_names
            .get(key)
            .and_then(|name| places.get(name.as_str()));
        if let (Some(profile), Some(place)) = (known.baseline.profile(*id), place) {
            shown
                .profiles
                .insert(key.clone(), profile_shown(profile, known, *place));
        }
    }
    shown
}

/// The principals of a page and the new calls of each.
fn wanted(findings: &[FindingV1]) -> BTreeMap<String, BTreeSet<String>> {
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in findings {
        let key = principal_key(&finding.principal);
        if wanted.len() >= PROFILES_IN_PAGE_MAX && !wanted.contains_key(&key) {
            continue;
        }
        let calls = finding
            .novelties
            .iter()
            .filter(|one| one.dimension == "call");
        let calls = calls
            .take(CALLS_OF_FINDING_MAX)
            .map(|one| one.value.clone());
        wanted.entry(key).or_default().extend(calls);
    }
    wanted
}

fn left_out(findings: &[FindingV1], wanted: &BTreeMap<String, BTreeSet<String>>) -> usize {
    let keys: BTreeSet<String> = findings
        .iter()
        .map(|one| principal_key(&one.principal))
        .collect();
    keys.len() - wanted.len()
}

/// Ids of the calls of these texts that the baseline knows.
fn calls_by_text<'t>(
    known: Known<'_>,
    texts: impl Iterator<Item = &'t String>,
) -> BTreeMap<String, CallId> {
    let texts: BTreeSet<&str> = texts.map(String::as_str).collect();
    let count = u32::try_from(known.words.call_count()).unwrap_or(u32::MAX);
    (0..count)
        .map(|id| (known.words.call_text(CallId(id)), CallId(id)))
        .filter(|(text, _)| texts.contains(text.as_str()))
        .collect()
}

/// Calls a group is asked about, by text; those the baseline never met have no id.
type Asked<'t> = BTreeMap<&'t str, Option<CallId>>;

/// A peer group of the baseline.
#[derive(Default)]
struct Group {
    rules: BTreeSet<String>,
    members: Vec<PrincipalId>,
}

impl Group {
    fn shown(&self, name: &str, asked: &Asked<'_>, known: Known<'_>) -> GroupShown {
        let ids: BTreeSet<CallId> = asked.values().flatten().copied().collect();
        let mut members: Vec<(String, PrincipalId)> = self
            .members
            .iter()
            .map(|id| (known.words.principal(*id).key(), *id))
            .collect();
        members.sort();
        let mut makers: BTreeMap<CallId, Vec<usize>> = BTreeMap::new();
        for (place, (_, id)) in members.iter().enumerate() {
            let profile = known.baseline.profile(*id);
            let rows = profile.into_iter().flat_map(Profile::calls);
            for row in rows.filter(|row| row.standing().is_known()) {
                if ids.contains(&row.call()) {
                    let made = makers.entry(row.call()).or_default();
                    // Rows of one call, by outcome, stand together.
                    if made.last() != Some(&place) {
                        made.push(place);
                    }
                }
            }
        }
        let mut named: BTreeSet<usize> = (0..members.len().min(OTHERS_MAX)).collect();
        for made in makers.values() {
            for place in made.iter().take(MAKERS_MAX) {
                if named.len() < MEMBERS_MAX {
                    named.insert(*place);
                }
            }
        }
        let named: Vec<usize> = named.into_iter().collect();
        let calls = asked.iter().map(|(text, call)| {
            let made = call.and_then(|call| makers.get(&call));
            let made = made.map_or(&[][..], Vec::as_slice);
            let shown = named.iter().enumerate();
            let shown = shown.filter(|(_, place)| made.binary_search(place).is_ok());
            let shown = shown.map(|(at, _)| at).collect();
            (inert(text).into_owned(), (made.len(), shown))
        });
        GroupShown {
            name: inert(name).into_owned(),
            rule: self
                .rules
                .iter()
                .map(|rule| inert(rule))
                .collect::<Vec<_>>()
                .join("; "),
            size: members.len(),
            calls: calls.collect(),
            members: named
                .iter()
                .map(|place| member_shown(known, members[*place].1))
                .collect(),
        }
    }
}

fn member_shown(known: Known<'_>, id: PrincipalId) -> MemberShown {
    let name = known.words.principal(id);
    MemberShown {
        key: principal_key(&PrincipalV1::from(&name)),
        name: inert(&name.label()).into_owned(),
        account: inert(&name.account).into_owned(),
    }
}

fn profile_shown(profile: &Profile, known: Known<'_>, group: usize) -> ProfileShown {
    let hours = profile.hours();
    let busiest = hours.iter().copied().enumerate().rev();
    let busiest = busiest.max_by_key(|(_, count)| *count).unwrap_or((0, 0));
    let shade = |count: u16| (u32::from(count) * SHADES).div_ceil(u32::from(busiest.1).max(1));
    let mut services: BTreeMap<String, (u64, BTreeSet<CallId>)> = BTreeMap::new();
    for row in profile
        .calls()
        .iter()
        .filter(|row| row.standing().is_known())
    {
        let call = known.words.call_text(row.call());
        let service = call.split(':').next().unwrap_or_default();
        let entry = services.entry(inert(service).into_owned()).or_default();
        entry.0 += u64::from(row.count());
        entry.1.insert(row.call());
    }
    let calls = services.values().map(|(_, calls)| calls.len()).sum();
    let mut services: Vec<(String, u64, u32)> = services
        .into_iter()
        .map(|(name, (count, calls))| (name, count, u32::try_from(calls.len()).unwrap_or(u32::MAX)))
        .collect();
    services.sort_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    let services_more = services.len().saturating_sub(SERVICES_MAX);
    services.truncate(SERVICES_MAX);
    ProfileShown {
        observations: profile.observations,
        calls,
        seen: profile
            .seen
            .map(|(first, last)| (first.to_string(), last.to_string())),
        week: hours
            .iter()
            .map(|count| char::from_digit(shade(*count), 10).unwrap_or('0'))
            .collect(),
        busiest,
        services,
        services_more,
        group,
    }
}
