//! The integration tests, one module per topic, in one binary that links the engines once.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod bucket;
mod cli;
mod demo;
mod docs;
mod fetch;
mod listing;
mod output;
mod query;
mod readme;
mod resume;
mod settings;
mod source;
mod summary;
mod support;
