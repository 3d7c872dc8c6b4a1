//! [`Blindness`]: where a stream stopped seeing. An intruder's first wish is that nobody looks, and a broken delivery looks just the same: quiet.
//!
//! Silence is measured against what the place itself did over the last 30 days (its longest gap), and in event time against the newest event of
//! all others: what is late everywhere is a late delivery, not a silent account. Only when nothing comes from anywhere, or all that comes is old, the
//! given clock decides. (A trail that somebody stopped is told while judging, see [`crate::Watch`].)

use std::collections::BTreeMap;

use offtrail_baseline::Coverage;
use offtrail_detector::{Finding, Settings};
use offtrail_event::pack::{PackError, Packed as _, Packer, Unpacker, open, seal};
use offtrail_event::{Observation, SECONDS_PER_DAY, TextId, Timestamp, Vocabulary, packed_struct};

use crate::blind_words::{self, Spot, Watched};

/// How much later than the given clock an event may claim to be before its time counts for nothing here, seconds.
pub const FUTURE_SECS_MAX: i64 = 3_600;
/// How long deliveries must be behind before it is told, seconds: after a restart a stream catches up.
pub const BEHIND_FOR_SECS: i64 = 900;
/// How long a place must have been found silent, by the given clock, before it is told, seconds: after a pause the deliveries of one place come before those
/// of another.
pub const SUSPECT_SECS: i64 = 3_600;
/// Days after which a place that stays silent is forgotten; it is watched again once it delivers.
pub const BLIND_SPOT_DAYS_MAX: i64 = 90;

/// Seconds between two looks; more often nothing changes.
const LOOK_EVERY_SECS: i64 = 60;
/// Without a look for so long, nobody was watching, or the clock jumped: what is measured by the clock starts anew, seconds.
const PAUSE_SECS: i64 = 3_600;
/// Days over which gaps and active days of a place are counted.
const HISTORY_DAYS: i64 = 30;
/// Stands for all regions of an account, and for all accounts.
const WHOLE: &str = "";

/// What is watched: an account and one of its regions; the region is empty for the whole account, both for everything.
type Place = (TextId, TextId);

/// A spot that was told and is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    account: TextId,
    region: TextId,
    /// Whether deliveries are behind; else the place is silent.
    behind: bool,
    /// Event time of the last event before.
    since: Timestamp,
}

packed_struct!(Open {
    account,
    region,
    behind,
    since
});

/// Watches which accounts and regions deliver.
#[derive(Clone, Debug)]
pub struct Blindness {
    settings: Settings,
    /// The newest event of each place that delivers.
    newest: BTreeMap<Place, Timestamp>,
    open: Vec<Open>,
    /// Places that are silent, and since when, by the given clock, they have been found so.
    suspects: BTreeMap<Place, Timestamp>,
    /// Whether the places of the baseline were taken over.
    seeded: bool,
    /// The last look.
    looked: Option<Timestamp>,
    /// Since when, by the given clock, nobody looked away.
    watching: Option<Timestamp>,
    /// Since when deliveries have been behind.
    behind: Option<Timestamp>,
    /// Observations noted since the last look.
    noted: u64,
}

