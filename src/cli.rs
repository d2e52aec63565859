//! The command line, as it is typed: commands and flags, and nothing of what they mean together.
//!
//! What was left out is filled in by [`crate::settings`], which also knows the environment and the
//! configuration file; so no flag that a file can set has a default here.

mod values;

use std::path::PathBuf;
use std::time::Duration;

use crate::output::Format;
use crate::query::At;
use chrono::TimeDelta;
use clap::builder::Styles;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use lakehouse_core::market::{Interval, Market};
use lakehouse_core::options::LastDays;
use lakehouse_core::period::Period;
use lakehouse_core::selection::FrequencyPolicy;

pub(crate) use self::values::bandwidth;

const SELECTION: &str = "Selection";
const SOURCE: &str = "Where from";
const TUNING: &str = "Tuning";
const GLOBAL: &str = "Everywhere";

const EXAMPLES: &str = "\
Examples:
  lakehouse demo
  lakehouse plan --market spot --data-type klines --symbol BTCUSDT --interval 1h --last 7d
  lakehouse ingest --config collection.json --source ./mirror
  lakehouse query \"SELECT * FROM silver.klines LIMIT 10\"

Exit codes: 0 done, or nothing to do; 1 done, but some archives failed or rows were rejected;
2 wrong usage, or nothing could be done.";

const DEMO_NOTES: &str = "\
Archives of all data types and markets are made up, served by this program on a free port of 127.0.0.1,
and ingested from there into a new lake, ./lakehouse-demo unless --lake names another folder. Environment
and configuration file are left aside: made-up data never go into a lake with real ones. A second run
finds everything there and says so. Delete the folder when you are done with it.";

const SELECTION_EXAMPLES: &str = "\
Examples:
  --symbol BTCUSDT,ETHUSDT --data-type klines --interval 1h,1d --start 2024-01 --end 2024-06-15
  --market futures_um --symbol 'BTC*,!BTCDOM*' --data-type trades --last 7d
  --config collection.json --source ./mirror
  --all --data-type fundingRate

What is left out means everything that is published.";

const QUERY_EXAMPLES: &str = "\
Examples:
  lakehouse query \"SELECT symbol, count(*) FROM silver.klines GROUP BY symbol\"
  lakehouse query -f report.sql -o report.parquet
  echo 'SELECT * FROM meta.archives' | lakehouse query - --format csv";

const REFRESH_EXAMPLES: &str = "\
Examples:
  lakehouse refresh
  lakehouse refresh --every 6h
  lakehouse refresh --config collection.json
  lakehouse refresh --full --dry-run

Without a configuration file, the lake's own archives say what is wanted; with one, symbols that it matches and
the lake has not met yet are taken up as well.";

/// The public market-data archive of Binance as exact, audited Delta Lake tables.
#[derive(Clone, Debug, Parser)]
#[command(name = "lakehouse", version, after_help = EXAMPLES, styles = Styles::plain(), max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalFlags,
    #[command(subcommand)]
    pub command: Command,
}

/// What is to be done.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Do everything at once on made-up archives, without a network, and say what to try next.
    #[command(after_help = DEMO_NOTES)]
    Demo,
    /// Show what an ingest would do, and why; nothing is downloaded.
    #[command(after_help = SELECTION_EXAMPLES)]
    Plan(PlanFlags),
    /// Fetch archives and turn them into tables.
    #[command(after_help = SELECTION_EXAMPLES)]
    Ingest(IngestFlags),
    /// Bring everything that the lake holds up to date: new, late and corrected archives.
    #[command(after_help = REFRESH_EXAMPLES)]
    Refresh(RefreshFlags),
    /// Run one SQL statement on the lake's tables.
    #[command(after_help = QUERY_EXAMPLES)]
    Query(QueryFlags),
    /// Check archives against their checksums, and tables against archives.
    Verify(VerifyFlags),
    /// Compact tables, write checkpoints, and delete files that nothing needs any more.
    Maintain(MaintainFlags),
    /// Show which data types each market has, at which frequencies and intervals.
    Matrix(MatrixFlags),
    /// Print a script that completes commands and flags in a shell.
    Completions(CompletionsFlags),
}

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = GLOBAL)]
pub struct GlobalFlags {
    /// The lake: a folder, or an object-store URL such as s3://bucket/lake [env: LAKEHOUSE_LAKE] [default: ./lake]
    #[arg(long, global = true, value_name = "DIR|URL", value_parser = values::not_empty)]
    pub lake: Option<String>,
    /// A configuration file, TOML or JSON [env: LAKEHOUSE_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log more; twice for requests and decisions, three times for everything.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Tell nothing but errors and warnings.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// How logs are written.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// When progress bars are drawn; `auto` does it on a terminal.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub progress: ProgressWhen,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// When progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressWhen {
    #[default]
    Auto,
    Always,
    Never,
}

