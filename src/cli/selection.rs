//! Flags that several commands share: selection, source and tuning.

use clap::Args;
use lakehouse_core::config::options::LastDays;
use lakehouse_core::ledger::BronzePolicy;
use lakehouse_core::names::market::{Interval, Market};
use lakehouse_core::names::period::Period;
use lakehouse_core::selection::FrequencyPolicy;

use super::{setting, values};

const SELECTION: &str = "Selection";

/// Which archives a command is about, in the lake or at the source; all by default.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = SELECTION)]
pub struct ScopeFlags {
    #[arg(
        long, help = setting::MARKETS.flag_help(), value_name = "MARKET", value_delimiter = ','
    )]
    pub market: Vec<Market>,
    #[arg(
        long, help = setting::DATA_TYPES.flag_help(), value_name = "TYPE", value_delimiter = ','
    )]
    pub data_type: Vec<String>,
    #[arg(
        long, help = setting::SYMBOLS.flag_help(), value_name = "SYMBOL", value_delimiter = ',',
        value_parser = values::symbol_pattern
    )]
    pub symbol: Vec<String>,
    #[arg(
        long, help = setting::INTERVALS.flag_help(), value_name = "INTERVAL", value_delimiter = ','
    )]
    pub interval: Vec<Interval>,
    /// First day or month, inclusive.
    #[arg(long, value_name = "DATE")]
    pub start: Option<Period>,
    /// Last day or month, inclusive.
    #[arg(long, value_name = "DATE")]
    pub end: Option<Period>,
}

/// Which archives are selected.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = SELECTION)]
pub struct SelectionFlags {
    #[command(flatten)]
    pub scope: ScopeFlags,
    #[arg(
        long, help = setting::LAST.flag_help(), value_name = "DAYS",
        conflicts_with_all = ["start", "end"]
    )]
    pub last: Option<LastDays>,
    #[arg(long, help = setting::FREQUENCY.flag_help(), value_name = "FREQUENCY")]
    pub frequency: Option<FrequencyPolicy>,
    /// Accept a selection without symbols: it may be many terabytes.
    #[arg(long)]
    pub all: bool,
}

/// Where archives come from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceFlags {
    #[arg(
        long, help = setting::SOURCE.flag_help(), value_name = "URL|DIR",
        value_parser = values::not_empty
    )]
    pub source: Option<String>,
    #[arg(
        long, help = setting::LISTING.flag_help(), value_name = "URL",
        value_parser = values::not_empty
    )]
    pub listing: Option<String>,
}

/// How archives are downloaded and committed.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Tuning")]
pub struct TuningFlags {
    #[arg(
        long, help = setting::BATCH_SIZE.flag_help(), value_name = "N",
        value_parser = values::positive::<usize>
    )]
    pub batch_size: Option<usize>,
    #[arg(
        long, help = setting::MAX_PARALLEL_DOWNLOADS.flag_help(), value_name = "N",
        value_parser = values::positive::<usize>
    )]
    pub max_parallel_downloads: Option<usize>,
    #[arg(
        long, help = setting::TIMEOUT_SECONDS.flag_help(), value_name = "SECONDS",
        value_parser = values::positive::<u64>
    )]
    pub timeout_seconds: Option<u64>,
    #[arg(
        long, help = setting::RETRIES.flag_help(), value_name = "N",
        value_parser = values::number::<u32>
    )]
    pub retries: Option<u32>,
    #[arg(
        long, help = setting::BANDWIDTH.flag_help(), value_name = "SIZE",
        value_parser = values::bandwidth
    )]
    pub bandwidth: Option<u64>,
    #[arg(long, help = setting::BRONZE.flag_help(), value_name = "WHAT")]
    pub bronze: Option<BronzePolicy>,
    /// Do not compare archives with their published checksums.
    #[arg(long)]
    pub no_checksum: bool,
    /// Download archives again that are already in bronze.
    #[arg(long)]
    pub force_redownload: bool,
    /// Download interrupted archives again from their first byte.
    #[arg(long)]
    pub no_resume: bool,
    /// Begin to download though there is less free space than the archives need.
    #[arg(long)]
    pub force: bool,
}
