//! Laws of learning: order, split and merging never matter; expiry and maturity follow their rule.
#![allow(clippy::unwrap_used)]

use std::borrow::Cow;

use offtrail_baseline::{
    Baseline, Dimension, Lesson, MaturityRule, MaturityState, Standing, TARGETS_PER_PRINCIPAL_MAX,
};
use offtrail_event::{
    CallId, Category, CredentialKind, Fingerprint, Mint, MintedKind, Observation, OriginKind,
    OutcomeClass, Principal, PrincipalId, PrincipalKind, TargetKind, TextId, Timestamp, Traits,
    Vocabulary,
};
use proptest::prelude::*;

fn words() -> Vocabulary {
    let words = Vocabulary::new();
    for name in ["a", "b", "c"] {
        let principal = Principal {
            kind: PrincipalKind::Role,
            account: Cow::Borrowed("111122223333"),
            id: Cow::Borrowed(name),
            arn: None,
            name: None,
            person: None,
            person_is_key: false,
        };
        let _ = words.principal_id(&principal);
        let _ = words.text_id(name);
        let _ = words.call_id("iam.amazonaws.com", name);
    }
    words
}

fn observation(principal: u32, call: u32, outcome: OutcomeClass, hours: i64) -> Observation {
    Observation {
        fingerprint: Fingerprint(0),
        time: Timestamp::parse("2026-01-01")
            .unwrap()
            .plus_secs(hours * 3600),
        principal: PrincipalId(principal),
        principal_kind: PrincipalKind::Role,
        call: CallId(call),
        outcome,
        account: TextId(0),
        region: TextId(call),
        network: (hours % 2 == 0).then_some(TextId(principal)),
        agent: TextId(1),
        credential_kind: CredentialKind::RoleSession,
        credential: None,
        origin: OriginKind::Address,
        read_only: Some(true),
        category: Category::Management,
        by_service: false,
        traits: if hours % 5 == 0 {
            Traits::CONSOLE
        } else {
            Traits::default()
        },
        mint: (hours % 3 == 0).then_some(Mint {
            kind: MintedKind::Session,
            credential: None,
            principal: Some(PrincipalId((principal + 1) % 3)),
        }),
        targets: (call == 2).then(|| Box::from([(TargetKind::Secret, TextId(hours as u32 % 3))])),
        detail: None,
    }
}

fn learnt(observations: &[Observation], words: &Vocabulary) -> Baseline {
    let mut baseline = Baseline::new();
    for one in observations {
        baseline.learn(one, words, Lesson::ALL);
    }
    baseline
}

/// The same observations, handed over together.
fn learnt_together(observations: &[Observation], words: &Vocabulary) -> Baseline {
    let mut baseline = Baseline::new();
    baseline.learn_all(observations, words, Lesson::ALL);
    baseline
}

/// Everything of a baseline that order could disturb.
fn shown(baseline: &Baseline) -> String {
    let profiles: Vec<_> = baseline.iter().collect();
    format!(
        "{profiles:?} {:?} {:?} {}",
        baseline.coverage, baseline.window, baseline.observations
    )
}

fn observations() -> impl Strategy<Value = Vec<Observation>> {
    let outcome = prop::sample::select(OutcomeClass::ALL.to_vec());
    prop::collection::vec((0..3u32, 0..3u32, outcome, 0..24 * 200i64), 0..60).prop_map(|all| {
        all.into_iter()
            .map(|(p, c, o, h)| observation(p, c, o, h))
            .collect()
    })
}

