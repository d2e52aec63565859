//! Sample archives made from a seed: what the demo ingests, and what tests and benches measure
//! with.
//!
//! The data are made up, but they are in exactly the published formats and they agree with each
//! other. Every coin has one price path, every symbol of a market one tape of trades, and all data
//! types are views of the two: klines of every interval add up the tape that the trade archives
//! list, a month holds the rows of its days. Any row can be computed from the seed and its position
//! alone, so archives of any size are written in constant memory, in any order, with the same bytes
//! every time.
//!
//! Separate from [`lakehouse_core::schema`] and [`lakehouse_core::decode`] on purpose: what is
//! written here is checked against what is read there, so neither may borrow the other's idea of a
//! format. The exception are data types that have no module here: their samples are made from their
//! schema, so that adding one needs no Rust. Nothing here opens a file or a clock.

pub mod defects;
pub mod mirror;

mod bars;
mod book;
mod derivatives;
mod era;
mod from_schema;
mod instrument;
mod keys;
mod klines;
mod noise;
mod options;
mod price_klines;
mod rows;
mod tape;
mod trades;
mod walk;
mod zip_file;

#[cfg(test)]
mod tests;

use std::io::Write;

use chrono::{Datelike, NaiveDate};
use instrument::Instrument;
use lakehouse_core::config::data_file::DataFileError;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::market::{Interval, Market};
use lakehouse_core::schema::TableSchema;
use noise::Noise;
use rows::RowWriter;
use thiserror::Error;

pub use keys::{KeyOptions, sample_keys, small_archives};
pub use zip_file::{sample_checksum, sample_zip, write_zip};

/// What a set of samples is made from; archives made with the same options agree with each other.
///
/// The numbers say how dense the data are and so how large the archives become. Kinds that are not
/// named have the number of rows that their grid gives. A number of 0 counts as 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    /// The seed from which every value follows.
    pub seed: u64,
    /// Rows a day of a trades archive; aggTrades have seven for every ten, and klines add them up.
    /// With 6,200 or more no minute is without a trade.
    pub trades_per_day: u32,
    /// Rows a day of a bookTicker archive.
    pub quotes_per_day: u32,
    /// Snapshots a day of a bookDepth archive, of 10 or 12 rows each; at most one a second.
    pub snapshots_per_day: u32,
    /// Rows a day of a BVOLIndex archive; at most one a second.
    pub index_values_per_day: u32,
    /// Option contracts that an EOHSummary archive lists, each once an hour.
    pub option_contracts: u32,
}

impl Default for SampleOptions {
    /// Returns the density of a quiet symbol: what the archive publishes where it samples on a
    /// grid.
    fn default() -> Self {
        Self {
            seed: 1,
            trades_per_day: 7_200,
            quotes_per_day: 5_000,
            snapshots_per_day: 2_880,
            index_values_per_day: 86_400,
            option_contracts: 200,
        }
    }
}

impl SampleOptions {
    /// Returns a density at which all combinations together take a few megabytes.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        Self {
            seed,
            quotes_per_day: 1_000,
            snapshots_per_day: 288,
            index_values_per_day: 1_440,
            option_contracts: 40,
            ..Self::default()
        }
    }
}

