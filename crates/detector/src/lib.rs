//! offtrail detector.
