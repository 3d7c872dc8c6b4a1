//! [`Detector`]: judge, collect, learn, in three functions that never mix.
//!
//! [`Detector::judge`] reads. [`Detector::collect`] adds a verdict to the case of its lineage and says what to tell and what to hold back.
//! [`Detector::learn`] then brings landscape and lineage up to date. The caller runs them in this order for each
//! observation, in order of event time.

use std::collections::BTreeMap;

use offtrail_baseline::{Baseline, FacetRow, Lesson, Profile, Standing};
use offtrail_event::{
    CallId, MintedKind, Observation, OutcomeClass, PrincipalId, SECONDS_PER_DAY, Timestamp,
    Vocabulary,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    BaselineNote, Evidence, Finding, LearningPolicy, Settings, Telling, Threshold,
    assemble::assemble,
    case::{BroughtCall, BroughtFacet, Case},
    change::Change,
    judge::{Bench, Verdict, is_judged},
    landscape::{Landscape, News},
    lineage::{Lineage, Raised, step_of},
    place::Place,
    sensitivities::Sensitivities,
    suppress::Hiding,
    volume::DayCounts,
};

/// A rise in bits worth telling a new state for.
const TELL_RISE_BITS: f64 = 0.005;

/// What a verdict led to.
#[derive(Debug)]
pub struct Collected {
    /// With which standing to learn the observation.
    pub lesson: Lesson,
    /// New states to tell: of its case, and of the behaviour change that one joins.
    pub findings: Vec<Finding>,
}

/// All state of detection beside the baseline itself.
#[derive(Debug)]
pub struct Detector {
    pub(crate) settings: Settings,
    digest: String,
    telling: Telling,
    policy: LearningPolicy,
    pub(crate) threshold: f64,
    pub(crate) calibrated: bool,
    pub(crate) has_floor: bool,
    pub(crate) landscape: Landscape,
    pub(crate) sensitivities: Sensitivities,
    pub(crate) lineage: Lineage,
    pub(crate) today: DayCounts,
    /// Open cases by root; closed raised ones stay while what they rest on is held.
    pub(crate) open: BTreeMap<PrincipalId, Case>,
    pub(crate) closed: BTreeMap<PrincipalId, Case>,
    /// Changes of behaviour that go on, by the source of their calls.
    pub(crate) changes: BTreeMap<String, Change>,
    pub(crate) swept: Option<Timestamp>,
    pub(crate) hiding: Hiding,
    /// Rows whose standing was changed beside what was observed.
    changed: Baseline,
}

impl Detector {
    /// Ready to judge what comes after `baseline`.
    #[must_use]
    pub fn new(
        settings: Settings,
        telling: Telling,
        policy: LearningPolicy,
        baseline: &Baseline,
        words: &Vocabulary,
    ) -> Self {
        let landscape = Landscape::of(baseline, words, &settings);
        let mut detector = Self::with_landscape(settings, (telling, policy), landscape);
        detector.meet_calls_of(baseline, words);
        detector
    }

    pub(crate) fn with_landscape(
        settings: Settings,
        (telling, policy): (Telling, LearningPolicy),
        landscape: Landscape,
    ) -> Self {
        Self {
            digest: settings.digest(),
            telling,
            policy,
            threshold: settings.finding.threshold_bits,
            calibrated: false,
            has_floor: true,
            landscape,
            sensitivities: Sensitivities::new(),
            lineage: Lineage::default(),
            today: DayCounts::default(),
            open: BTreeMap::new(),
            closed: BTreeMap::new(),
            changes: BTreeMap::new(),
            swept: None,
            hiding: Hiding::default(),
            changed: Baseline::new(),
            settings,
        }
    }

    pub(crate) fn meet_calls_of(&mut self, baseline: &Baseline, words: &Vocabulary) {
        for (_, profile) in baseline.iter() {
            for row in profile.calls() {
                self.sensitivities.meet(row.call(), None, words);
            }
        }
    }

