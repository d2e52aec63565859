//! The integration tests, one module per topic, in one binary.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

mod bucket;
mod fetch;
mod listing;
mod resume;
mod source;
mod support;
