//! `lakehouse demo`: everything at once on made-up archives, without a network.
//!
//! The archives are generated, served by a [`Mirror`] on this machine and ingested through the same
//! lister, planner, fetcher and writer as those of the public archive. Made-up data never go into a
//! lake with real ones: their keys are the same, and one would pass for a correction of the other.

mod closing;

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use futures::TryStreamExt;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::Selection;
use lakehouse_samples::mirror::{Mirror, sample_bucket};
use lakehouse_samples::{KeyOptions, SampleOptions, sample_keys};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::{CommandOutcome, gold, ingest};
use crate::bronze::FetchOptions;
use crate::cli::ReportFormat;
use crate::clock::Clock;
use crate::events::Reporter;
use crate::events::summary::Counting;
use crate::ingest::{Depth, Ingest};
use crate::shutdown::Shutdown;
use crate::source::{Timeouts, open_source};
use crate::storage::lake::Lake;
use crate::terminal::TerminalReporter;

const DEFAULT_LAKE: &str = "./lakehouse-demo";

/// The file by which a lake of made-up data is known.
const MARK: &str = "MADE-UP-DATA.txt";
const MARK_TEXT: &str = "`lakehouse demo` made the data of this lake up. Delete the folder when you are done with it.\n";

/// The seed of the archives; with another one, a demo would correct what the last one left.
const SEED: u64 = 1;

/// Archives that are fetched, decoded and committed together.
const BATCH_SIZE: usize = 100;

/// Makes archives, ingests them and prints what came of it.
pub(super) async fn run(
    lake: Option<&str>,
    clock: &Clock,
    reporter: &Arc<TerminalReporter>,
) -> anyhow::Result<CommandOutcome> {
    let location = lake.unwrap_or(DEFAULT_LAKE);
    let lake = Lake::open(location).with_context(|| format!("cannot use the lake {location}"))?;
    mark(&lake, location).await?;
    let mirror = serve_samples().await?;
    let listener: Arc<dyn Reporter> = Arc::clone(reporter) as _;
    let ingest = ingest_of(&lake, &mirror)?;
    let counting = Arc::new(Counting::new(listener));
    let plan =
        Box::pin(ingest.plan(clock.now().date_naive(), &(Arc::clone(&counting) as _))).await?;
    let gold = gold::behind(&ingest, None)?;
    ingest::carry_out(&ingest, Some(&gold), &plan, &counting, clock).await?;
    let summary = reporter.conclude(ReportFormat::Text)?;
    Box::pin(closing::print(
        &lake,
        location,
        &ingest.schemas,
        plan.fetch.len(),
        plan.skipped.len(),
    ))
    .await?;
    Ok(if summary.is_incomplete() { CommandOutcome::Incomplete } else { CommandOutcome::Done })
}

/// Marks an empty place as a lake of made-up data, and refuses one that holds anything else.
async fn mark(lake: &Lake, location: &str) -> anyhow::Result<()> {
    let store = lake.storage().store();
    let unusable = || format!("cannot use the lake {location}");
    let mark = Path::from(MARK);
    match store.head(&mark).await {
        Ok(_) => return Ok(()),
        Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => return Err(error).with_context(unusable),
    }
    if store.list(None).try_next().await.with_context(unusable)?.is_some() {
        bail!(
            "{location} is not empty and no earlier demo made it, and made-up data must not mix with real ones; \
             name another folder with --lake"
        );
    }
    store.put(&mark, PutPayload::from_static(MARK_TEXT.as_bytes())).await.with_context(unusable)?;
    Ok(())
}

/// Serves sample archives of every combination: a few symbols and days of each.
async fn serve_samples() -> anyhow::Result<Mirror> {
    let first_day = NaiveDate::from_ymd_opt(2026, 5, 6).unwrap_or_default();
    let keys = sample_keys(&Matrix::builtin()?, &KeyOptions::two_days_from(first_day));
    let made =
        tokio::task::spawn_blocking(move || sample_bucket(&keys, &SampleOptions::small(SEED)));
    Mirror::start(made.await??).await.context("cannot serve archives on 127.0.0.1")
}

fn ingest_of(lake: &Lake, mirror: &Mirror) -> anyhow::Result<Ingest> {
    let matrix = Matrix::builtin()?;
    Ok(Ingest {
        lake: lake.clone(),
        source: open_source(mirror.url(), None, Timeouts::default())?,
        targets: Selection::default().targets(&matrix)?,
        matrix: Arc::new(matrix),
        schemas: Arc::new(Schemas::builtin()?),
        fetch: FetchOptions::default(),
        batch_size: BATCH_SIZE,
        depth: Depth::Silver,
        threads: available_parallelism().map_or(1, usize::from),
        shutdown: Shutdown::on_signals(),
        command: "demo".to_owned(),
    })
}
