//! Flags that several commands share: which archives, from where, and how the work is done.

use clap::Args;
use lakehouse_core::config::options::LastDays;
use lakehouse_core::names::market::{Interval, Market};
use lakehouse_core::names::period::Period;
use lakehouse_core::selection::FrequencyPolicy;

use super::values;

const SELECTION: &str = "Selection";

/// Which archives are meant, in the lake or at the source; all, if nothing is said.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = SELECTION)]
pub struct ScopeFlags {
    /// Markets: spot, futures_um, futures_cm, options.
    #[arg(long, value_name = "MARKET", value_delimiter = ',')]
    pub market: Vec<Market>,
    /// Data types such as klines or aggTrades; `lakehouse matrix` lists them.
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    pub data_type: Vec<String>,
    /// Symbols, or globs such as 'BTC*'; a leading ! excludes.
    #[arg(long, value_name = "SYMBOL", value_delimiter = ',', value_parser = values::symbol_pattern)]
    pub symbol: Vec<String>,
    /// Bar lengths such as 1m, 1h or 1d, for data types that have them.
    #[arg(long, value_name = "INTERVAL", value_delimiter = ',')]
    pub interval: Vec<Interval>,
    /// First day or month, inclusive.
    #[arg(long, value_name = "DATE")]
    pub start: Option<Period>,
    /// Last day or month, inclusive.
    #[arg(long, value_name = "DATE")]
    pub end: Option<Period>,
}

/// Which archives are wanted.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = SELECTION)]
pub struct SelectionFlags {
    #[command(flatten)]
    pub scope: ScopeFlags,
    /// The last days or weeks up to today, such as 7d or 2w.
    #[arg(long, value_name = "DAYS", conflicts_with_all = ["start", "end"])]
    pub last: Option<LastDays>,
    /// Daily archives, monthly ones, or the better of the two: auto, daily, monthly [default: auto]
    #[arg(long, value_name = "FREQUENCY")]
    pub frequency: Option<FrequencyPolicy>,
    /// Accept a selection that names no symbols: it may be many terabytes.
    #[arg(long)]
    pub all: bool,
}

/// Where archives come from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Where from")]
pub struct SourceFlags {
    /// The archive: an http(s) base, a folder laid out like it, or an s3:// URL [env:
    /// LAKEHOUSE_SOURCE] [default: the public archive]
    #[arg(long, value_name = "URL|DIR", value_parser = values::not_empty)]
    pub source: Option<String>,
    /// The host that lists the archive, if it is not the one that serves it [env:
    /// LAKEHOUSE_LISTING]
    #[arg(long, value_name = "URL", value_parser = values::not_empty)]
    pub listing: Option<String>,
}

/// How the work is done.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Tuning")]
pub struct TuningFlags {
    /// Archives that are committed together [default: 100]
    #[arg(long, value_name = "N", value_parser = values::positive::<usize>)]
    pub batch_size: Option<usize>,
    /// Downloads at the same time at most; fewer while the source does not keep up [default: 8]
    #[arg(long, value_name = "N", value_parser = values::positive::<usize>)]
    pub max_parallel_downloads: Option<usize>,
    /// Seconds without a byte after which a request is given up and tried again [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = values::positive::<u64>)]
    pub timeout_seconds: Option<u64>,
    /// How often a request is tried again after a fault that may pass [default: 5]
    #[arg(long, value_name = "N", value_parser = values::number::<u32>)]
    pub retries: Option<u32>,
    /// Bytes per second for all downloads together, such as 20MiB.
    #[arg(long, value_name = "SIZE", value_parser = values::bandwidth)]
    pub bandwidth: Option<u64>,
    /// Do not compare archives with their published checksums.
    #[arg(long)]
    pub no_checksum: bool,
    /// Download archives again that are in bronze already.
    #[arg(long)]
    pub force_redownload: bool,
    /// Begin half-downloaded archives anew.
    #[arg(long)]
    pub no_resume: bool,
    /// Begin to download though there is less free space than the archives need.
    #[arg(long)]
    pub force: bool,
}
