//! `lakehouse`: the public market-data archive of Binance as exact, audited Delta Lake tables.
//!
//! This package is the shell around `lakehouse-core`: everything that touches networks, files, clocks,
//! Delta or SQL.

mod durable;
pub mod lake;
pub mod output;
pub mod query;
pub mod report;
pub mod storage;
