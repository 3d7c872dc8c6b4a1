//! offtrail simulator.
