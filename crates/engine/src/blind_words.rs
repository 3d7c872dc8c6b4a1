//! The words of a blind spot, as a [`Finding`]: what is not seen, since when, how that is judged, and what to do. Severity follows a written rule
//! (`docs/streaming.md`), not bits: nothing was scored.

use std::{collections::BTreeMap, sync::Arc};

use offtrail_baseline::{Maturity, MaturityState};
use offtrail_detector::{
    Attack, BaselineNote, CredentialShown, Evidence, Finding, Reach, Settings, Severity,
};
use offtrail_event::{
    CallId, CredentialKind, Observation, OutcomeClass, PrincipalKind, PrincipalName, Timestamp,
    Vocabulary,
};
use xxhash_rust::xxh3::xxh3_128;

/// What is not seen. The region is empty for a whole account, both are for everything.
pub(crate) struct Spot {
    pub(crate) account: Arc<str>,
    pub(crate) region: Arc<str>,
    /// Whether deliveries are behind; else the place is silent.
    pub(crate) behind: bool,
    /// Event time of the last event before.
    pub(crate) since: Timestamp,
}

/// What became of a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Deliveries are behind.
    Begun,
    /// Silent for longer than so many seconds.
    Silent {
        /// Seconds it may be silent.
        limit: i64,
    },
    /// Records arrive again, or are no longer behind.
    Over,
}

impl Spot {
    /// `account 111122223333 in eu-west-1`.
    fn place(&self) -> String {
        match (&*self.account, &*self.region) {
            ("", _) => "any account".to_owned(),
            (account, "") => format!("account {account}"),
            (account, region) => format!("account {account} in {region}"),
        }
    }

    fn severity(&self) -> Severity {
        if self.behind || !self.region.is_empty() {
            Severity::Medium
        } else {
            Severity::High
        }
    }
}

/// `7 hours`, `2 days`: whole ones, rounded down.
fn span(secs: i64) -> String {
    let (count, one) = match secs {
        secs if secs >= 2 * 86_400 => (secs / 86_400, "day"),
        secs if secs >= 3_600 => (secs / 3_600, "hour"),
        secs => (secs / 60, "minute"),
    };
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {one}{s}")
}

/// A state of a silent place or of late deliveries, reached at `time`.
pub(crate) fn finding(
    spot: &Spot,
    time: Timestamp,
    watched: Watched,
    settings: &Settings,
) -> Finding {
    let (place, since) = (spot.place(), spot.since);
    let lasted = span(time.secs_since(since).max(0));
    let kind = if spot.behind { "Behind" } else { "Silent" };
    let (title, summary) = match watched {
        Watched::Begun => (
            "Deliveries are far behind".to_owned(),
            format!(
                "What arrives is old: the newest event of any account happened at {since}, {lasted} before {time}. What happens now is told late."
            ),
        ),
        Watched::Silent { limit } => (
            format!("Nothing arrives of {place}"),
            format!(
                "The last event of {place} happened at {since}; since then nothing came for {lasted}. By its last 30 days {} of silence would be usual at most ({} times its longest gap, at least {} hours).",
                span(limit),
                settings.blindness.silent_gaps,
                settings.blindness.silent_hours_min
            ),
        ),
        Watched::Over if spot.behind => (
            "Deliveries are on time again".to_owned(),
            format!("Deliveries were far behind from {since} on; the newest event is of {time}."),
        ),
        Watched::Over => (
            format!("Records of {place} arrive again"),
            format!(
                "Nothing of {place} had arrived since {since}; the next event is of {time}, {lasted} later."
            ),
        ),
    };
    let id = format!(
        "blind spot\0{kind}\0{}\0{}\0{since}",
        spot.account, spot.region
    );
    Finding {
        kind: format!("DefenseEvasion:AWSAccount/BlindSpot.{kind}!None"),
        opened: since,
        severity: spot.severity(),
        raised: watched != Watched::Over,
        harmless_if: harmless_if(spot),
        next_steps: next_steps(spot),
        ..blank(&id, time, title, summary, &spot.account, settings)
    }
}

fn harmless_if(spot: &Spot) -> Vec<String> {
    let reasons: &[&str] = if spot.behind {
        &["this is a replay of old deliveries, or a backlog after a pause is being taken in"]
    } else {
        &[
            "the account was closed, or its region switched off on purpose",
            "whoever works there is on holiday, and no machine does",
        ]
    };
    reasons.iter().map(|reason| (*reason).to_owned()).collect()
}

fn next_steps(spot: &Spot) -> Vec<String> {
    let steps: &[&str] = if spot.behind {
        &[
            "Compare with AWS Health whether CloudTrail delivers late",
            "See whether the queue is deeper than this stream takes in (offtrail_feed_lag_seconds), and whether another consumer holds its messages",
        ]
    } else {
        &[
            "Ask CloudTrail for the state of the trail: aws cloudtrail get-trail-status",
            "Look for StopLogging, DeleteTrail, UpdateTrail and PutEventSelectors in what arrived last",
            "Check the bucket's policy and key, the notification of its objects, and the queue",
        ]
    };
    steps.iter().map(|step| (*step).to_owned()).collect()
}

