//! The nouns of the archive, each parsed once: markets, periods, archives, and the lake's tables.
//!
//! A name that was read here is valid and prints as it is published. What exists under these names
//! is in [`crate::matrix`].

pub mod archive;
pub mod days;
pub mod market;
pub mod partition;
pub mod pattern;
pub mod period;
pub mod sample;
pub mod shard;
pub mod table;