    /// Raises at a threshold other than the settings'.
    pub fn set_threshold(&mut self, threshold: Threshold) {
        self.threshold = threshold.bits;
        self.calibrated = threshold.calibrated;
        // Set by hand, it means what it says; a budget is what the floor keeps in check.
        self.has_floor = threshold.calibrated;
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes room for an observation's principal and call. To be called before [`Detector::judge`].
    pub fn meet(&mut self, observation: &Observation, baseline: &Baseline, words: &Vocabulary) {
        self.landscape.begin(observation.time);
        let who = (observation.principal, observation.traits);
        self.landscape.join(who, observation.time, baseline, words);
        for (_, target) in observation.targets.as_deref().unwrap_or_default() {
            self.landscape.meet_target(*target, words);
        }
        self.sensitivities
            .meet(observation.call, observation.read_only, words);
    }

    /// Weighs what is new in an observation. Reads only.
    #[must_use]
    pub fn judge(
        &self,
        observation: &Observation,
        baseline: &Baseline,
        words: &Vocabulary,
    ) -> Verdict {
        self.bench(baseline, words).judge(observation)
    }

    /// Whether observations like this one are judged at all, or profiled apart.
    #[must_use]
    pub fn is_judged(&self, observation: &Observation) -> bool {
        is_judged(observation, self.landscape.family(observation.principal))
    }

    fn raised(&self) -> Raised<'_> {
        Raised {
            open: &self.open,
            closed: &self.closed,
        }
    }