proptest! {
    #[test]
    fn order_and_split_do_not_matter(all in observations(), cut in any::<prop::sample::Index>()) {
        let words = words();
        let whole = learnt(&all, &words);
        let mut backwards = all.clone();
        backwards.reverse();
        prop_assert_eq!(shown(&whole), shown(&learnt(&backwards, &words)));
        let (left, right) = all.split_at(if all.is_empty() { 0 } else { cut.index(all.len()) });
        let (left, right) = (learnt(left, &words), learnt(right, &words));
        let mut forth = left.clone();
        forth.merge(&right);
        let mut back = right;
        back.merge(&left);
        prop_assert_eq!(shown(&whole), shown(&forth));
        prop_assert_eq!(shown(&whole), shown(&back));
    }

    #[test]
    fn together_is_as_one_by_one(all in observations(), more in prop::collection::vec((any::<prop::sample::Index>(), 0..3_i64, any::<bool>()), 0..60)) {
        let words = words();
        // Many alike: the same again some minutes later, or as a call that a service made.
        let mut many = all.clone();
        for (which, later, is_forwarded) in more {
            if all.is_empty() { break }
            let mut again = which.get(&all).clone();
            again.time = again.time.plus_secs(later * 1500);
            if is_forwarded {
                again.credential_kind = CredentialKind::ForwardAccess;
            }
            many.push(again);
        }
        prop_assert_eq!(shown(&learnt(&many, &words)), shown(&learnt_together(&many, &words)));
    }

    #[test]
    fn counts_add_up(all in observations()) {
        let baseline = learnt(&all, &words());
        let rows: u64 = baseline.iter().flat_map(|(_, profile)| profile.calls()).map(|row| u64::from(row.count())).sum();
        let hours: u64 = baseline.iter().flat_map(|(_, profile)| profile.hours()).map(u64::from).sum();
        prop_assert_eq!(rows, all.len() as u64);
        prop_assert_eq!(hours, all.len() as u64);
        prop_assert_eq!(baseline.observations, all.len() as u64);
    }
}

#[test]
fn outcomes_are_kept_apart() {
    let words = words();
    let baseline = learnt(&[observation(0, 1, OutcomeClass::Denied, 1)], &words);
    let profile = baseline.profile(PrincipalId(0)).unwrap();
    assert!(profile.call(CallId(1), OutcomeClass::Denied).is_some());
    assert!(profile.call(CallId(1), OutcomeClass::Succeeded).is_none());
    assert_eq!(profile.call_rows(CallId(1)).len(), 1);
}

#[test]
fn a_held_call_stays_held_until_ruled() {
    let words = words();
    let mut baseline = Baseline::new();
    let held = Lesson {
        call: Standing::Pending,
        facets: Standing::Learnt,
    };
    baseline.learn(&observation(0, 1, OutcomeClass::Succeeded, 1), &words, held);
    baseline.learn(
        &observation(0, 1, OutcomeClass::Succeeded, 25),
        &words,
        Lesson::ALL,
    );
    let profile = baseline.profile(PrincipalId(0)).unwrap();
    let row = profile.call(CallId(1), OutcomeClass::Succeeded).unwrap();
    assert_eq!(
        (row.standing(), row.count(), profile.days_of(row).len()),
        (Standing::Pending, 2, 2)
    );
}

/// More targets than are kept, in an order that no hash knows.
fn many_targets(words: &Vocabulary) -> Vec<Observation> {
    let numbers = 0..TARGETS_PER_PRINCIPAL_MAX as i64 + 300;
    let seen = numbers.map(|number| {
        let mut seen = observation(0, 0, OutcomeClass::Succeeded, number);
        let (kind, text) = match number % 100 {
            0 => (
                TargetKind::ForeignAccount,
                format!("foreign_account:{number}"),
            ),
            _ => (TargetKind::Secret, format!("secret:{number}")),
        };
        seen.targets = Some(Box::from([(kind, words.text_id(&text))]));
        seen
    });
    seen.collect()
}

#[test]
fn a_full_profile_keeps_the_same_targets_in_any_order() {
    let words = words();
    let all = many_targets(&words);
    let whole = learnt(&all, &words);
    let targets = |baseline: &Baseline| {
        let profile = baseline.profile(PrincipalId(0)).unwrap();
        profile.facets_of(Dimension::Target).count()
    };
    assert_eq!(targets(&whole), TARGETS_PER_PRINCIPAL_MAX);
    let kept = |text: &str| {
        let id = words.find_text(text).unwrap();
        let profile = whole.profile(PrincipalId(0)).unwrap();
        profile.facet(Dimension::Target, id.0).is_some()
    };
    assert!((0..23).all(|hundred| kept(&format!("foreign_account:{}", hundred * 100))));
    let mut backwards = all.clone();
    backwards.reverse();
    assert_eq!(shown(&whole), shown(&learnt(&backwards, &words)));
    for cut in [1, 700, 2100] {
        let (left, right) = all.split_at(cut);
        let mut both = learnt(right, &words);
        both.merge(&learnt(left, &words));
        both.bound_targets(&words);
        assert_eq!(shown(&whole), shown(&both), "{cut}");
    }
    // Twice the same: counts double, nothing is let go or taken up.
    let mut twice = whole.clone();
    twice.merge(&whole);
    for one in &all {
        twice.learn(one, &words, Lesson::ALL);
    }
    assert_eq!(targets(&twice), TARGETS_PER_PRINCIPAL_MAX);
}

