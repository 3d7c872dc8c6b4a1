//! [`Watch`]: the loop. Each observation that is in scope and no repeat waits for its turn, is judged, and only then learnt.

use offtrail_baseline::{Baseline, Lesson, Suppressions};
use offtrail_detector::{
    Calibration, Detector, DetectorState, Finding, LearningPolicy, Settings, Setup, StateError,
    Telling, Threshold, Verdict, calibrate,
};
use offtrail_event::{Category, Observation, Sheaf, Timestamp, Vocabulary};

use crate::{
    Repeats, WaitingRoom,
    blind_words::{StoppedTrails, trail_stopped},
    repeats::Seen,
};

/// Which observations count, by event time; and from when on they are judged rather than only learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Earlier ones are out of scope.
    pub since: Option<Timestamp>,
    /// These and later ones are out of scope.
    pub until: Option<Timestamp>,
    /// Earlier ones are learnt without being judged.
    pub judge_from: Option<Timestamp>,
}

impl Scope {
    /// Whether an event time is in scope.
    #[must_use]
    pub fn holds(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

/// How the threshold is chosen from which on findings are raised.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Raising {
    /// As the settings say.
    #[default]
    Settings,
    /// From so many bits on: set by hand, or calibrated before.
    At(Threshold),
    /// On the history there is when judging begins, for a budget of findings a day (`None`: as the settings say for that many
    /// principals). Too short a history: as the settings say.
    Calibrated {
        /// Findings a day.
        budget_a_day: Option<f64>,
    },
}

/// What became of the observations. `observations = judged + only_learnt + repeated + forgotten + out_of_scope`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchTally {
    /// Observations taken in.
    pub observations: u64,
    /// Judged.
    pub judged: u64,
    /// Learnt without being judged: before `judge_from`.
    pub only_learnt: u64,
    /// Seen before.
    pub repeated: u64,
    /// Of a day whose event ids are forgotten; not counted again.
    pub forgotten: u64,
    /// Outside of the scope.
    pub out_of_scope: u64,
    /// Judged out of order, because they came too late.
    pub late: u64,
    /// Judged before their time, because the waiting room was full.
    pub crowded_out: u64,
}

/// Judges and learns observations.
pub struct Watch<'w> {
    words: &'w Vocabulary,
    scope: Scope,
    policy: LearningPolicy,
    telling: Telling,
    settings: Settings,
    raising: Raising,
    suppressions: Suppressions,
    calibration: Option<Calibration>,
    baseline: Baseline,
    /// What was learnt since the last [`Watch::take_touched`], for an incremental store.
    touched: Option<Baseline>,
    repeats: Repeats,
    room: WaitingRoom,
    detector: Option<Detector>,
    tally: WatchTally,
    stopped: StoppedTrails,
    beside: Option<Box<Beside<'w>>>,
}

/// A second watch that is given every observation the first one judges, and what it told since it was last asked.
struct Beside<'w> {
    watch: Watch<'w>,
    told: Vec<Finding>,
}

impl<'w> Watch<'w> {
    /// Starts from a baseline and the events it was learnt from.
    #[must_use]
    pub fn new(
        words: &'w Vocabulary,
        baseline: Baseline,
        repeats: Repeats,
        settings: Settings,
    ) -> Self {
        Self {
            words,
            scope: Scope::default(),
            policy: LearningPolicy::HoldFlagged,
            telling: Telling::Raised,
            settings,
            raising: Raising::default(),
            suppressions: Suppressions::default(),
            calibration: None,
            baseline,
            touched: None,
            repeats,
            room: WaitingRoom::default(),
            detector: None,
            tally: WatchTally::default(),
            stopped: StoppedTrails::default(),
            beside: None,
        }
    }

