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
mod report_page;
mod resume;
mod settings;
mod source;
mod status;
mod summary;
mod support;
mod traps;
mod verify;
