//! Obeying people: what was approved is no news, what was refused or lies outside of a purpose raises whatever it weighs, what is expected
//! in a season is news out of it. The rulings are part of the baseline; event time alone decides whether one still holds.
//!
//! A refusal weighs what its severity stands for: the threshold and the bits from which on that severity begins. Of all refusals that a
//! case meets the heaviest counts, once. So no threshold and no floor can lie above one.

use offtrail_baseline::{
    Answer, CallRow, Dimension, FacetRow, Purpose, Review, RuledLine, Ruling, Standing,
};
use offtrail_event::{
    CredentialKind, MintedKind, Observation, OutcomeClass, PrincipalId, Severity, TextId, Timestamp,
};

use crate::{
    Novelty,
    case::Case,
    catalogue::{AttackIds, SensitivityClass},
    judge::Bench,
    settings::SeveritySettings,
    weigh::Subject,
};

/// Under which name refusals enter the score.
pub(crate) const RULED: &str = "ruled";

/// The dimensions of novelties that somebody refused. Values are calls, texts, roles, calls.
pub(crate) const REFUSED: [&str; 4] = ["refused", "refused_value", "refused_role", "purpose"];

/// Rulings told in a summary; each stands at its evidence, however many.
const NOTES_MAX: usize = 20;

/// Something refused that an observation shows.
#[derive(Clone, Debug)]
pub struct RuledNews {
    /// What makes two of them the same within a finding: dimension and value.
    pub key: (&'static str, u32),
    /// How grave somebody said it is.
    pub severity: Severity,
    /// `RefusedCall`, `RefusedContext` or `OutsidePurpose`: the detection mechanism in the finding's type.
    pub mechanism: &'static str,
    /// What a title says of it: `Refused iam:ListAccessKeys`.
    pub title: String,
    /// Who ruled it, when, why.
    pub note: String,
    /// ATT&CK tactic and technique of the call.
    pub attack: (Option<&'static str>, Option<&'static str>),
    /// Every tactic that incidents used it for.
    pub tactics: AttackIds,
    /// The call's class.
    pub class: SensitivityClass,
    /// Counts and bits.
    pub novelty: Novelty,
}

/// A ruling that a case met, for its summary.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RuledNote {
    /// Of a refusal.
    pub(crate) severity: Option<Severity>,
    pub(crate) text: String,
}

/// What people say of a call, at a moment.
pub(crate) enum Word {
    /// Nothing that holds.
    Nothing,
    /// It is no news.
    Known,
    /// It is refused, or outside of the purpose.
    Refused,
    /// It is news, even where it is learnt: why.
    OutOfSeason(String),
}

impl SeveritySettings {
    /// Bits above the threshold from which on a finding is of a severity.
    fn begins_above(&self, severity: Severity) -> f64 {
        match severity {
            Severity::Low => 0.0,
            Severity::Medium => self.medium_above_bits,
            Severity::High => self.high_above_bits,
            Severity::Critical => self.critical_above_bits,
        }
    }
}