    /// Judges and learns only what lies in `scope`.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Learns under `policy`.
    #[must_use]
    pub fn with_policy(mut self, policy: LearningPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Tells `telling`.
    #[must_use]
    pub fn with_telling(mut self, telling: Telling) -> Self {
        self.telling = telling;
        self
    }

    /// Raises from a threshold chosen so.
    #[must_use]
    pub fn with_raising(mut self, raising: Raising) -> Self {
        self.raising = raising;
        self
    }

    /// Hides what these cover.
    #[must_use]
    pub fn with_suppressions(mut self, all: Suppressions) -> Self {
        self.suppressions = all;
        self
    }

    /// Has `other` judge and learn the same observations in the same order, to compare two settings in one pass: it starts from this watch's
    /// baseline as it is when judging begins, and has neither waiting room nor memory of repeats of its own.
    #[must_use]
    pub fn with_beside(mut self, other: Self) -> Self {
        self.beside = Some(Box::new(Beside {
            watch: other,
            told: Vec::new(),
        }));
        self
    }

    /// Keeps track of what is learnt, for an incremental store.
    #[must_use]
    pub fn with_touched(mut self) -> Self {
        self.touched = Some(Baseline::new());
        self
    }

    /// Goes on from the state that an earlier watch left with this baseline. To be called after the other `with_…`, whose choices it needs.
    ///
    /// # Errors
    ///
    /// The state is of a newer version, or damaged.
    pub fn resume(mut self, state: &DetectorState) -> Result<Self, StateError> {
        let setup = Setup {
            settings: self.settings.clone(),
            telling: self.telling,
            policy: self.policy,
        };
        let mut detector = Detector::resume(setup, state, &self.baseline, self.words)?;
        if let Some(threshold) = self.choose_threshold() {
            detector.set_threshold(threshold);
        }
        detector.set_suppressions(&self.suppressions);
        self.detector = Some(detector);
        Ok(self)
    }

    /// The threshold to raise from, if it is another than the settings'.
    fn choose_threshold(&mut self) -> Option<Threshold> {
        match self.raising {
            Raising::Settings => None,
            Raising::At(threshold) => Some(threshold),
            Raising::Calibrated { budget_a_day } => {
                self.calibration =
                    calibrate(&self.baseline, self.words, &self.settings, budget_a_day);
                self.calibration.as_ref().map(Calibration::as_threshold)
            }
        }
    }

    /// Begins to judge by what is known now.
    fn begin(&mut self) {
        let threshold = self.choose_threshold();
        let mut detector = Detector::new(
            self.settings.clone(),
            self.telling,
            self.policy,
            &self.baseline,
            self.words,
        );
        if let Some(threshold) = threshold {
            detector.set_threshold(threshold);
        }
        detector.set_suppressions(&self.suppressions);
        self.detector = Some(detector);
    }

    /// Takes an observation in. It is judged once [`Watch::advance`] says that nothing earlier is to come.
    pub fn take(&mut self, observation: Observation) {
        self.take_all(&mut Sheaf::from(vec![observation]));
    }

    /// Takes a sheaf in, and leaves the room of one that is done with.
    pub fn take_all(&mut self, sheaf: &mut Sheaf) {
        self.take_with(sheaf, &mut |_| {});
    }

    /// The same; `first` gets each that is in scope and no repeat.
    pub fn take_with(&mut self, sheaf: &mut Sheaf, first: &mut dyn FnMut(&Observation)) {
        let before = sheaf.observations().len();
        self.tally.observations += before as u64;
        let scope = self.scope;
        sheaf.retain(|observation| scope.holds(observation.time));
        let all = sheaf.observations();
        self.tally.out_of_scope += (before - all.len()) as u64;
        let ids: Vec<_> = all.iter().map(|one| (one.time, one.fingerprint)).collect();
        let seen = self.repeats.see_all(&ids);
        let judge_from = scope.judge_from.unwrap_or(Timestamp::MIN);
        for (observation, seen) in all.iter().zip(&seen) {
            match seen {
                Seen::Repeat => self.tally.repeated += 1,
                Seen::Forgotten => self.tally.forgotten += 1,
                Seen::First => {
                    first(observation);
                    if observation.time < judge_from {
                        self.tally.only_learnt += 1;
                        self.learn_only(observation);
                    }
                }
            }
        }
        let waits = |place: usize| seen[place] == Seen::First && ids[place].0 >= judge_from;
        self.room.enter(sheaf, waits);
    }

    fn learn_only(&mut self, observation: &Observation) {
        if let Some(beside) = &mut self.beside
            && beside.watch.detector.is_some()
        {
            beside.watch.learn_only(observation);
        }
        self.baseline.learn(observation, self.words, Lesson::ALL);
        if let Some(touched) = &mut self.touched {
            touched.learn(observation, self.words, Lesson::ALL);
        }
    }

    /// Judges what happened before `complete_until`, in order of event time.
    pub fn advance(&mut self, complete_until: Timestamp, tell: &mut dyn FnMut(Finding)) {
        let mut room = std::mem::take(&mut self.room);
        while let Some(observation) = room.leave(complete_until) {
            self.step(observation, tell);
        }
        self.room = room;
    }

    /// Tells the last states of open cases that gained evidence since they were last told. They stay open, and what waits goes on waiting.
    pub fn tell_open(&mut self, tell: &mut dyn FnMut(Finding)) {
        if let Some(detector) = &mut self.detector {
            detector.finish(self.words).into_iter().for_each(tell);
        }
    }

    /// What waits for its turn, in no particular order.
    pub fn waiting(&self) -> impl Iterator<Item = &Observation> {
        self.room.iter()
    }

    /// How many wait for their turn.
    #[must_use]
    pub fn waiting_len(&self) -> usize {
        self.room.len()
    }

    /// Puts back what waited when an earlier watch was left; it was seen then and is no repeat.
    pub fn restore_waiting(&mut self, observations: Vec<Observation>) {
        self.room.enter(&mut Sheaf::from(observations), |_| true);
    }

    /// Raises from another threshold on, from now on.
    pub fn set_threshold(&mut self, threshold: Threshold) {
        self.raising = Raising::At(threshold);
        if let Some(detector) = &mut self.detector {
            detector.set_threshold(threshold);
        }
    }

    /// Judges all that waits and tells the last states of open cases, which stay open.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Finding)) {
        let mut room = std::mem::take(&mut self.room);
        while let Some(observation) = room.leave_any() {
            self.step(observation, tell);
        }
        self.room = room;
        if let Some(detector) = &mut self.detector {
            detector.finish(self.words).into_iter().for_each(tell);
        }
        if let Some(beside) = &mut self.beside {
            let Beside { watch, told } = &mut **beside;
            watch.finish(&mut |finding| told.push(finding));
        }
    }

