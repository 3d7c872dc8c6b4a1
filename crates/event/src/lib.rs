//! offtrail event.
