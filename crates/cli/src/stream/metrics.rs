//! [`Status`] as Prometheus reads it: the text format 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>). `docs/metrics.md`
//! lists every name; a test holds the two together.
//!
//! Labels are few: names of inputs and sinks as they were configured, reasons and severities of closed lists.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use offtrail_detector::Severity;
use offtrail_event::Timestamp;

use super::status::{FeedStatus, Phase, SinkStatus, Status};

/// The `Content-Type` of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// When the numbers are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// For ages of what happened in this process.
    pub(crate) instant: Instant,
    /// For lags behind event time.
    pub(crate) time: Timestamp,
}

/// All metrics as text.
pub(crate) fn text(status: &Status, now: Now) -> String {
    let mut text = String::new();
    for family in families(status, now) {
        family.write(&mut text);
    }
    text
}

/// One name with its samples.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Family {
    fn write(&self, text: &mut String) {
        let Self {
            name, kind, help, ..
        } = self;
        let _ = writeln!(text, "# HELP {name} {}", escaped(help, false));
        let _ = writeln!(text, "# TYPE {name} {kind}");
        for (labels, value) in &self.samples {
            text.push_str(name);
            for (i, (label, value)) in labels.iter().enumerate() {
                let open = if i == 0 { '{' } else { ',' };
                let _ = write!(text, "{open}{label}=\"{}\"", escaped(value, true));
            }
            if !labels.is_empty() {
                text.push('}');
            }
            let _ = writeln!(text, " {value}");
        }
    }
}

/// Backslashes and line ends, in the value of a label also quotes: what the format wants escaped.
fn escaped(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out
}

/// The families in the making.
#[derive(Default)]
struct Families(Vec<Family>);

impl Families {
    fn counter(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.add(name, "counter", help)
    }

    fn gauge(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.add(name, "gauge", help)
    }

    fn add(&mut self, name: &'static str, kind: &'static str, help: &'static str) -> &mut Family {
        self.0.push(Family {
            name,
            kind,
            help,
            samples: Vec::new(),
        });
        self.0.last_mut().expect("one was just added")
    }
}

impl Family {
    fn is(&mut self, value: u64) {
        self.samples.push((Vec::new(), value as f64));
    }

    fn is_about(&mut self, value: Option<f64>) {
        self.samples.extend(value.map(|value| (Vec::new(), value)));
    }

    fn by<'a>(
        &mut self,
        label: &'static str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> &mut Self {
        for (name, value) in values {
            let labels = vec![(label, name.to_owned())];
            self.samples.push((labels, value as f64));
        }
        self
    }
}

fn families(status: &Status, now: Now) -> Vec<Family> {
    let mut all = Families::default();
    of_the_process(&mut all, status, now);
    of_the_records(&mut all, status);
    of_the_feeds(&mut all, &status.feeds);
    of_the_findings(&mut all, status);
    of_the_sinks(&mut all, &status.sinks, now);
    of_the_state(&mut all, status, now);
    all.0
}

fn age(since: Option<Instant>, now: Now) -> Option<f64> {
    since.map(|since| now.instant.saturating_duration_since(since).as_secs_f64())
}

fn of_the_process(all: &mut Families, status: &Status, now: Now) {
    all.gauge(
        "offtrail_build_info",
        "Always 1; the version runs in the label.",
    )
    .by("version", [(env!("CARGO_PKG_VERSION"), 1)]);
    all.gauge("offtrail_uptime_seconds", "Since the process started.")
        .is_about(age(status.started, now));
    let phases = Phase::ALL.map(|phase| (phase.as_str(), u64::from(phase == status.phase)));
    all.gauge(
        "offtrail_phase",
        "1 for the phase the stream is in, 0 for the others.",
    )
    .by("phase", phases);
    all.gauge("offtrail_ready", "1 while input is taken, else 0.")
        .is(status.readiness(now.instant).well.into());
    all.gauge(
        "offtrail_backed_up",
        "1 while nothing is taken in because disk or outbox is full, else 0.",
    )
    .is(status.backed_up.is_some().into());
    all.gauge(
        "offtrail_tick_age_seconds",
        "Since the loop last finished a tick.",
    )
    .is_about(age(status.last_tick, now));
    all.counter(
        "offtrail_reloads_total",
        "Settings and suppressions read again on SIGHUP, by outcome.",
    )
    .by(
        "outcome",
        [("used", status.reloads), ("refused", status.reloads_failed)],
    );
}

