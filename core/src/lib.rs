//! The pure half of lakehouse: what exists, what is wanted, what to do about it, and what the bytes
//! mean.
//!
//! Data flows one way. The [`matrix`] says which archives the public archive can hold, a
//! [`selection`] which of them a user wants, a [`listing`] which are published and the [`ledger`]
//! which are held already; [`plan`] turns the four into a list of archives to fetch, each with its
//! reason. A fetched archive is compared with its [checksum](listing::checksum), opened by
//! [`decode::unzip`] and turned into Arrow batches by [`decode`], as its [`schema`] says.
//!
//! Nothing here opens a file, a socket or a clock, and nothing knows Delta or SQL: that is the job
//! of the `lakehouse` package.

pub mod concurrency;
pub mod config;
pub mod coverage;
pub mod decode;
pub mod embedded;
pub mod foreign;
pub mod gold;
pub mod ledger;
pub mod listing;
pub mod matrix;
pub mod names;
pub mod overlap;
pub mod plan;
pub mod row_changes;
pub mod schema;
pub mod selection;

#[cfg(test)]
mod tests;
