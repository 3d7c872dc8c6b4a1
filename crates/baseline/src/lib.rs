//! What each principal has been seen to do, and over which window: learn, merge, expire, compare.
//!
//! A [`Baseline`] holds one [`Profile`] per principal and the [`Coverage`] of the logs. Learning is commutative and
//! associative: every field is a minimum, a maximum, a sum or a union, so that any order of events, any split over
//! threads, runs or machines and any order of [`Baseline::merge`] give the same baseline. Repeats of an event are to be
//! dropped before learning.

mod at_hand;
mod baseline;
mod coverage;
mod days;
pub mod export;
mod hours;
mod learn;
mod maturity;
mod pack;
pub mod partial;
mod profile;
pub mod review;
mod row_days;
mod rows;
mod rulings;
mod runs;
mod suppressions;
mod targets;

pub use baseline::{Baseline, Window};
pub use coverage::Coverage;
pub use days::DaySet;
pub use hours::HOURS_OF_WEEK;
pub use learn::{Lesson, assumed_traits};
pub use maturity::{Maturity, MaturityRule, MaturityState};
pub use profile::Profile;
pub use rows::{
    CallRow, CallSightings, Dimension, FacetRow, Standing, TARGETS_PER_PRINCIPAL_MAX, target_order,
};
pub use rulings::{
    Answer, CallPattern, EXPECTATIONS_MAX, Expectation, PATTERNS_MAX, PatternError,
    PrincipalRulings, Purpose, REASON_CHARS_MAX, REVIEWER_CHARS_MAX, Review, RuledLine, Ruling,
    Rulings, Season, is_sayable,
};
pub use suppressions::{
    SUPPRESSION_DAYS_MAX, SUPPRESSION_ID_CHARS_MAX, SUPPRESSIONS_MAX, Suppression, Suppressions,
    TEXT_PATTERN_CHARS_MAX, TextPattern, TextPatternError,
};
