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
use lakehouse_core::matrix::Matrix;
use lakehouse_core::plan::{Plan, PlanOptions, plan};
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
    let plan = match arguments.next() {
        Some(location) => plan_of(&location, &arguments.collect::<Vec<_>>(), today).await?,
        None => plan_of_generated_archives(today).await?,
    };
    print_plan(&plan, &mut io::stdout())
}

/// Serves a few generated archives, in place of the public archive, and plans over them.
pub(crate) async fn plan_of_generated_archives(today: NaiveDate) -> anyhow::Result<Plan> {
    let matrix = Matrix::builtin()?;
    let mut keys = Vec::new();
    for path in GENERATED {
        keys.push(matrix.identify(path)?);
    }
    let mirror = Mirror::start(sample_bucket(&keys, &SampleOptions::small(1))?).await?;
    plan_of(mirror.url(), &["BTCUSDT".to_owned()], today).await
}

/// Lists what a source has of some symbols, and decides on each archive for a lake that is empty.
async fn plan_of(location: &str, symbols: &[String], today: NaiveDate) -> anyhow::Result<Plan> {
    let matrix = Matrix::builtin()?;
    let selection = Selection { symbols: SymbolFilter::parse(symbols)?, ..Selection::default() };
    let targets = selection.targets(&matrix)?;

    let source = open_source(location, None, Timeouts::default())?;
    let retry = RetryPolicy::default();
    let lister = Lister::new(source, retry, Lister::PARALLEL, today, Arc::new(Silent));
    let listing = Box::pin(lister.list(&targets, &matrix)).await;
    if let Some(folder) = listing.unavailable.first() {
        bail!("cannot list {}: {}", folder.prefix, folder.reason);
    }
    let options = PlanOptions { force: false, today };
    Ok(plan(&targets, listing.inventory, &Ledger::default(), options))
}

/// Writes one line for each archive.
pub(crate) fn print_plan(plan: &Plan, out: &mut impl Write) -> anyhow::Result<()> {
    for planned in &plan.fetch {
        writeln!(out, "fetch {}: {}", planned.published.key, planned.reason)?;
    }
    for skipped in &plan.skipped {
        writeln!(out, "skip  {}: {}", skipped.key, skipped.reason)?;
    }
    Ok(())
}