fn of_the_records(all: &mut Families, status: &Status) {
    let tally = &status.tally;
    all.counter("offtrail_records_total", "Records read.")
        .is(tally.records);
    all.counter(
        "offtrail_observations_total",
        "Records that became observations.",
    )
    .is(tally.observations);
    let rejects = tally.rejects.iter();
    all.counter(
        "offtrail_rejects_total",
        "Records that became no observation, by reason.",
    )
    .by(
        "reason",
        rejects.map(|(reason, count)| (reason.as_str(), *count)),
    );
    all.counter(
        "offtrail_events_total",
        "Observations by outcome: judged, repeated, out of scope.",
    )
    .by(
        "outcome",
        [
            ("judged", tally.judged),
            ("repeated", tally.repeated),
            ("out_of_scope", tally.out_of_scope),
        ],
    );
    all.counter(
        "offtrail_late_total",
        "Observations judged later than their turn, because they came later.",
    )
    .is(tally.late);
    all.counter("offtrail_learnt_total", "Observations learnt.")
        .is(tally.learnt);
    all.counter(
        "offtrail_unreadable_total",
        "Objects that could not be read to their end.",
    )
    .is(tally.files_unreadable);
}

fn of_the_feeds(all: &mut Families, feeds: &[FeedStatus]) {
    let of = |value: fn(&FeedStatus) -> u64| {
        feeds
            .iter()
            .map(move |feed| (feed.name.as_str(), value(feed)))
    };
    all.counter("offtrail_feed_messages_total", "Messages received.")
        .by("feed", of(|feed| feed.messages));
    all.counter("offtrail_feed_objects_total", "Objects read to their end.")
        .by("feed", of(|feed| feed.objects));
    all.counter(
        "offtrail_feed_bytes_total",
        "Bytes read, as they lay in the source.",
    )
    .by("feed", of(|feed| feed.bytes));
    all.counter(
        "offtrail_feed_deleted_total",
        "Messages deleted once their effect was durable.",
    )
    .by("feed", of(|feed| feed.deleted));
    let passed = all.counter(
        "offtrail_feed_passed_over_total",
        "Messages and objects that hold no records of calls, by reason.",
    );
    for feed in feeds {
        for (reason, count) in &feed.skipped {
            let labels = vec![
                ("feed", feed.name.clone()),
                ("reason", (*reason).to_owned()),
            ];
            passed.samples.push((labels, *count as f64));
        }
    }
    all.counter(
        "offtrail_feed_failures_total",
        "Attempts that failed and are made again.",
    )
    .by("feed", of(|feed| feed.failed));
    all.counter(
        "offtrail_feed_dead_letters_total",
        "Messages given up on after the named attempts.",
    )
    .by("feed", of(|feed| feed.dead_letters));
    all.gauge(
        "offtrail_feed_in_flight",
        "Messages and objects being worked on.",
    )
    .by("feed", of(|feed| feed.in_flight));
    all.gauge(
        "offtrail_feed_failing",
        "1 while the last attempt failed, else 0.",
    )
    .by("feed", of(|feed| feed.last_error.is_some().into()));
    let lag = all.gauge(
        "offtrail_feed_lag_seconds",
        "From an object's delivery to its being taken, of the last one.",
    );
    for feed in feeds {
        let labels = || vec![("feed", feed.name.clone())];
        lag.samples
            .extend(feed.lag_secs.map(|secs| (labels(), secs)));
    }
}

