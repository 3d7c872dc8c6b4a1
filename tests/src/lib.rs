//! What the end-to-end tests need: the real binary, archives to feed it, a server to feed them from, and a scorer.
//!
//! The tests know the binary as its users do: command lines, files, standard streams, exit codes. Of our crates they use the simulator
//! alone, which knows none of the others. Each test works in a temporary folder of its own.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests are an edge: they run programs, read the disk, say what they skip, and fail loudly"
)]

pub mod actions;
pub mod archive;
pub mod binary;
pub mod browser;
pub mod container;
pub mod desk;
pub mod fickle;
pub mod formats;
pub mod hook;
pub mod iam;
pub mod mmdb;
pub mod moto;
pub mod mounted;
pub mod neighbours;
pub mod score;
pub mod spark;
pub mod streamed;
pub mod worker;
