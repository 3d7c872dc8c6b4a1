//! offtrail report.