fn of_the_findings(all: &mut Families, status: &Status) {
    let told = &status.told;
    let raised = Severity::ALL.iter().map(|severity| {
        let count = told.raised.get(severity).copied().unwrap_or(0);
        (severity.as_str(), count)
    });
    all.counter(
        "offtrail_findings_total",
        "Findings raised, by the severity they reached first.",
    )
    .by("severity", raised);
    all.counter("offtrail_finding_states_total", "States of findings told.")
        .is(told.states);
    all.counter(
        "offtrail_findings_suppressed_total",
        "Findings hidden by a reviewed suppression.",
    )
    .is(told.suppressed);
    all.gauge(
        "offtrail_blind_spots",
        "Accounts and regions that are silent, and deliveries far behind.",
    )
    .is(status.blind_spots);
    all.gauge(
        "offtrail_coverage_gap_hours",
        "Hours of the last 30 days without a record of an otherwise active account.",
    )
    .is(status.coverage_gap_hours);
}

fn of_the_sinks(all: &mut Families, sinks: &[SinkStatus], now: Now) {
    let of = |value: fn(&SinkStatus) -> u64| {
        sinks
            .iter()
            .map(move |sink| (sink.name.as_str(), value(sink)))
    };
    all.counter("offtrail_sink_delivered_total", "States a sink has taken.")
        .by("sink", of(|sink| sink.delivered));
    all.counter("offtrail_sink_retries_total", "Attempts made again.")
        .by("sink", of(|sink| sink.retries));
    all.counter(
        "offtrail_sink_refused_total",
        "States a sink refused for good.",
    )
    .by("sink", of(|sink| sink.refused));
    all.gauge(
        "offtrail_sink_behind_states",
        "States of the outbox a sink has not taken yet.",
    )
    .by("sink", of(|sink| sink.behind));
    let failing = all.gauge(
        "offtrail_sink_failing_seconds",
        "Since when a sink fails; 0 while it does not.",
    );
    for sink in sinks {
        let secs = age(sink.failing_since, now).unwrap_or(0.0);
        failing
            .samples
            .push((vec![("sink", sink.name.clone())], secs));
    }
}

