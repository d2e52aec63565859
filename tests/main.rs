//! Every integration test, in one binary that links the engines once.

mod fetch;
mod listing;
mod support;
