//! The integration tests, one module per topic, in one binary that links the engines once.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod bad_archives;
mod bars;
mod bucket;
mod cli;
mod concurrent;
mod configurations;
mod corrections;
mod demo;
mod docs;
mod faults;
mod fetch;
mod gold;
mod gold_commands;
mod gold_errors;
mod gold_sequences;
mod kill;
mod listing;
mod maintain;
mod output;
mod ownership;
mod query;
mod readme;
mod real_archives;
mod refresh;
mod reingest;
mod rejects;
mod resume;
mod settings;
mod source;
mod summary;
mod support;
mod traps;
mod verify;
