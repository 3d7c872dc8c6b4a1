//! What a user chooses: what is told, what is learnt, from how many bits on findings are raised.

/// Which states of cases are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Only findings that reached the threshold: raised ones, and those a suppression hides.
    Raised,
    /// Also what stayed below the threshold.
    All,
}

/// From how many bits on a case is raised, and whether that was set on the organisation's own history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Bits.
    pub bits: f64,
    /// Set by [`crate::calibrate`], rather than by the settings or by hand.
    pub calibrated: bool,
}

/// What happens to what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearningPolicy {
    /// Learn nothing.
    Frozen,
    /// Learn, and keep pending what findings rest on that reached the threshold.
    HoldFlagged,
    /// Learn everything as known-good.
    LearnAll,
}