    fn bench<'a>(&'a self, baseline: &'a Baseline, words: &'a Vocabulary) -> Bench<'a> {
        Bench {
            settings: &self.settings,
            threshold: self.threshold,
            landscape: &self.landscape,
            sensitivities: &self.sensitivities,
            lineage: &self.lineage,
            raised: self.raised(),
            today: &self.today,
            baseline,
            words,
        }
    }

    /// Adds a verdict to the case of its lineage; holds back rows of the baseline that a finding raised just now rests on.
    pub fn collect(
        &mut self,
        observation: &Observation,
        verdict: &Verdict,
        baseline: &mut Baseline,
        words: &Vocabulary,
    ) -> Collected {
        let root = verdict
            .ancestry
            .map_or(observation.principal, |ancestry| ancestry.root);
        let collected = |standing, findings| Collected {
            lesson: Lesson {
                call: standing,
                facets: standing,
            },
            findings,
        };
        if verdict.is_silent() {
            let repeats = self
                .open
                .get(&root)
                .is_some_and(|case| case.holds(observation.principal, observation.call));
            if !repeats || verdict.settled {
                return collected(Standing::Learnt, Vec::new());
            }
        }
        let Some((mut case, place)) = self.case_for(root, observation, verdict, (baseline, words))
        else {
            return collected(Standing::Learnt, Vec::new());
        };
        let evidence = evidence_of(observation, words);
        let mut refused = verdict.ruled.iter();
        let refused_anew = refused.any(|news| !case.holds_ruled(observation.principal, news));
        let held = case.held(observation, verdict);
        case.add(observation, verdict, evidence, &self.settings.finding);
        let creates = observation
            .mint
            .is_some_and(|mint| mint.kind != MintedKind::Session);
        if verdict.ancestry.is_some() || creates {
            case.add_lineage(self.lineage.chain(observation, words));
        }
        if creates {
            // Whether it is ever used or not: it lasts.
            case.add_lineage(vec![step_of(observation, words)]);
        }
        let (was_held, before) = (case.is_held(), (case.raised, case.suppressed));
        self.raise_or_hide(&mut case, (observation, verdict), &held, words);
        let change = self.join_change(&mut case, verdict, words);
        let score = case.score();
        let holds = self.policy == LearningPolicy::HoldFlagged && case.is_held();
        if holds && !was_held {
            self.hold_back(&case, baseline);
        }
        let news_standing = if holds {
            Standing::Pending
        } else {
            Standing::Learnt
        };
        self.note_brought(&mut case, observation, verdict);
        let tells = case.has_reached() || self.telling == Telling::All;
        // A closed case is not looked at again when its window ends.
        let rose = place == Place::Closed
            || refused_anew
            || case.told.is_none_or(|told| score >= told + TELL_RISE_BITS);
        let turned = (case.raised, case.suppressed) != before;
        let finding =
            (tells && score > 0.0 && (rose || turned)).then(|| self.tell(&mut case, words));
        match place {
            Place::Open => self.open.insert(root, case),
            Place::Closed => self.closed.insert(root, case),
        };
        collected(news_standing, finding.into_iter().chain(change).collect())
    }

    pub(crate) fn note(
        &self,
        observation: &Observation,
        baseline: &Baseline,
        words: &Vocabulary,
    ) -> BaselineNote {
        let empty = offtrail_baseline::Profile::default();
        let profile = baseline.profile(observation.principal).unwrap_or(&empty);
        let window = baseline.window.0;
        let account = words
            .find_text(&words.principal(observation.principal).account)
            .unwrap_or(observation.account);
        let coverage = window.map_or(0.0, |(since, until)| {
            baseline.coverage.share(account, since, until)
        });
        BaselineNote {
            since: window.map(|(since, _)| since),
            until: window.map(|(_, until)| until),
            maturity: self
                .settings
                .maturity_rule()
                .apply(profile, observation.time),
            coverage,
            settings: self.digest.clone(),
        }
    }

    /// Makes what a case brought in before it was raised pending, and takes it out of the landscape.
    fn hold_back(&mut self, case: &Case, baseline: &mut Baseline) {
        for brought in &case.brought_calls {
            let profile = baseline.profile_mut(brought.principal);
            if let Some(row) = profile.call_mut(brought.call, brought.outcome)
                && row.standing() == Standing::Learnt
            {
                row.set_standing(Standing::Pending);
                let of = (brought.principal, &*profile);
                note_call(&mut self.changed, of, (brought.call, brought.outcome));
                if brought.counted {
                    self.landscape.unlearn_call(
                        brought.principal,
                        brought.call,
                        brought.time,
                        brought.surprise,
                    );
                }
            }
        }
        for brought in &case.brought_facets {
            let profile = baseline.profile_mut(brought.principal);
            if let Some(row) = profile.facet_mut(brought.dimension, brought.value)
                && row.standing == Standing::Learnt
            {
                row.standing = Standing::Pending;
                note_facet(&mut self.changed, brought.principal, row);
                self.landscape.unlearn_facet(
                    brought.principal,
                    brought.news,
                    brought.value,
                    brought.time,
                );
            }
        }
    }

    fn note_brought(&self, case: &mut Case, observation: &Observation, verdict: &Verdict) {
        if case.is_held() {
            return;
        }
        let (principal, time) = (observation.principal, observation.time);
        if let Some(news) = verdict.call.as_ref().filter(|news| news.new_to_principal) {
            let (call, surprise) = (news.call, news.surprise);
            case.brought_calls.push(BroughtCall {
                principal,
                call,
                outcome: observation.outcome,
                time,
                surprise,
                counted: news.new_at_all,
            });
        }
        let facets = verdict
            .context
            .iter()
            .filter(|news| news.is_row_new)
            .filter_map(|news| news.facet);
        case.brought_facets
            .extend(facets.map(|(dimension, value, news)| BroughtFacet {
                principal,
                dimension,
                value,
                news,
                time,
            }));
        let targets = verdict.targets.iter().filter(|news| news.is_row_new);
        case.brought_facets
            .extend(targets.map(|news| news.brought(principal, time)));
    }

    fn tell(&self, case: &mut Case, words: &Vocabulary) -> Finding {
        case.told = Some(case.score());
        case.told_evidence = case.evidence.len();
        let threshold = (self.threshold, self.calibrated);
        let finding = assemble(case, threshold, &self.settings.severity, words);
        Finding {
            suppressed_by: self.suppressed_by(case),
            ..finding
        }
    }

    /// Brings landscape and lineage up to date with an observation that `baseline` has just learnt (or, under
    /// [`LearningPolicy::Frozen`], not learnt). `new_day`: the observation opened an active day of its principal.
    pub fn learn(
        &mut self,
        observation: &Observation,
        verdict: &Verdict,
        lesson: Lesson,
        new_day: bool,
        words: &Vocabulary,
    ) {
        self.lineage
            .learn(observation, words, &self.settings.finding, verdict.ancestry);
        if self.is_judged(observation) {
            self.today.add(observation);
        }
        if self.policy == LearningPolicy::Frozen {
            return;
        }
        let (id, time) = (observation.principal, observation.time);
        for news in &verdict.context {
            if let Some((_, role, News::Role)) = news.facet {
                self.landscape.note_taking(id, role);
            }
        }
        if verdict.call.as_ref().is_some_and(|news| news.sighted) {
            self.landscape.sight(id, observation.call, time);
        }
        if new_day {
            self.landscape.active(id, time.day());
        }
        if lesson.call == Standing::Learnt
            && verdict.call.as_ref().is_some_and(|news| news.new_at_all)
        {
            self.landscape.learn_call(id, observation.call, time);
        }
        for news in verdict.context.iter().filter(|news| news.is_row_new) {
            match news.facet {
                Some((_, value, kind)) if lesson.facets == Standing::Learnt => {
                    self.landscape.learn_facet(id, kind, value, time)
                }
                None if news.key.0 == "denied" && lesson.call == Standing::Learnt => {
                    self.landscape.learn_news(id, News::Denied, time)
                }
                _ => {}
            }
        }
        for news in verdict.targets.iter().filter(|news| news.is_row_new) {
            if lesson.facets == Standing::Learnt {
                let kind = News::Target(news.kind);
                self.landscape.learn_facet(id, kind, news.value, time);
            }
        }
    }

    /// Lets go what a verdict found held for long enough: it is known-good from now on.
    pub fn release(
        &mut self,
        observation: &Observation,
        verdict: &Verdict,
        baseline: &mut Baseline,
    ) {
        let (id, call, time) = (observation.principal, observation.call, observation.time);
        if !verdict.release && verdict.release_facets.is_empty() {
            return;
        }
        let profile = baseline.profile_mut(id);
        for (dimension, value, news) in &verdict.release_facets {
            if let Some(row) = profile.facet_mut(*dimension, *value) {
                row.standing = Standing::Learnt;
                note_facet(&mut self.changed, id, row);
                self.landscape.learn_facet(id, *news, *value, time);
            }
        }
        if !verdict.release {
            return;
        }
        let rows = profile.call_rows(call);
        let counted = rows.iter().any(|row| row.standing().is_known());
        for outcome in OutcomeClass::ALL {
            if let Some(row) = profile.call_mut(call, *outcome)
                && row.standing() == Standing::Pending
            {
                row.set_standing(Standing::Learnt);
                note_call(&mut self.changed, (id, &*profile), (call, *outcome));
            }
        }
        if !counted {
            self.landscape.learn_call(id, call, time);
        }
    }

    /// Closes cases whose window is over; tells the last state of those that gained evidence since. To be called now and then as event time goes on.
    pub fn sweep(&mut self, now: Timestamp, words: &Vocabulary) -> Vec<Finding> {
        if self.swept.is_some_and(|last| now.secs_since(last) < 3600) {
            return Vec::new();
        }
        self.swept = Some(now);
        let over: Vec<PrincipalId> = self
            .open
            .iter()
            .filter(|(_, case)| case.until < now)
            .map(|(root, _)| *root)
            .collect();
        let mut findings = self.close(over, words);
        let ended = self
            .changes
            .extract_if(.., |_, change| change.gathered.until < now);
        let mut ended: Vec<Change> = ended.map(|(_, change)| change).collect();
        findings.extend(self.tell_changes(&mut ended, words));
        let findings = in_order(findings);
        let keep_days = self
            .settings
            .finding
            .created_days
            .max(self.settings.hold.release_after_days);
        self.closed.retain(|_, case| {
            now.secs_since(case.last) as f64 <= keep_days * SECONDS_PER_DAY as f64
        });
        self.lineage.expire(now, &self.settings.finding);
        self.today.expire(now);
        findings
    }

    /// Tells the last state of every open case that gained evidence since it was last told. They stay open: what comes later joins them.
    pub fn finish(&mut self, words: &Vocabulary) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (root, mut case) in std::mem::take(&mut self.open) {
            findings.extend(self.tell_last(&mut case, words));
            self.open.insert(root, case);
        }
        let mut changes: Vec<Change> = std::mem::take(&mut self.changes).into_values().collect();
        findings.extend(self.tell_changes(&mut changes, words));
        self.changes = changes
            .into_iter()
            .map(|change| (change.source.clone(), change))
            .collect();
        in_order(findings)
    }

    fn close(&mut self, roots: Vec<PrincipalId>, words: &Vocabulary) -> Vec<Finding> {
        let mut findings = Vec::new();
        for root in roots {
            let Some(mut case) = self.open.remove(&root) else {
                continue;
            };
            findings.extend(self.tell_last(&mut case, words));
            self.keep(case);
        }
        in_order(findings)
    }

    /// A case that an earlier run told under [`Telling::All`] may be one that this run doesn't tell.
    fn tell_last(&self, case: &mut Case, words: &Vocabulary) -> Option<Finding> {
        let tells = case.has_reached() || self.telling == Telling::All;
        let gained = case.told.is_some() && case.evidence.len() > case.told_evidence;
        (tells && gained).then(|| self.tell(case, words))
    }

    /// The rows whose standing was changed since the last call beside what was observed: by holding back what an earlier observation
    /// brought, or by letting it go. Which rows they are counts; their values are those of the baseline.
    pub fn take_changed(&mut self) -> Baseline {
        std::mem::take(&mut self.changed)
    }
}

fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    findings
}

fn note_call(
    changed: &mut Baseline,
    (principal, profile): (PrincipalId, &Profile),
    (call, outcome): (CallId, OutcomeClass),
) {
    let row = profile.sightings_of(call, outcome);
    let rows = Profile::from_rows(row.as_slice(), Vec::new());
    changed.profile_mut(principal).merge(&rows);
}

fn note_facet(changed: &mut Baseline, principal: PrincipalId, row: &FacetRow) {
    let rows = Profile::from_rows(&[], vec![row.clone()]);
    changed.profile_mut(principal).merge(&rows);
}

pub(crate) fn finding_id(
    root: PrincipalId,
    observation: &Observation,
    words: &Vocabulary,
) -> String {
    let key = words.principal(root).key();
    let digest = xxh3_128(
        format!(
            "{key}\0{}\0{:016x}",
            observation.time, observation.fingerprint.0
        )
        .as_bytes(),
    );
    format!("{digest:032x}")
}

fn evidence_of(observation: &Observation, words: &Vocabulary) -> Evidence {
    let detail = observation.detail.as_ref();
    let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
    let address = detail.map(|detail| {
        if detail.address().is_empty() {
            detail.service()
        } else {
            detail.address()
        }
    });
    Evidence {
        event_id: text(detail.map(|detail| detail.event_id())),
        time: observation.time,
        call: words.call_text(observation.call),
        outcome: observation.outcome,
        code: text(detail.map(|detail| detail.code())),
        region: words.text(observation.region).to_string(),
        address: text(address),
        user_agent: text(detail.map(|detail| detail.user_agent())),
        principal: words.principal(observation.principal).label(),
        access_key_id: text(detail.map(|detail| detail.access_key_id())),
        bits: 0.0,
        why: Vec::new(),
    }
}
