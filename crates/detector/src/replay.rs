//! The replay of a baseline: what its rows tell of the past, in order of event time, as the landscape would have met it live.

use offtrail_baseline::{Baseline, Dimension, Profile};
use offtrail_event::{CallId, OutcomeClass, PrincipalId, TextId, Timestamp, Traits, Vocabulary};

use crate::{
    Settings,
    landscape::{Landscape, News},
    own_pace::first_calls,
    targets_met::Targets,
    wave::{replay_waves, sighted_from},
};

/// One step of the replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Joined,
    Active,
    Call(CallId),
    Denied,
    Facet(News, u32),
    /// A call made with success, also where it is held back.
    Sighted(CallId),
    /// A role taken, also where that is held back.
    Taken(u32),
}

impl Landscape {
    /// Replays a baseline.
    #[must_use]
    pub fn of(baseline: &Baseline, words: &Vocabulary, settings: &Settings) -> Self {
        Self::replay(baseline, words, settings, &mut |_, _, _, _| {})
    }

    /// The same, showing the landscape and each step to `before` just before it is taken.
    pub(crate) fn replay(
        baseline: &Baseline,
        words: &Vocabulary,
        settings: &Settings,
        before: &mut dyn FnMut(&Self, PrincipalId, Timestamp, Step),
    ) -> Self {
        let mut landscape = Self::empty(settings, baseline.window.0.map(|(since, _)| since));
        let principal_rank = ranks(words.principal_count(), |index| {
            words.principal(PrincipalId(index)).key()
        });
        let call_rank = ranks(words.call_count(), |index| {
            let (source, operation) = words.call(CallId(index));
            format!("{source}\0{operation}")
        });
        let mut steps: Vec<(Timestamp, u32, u32, PrincipalId, Step)> = Vec::new();
        let sighted_from = sighted_from(baseline, settings);
        for (id, profile) in baseline.iter() {
            let who = principal_rank[id.0 as usize];
            for row in profile.facets_of(Dimension::Target) {
                landscape.targets.meet(TextId(row.value), words);
            }
            let targets = &landscape.targets;
            let mut add =
                |time: Timestamp, order: u32, step: Step| steps.push((time, who, order, id, step));
            replay_profile(profile, (&call_rank, targets), &mut add);
            replay_waves(profile, sighted_from, &mut add);
        }
        steps.sort_unstable_by_key(|(time, who, order, ..)| (*time, *who, *order));
        for (time, _, _, id, step) in steps {
            before(&landscape, id, time, step);
            landscape.step(id, time, step, baseline, words);
        }
        landscape
    }

    fn step(
        &mut self,
        id: PrincipalId,
        time: Timestamp,
        step: Step,
        baseline: &Baseline,
        words: &Vocabulary,
    ) {
        match step {
            Step::Joined => self.join((id, Traits::default()), time, baseline, words),
            Step::Active => self.active(id, time.day()),
            Step::Call(call) => {
                self.learn_call(id, call, time);
            }
            Step::Denied => self.learn_news(id, News::Denied, time),
            Step::Facet(news, value) => self.learn_facet(id, news, value, time),
            Step::Sighted(call) => self.sight(id, call, time),
            Step::Taken(role) => self.note_taking(id, role),
        }
    }
}

/// Lists what a profile contributed, with an order among things of the same second.
fn replay_profile(
    profile: &Profile,
    (call_rank, targets): (&[u32], &Targets),
    add: &mut dyn FnMut(Timestamp, u32, Step),
) {
    let Some((first, _)) = profile.seen else {
        return;
    };
    add(first, 0, Step::Joined);
    for day in profile.days.iter() {
        // Not before its principal joined; what counts is the day.
        add(day.start().max(first), 1, Step::Active);
    }
    for (call, first) in first_calls(profile) {
        add(first, 2 + call_rank[call.0 as usize] * 2, Step::Call(call));
    }
    for row in profile.calls() {
        if row.outcome() == OutcomeClass::Denied && row.standing().is_known() {
            add(
                row.first,
                3 + call_rank[row.call().0 as usize] * 2,
                Step::Denied,
            );
        }
    }
    for row in profile
        .facets()
        .iter()
        .filter(|row| row.standing.is_known())
    {
        if let Some(news) = targets.news_of(row) {
            add(row.first, u32::MAX, Step::Facet(news, row.value));
        }
    }
}

/// The rank of each of `count` things when sorted by text.
fn ranks(count: usize, text: impl Fn(u32) -> String) -> Vec<u32> {
    let size = u32::try_from(count).unwrap_or(u32::MAX);
    let mut order: Vec<(String, u32)> = (0..size).map(|index| (text(index), index)).collect();
    order.sort_unstable();
    let mut ranks = vec![0; count];
    for (rank, (_, index)) in (0..).zip(&order) {
        ranks[*index as usize] = rank;
    }
    ranks
}