impl Bench<'_> {
    /// What people say of the call of an observation.
    pub(crate) fn word(&self, observation: &Observation) -> Word {
        let Some(rulings) = self.baseline.rulings.of(observation.principal) else {
            return Word::Nothing;
        };
        let now = observation.time;
        match self.ruling(observation) {
            Some(Ruling {
                answer: Answer::Approved,
                ..
            }) => return Word::Known,
            Some(_) => return Word::Refused,
            None => {}
        }
        let (source, operation) = self.words.call(observation.call);
        let purpose = rulings.purpose.as_ref();
        let purpose = purpose.filter(|one| !one.review.is_over(now));
        if purpose.is_some_and(|one| !one.allows(&source, &operation)) {
            return Word::Refused;
        }
        let expected = rulings.expectations.iter();
        let mut expected = expected
            .filter(|one| !one.review.is_over(now) && one.speaks_of(&source, &operation))
            .peekable();
        let Some(first) = expected.peek() else {
            return Word::Nothing;
        };
        let months: Vec<String> = first.season.months().map(|one| one.to_string()).collect();
        let days: Vec<String> = first.season.days().map(|one| one.to_string()).collect();
        let mut season = Vec::new();
        for (name, numbers) in [("in months", months), ("on days of the month", days)] {
            if !numbers.is_empty() {
                season.push(format!("{name} {}", numbers.join(", ")));
            }
        }
        let season = season.join(" and ");
        let call = self.words.call_text(observation.call);
        let note = format!("{call} is expected only {season}, {}", said(&first.review));
        if expected.any(|one| one.season.holds(now.day())) {
            return Word::Known;
        }
        Word::OutOfSeason(note)
    }

    /// The ruling that holds for a call with its outcome: on the very line, else on one whose outcome covers it, as a success covers a denial.
    fn ruling(&self, observation: &Observation) -> Option<&Ruling> {
        let lines = &self.baseline.rulings.of(observation.principal)?.lines;
        let outcomes = OutcomeClass::ALL.iter().rev();
        outcomes
            .filter(|outcome| **outcome <= observation.outcome)
            .filter_map(|outcome| lines.get(&RuledLine::Call(observation.call, *outcome)))
            .find(|ruling| !ruling.review.is_over(observation.time))
    }

    /// Whether a row makes a call known at a moment: learnt, or approved by a ruling that is not over.
    pub(crate) fn is_known_call(&self, id: PrincipalId, row: &CallRow, now: Timestamp) -> bool {
        let line = RuledLine::Call(row.call(), row.outcome());
        row.standing().is_known() && !self.is_over(id, (line, row.standing()), now)
    }

    /// Whether a value is nothing to weigh at a moment: known, or refused, which [`Bench::refusals`] tells.
    pub(crate) fn is_settled_value(&self, id: PrincipalId, row: &FacetRow, now: Timestamp) -> bool {
        let line = RuledLine::Value(row.dimension, row.value);
        let settled = match row.standing {
            Standing::Learnt | Standing::Approved => true,
            Standing::Pending => false,
            Standing::Refused => {
                let rulings = self.baseline.rulings.of(id);
                rulings.is_some_and(|all| all.lines.contains_key(&line))
            }
        };
        settled && !self.is_over(id, (line, row.standing), now)
    }

    fn is_over(
        &self,
        id: PrincipalId,
        (line, standing): (RuledLine, Standing),
        now: Timestamp,
    ) -> bool {
        standing.is_ruled()
            && self
                .baseline
                .rulings
                .of(id)
                .and_then(|all| all.lines.get(&line))
                .is_some_and(|ruling| ruling.review.is_over(now))
    }

    /// What the rulings on a call or value say that no longer hold, for news of it.
    pub(crate) fn lapsed(&self, observation: &Observation) -> Vec<String> {
        let Some(rulings) = self.baseline.rulings.of(observation.principal) else {
            return Vec::new();
        };
        let over = rulings.lines.iter();
        let over = over.filter(|(_, ruling)| ruling.review.is_over(observation.time));
        over.filter(|(line, _)| self.shows(observation, **line))
            .map(|(line, ruling)| {
                let review = &ruling.review;
                let until = review.until.map_or_else(String::new, |day| day.to_string());
                let ruled = ruling.answer.standing();
                let what = self.line_text(*line);
                format!(
                    "{what} was {ruled} by {} on {} until {until}, expired: {}",
                    review.by,
                    review.on,
                    ended(&review.reason)
                )
            })
            .collect()
    }

    /// Everything that was refused and that an observation shows, and its call if that lies outside of the purpose. `is_judged`: whether its
    /// principal is judged at all; a purpose confines no other.
    pub(crate) fn refusals(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        is_judged: bool,
    ) -> Vec<RuledNews> {
        let Some(rulings) = self.baseline.rulings.of(observation.principal) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let forwarded = observation.credential_kind == CredentialKind::ForwardAccess;
        let mut call_is_ruled = forwarded;
        if let Some(ruling) = self.ruling(observation).filter(|_| !forwarded) {
            call_is_ruled = true;
            if let Answer::Refused(severity) = ruling.answer {
                found.push(self.refused_call(observation, subject, (severity, &ruling.review)));
            }
        }
        for (line, ruling) in &rulings.lines {
            if let RuledLine::Value(dimension, value) = *line
                && let Answer::Refused(severity) = ruling.answer
                && !ruling.review.is_over(observation.time)
                && self.shows(observation, *line)
            {
                let ruled = (severity, &ruling.review);
                found.push(self.refused_value(observation, subject, (dimension, value, ruled)));
            }
        }
        let purpose = rulings.purpose.as_ref();
        let purpose = purpose
            .filter(|one| is_judged && !call_is_ruled && !one.review.is_over(observation.time));
        if let Some(purpose) = purpose {
            let (source, operation) = self.words.call(observation.call);
            if !purpose.allows(&source, &operation) {
                found.push(self.outside_purpose(observation, subject, purpose));
            }
        }
        found
    }

    fn refused_call(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        (severity, review): (Severity, &Review),
    ) -> RuledNews {
        let call = self.words.call_text(observation.call);
        let note = format!("{call} is refused, {}", said(review));
        let title = format!("Refused {call}");
        let key = (REFUSED[0], observation.call.0);
        self.ruled_news(
            (observation, subject),
            (key, call),
            severity,
            ("RefusedCall", title, note),
        )
    }

    fn refused_value(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        (dimension, value, (severity, review)): (Dimension, u32, (Severity, &Review)),
    ) -> RuledNews {
        let name = if dimension == Dimension::Takes {
            REFUSED[2]
        } else {
            REFUSED[1]
        };
        let text = self.line_text(RuledLine::Value(dimension, value));
        let note = format!("{text} is refused, {}", said(review));
        let title = format!("Refused {text}");
        self.ruled_news(
            (observation, subject),
            ((name, value), text),
            severity,
            ("RefusedContext", title, note),
        )
    }

    fn outside_purpose(
        &self,
        observation: &Observation,
        subject: Subject<'_>,
        purpose: &Purpose,
    ) -> RuledNews {
        let call = self.words.call_text(observation.call);
        let only: Vec<&str> = purpose.only.iter().map(|one| one.as_str()).collect();
        let note = format!(
            "{call} is outside of its purpose ({}: only {}), {}",
            purpose.text,
            only.join(", "),
            said(&purpose.review)
        );
        let title = format!("{call} outside of its purpose");
        let key = (REFUSED[3], observation.call.0);
        self.ruled_news(
            (observation, subject),
            (key, call),
            purpose.severity,
            ("OutsidePurpose", title, note),
        )
    }

    fn ruled_news(
        &self,
        (observation, subject): (&Observation, Subject<'_>),
        (key, value): ((&'static str, u32), String),
        severity: Severity,
        (mechanism, title, note): (&'static str, String, String),
    ) -> RuledNews {
        let sensitivity = self.sensitivities.of(observation.call);
        let rows = subject
            .profile
            .map_or(&[][..], |profile| profile.call_rows(observation.call));
        let days_of = |row| {
            subject
                .profile
                .map_or(0, |profile| profile.days_of(row).len())
        };
        let days = rows.iter().map(days_of).max().unwrap_or(0);
        let count = rows.iter().map(|row| u64::from(row.count())).sum();
        let above = self.settings.severity.begins_above(severity);
        let mut novelty = self.novelty(key.0, value, subject, (count, days));
        novelty.bits = self.threshold + above;
        novelty.arithmetic = format!(
            "{:.2} threshold + {above:.2} from which on {severity} begins; {note}",
            self.threshold
        );
        RuledNews {
            key,
            severity,
            mechanism,
            title,
            note,
            attack: (sensitivity.tactic, sensitivity.technique),
            tactics: self.sensitivities.tactics(observation.call),
            class: sensitivity.class,
            novelty,
        }
    }

    /// Whether an observation is a sighting of a line.
    fn shows(&self, observation: &Observation, line: RuledLine) -> bool {
        let forwarded = observation.credential_kind == CredentialKind::ForwardAccess;
        let (dimension, value) = match line {
            RuledLine::Call(call, outcome) => {
                return !forwarded && call == observation.call && outcome <= observation.outcome;
            }
            RuledLine::Value(dimension, value) => (dimension, value),
        };
        let is_text = |text: &str| &*self.words.text(TextId(value)) == text;
        match dimension {
            Dimension::Forwarded => forwarded && is_text(&self.words.call_text(observation.call)),
            Dimension::Credential => is_text(observation.credential_kind.as_str()),
            _ if forwarded => false,
            Dimension::Network => observation.network.is_some_and(|text| text.0 == value),
            Dimension::Region => observation.region.0 == value,
            Dimension::Agent => observation.agent.0 == value,
            Dimension::Account => observation.account.0 == value,
            Dimension::Takes => observation.mint.is_some_and(|mint| {
                mint.kind == MintedKind::Session && mint.principal == Some(PrincipalId(value))
            }),
            Dimension::Target => {
                let mut targets = observation.targets.as_deref().unwrap_or_default().iter();
                targets.any(|(_, text)| text.0 == value)
            }
        }
    }

    fn line_text(&self, line: RuledLine) -> String {
        match line {
            RuledLine::Call(call, OutcomeClass::Succeeded) => self.words.call_text(call),
            RuledLine::Call(call, outcome) => format!("{} ({outcome})", self.words.call_text(call)),
            RuledLine::Value(Dimension::Takes, id) => {
                format!("role {}", self.words.principal(PrincipalId(id)).label())
            }
            RuledLine::Value(dimension, id) => {
                format!(
                    "{} {}",
                    dimension.as_str().replace('_', " "),
                    self.words.text(TextId(id))
                )
            }
        }
    }
}

/// `said ana on 2026-02-01 (until 2027-01-01): audit of keys.`
fn said(review: &Review) -> String {
    let until = review.until;
    let until = until.map_or_else(String::new, |until| format!(" (until {until})"));
    format!(
        "said {} on {}{until}: {}",
        review.by,
        review.on,
        ended(&review.reason)
    )
}

/// A sentence ends with a full stop.
fn ended(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

impl Case {
    /// Whether it holds something refused already.
    pub(crate) fn holds_ruled(&self, principal: PrincipalId, news: &RuledNews) -> bool {
        self.seen_context
            .contains(&(principal, news.key.0, news.key.1))
    }

    /// Adds something refused.
    pub(crate) fn add_ruled(&mut self, principal: PrincipalId, news: &RuledNews) {
        self.seen_context
            .insert((principal, news.key.0, news.key.1));
        let largest = self.context.entry(RULED).or_default();
        *largest = largest.max(news.novelty.bits);
        self.novelties.push(news.novelty.clone());
        self.note_ruling(Some(news.severity), &news.note);
        self.note_attacks(news.attack, &news.tactics);
    }

    /// Keeps rulings that no longer hold for the summary.
    pub(crate) fn note_rulings(&mut self, notes: &[String]) {
        for note in notes {
            self.note_ruling(None, note);
        }
    }

    /// Keeps a ruling for the summary.
    fn note_ruling(&mut self, severity: Option<Severity>, text: &str) {
        let note = RuledNote {
            severity,
            text: text.to_owned(),
        };
        if self.ruled.len() < NOTES_MAX && !self.ruled.contains(&note) {
            self.ruled.push(note);
        }
    }

    /// Bits without refusals, and the gravest severity that somebody stated.
    pub(crate) fn unruled(&self, score: f64) -> (f64, Option<Severity>) {
        let ruled = self.context.get(RULED).copied().unwrap_or(0.0);
        let stated = self.ruled.iter().filter_map(|note| note.severity).max();
        (score - ruled, stated)
    }
}