/// Tells which observations stopped or deleted a trail.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoppedTrails {
    /// Calls that stop a trail, as far as met.
    stops: BTreeMap<CallId, bool>,
}

impl StoppedTrails {
    /// Whether this one did.
    pub(crate) fn by(&mut self, observation: &Observation, words: &Vocabulary) -> bool {
        if observation.read_only == Some(true) || observation.outcome != OutcomeClass::Succeeded {
            return false;
        }
        let call = observation.call;
        *self.stops.entry(call).or_insert_with(|| {
            let (source, operation) = words.call(call);
            &*source == "cloudtrail.amazonaws.com"
                && matches!(&*operation, "StopLogging" | "DeleteTrail")
        })
    }
}

/// A trail was stopped or deleted, by this observation: told also where that is a habit.
pub(crate) fn trail_stopped(
    observation: &Observation,
    settings: &Settings,
    words: &Vocabulary,
) -> Finding {
    let call = words.call_text(observation.call);
    let account = words.text(observation.account);
    let region = words.text(observation.region);
    let principal = words.principal(observation.principal);
    let (who, time) = (principal.label(), observation.time);
    let detail = observation.detail.as_ref();
    let of = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let id = format!(
        "blind spot\0TrailStopped\0{account}\0{region}\0{time}\0{:016x}",
        observation.fingerprint.0
    );
    let title = format!("A trail of account {account} was stopped by {who}");
    let summary = format!(
        "{who} called {call} in account {account}, {region}, at {time}, and it succeeded: what this trail recorded is no longer recorded. This is told whoever does it and however often it was done before; whether it is unusual for {who} is weighed apart."
    );
    let access_key_id = of(detail.map(|detail| detail.access_key_id()));
    let evidence = Evidence {
        event_id: of(detail.map(|detail| detail.event_id())),
        time,
        call,
        outcome: observation.outcome,
        code: String::new(),
        region: region.to_string(),
        address: of(detail.map(|detail| detail.address())),
        user_agent: of(detail.map(|detail| detail.user_agent())),
        principal: who.clone(),
        access_key_id: access_key_id.clone(),
        bits: 0.0,
        why: vec!["ends what a trail records".to_owned()],
    };
    let steps = [
        format!("Ask {who} whether this was meant"),
        "Start the trail again: aws cloudtrail start-logging".to_owned(),
        format!(
            "Look at what {who} did before and after, in the trails that are left and in the event history"
        ),
    ];
    Finding {
        kind: "DefenseEvasion:AWSAccount/BlindSpot.TrailStopped!None".to_owned(),
        severity: Severity::Medium,
        credential: CredentialShown {
            kind: observation.credential_kind,
            access_key_id: access_key_id.clone(),
            session_name: of(detail.map(|detail| detail.session_name())),
        },
        evidence: vec![evidence],
        reach: Reach {
            credentials: Some(access_key_id)
                .filter(|key| !key.is_empty())
                .into_iter()
                .collect(),
            principals: vec![who],
            accounts: vec![account.to_string()],
        },
        harmless_if: vec!["the trail is replaced by another one that records the same".to_owned()],
        next_steps: steps.into(),
        principal,
        ..blank(&id, time, title, summary, &account, settings)
    }
}

/// What all of them share. `id` is digested.
fn blank(
    id: &str,
    time: Timestamp,
    title: String,
    summary: String,
    account: &Arc<str>,
    settings: &Settings,
) -> Finding {
    Finding {
        id: format!("{:032x}", xxh3_128(id.as_bytes())),
        kind: String::new(),
        time,
        opened: time,
        severity: Severity::Medium,
        score: 0.0,
        threshold: 0.0,
        calibrated: false,
        title,
        summary,
        principal: PrincipalName {
            kind: PrincipalKind::Unrecognised,
            account: Arc::clone(account),
            id: Arc::clone(account),
            person: None,
            arn: "".into(),
            name: "".into(),
        },
        root: None,
        credential: CredentialShown {
            kind: CredentialKind::None,
            access_key_id: String::new(),
            session_name: String::new(),
        },
        lineage: Vec::new(),
        novelties: Vec::new(),
        evidence: Vec::new(),
        baseline: BaselineNote {
            since: None,
            until: None,
            maturity: Maturity {
                state: MaturityState::Learning,
                active_days: 0,
                observations: 0,
                calls: 0,
                recent_calls: 0,
            },
            coverage: 0.0,
            settings: settings.digest(),
        },
        attack: vec![Attack {
            tactic: "TA0005".to_owned(),
            technique: "T1562.008".to_owned(),
        }],
        guardduty: None,
        harmless_if: Vec::new(),
        next_steps: Vec::new(),
        raised: true,
        suppressed_by: None,
        reach: Reach {
            accounts: Some(account.to_string())
                .filter(|account| !account.is_empty())
                .into_iter()
                .collect(),
            ..Reach::default()
        },
        change: None,
    }
}
