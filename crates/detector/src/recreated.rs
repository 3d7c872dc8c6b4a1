//! A principal never seen before, and whether it took the place of another: IAM gives a deleted and re-created user or role its old ARN
//! and a new unique id. Whoever can delete and create can so shed a principal's history, which is why the finding names the old one.

use offtrail_baseline::Profile;
use offtrail_event::{Observation, PrincipalId, Timestamp};

use crate::{
    judge::{Bench, ContextNews},
    landscape::News,
    weigh::Subject,
};

impl Bench<'_> {
    /// Weighs a principal never seen before by the rate at which its group meets new ones.
    pub(crate) fn judge_principal(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        found: &mut Vec<ContextNews>,
    ) {
        if subject
            .profile
            .is_some_and(|profile| profile.seen.is_some())
        {
            return;
        }
        let context = &self.settings.context;
        let rate = self
            .landscape
            .group_rate(subject.id, News::Principal, observation.time);
        let rate = (-rate.log2()).clamp(0.0, context.cap_bits);
        let mut value = self.words.principal(subject.id).label();
        if let Some((old, last)) = self.place_taken(subject.id) {
            value.push_str(&format!(
                " (re-created under the ARN of {old}, last seen {})",
                last.day()
            ));
        }
        let mut novelty = self.novelty("principal", value, subject, (0, 0));
        novelty.bits = context.new_principal_weight * rate;
        novelty.arithmetic = format!(
            "{} × {rate:.2} rate of new principals in its group",
            context.new_principal_weight
        );
        found.push(ContextNews {
            key: ("principal", subject.id.0),
            facet: None,
            is_row_new: false,
            novelty,
        });
    }

    /// Unique id and last sighting of the principal that had this one's ARN before it; of several the one seen last.
    fn place_taken(&self, id: PrincipalId) -> Option<(String, Timestamp)> {
        let name = self.words.principal(id);
        self.landscape
            .under_arn(&name.account, &name.arn)
            .iter()
            .filter_map(|other| {
                let old = self.words.principal(*other);
                let (_, last) = self.baseline.profile(*other).and_then(seen)?;
                // People of one identity-centre role share its ARN and its unique id.
                (old.id != name.id && old.person == name.person && old.kind == name.kind)
                    .then(|| (last, old.id.to_string()))
            })
            .max()
            .map(|(last, old)| (old, last))
    }
}

fn seen(profile: &Profile) -> Option<(Timestamp, Timestamp)> {
    profile.seen
}