/// Why a sample could not be made.
#[derive(Debug, Error)]
pub enum GenerateError {
    /// No module here makes samples of the data type, and this build has no schema of it.
    #[error("{archive}: no sample can be made of data type `{data_type}`, which has no schema")]
    DataType { archive: String, data_type: String },
    /// The schema does not say how archives of the market are written.
    #[error("{archive}: the schema of {table} has no layout for {market}")]
    Layout { archive: String, table: String, market: Market },
    /// The matrix or a schema of this build could not be read.
    #[error("a sample needs the matrix and the schemas: {0}")]
    DataFile(#[from] DataFileError),
    /// The archive's key has no interval, or one that its data type cannot have.
    #[error("{archive}: a sample of `{data_type}` needs a bar length of {expected}")]
    Interval { archive: String, data_type: String, expected: &'static str },
    /// The bytes could not be written where they should go.
    #[error("a sample could not be written: {0}")]
    Write(#[from] std::io::Error),
    /// The zip around them could not be written.
    #[error("a sample could not be zipped: {0}")]
    Zip(#[from] zip::result::ZipError),
}

/// Writes the CSV of one archive, in memory that does not depend on its size.
///
/// # Errors
///
/// Returns [`GenerateError`] if the key's data type or interval has no samples, or `out` fails.
pub fn write_csv(
    key: &ArchiveKey,
    options: &SampleOptions,
    out: &mut dyn Write,
) -> Result<(), GenerateError> {
    let sample = Sample::new(key, options);
    let mut rows = RowWriter::new(out);
    match key.data_type().as_str() {
        "klines" => klines::write(&sample, &mut rows)?,
        "trades" => trades::write_trades(&sample, &mut rows)?,
        "aggTrades" => trades::write_agg_trades(&sample, &mut rows)?,
        "bookDepth" => book::write_depth(&sample, &mut rows)?,
        "bookTicker" => book::write_ticker(&sample, &mut rows)?,
        "fundingRate" => derivatives::write_funding(&sample, &mut rows)?,
        "metrics" => derivatives::write_metrics(&sample, &mut rows)?,
        "liquidationSnapshot" => derivatives::write_liquidations(&sample, &mut rows)?,
        "premiumIndex" | "indexPriceKlines" | "markPriceKlines" => {
            price_klines::write(&sample, &mut rows)?;
        }
        "BVOLIndex" => options::write_volatility(&sample, &mut rows)?,
        "EOHSummary" => options::write_summary(&sample, &mut rows)?,
        _ => from_schema::write_builtin(key, options, &mut rows)?,
    }
    Ok(rows.finish()?)
}

/// Writes the CSV of one archive with random values in the newest layout of a schema.
///
/// Rows are five minutes apart, an hour where times have no minutes, or a bar where the key has an
/// interval. They are sorted, and the key of the schema differs from row to row.
///
/// # Errors
///
/// Returns [`GenerateError`] if the schema has no layout for the key's market, the key has no
/// interval where the schema has one, or `out` fails.
pub fn write_csv_from_schema(
    key: &ArchiveKey,
    schema: &TableSchema,
    options: &SampleOptions,
    out: &mut dyn Write,
) -> Result<(), GenerateError> {
    let mut rows = RowWriter::new(out);
    from_schema::write(key, schema, options, &mut rows)?;
    Ok(rows.finish()?)
}

/// Returns the CSV of one archive.
///
/// # Errors
///
/// Returns [`GenerateError`] if the key's data type or interval has no samples.
pub fn sample_csv(key: &ArchiveKey, options: &SampleOptions) -> Result<Vec<u8>, GenerateError> {
    let mut csv = Vec::new();
    write_csv(key, options, &mut csv)?;
    Ok(csv)
}

/// One archive to make: its key, the density, and what is known of its symbol.
struct Sample<'a> {
    key: &'a ArchiveKey,
    options: &'a SampleOptions,
    instrument: Instrument,
}

impl<'a> Sample<'a> {
    fn new(key: &'a ArchiveKey, options: &'a SampleOptions) -> Self {
        let instrument = Instrument::new(options, key.market(), key.symbol());
        Self { key, options, instrument }
    }

    /// Returns the first day of the archive, by which the era of its format is known.
    fn start(&self) -> NaiveDate {
        self.key.period().start()
    }

    /// Returns the days that the archive covers, as days since 1970-01-01.
    fn days(&self) -> std::ops::Range<i64> {
        epoch_day(self.start())..epoch_day(self.key.period().next().start())
    }

    /// Returns the noise that belongs to this symbol, market and data type, whatever the period.
    fn noise(&self) -> Noise {
        self.instrument.noise().named(self.key.data_type().as_str())
    }

    fn interval(&self, shortest: i64, expected: &'static str) -> Result<Interval, GenerateError> {
        let long_enough =
            |interval: &Interval| interval.seconds().is_none_or(|seconds| seconds >= shortest);
        self.key.interval().filter(long_enough).ok_or_else(|| GenerateError::Interval {
            archive: self.key.to_string(),
            data_type: self.key.data_type().to_string(),
            expected,
        })
    }
}

/// Returns the days since 1970-01-01.
fn epoch_day(date: NaiveDate) -> i64 {
    const DAYS_BEFORE_1970: i64 = 719_163;
    i64::from(date.num_days_from_ce()) - DAYS_BEFORE_1970
}
