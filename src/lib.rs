//! `lakehouse`: the public market-data archive of Binance as exact, audited Delta Lake tables.
//!
//! This package is the shell around [`lakehouse_core`]: everything that touches networks, files,
//! clocks, Delta or SQL. The program `lakehouse` is a thin layer over it, and so are the programs in
//! `examples/`.
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