    fn step(&mut self, observation: &Observation, tell: &mut dyn FnMut(Finding)) {
        self.tally.judged += 1;
        if observation.category == Category::Insight {
            return;
        }
        if self.detector.is_none() {
            if let Some(beside) = &mut self.beside {
                beside.watch.baseline = self.baseline.clone();
            }
            self.begin();
        }
        if let Some(beside) = &mut self.beside {
            let Beside { watch, told } = &mut **beside;
            watch.step(observation, &mut |finding| told.push(finding));
        }
        let (words, baseline) = (self.words, &mut self.baseline);
        let Some(detector) = &mut self.detector else {
            return;
        };
        detector
            .sweep(observation.time, words)
            .into_iter()
            .for_each(&mut *tell);
        detector.meet(observation, baseline, words);
        let verdict = detector.judge(observation, baseline, words);
        let collected = detector.collect(observation, &verdict, baseline, words);
        collected.findings.into_iter().for_each(&mut *tell);
        if verdict.call.is_none() && !verdict.repeats_held && self.stopped.by(observation, words) {
            tell(trail_stopped(observation, &self.settings, words));
        }
        self.learn(observation, &verdict, collected.lesson);
    }

    fn learn(&mut self, observation: &Observation, verdict: &Verdict, lesson: Lesson) {
        let Some(detector) = &mut self.detector else {
            return;
        };
        let day = observation.time.day();
        let new_day = self
            .baseline
            .profile(observation.principal)
            .is_none_or(|profile| !profile.days.contains(day));
        if self.policy != LearningPolicy::Frozen {
            detector.release(observation, verdict, &mut self.baseline);
            self.baseline.learn(observation, self.words, lesson);
            if let Some(touched) = &mut self.touched {
                touched.learn(observation, self.words, lesson);
            }
        }
        detector.learn(observation, verdict, lesson, new_day, self.words);
    }

    /// What became of the observations so far.
    #[must_use]
    pub fn tally(&self) -> WatchTally {
        WatchTally {
            late: self.room.late,
            crowded_out: self.room.crowded_out,
            ..self.tally
        }
    }

    /// The calibration made when judging began; only with [`Raising::Calibrated`], and enough history.
    #[must_use]
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// The watch beside this one; only with [`Watch::with_beside`].
    #[must_use]
    pub fn beside(&self) -> Option<&Self> {
        self.beside.as_deref().map(|beside| &beside.watch)
    }

    /// What the watch beside this one told since the last call.
    pub fn take_beside(&mut self) -> Vec<Finding> {
        match &mut self.beside {
            Some(beside) => std::mem::take(&mut beside.told),
            None => Vec::new(),
        }
    }

    /// The baseline as learnt so far.
    #[must_use]
    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// The event ids remembered.
    #[must_use]
    pub fn repeats(&self) -> &Repeats {
        &self.repeats
    }

    /// What was learnt since the last call; only with [`Watch::with_touched`].
    pub fn take_touched(&mut self) -> Option<Baseline> {
        let mut touched = std::mem::take(self.touched.as_mut()?);
        if let Some(detector) = &mut self.detector {
            touched.merge(&detector.take_changed());
        }
        Some(touched)
    }

    /// Where detection stands, for the next watch over this baseline; `None` if nothing was judged yet.
    #[must_use]
    pub fn state(&self) -> Option<DetectorState> {
        self.detector
            .as_ref()
            .map(|detector| detector.state(self.words))
    }

    /// The baseline as learnt, given back.
    #[must_use]
    pub fn into_baseline(self) -> Baseline {
        self.baseline
    }

    /// The same, with the events remembered.
    #[must_use]
    pub fn into_parts(self) -> (Baseline, Repeats) {
        (self.baseline, self.repeats)
    }

    /// Counts on from an earlier watch whose place it takes.
    #[must_use]
    pub fn with_tally(mut self, tally: WatchTally) -> Self {
        self.room.late = tally.late;
        self.room.crowded_out = tally.crowded_out;
        self.tally = tally;
        self
    }
}
