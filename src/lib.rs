//! `lakehouse`: the public market-data archive of Binance as exact, audited Delta Lake tables.
//!
//! This package is the shell around `lakehouse-core`: everything that touches networks, files, clocks,
//! Delta or SQL.

pub mod clock;
mod delta;
mod durable;
pub mod fetch;
pub mod ingest;
pub mod lake;
mod ledger;
pub mod report;
pub mod runs;
mod silver;
pub mod source;
pub mod storage;