/// Flags of `plan`.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanFlags {
    /// How the plan is printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub selection: SelectionFlags,
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub tuning: TuningFlags,
}

/// Flags of `ingest`.
#[derive(Clone, Debug, Default, Args)]
pub struct IngestFlags {
    /// Only show what would be done, as `plan` does.
    #[arg(long)]
    pub dry_run: bool,
    /// How the plan or the summary is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub selection: SelectionFlags,
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub tuning: TuningFlags,
    /// Stop after this stage.
    #[arg(long, default_value = "gold")]
    pub stage: Stage,
}

/// Flags of `refresh`.
#[derive(Clone, Debug, Default, Args)]
pub struct RefreshFlags {
    /// Look at all days, and not only at the last 45 and all months.
    #[arg(long)]
    pub full: bool,
    /// Refresh again and again, with so much time from one start to the next, such as 6h or 30m.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub every: Option<Duration>,
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// How the plan or the summary is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub tuning: TuningFlags,
}

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
#[command(next_help_heading = SOURCE)]
pub struct SourceFlags {
    /// The archive: an http(s) base, a folder laid out like it, or an s3:// URL [env: LAKEHOUSE_SOURCE] [default: the
    /// public archive]
    #[arg(long, value_name = "URL|DIR", value_parser = values::not_empty)]
    pub source: Option<String>,
    /// The host that lists the archive, if it is not the one that serves it [env: LAKEHOUSE_LISTING]
    #[arg(long, value_name = "URL", value_parser = values::not_empty)]
    pub listing: Option<String>,
}

/// How the work is done.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = TUNING)]
pub struct TuningFlags {
    /// Archives that are committed together [default: 100]
    #[arg(long, value_name = "N", value_parser = values::positive::<usize>)]
    pub batch_size: Option<usize>,
    /// Downloads at the same time [default: 8]
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
}

/// How far an ingest goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// Archives are stored as they are published.
    Bronze,
    /// Their rows are in tables.
    Silver,
    /// Aggregates are up to date.
    #[default]
    Gold,
}

/// How a plan or a summary is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    #[default]
    Text,
    Json,
}

/// Flags of `query`.
#[derive(Clone, Debug, Args)]
pub struct QueryFlags {
    /// The statement; `-` reads it from standard input.
    #[arg(value_name = "SQL", required_unless_present = "file")]
    pub sql: Option<String>,
    /// Read the statement from a file; `-` is standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with = "sql")]
    pub file: Option<PathBuf>,
    /// How rows are written [default: by the extension of the output file, else table]
    #[arg(long)]
    pub format: Option<Format>,
    /// Write to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Answer from the tables as they were: at a version of the table, a time, or the start of a day (UTC).
    #[arg(long, value_name = "VERSION|TIME", value_parser = values::at)]
    pub at: Option<At>,
    /// Rows to write at most [default: 100 in a table on standard output, else all]
    #[arg(long, value_name = "N", value_parser = values::positive::<usize>)]
    pub max_rows: Option<usize>,
}

/// Flags of `verify`.
#[derive(Clone, Debug, Default, Args)]
pub struct VerifyFlags {
    /// Also decode every archive again and compare all its rows.
    #[arg(long)]
    pub deep: bool,
    /// How findings are printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub scope: ScopeFlags,
}

/// Flags of `maintain`.
#[derive(Clone, Debug, Default, Args)]
pub struct MaintainFlags {
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Tables such as silver.klines [default: all]
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    pub table: Vec<String>,
    /// How long files stay that time travel and running readers may need, such as 12h, 7d or 2w [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = values::retention)]
    pub retention: Option<TimeDelta>,
    /// Make meta.archives anew from the silver tables.
    #[arg(long)]
    pub rebuild_ledger: bool,
    /// How the summary is printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
}

/// Flags of `matrix`.
#[derive(Clone, Copy, Debug, Args)]
pub struct MatrixFlags {
    /// How the combinations are printed.
    #[arg(long, default_value = "table")]
    pub format: MatrixFormat,
}

/// How the matrix is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MatrixFormat {
    Table,
    Json,
}

/// Flags of `completions`.
#[derive(Clone, Copy, Debug, Args)]
pub struct CompletionsFlags {
    /// The shell.
    pub shell: Shell,
}
