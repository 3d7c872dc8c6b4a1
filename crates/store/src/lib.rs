//! offtrail store.
