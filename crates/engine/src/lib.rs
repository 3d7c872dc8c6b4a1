//! offtrail engine.
