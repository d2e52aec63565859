//! Plans a selection and prints what an ingest would do with each archive, and why. Nothing is
//! downloaded but the listing.
//!
//! `cargo run --example plan` plans over generated archives, served on this machine. To plan over a
//! mirror or a folder: `cargo run --example plan -- LOCATION SYMBOL...`

use std::env;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::bail;
use chrono::{DateTime, NaiveDate, Utc};
use lakehouse::events::Silent;
use lakehouse::source::lister::Lister;
use lakehouse::source::retry::RetryPolicy;
use lakehouse::source::{Timeouts, open_source};
use lakehouse_core::ledger::Ledger;
use lakehouse_core::listing::SeriesListing;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::shard::Shard;
use lakehouse_core::plan::{PlanOptions, Planner};
use lakehouse_core::selection::{Selection, SymbolFilter};
use lakehouse_samples::SampleOptions;
use lakehouse_samples::mirror::{Mirror, sample_bucket};

/// Archives that are generated: two days, and the month that holds one of them.
const GENERATED: [&str; 3] = [
    "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-29.zip",
    "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03-01.zip",
    "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the library takes the time as an argument")]
    let today = DateTime::<Utc>::from(SystemTime::now()).date_naive();
    let mut arguments = env::args().skip(1);
    let decisions = match arguments.next() {
        Some(location) => plan_of(&location, &arguments.collect::<Vec<_>>(), today).await?,
        None => plan_of_generated_archives(today).await?,
    };
    print_lines(&decisions, &mut io::stdout())
}

/// Serves a few generated archives, in place of the public archive, and plans over them.
pub(crate) async fn plan_of_generated_archives(today: NaiveDate) -> anyhow::Result<Vec<String>> {
    let matrix = Matrix::builtin()?;
    let mut keys = Vec::new();
    for path in GENERATED {
        keys.push(matrix.identify(path)?);
    }
    let mirror = Mirror::start(sample_bucket(&keys, &SampleOptions::small(1))?).await?;
    plan_of(mirror.url(), &["BTCUSDT".to_owned()], today).await
}

/// Lists what a source has of some symbols, and decides on each archive for a lake that is empty;
/// returns a line for each.
async fn plan_of(
    location: &str,
    symbols: &[String],
    today: NaiveDate,
) -> anyhow::Result<Vec<String>> {
    let matrix = Matrix::builtin()?;
    let selection = Selection { symbols: SymbolFilter::parse(symbols)?, ..Selection::default() };
    let targets = selection.targets(&matrix)?;

    let source = open_source(location, None, Timeouts::default())?;
    let retry = RetryPolicy::default();
    let lister = Lister::new(source, retry, Lister::PARALLEL, today, Arc::new(Silent));
    let mut skipped = Vec::new();
    let options = PlanOptions { force: false, today, restore: false, shard: Shard::default() };
    let mut planner = Planner::new(&targets, options)
        .on_skip(|it| skipped.push(format!("skip  {}: {}", it.published.key, it.reason)));

    // Archives come series by series: a listing of everything would not fit in memory.
    let take = |series: SeriesListing| {
        planner.add(&series.archives, &Ledger::default());
        Ok::<(), anyhow::Error>(())
    };
    let days = |_: &Series, _| Some(targets.dates);
    let end = Box::pin(lister.list_series(&targets, &days, &matrix, take)).await?;
    if let Some(folder) = end.unavailable.first() {
        bail!("cannot list {}: {}", folder.prefix, folder.reason);
    }
    let plan = planner.finish(end.unknown);
    let fetched = plan.fetch.iter();
    let mut lines: Vec<String> =
        fetched.map(|it| format!("fetch {}: {}", it.published.key, it.reason)).collect();
    lines.append(&mut skipped);
    Ok(lines)
}

/// Writes one line for each archive.
pub(crate) fn print_lines(lines: &[String], out: &mut impl Write) -> anyhow::Result<()> {
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
