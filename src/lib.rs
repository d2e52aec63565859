//! `lakehouse`: the public market-data archive of Binance as exact, audited Delta Lake tables.
//!
//! This package is the shell around [`lakehouse_core`]: everything that touches networks, files,
//! clocks, Delta or SQL. The program `lakehouse` is a thin layer over it, and so are the programs
//! in `examples/`.
//!
//! - A [`storage::lake::Lake`] is one folder or bucket with all tables.
//! - A [`source`] is the public archive, a mirror or a folder. A [`source::lister::Lister`] lists
//!   it, and [`lakehouse_core::plan`] decides what to do with each archive.
//! - An [`ingest::Ingest`] carries a plan out: it downloads, decodes and commits.
//! - [`gold`] builds models, [`maintain`] compacts and deletes, [`verify`] compares with the
//!   archives.
//! - A [`query::Session`] answers SQL.
//!
//! What a run does is reported as [`events`]. Time is an argument: see [`clock`].
//!
//! # Example
//!
//! Rows of a statement as Arrow batches:
//!
//! ```no_run
#![doc = include_str!("../examples/read.rs")]
//! ```

// The library: what another program can use.
pub mod audit;
pub mod bronze;
pub mod clock;
pub mod events;
pub mod gold;
pub mod ingest;
pub mod maintain;
pub mod meta;
pub mod output;
pub mod query;
pub mod remove;
pub mod source;
pub mod storage;
pub mod verify;

// The program. It is public for `main` and for tests only.
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod commands;
#[doc(hidden)]
pub mod failpoint;
#[doc(hidden)]
pub mod fuzzing;
#[doc(hidden)]
pub mod parquet;
#[doc(hidden)]
pub mod scale;
#[doc(hidden)]
pub mod settings;
#[doc(hidden)]
pub mod system;
#[doc(hidden)]
pub mod terminal;

mod background_task;
mod delta;
mod error_chain;
mod fill;
mod memory;
mod proxy;
mod recent;
mod report_html;
mod serve;
mod shell;
mod shutdown;
mod silver;
mod status;

pub use crate::delta::TableError;
