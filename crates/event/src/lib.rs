//! The vocabulary of offtrail: what AWS said ([`Event`]) and what someone did ([`Observation`]), as values.
//!
//! An [`Event`] is a record given meaning; it borrows its texts from the buffer it was read from. An [`Observation`]
//! is what profiles and detectors may see of it: small, owned, with texts replaced by ids of one shared
//! [`Vocabulary`]. Ids never reach a file, an order or a message: two runs may give the same text different ids.
//!
//! This crate knows no input or output, no clock and no serialisation but [`pack`], values as bytes that only offtrail reads.

mod detail;
mod event;
mod kinds;
mod observation;
pub mod pack;
mod principals;
mod sheaf;
mod table;
mod time;
mod vocabulary;

pub use detail::{Detail, DetailFields};
pub use event::{Call, Credential, Event, Minted, MintedKind, Origin, Outcome, Principal, Target};
pub use kinds::{
    Category, CredentialKind, OriginKind, OutcomeClass, PrincipalKind, Severity, TargetKind,
    UnknownKind,
};
pub use observation::{CredentialId, Fingerprint, Mint, Observation, Traits};
pub use sheaf::{Loose, SHEAF_OBSERVATIONS_MAX, Sheaf};
pub use time::{Day, SECONDS_PER_DAY, Timestamp};
pub use vocabulary::{CallId, PrincipalId, PrincipalName, TextId, Vocabulary};
