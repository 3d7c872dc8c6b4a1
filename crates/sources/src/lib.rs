//! offtrail sources.
