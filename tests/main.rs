//! The integration tests, one module per topic, in one binary that links the engines once.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod bad_archives;
mod bars;
mod cli;
mod configurations;
mod corrections;
mod fetch;
mod listing;
mod output;
mod query;
mod real_archives;
mod reingest;
mod rejects;
mod settings;
mod summary;
mod support;
mod traps;
