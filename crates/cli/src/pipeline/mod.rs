//! How observations walk from sources to what is done with them: many threads read, one order comes out.

pub(crate) mod calibration;
pub(crate) mod crew;
pub(crate) mod findings;
pub(crate) mod forecast;
pub(crate) mod handed_on;
pub(crate) mod judge;
pub(crate) mod learn;
pub(crate) mod naming;
pub(crate) mod order;
pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod remembered;
pub(crate) mod room;
pub(crate) mod run;
pub(crate) mod score;
pub(crate) mod suppressions;
pub(crate) mod tally;