impl Blindness {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            newest: BTreeMap::new(),
            open: Vec::new(),
            suspects: BTreeMap::new(),
            seeded: false,
            looked: None,
            watching: None,
            behind: None,
            noted: 0,
        }
    }

    /// Goes by other settings from now on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Notes an observation that is no repeat.
    pub fn note(&mut self, observation: &Observation) {
        let believed = self
            .looked
            .is_none_or(|looked| observation.time <= looked.plus_secs(FUTURE_SECS_MAX));
        if believed {
            let place = (observation.account, observation.region);
            let newest = self.newest.entry(place).or_insert(observation.time);
            *newest = observation.time.max(*newest);
            self.noted += 1;
        }
    }

    /// What began or ended since the last look, in order of account and region. `now` is the clock of the loop, which a journal has to keep for whoever takes it again;
    /// looking more often than once a minute costs nothing and finds nothing.
    #[must_use]
    pub fn look(
        &mut self,
        now: Timestamp,
        coverage: &Coverage,
        words: &Vocabulary,
    ) -> Vec<Finding> {
        let passed = self.looked.map(|looked| now.secs_since(looked));
        if passed.is_some_and(|passed| (0..LOOK_EVERY_SECS).contains(&passed)) {
            return Vec::new();
        }
        if passed.is_none_or(|passed| !(0..PAUSE_SECS).contains(&passed)) {
            self.watching = Some(now);
            self.behind = None;
            self.suspects.clear();
        }
        self.looked = Some(now);
        let limit = now.plus_secs(FUTURE_SECS_MAX);
        self.newest.retain(|_, time| *time <= limit);
        let Some(frontier) = self.newest.values().max().copied() else {
            return Vec::new();
        };
        let whole = words.text_id(WHOLE);
        if !std::mem::replace(&mut self.seeded, true) {
            self.seed(frontier, coverage, whole);
        }
        let mut told = Vec::new();
        self.close(now, frontier, whole, words, &mut told);
        self.look_at_delivery(now, frontier, (whole, coverage), words, &mut told);
        if !self.is_open((whole, whole)) {
            self.look_at_places(now, frontier, (whole, coverage), words, &mut told);
        }
        self.noted = 0;
        told.sort_by(|a, b| (&a.title, &a.id).cmp(&(&b.title, &b.id)));
        told
    }

    /// How many spots are open: told and not over.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// The places of the baseline that are not silent already: what was left long ago is no news.
    fn seed(&mut self, frontier: Timestamp, coverage: &Coverage, whole: TextId) {
        for (account, region, last) in coverage.last_hours() {
            let place = (account, region);
            let known = self.newest.contains_key(&place);
            let last = last.min(frontier);
            if !known
                && self
                    .silence(place, (last, frontier), whole, coverage)
                    .is_none()
            {
                self.newest.insert(place, last);
            }
        }
    }

    /// Tells what is over, and forgets what has been silent for long.
    fn close(
        &mut self,
        now: Timestamp,
        frontier: Timestamp,
        whole: TextId,
        words: &Vocabulary,
        told: &mut Vec<Finding>,
    ) {
        let old = now.plus_secs(-BLIND_SPOT_DAYS_MAX * SECONDS_PER_DAY);
        let behind = (self.settings.blindness.behind_hours * 3_600.0) as i64;
        for open in std::mem::take(&mut self.open) {
            let newest = self.newest_of((open.account, open.region), whole);
            let over = if open.behind {
                now.secs_since(frontier) <= behind
            } else {
                newest.is_some_and(|newest| newest > open.since)
            };
            if over {
                let back = newest.unwrap_or(frontier);
                told.push(self.finding(open, back, Watched::Over, words));
            } else if open.since > old || open.behind {
                self.open.push(open);
            } else {
                let all = open.account == whole;
                self.newest.retain(|(account, region), _| {
                    !all && (*account != open.account
                        || (*region != open.region && open.region != whole))
                });
            }
        }
    }

    /// Whether nothing comes from anywhere, or all that comes is old.
    fn look_at_delivery(
        &mut self,
        now: Timestamp,
        frontier: Timestamp,
        (whole, coverage): (TextId, &Coverage),
        words: &Vocabulary,
        told: &mut Vec<Finding>,
    ) {
        let everything = (whole, whole);
        let open = |behind| Open {
            account: whole,
            region: whole,
            behind,
            since: frontier,
        };
        let age = now.secs_since(frontier);
        let is_behind = age as f64 > self.settings.blindness.behind_hours * 3_600.0;
        if !is_behind {
            self.behind = None;
            return;
        }
        if self.noted > 0 {
            let since = *self.behind.get_or_insert(now);
            let lasts = now.secs_since(since) >= BEHIND_FOR_SECS;
            if lasts && !self.open.iter().any(|open| open.behind) {
                self.open.push(open(true));
                told.push(self.finding(open(true), now, Watched::Begun, words));
            }
            return;
        }
        let heard = self.watching.map_or(frontier, |since| since.max(frontier));
        let history = self.silence(everything, (frontier, frontier.max(now)), whole, coverage);
        let waited = now.secs_since(heard);
        if let Some(limit) = history.filter(|limit| waited > *limit)
            && !self.is_open(everything)
        {
            self.open.push(open(false));
            told.push(self.finding(open(false), now, Watched::Silent { limit }, words));
        }
    }

    /// Which accounts, and which regions of accounts that are not silent, are.
    fn look_at_places(
        &mut self,
        now: Timestamp,
        frontier: Timestamp,
        (whole, coverage): (TextId, &Coverage),
        words: &Vocabulary,
        told: &mut Vec<Finding>,
    ) {
        let mut accounts: BTreeMap<TextId, Timestamp> = BTreeMap::new();
        for ((account, _), time) in &self.newest {
            let newest = accounts.entry(*account).or_insert(*time);
            *newest = (*time).max(*newest);
        }
        let of_accounts = accounts
            .into_iter()
            .map(|(account, newest)| ((account, whole), newest));
        let of_regions = self.newest.iter().map(|(place, newest)| (*place, *newest));
        let candidates: Vec<_> = of_accounts
            .filter(|((account, _), _)| *account != whole)
            .chain(of_regions.filter(|((_, region), _)| *region != whole))
            .collect();
        let before = std::mem::take(&mut self.suspects);
        for (place, newest) in candidates {
            if self.is_open(place) || self.is_open((place.0, whole)) {
                continue;
            }
            let Some(limit) = self.silence(place, (newest, frontier), whole, coverage) else {
                continue;
            };
            let suspected = before.get(&place).copied().unwrap_or(now);
            if now.secs_since(suspected) < SUSPECT_SECS {
                self.suspects.insert(place, suspected);
                continue;
            }
            let open = Open {
                account: place.0,
                region: place.1,
                behind: false,
                since: newest,
            };
            // A region that was silent before its account goes with it.
            if place.1 == whole {
                self.open.retain(|open| open.account != place.0);
            }
            self.open.push(open);
            told.push(self.finding(open, now.min(frontier), Watched::Silent { limit }, words));
        }
    }

    /// The silence a place may keep, seconds, where it had been active and from `newest` to `until` has kept a longer one.
    fn silence(
        &self,
        place: Place,
        (newest, until): (Timestamp, Timestamp),
        whole: TextId,
        coverage: &Coverage,
    ) -> Option<i64> {
        let rule = &self.settings.blindness;
        let silent = until.secs_since(newest);
        if silent as f64 <= rule.silent_hours_min * 3_600.0 {
            return None;
        }
        let since = newest.plus_secs(-HISTORY_DAYS * SECONDS_PER_DAY);
        let mut days: BTreeMap<_, u32> = BTreeMap::new();
        for (account, region) in self.places(place, whole) {
            for (day, hours) in coverage.days(account, region, since.day()) {
                *days.entry(day).or_default() |= hours;
            }
        }
        days.retain(|day, _| *day <= newest.day());
        if days.len() < rule.active_days_min as usize {
            return None;
        }
        let gap = longest_gap_secs(days.into_iter().map(|(day, hours)| (day.start(), hours)));
        let limit = (rule.silent_hours_min * 3_600.0).max(rule.silent_gaps * gap as f64) as i64;
        (silent > limit).then_some(limit)
    }

    /// The places that make up one.
    fn places(&self, (account, region): Place, whole: TextId) -> Vec<Place> {
        if region != whole {
            return vec![(account, region)];
        }
        if account == whole {
            return self.newest.keys().copied().collect();
        }
        let (least, most) = ((account, TextId(0)), (account, TextId(u32::MAX)));
        let range = self.newest.range(least..=most);
        range.map(|(place, _)| *place).collect()
    }

    fn newest_of(&self, place: Place, whole: TextId) -> Option<Timestamp> {
        let places = self.places(place, whole);
        let times = places.iter().filter_map(|place| self.newest.get(place));
        times.max().copied()
    }

    fn is_open(&self, (account, region): Place) -> bool {
        self.open
            .iter()
            .any(|open| !open.behind && (open.account, open.region) == (account, region))
    }

    fn finding(
        &self,
        open: Open,
        time: Timestamp,
        watched: Watched,
        words: &Vocabulary,
    ) -> Finding {
        let spot = Spot {
            account: words.text(open.account),
            region: words.text(open.region),
            behind: open.behind,
            since: open.since,
        };
        blind_words::finding(&spot, time, watched, &self.settings)
    }

    /// Where watching stands, for the next process over this baseline.
    #[must_use]
    pub fn pack(&self, words: &Vocabulary) -> Vec<u8> {
        seal(words, &|to: &mut Packer| {
            for places in [&self.newest, &self.suspects] {
                let flat = places.iter();
                to.unordered(flat.map(|((account, region), time)| (*account, *region, *time)));
            }
            to.unordered(self.open.iter().copied());
            self.seeded.pack(to);
            self.looked.pack(to);
            self.watching.pack(to);
            self.behind.pack(to);
            self.noted.pack(to);
        })
    }

    /// Goes on from what [`Blindness::pack`] wrote.
    ///
    /// # Errors
    /// The bytes are not what it wrote.
    pub fn unpack(bytes: &[u8], settings: Settings, words: &Vocabulary) -> Result<Self, PackError> {
        let from: &mut Unpacker<'_> = &mut open(bytes, words, &[])?;
        let mut blindness = Self::new(settings);
        for places in [&mut blindness.newest, &mut blindness.suspects] {
            let flat: Vec<(TextId, TextId, Timestamp)> = from.list()?;
            places.extend(
                flat.into_iter()
                    .map(|(account, region, time)| ((account, region), time)),
            );
        }
        blindness.open = from.list()?;
        blindness.seeded = bool::unpack(from)?;
        blindness.looked = Option::unpack(from)?;
        blindness.watching = Option::unpack(from)?;
        blindness.behind = Option::unpack(from)?;
        blindness.noted = u64::unpack(from)?;
        from.end()?;
        Ok(blindness)
    }
}

/// Whether a call that succeeds ends what a trail records.
/// The longest time between two hours with records, seconds; 0 if they follow each other.
fn longest_gap_secs(days: impl Iterator<Item = (Timestamp, u32)>) -> i64 {
    let mut last: Option<i64> = None;
    let mut longest = 0;
    for (start, hours) in days {
        for hour in (0..24).filter(|hour| hours >> hour & 1 == 1) {
            let hour = start.epoch_secs() / 3_600 + hour;
            longest = last.map_or(longest, |last| longest.max(hour - last - 1));
            last = Some(hour);
        }
    }
    longest * 3_600
}
