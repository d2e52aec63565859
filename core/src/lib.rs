//! The pure half of lakehouse: what exists, what is wanted, what to do about it, and what the bytes
//! mean.
//!
//! Data flows one way. The [`matrix`] says which archives the public archive can hold, a
//! [`selection`] which of them a user wants, a [`listing`] which are published and the [`ledger`]
//! which are held already; [`plan`] turns the four into a list of archives to fetch, each with its
//! reason. A fetched archive is compared with its [`listing::checksum`], opened by
//! [`decode::unzip`] and turned into Arrow batches by [`decode`], as its [`schema`] says.
//!
//! ```
//! use lakehouse_core::decode::{DecodeOptions, Decoder};
//! use lakehouse_core::matrix::Matrix;
//! use lakehouse_core::schema::Schemas;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let matrix = Matrix::builtin()?;
//! let key = matrix.identify("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2026-05-08.zip")?;
//! let combination = matrix.get(key.market(), key.data_type()).ok_or("unknown combination")?;
//!
//! let schemas = Schemas::builtin()?;
//! let schema = schemas.get(&combination.schema).ok_or("unknown schema")?;
//! let mut decoder = Decoder::new(schema, key.market(), key.symbol(), DecodeOptions::default())?;
//! decoder.push(b"1,2.5,3,7.5,1778198400000000,True,True\n")?;
//! decoder.finish()?;
//! let batch = decoder.next_batch().ok_or("no rows")?;
//! assert_eq!(batch.num_rows(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here opens a file, a socket or a clock, and nothing knows Delta or SQL: that is the job
//! of the `lakehouse` package.

pub mod audit;
pub mod concurrency;
pub mod config;
pub mod coverage;
pub mod decode;
pub mod embedded;
pub mod fill;
pub mod foreign;
pub mod format_version;
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
pub mod series;

#[cfg(test)]
mod tests;
