//! `lakehouse`: the public market-data archive of Binance as exact, audited Delta Lake tables.
//!
//! This package is the shell around `lakehouse-core`: everything that touches networks, files, clocks,
//! Delta or SQL.

mod answer;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod console;
mod delta;
mod durable;
mod failure;
pub mod fetch;
pub mod gold;
pub mod ingest;
pub mod lake;
mod ledger;
pub mod maintain;
mod metrics;
pub mod mirror;
pub mod output;
pub mod page;
#[doc(hidden)]
pub mod pause;
pub mod query;
pub mod report;
pub mod scope;
pub mod settings;
pub mod shell;
mod silver;
pub mod source;
pub mod status;
pub mod stop;
pub mod storage;
pub mod summary;
pub mod telemetry;
pub mod terminal;
pub mod usage;
pub mod verify;
