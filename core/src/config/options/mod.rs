//! The options of a configuration file, TOML or JSON.
//!
//! Every field is optional: what a file leaves out comes from flags, environment or defaults, which
//! the shell lays over and under it. Names of data types and intervals are kept with their lines
//! until the matrix is known, since the file itself may name the matrix.

mod dates;
mod external;
mod read;
mod select;

use std::collections::BTreeMap;

use chrono::NaiveDate;

pub use self::dates::LastDays;
use super::data_file::DataFileError;
use super::tree;
use crate::ledger::BronzePolicy;
use crate::names::market::Market;
use crate::names::period::DateRange;
use crate::selection::{FrequencyPolicy, SymbolFilter};

/// What a configuration file says, and what must be said about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileOptions {
    /// The file as its reader called it.
    pub file: String,
    pub markets: Option<Vec<Market>>,
    pub data_types: Option<Vec<Located>>,
    pub symbols: Option<SymbolFilter>,
    pub intervals: Option<FileIntervals>,
    pub dates: Option<DateRange>,
    pub last: Option<LastDays>,
    pub frequency: Option<FrequencyPolicy>,
    /// A folder with gold models of the user's own, relative to the file.
    pub gold_models: Option<String>,
    /// A folder with checks of the user, relative to the file.
    pub audit_checks: Option<String>,
    /// A folder with views of the user, relative to the file.
    pub views: Option<String>,
    /// `lake`, or `output_directory` in existing configurations.
    pub lake: Option<String>,
    pub source: Option<String>,
    pub listing: Option<String>,
    /// The base of the exchange's API.
    pub api: Option<String>,
    /// May be [`BUILTIN_MATRIX`] and absent, which means the built-in one.
    pub matrix_path: Option<String>,
    pub batch_size: Option<usize>,
    pub max_parallel_downloads: Option<usize>,
    pub timeout_seconds: Option<u64>,
    pub retries: Option<u32>,
    pub bandwidth: Option<String>,
    /// Whether archives are compared with their checksums: `checksum` or `download_checksum`.
    pub checksum: Option<bool>,
    /// What bronze keeps of archives that are in silver.
    pub bronze: Option<BronzePolicy>,
    /// Whether half-downloaded archives are continued: `resume` or `enable_resume`.
    pub resume: Option<bool>,
    /// The line of each option that the file gives, by the option's first spelling.
    pub lines: BTreeMap<&'static str, usize>,
    /// What the file requests and cannot have, to be shown once.
    pub warnings: Vec<String>,
}

/// The `matrix_path` of existing configurations, which means the built-in matrix if there is no
/// such file.
pub const BUILTIN_MATRIX: &str = "enhanced_binance_archive_matrix.json";

/// A text of the file, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    pub text: String,
    pub line: usize,
    pub key: String,
}

/// The `intervals` of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileIntervals {
    Everywhere(Vec<Located>),
    /// Data types with their intervals, in no order.
    PerDataType(Vec<(Located, Vec<Located>)>),
}

impl FileOptions {
    /// Returns whether the file selects anything, and is not about tuning only.
    #[must_use]
    pub fn selects(&self) -> bool {
        self.markets.is_some()
            || self.data_types.is_some()
            || self.symbols.is_some()
            || self.intervals.is_some()
            || self.range_given()
    }

    /// Returns the requested days; `today` counts for `last` only.
    #[must_use]
    pub fn date_range(&self, today: NaiveDate) -> DateRange {
        self.dates.or(self.last.map(|last| last.range(today))).unwrap_or_default()
    }

    fn range_given(&self) -> bool {
        self.dates.is_some() || self.last.is_some()
    }
}

/// Reads the configuration file of the project, TOML.
///
/// # Errors
///
/// Text that is no TOML, an unknown option, and a value that an option does not take.
pub fn parse_settings_toml(file: &str, text: &str) -> Result<FileOptions, DataFileError> {
    read::options(file, &tree::parse_toml(file, text)?)
}

/// Reads the existing JSON format.
///
/// A file with a list of symbols and no markets is older than the other markets: it means spot.
///
/// # Errors
///
/// Text that is no JSON, an unknown option, and a value that an option does not take.
pub fn parse_collection(file: &str, text: &str) -> Result<FileOptions, DataFileError> {
    let mut options = read::options(file, &tree::parse_json(file, text)?)?;
    if options.markets.is_none() && matches!(options.symbols, Some(SymbolFilter::Everywhere(_))) {
        options.markets = Some(vec![Market::Spot]);
        options.warnings.push(format!(
            "no `markets` in {file}: spot is meant, as always in such files; name the markets to \
            have others"
        ));
    }
    Ok(options)
}

#[cfg(test)]
mod tests;
