//! `lakehouse`: the public market-data archive of Binance as exact, audited Delta Lake tables.
//!
//! This package is the shell around `lakehouse-core`: everything that touches networks, files, clocks,
//! Delta or SQL.

pub mod cli;
pub mod commands;
pub mod console;
mod durable;
mod failure;
pub mod lake;
pub mod report;
pub mod settings;
pub mod storage;
pub mod summary;
pub mod telemetry;
pub mod terminal;
