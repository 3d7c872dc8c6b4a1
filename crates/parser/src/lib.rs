//! offtrail parser.
