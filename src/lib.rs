//! `lakehouse`: the public market-data archive of Binance as exact, audited Delta Lake tables.
//!
//! This package is the shell around `lakehouse-core`: everything that touches networks, files,
//! clocks, Delta or SQL.

pub mod bronze;
pub mod cli;
pub mod clock;
pub mod commands;
mod delta;
pub mod events;
#[doc(hidden)]
pub mod failpoint;
#[doc(hidden)]
pub mod fuzzing;
pub mod gold;
pub mod ingest;
pub mod maintain;
pub mod meta;
pub mod output;
mod parquet;
pub mod query;
pub mod report_html;
pub mod settings;
pub mod shell;
pub mod shutdown;
mod silver;
pub mod source;
pub mod status;
pub mod storage;
pub mod terminal;
pub mod verify;
