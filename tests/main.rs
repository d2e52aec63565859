//! The integration tests, one module per topic, in one binary.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod cli;
mod output;
mod query;
mod settings;
mod summary;
mod support;
