//! [`DetectorState`]: what the detector keeps beside the baseline, as bytes, so that the next run goes on where this one ended.
//!
//! Two parts. `cases` holds what can't be computed from anything else: open and closed cases, lineage, the counts of the day. `landscape` holds what
//! could be replayed from the baseline, but not to the last bit: the tail remembers how surprising each call was when it came, held rows
//! counted until they were held, a principal stays in the group it was first put in. It is only good for the very baseline it was kept with;
//! whoever changes profiles without judging drops it, and it is replayed.
//!
//! The bytes name principals, calls and texts by their own tables, sorted by text, so that the same state gives the same bytes whatever the ids
//! of the run were (see `docs/decisions/0003-state-of-detection.md`).

mod cases;
mod landscape;
mod values;

use std::cmp::Ordering;

use offtrail_baseline::Baseline;
use offtrail_event::{
    TextId, Vocabulary,
    pack::{self, PackError, Unpacker, seal},
};

use crate::{Detector, LearningPolicy, Settings, Telling, landscape::Landscape};

/// The version of the bytes this build writes and reads.
pub const STATE_VERSION: u32 = 2;

/// Largest part of a state, bytes: beyond it the older half of what waits to be led back to is forgotten, until it fits.
pub const STATE_BYTES_MAX: usize = 256 << 20;

/// What a detector keeps beside the baseline. Opaque bytes with a checksum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DetectorState {
    /// Version of both parts.
    pub version: u32,
    /// Cases, lineage, counts of the day.
    pub cases: Vec<u8>,
    /// The landscape that goes with the baseline as it is; empty if it has to be replayed.
    pub landscape: Vec<u8>,
    /// How many closed cases and minted credentials were left out because of [`STATE_BYTES_MAX`].
    pub forgotten: u64,
}

/// Why a state can't be taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Written by a later build.
    #[error(
        "read the open findings kept in the baseline: version {0} is newer than this build ({STATE_VERSION}); upgrade offtrail"
    )]
    Newer(u32),
    /// Written by an earlier build.
    #[error(
        "read the open findings kept in the baseline: version {0} is older than what this build reads ({STATE_VERSION}); finish them with the build that kept them, or go on without them after `DELETE FROM detector_state` in it"
    )]
    Older(u32),
    /// Not what was written.
    #[error(
        "read the open findings kept in the baseline: damaged ({0}); restore the baseline from a copy, or go on without them after `DELETE FROM detector_state` in it"
    )]
    Damaged(String),
}

impl From<PackError> for StateError {
    fn from(error: PackError) -> Self {
        Self::Damaged(error.0)
    }
}

fn check_version(version: u32) -> Result<(), StateError> {
    match version.cmp(&STATE_VERSION) {
        Ordering::Less => Err(StateError::Older(version)),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StateError::Newer(version)),
    }
}

/// How a detector is set up, beside its state.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The weights.
    pub settings: Settings,
    /// Which states are told.
    pub telling: Telling,
    /// What happens to what is new.
    pub policy: LearningPolicy,
}

impl DetectorState {
    /// The same with other names for networks, to go with a baseline whose networks were renamed so already; what is common in the
    /// organisation has to be replayed then.
    ///
    /// # Errors
    ///
    /// The bytes are of a newer version, or damaged.
    pub fn with_networks_renamed(
        &self,
        rename: &dyn Fn(TextId) -> Option<TextId>,
        baseline: &Baseline,
        words: &Vocabulary,
    ) -> Result<Self, StateError> {
        check_version(self.version)?;
        let mut from = open(&self.cases, words)?;
        for text in &mut from.texts {
            *text = rename(*text).unwrap_or(*text);
        }
        let mut kept = cases::Kept::read(&mut from)?;
        kept.leave_known_networks(baseline);
        Ok(Self {
            cases: seal(words, &|to| kept.pack(to)),
            landscape: Vec::new(),
            ..self.clone()
        })
    }
}

impl Detector {
    /// Goes on from the state kept with `baseline`.
    ///
    /// # Errors
    ///
    /// The bytes are of a newer version, or damaged.
    pub fn resume(
        setup: Setup,
        state: &DetectorState,
        baseline: &Baseline,
        words: &Vocabulary,
    ) -> Result<Self, StateError> {
        check_version(state.version)?;
        let kept = cases::Kept::read(&mut open(&state.cases, words)?)?;
        let landscape = match &*state.landscape {
            [] => None,
            bytes => Landscape::read(&mut open(bytes, words)?, &setup.settings, words)?,
        };
        let Setup {
            settings,
            telling,
            policy,
        } = setup;
        let landscape = landscape.unwrap_or_else(|| Landscape::of(baseline, words, &settings));
        let mut detector = Self::with_landscape(settings, (telling, policy), landscape);
        kept.put_into(&mut detector, words);
        detector.meet_calls_of(baseline, words);
        Ok(detector)
    }

    /// What the next run needs to go on from here, with the baseline as it is now.
    #[must_use]
    pub fn state(&self, words: &Vocabulary) -> DetectorState {
        self.state_within(words, STATE_BYTES_MAX)
    }

    /// The same with another limit for each part, bytes. Open cases are kept whatever their size.
    #[must_use]
    pub fn state_within(&self, words: &Vocabulary, bytes_max: usize) -> DetectorState {
        let mut kept = cases::Kept::of(self);
        let mut forgotten = 0;
        let mut cases = seal(words, &|to| kept.pack(to));
        while cases.len() > bytes_max {
            let gone = kept.forget_older_half();
            if gone == 0 {
                break;
            }
            forgotten += gone;
            cases = seal(words, &|to| kept.pack(to));
        }
        let mut landscape = seal(words, &|to| self.landscape.write(to));
        if landscape.len() > bytes_max {
            landscape = Vec::new();
        }
        DetectorState {
            version: STATE_VERSION,
            cases,
            landscape,
            forgotten,
        }
    }
}

/// Opens a part.
fn open<'b>(bytes: &'b [u8], words: &Vocabulary) -> Result<Unpacker<'b>, PackError> {
    pack::open(bytes, words, &values::DIMENSIONS)
}
