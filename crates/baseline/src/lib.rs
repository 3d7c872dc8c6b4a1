//! offtrail baseline.