#[test]
fn who_assumes_a_role_tells_of_its_nature() {
    let words = words();
    let mut seen = observation(0, 1, OutcomeClass::Succeeded, 3);
    seen.principal_kind = PrincipalKind::AwsService;
    let baseline = learnt(&[seen], &words);
    let role = baseline.profile(PrincipalId(1)).unwrap();
    assert!(role.traits.contains(Traits::ASSUMED_BY_SERVICE));
    assert!(role.seen.is_none());
    let taken: Vec<_> = baseline
        .profile(PrincipalId(0))
        .unwrap()
        .facets_of(Dimension::Takes)
        .map(|row| row.value)
        .collect();
    assert_eq!(taken, [1]);
}

#[test]
fn old_rows_expire_and_rulings_stay() {
    let words = words();
    let mut baseline = learnt(
        &[0, 1, 2].map(|call| {
            observation(
                0,
                call,
                OutcomeClass::Succeeded,
                if call == 2 { 24 * 100 } else { 2 },
            )
        }),
        &words,
    );
    let profile = baseline.profile_mut(PrincipalId(0));
    profile
        .call_mut(CallId(1), OutcomeClass::Succeeded)
        .unwrap()
        .set_standing(Standing::Approved);
    assert!(baseline.expire(90) > 0);
    let kept: Vec<_> = baseline
        .profile(PrincipalId(0))
        .unwrap()
        .calls()
        .iter()
        .map(|row| row.call().0)
        .collect();
    assert_eq!(kept, [1, 2]);
}

#[test]
fn maturity_follows_its_rule() {
    let words = words();
    let state = |days: i64, new_at_end: bool, later: i64| {
        let mut all: Vec<_> = (0..days * 6)
            .map(|i| observation(0, 0, OutcomeClass::Succeeded, i * 4 + 1))
            .collect();
        if new_at_end {
            all.push(observation(0, 1, OutcomeClass::Succeeded, days * 24 - 1));
        }
        let baseline = learnt(&all, &words);
        let now = Timestamp::parse("2026-01-01")
            .unwrap()
            .plus_secs((days * 24 + later * 24) * 3600);
        MaturityRule::default()
            .apply(baseline.profile(PrincipalId(0)).unwrap(), now)
            .state
    };
    assert_eq!(state(5, false, 0), MaturityState::Learning);
    assert_eq!(state(20, false, 0), MaturityState::Established);
    assert_eq!(state(20, true, 0), MaturityState::Learning);
    assert_eq!(state(20, false, 90), MaturityState::Stale);
}

#[test]
fn renamed_values_merge_and_stay_known() {
    let words = words();
    let mut baseline = Baseline::new();
    let see = |network: u32, hours: i64, facets: Standing| {
        let mut one = observation(0, 0, OutcomeClass::Succeeded, hours);
        one.network = Some(TextId(network));
        (
            one,
            Lesson {
                facets,
                ..Lesson::ALL
            },
        )
    };
    for (one, lesson) in [
        see(0, 1, Standing::Learnt),
        see(1, 3, Standing::Pending),
        see(2, 5, Standing::Learnt),
        see(0, 7, Standing::Learnt),
    ] {
        baseline.learn(&one, &words, lesson);
    }
    let renamed = words.text_id("d").0;
    let touched =
        baseline.rename_values(Dimension::Network, |value| (value < 2).then_some(renamed));
    let networks = |baseline: &Baseline| {
        let profile = baseline.profile(PrincipalId(0)).unwrap();
        let rows = profile.facets_of(Dimension::Network);
        rows.map(|row| (row.value, row.count, row.standing))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        networks(&baseline),
        [(2, 1, Standing::Learnt), (renamed, 3, Standing::Learnt)]
    );
    let rows: Vec<u32> = networks(&touched).iter().map(|row| row.0).collect();
    assert_eq!(rows, [0, 1, renamed], "what went, and what is in its place");
    // Regions are no networks.
    let profile = baseline.profile(PrincipalId(0)).unwrap();
    assert_eq!(profile.facets_of(Dimension::Region).count(), 1);
}
