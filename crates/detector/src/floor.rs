//! The floor: what is raised however high the threshold lies.
//!
//! A budget must not silence the lone severe write of a narrow machine (a CI key that deletes a trail, once) or its sign-in to the console, nor a principal that is made and
//! at once escalates. Both are few in any organisation, and a miss costs most there.

use offtrail_event::{CallId, Observation, OutcomeClass, SECONDS_PER_DAY};

use crate::{
    catalogue::SensitivityClass, judge::Bench, own_pace::first_calls, peers::Family, weigh::Subject,
};

impl Bench<'_> {
    /// Whether a new call is raised whatever the threshold.
    pub(crate) fn is_above_floor(&self, observation: &Observation, subject: Subject<'_>) -> bool {
        let rule = &self.settings.floor;
        let severe = self.sensitivities.of(observation.call).class >= SensitivityClass::Severe;
        let counts = severe || self.is_sign_in(observation.call);
        if !counts || observation.outcome != OutcomeClass::Succeeded {
            return false;
        }
        let history = self
            .baseline
            .window
            .0
            .map_or(0, |(since, _)| observation.time.secs_since(since));
        if (history as f64) < rule.history_days_min * SECONDS_PER_DAY as f64 {
            return false;
        }
        let days = subject.profile.map_or(0, |profile| {
            profile.active_days_until(observation.time.day())
        });
        if days < rule.young_active_days {
            return severe && self.decides_who_may(observation.call);
        }
        let calls = subject
            .profile
            .map_or(0, |profile| first_calls(profile).count());
        let narrow = u32::try_from(calls).is_ok_and(|calls| calls <= rule.narrow_calls_max);
        narrow && self.landscape.family(subject.id) == Family::Machine
    }

    /// Whether a call opens the console, which no machine does.
    fn is_sign_in(&self, call: CallId) -> bool {
        let (source, operation) = self.words.call(call);
        source.starts_with("signin.") && &*operation == "ConsoleLogin"
    }

    /// Whether a call belongs to the services that decide who may do what.
    fn decides_who_may(&self, call: CallId) -> bool {
        let (source, _) = self.words.call(call);
        ["iam.", "organizations.", "sso.", "sts."]
            .iter()
            .any(|service| source.starts_with(service))
    }
}