fn of_the_state(all: &mut Families, status: &Status, now: Now) {
    all.gauge(
        "offtrail_waiting_observations",
        "Observations in the waiting room.",
    )
    .is(status.waiting);
    all.gauge(
        "offtrail_journal_bytes",
        "Size of the journal since the last checkpoint.",
    )
    .is(status.journal_bytes);
    all.gauge("offtrail_outbox_states", "States in the outbox.")
        .is(status.outbox_states);
    all.gauge(
        "offtrail_outbox_bytes",
        "Bytes of the states in the outbox.",
    )
    .is(status.outbox_bytes);
    all.counter("offtrail_checkpoints_total", "Checkpoints written.")
        .is(status.checkpoints);
    let checkpoint = status.checkpoint;
    all.gauge(
        "offtrail_checkpoint_age_seconds",
        "Since the last checkpoint; before the first, since the process started.",
    )
    .is_about(age(
        checkpoint
            .map(|checkpoint| checkpoint.at)
            .or(status.started),
        now,
    ));
    all.gauge(
        "offtrail_checkpoint_duration_seconds",
        "How long the last checkpoint took.",
    )
    .is_about(checkpoint.map(|checkpoint| Duration::as_secs_f64(&checkpoint.took)));
    all.gauge("offtrail_principals", "Principals in the baseline.")
        .is(status.principals);
    all.gauge(
        "offtrail_baseline_call_rows",
        "Rows of calls in the baseline.",
    )
    .is(status.call_rows);
    all.gauge("offtrail_remembered_event_ids", "Event ids remembered.")
        .is(status.event_ids);
    all.gauge(
        "offtrail_newest_event_timestamp_seconds",
        "Latest event time seen, as Unix time.",
    )
    .is_about(status.newest_event.map(|time| time.epoch_secs() as f64));
    all.gauge(
        "offtrail_event_lag_seconds",
        "From the latest event time seen to now.",
    )
    .is_about(
        status
            .newest_event
            .map(|time| now.time.secs_since(time).max(0) as f64),
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{collections::BTreeSet, path::PathBuf};

    use proptest::prelude::*;

    use super::*;

    fn now() -> Now {
        Now {
            instant: Instant::now(),
            time: Timestamp::parse("2026-08-31T10:00:30Z").unwrap(),
        }
    }

    fn names() -> BTreeSet<String> {
        let all = families(&Status::default(), now()).into_iter();
        all.map(|family| family.name.to_owned()).collect()
    }

    fn of_the_repository(path: &str) -> String {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        std::fs::read_to_string(root.join(path)).unwrap()
    }

    /// The names of ours that a text mentions.
    fn mentioned(text: &str) -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words
            .filter(|word| word.starts_with("offtrail_"))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_document_lists_what_there_is() {
        let rows = of_the_repository("docs/metrics.md");
        let rows: Vec<&str> = rows
            .lines()
            .filter(|line| line.starts_with("| `offtrail_"))
            .collect();
        assert_eq!(mentioned(&rows.join("\n")), names());
    }

    #[test]
    fn the_example_rules_are_yaml_and_ask_for_metrics_that_exist() {
        // tidy: allow (Prometheus' word)
        let text = of_the_repository("deploy/prometheus/alerts.yml");
        let rules: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let groups = rules["groups"].as_array().unwrap();
        let rules: Vec<_> = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap())
            .collect();
        assert!(rules.len() >= 10);
        for rule in rules {
            let text = |key: &str| rule[key].as_str().unwrap_or_default();
            let asked = mentioned(text("expr"));
            assert!(!asked.is_empty() && asked.is_subset(&names()), "{rule}");
            // tidy: allow (Prometheus' word)
            let name = text("alert");
            assert!(!name.is_empty() && rule["for"].is_string(), "{rule}");
            assert!(rule["annotations"]["summary"].is_string(), "{rule}");
            assert!(rule["labels"]["severity"].is_string(), "{rule}");
        }
    }

    #[test]
    fn names_follow_the_conventions() {
        let all = families(&Status::default(), now());
        assert_eq!(names().len(), all.len(), "each name once");
        for family in all {
            let counts = family.kind == "counter";
            assert_eq!(family.name.ends_with("_total"), counts, "{}", family.name);
            assert!(family.help.ends_with('.'), "{}", family.name);
        }
    }

    #[test]
    fn a_status_is_written_as_the_format_wants() {
        let now = now();
        let mut status = Status {
            phase: Phase::Taking,
            last_tick: Some(now.instant),
            newest_event: Timestamp::parse("2026-08-31T10:00:00Z"),
            ..Status::default()
        };
        status.tally.rejects.insert("not_json".into(), 3);
        status.told.raised.insert(Severity::High, 2);
        status.feeds.push(FeedStatus {
            name: "a\\b\"c\nd".into(),
            messages: 7,
            lag_secs: Some(1.5),
            ..FeedStatus::default()
        });
        let text = text(&status, now);
        for line in [
            "# TYPE offtrail_rejects_total counter",
            "offtrail_rejects_total{reason=\"not_json\"} 3",
            "offtrail_findings_total{severity=\"high\"} 2",
            "offtrail_findings_total{severity=\"low\"} 0",
            "offtrail_feed_messages_total{feed=\"a\\\\b\\\"c\\nd\"} 7",
            "offtrail_feed_lag_seconds{feed=\"a\\\\b\\\"c\\nd\"} 1.5",
            "offtrail_event_lag_seconds 30",
            "offtrail_phase{phase=\"taking\"} 1",
            "offtrail_ready 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_one_line_and_comes_back(name in "\\PC{0,20}|[\\\\\"\n]{0,9}") {
            let escaped = escaped(&name, true);
            prop_assert!(!escaped.contains('\n'));
            let mut back = String::new();
            let mut chars = escaped.chars();
            while let Some(c) = chars.next() {
                prop_assert_ne!(c, '"');
                back.push(match c {
                    '\\' => match chars.next() {
                        Some('n') => '\n',
                        Some(c) => c,
                        None => panic!("a lone backslash"),
                    },
                    c => c,
                });
            }
            prop_assert_eq!(back, name);
        }
    }
}
