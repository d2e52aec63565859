//! `lakehouse demo`: loads generated archives, without a network, and shows the result.
//!
//! A [`Mirror`] on this machine serves the archives, and the same code ingests them as those of the
//! public archive. Generated data never go into a lake with real data: their keys are the same, so
//! that one would count as a correction of the other.

mod next_steps;

use std::sync::Arc;

use anyhow::{Context as _, bail};
use chrono::NaiveDate;
use futures::TryStreamExt;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::Selection;
use lakehouse_samples::mirror::{Mirror, sample_bucket};
use lakehouse_samples::{KeyOptions, SampleOptions, sample_keys};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use self::next_steps::Loaded;
use super::CommandOutcome;
use super::context::{Context, open_lake};
use super::run::{Prepared, RunReporter};
use crate::cli::ReportFormat;
use crate::gold::{Gold, load_models};
use crate::ingest::Ingest;
use crate::source::{Timeouts, open_source};
use crate::storage::lake::Lake;

const DEFAULT_LAKE: &str = "./lakehouse-demo";

/// The file that marks a lake of generated data.
const MARK: &str = "MADE-UP-DATA.txt";
const MARK_TEXT: &str = "\
`lakehouse demo` generated the data of this lake. Delete the folder when you no longer need it.
";

/// The seed of the archives; with another one, a demo would correct those of an earlier demo.
const SEED: u64 = 1;

/// Generates archives, ingests them and prints the result.
pub(super) async fn run(context: &Context) -> anyhow::Result<CommandOutcome> {
    let location = context.global.lake.as_deref().unwrap_or(DEFAULT_LAKE);
    let lake = open_lake(location)?;
    mark(&lake, location).await?;
    let mirror = serve_samples().await?;
    let reporter = RunReporter::new(context.reporter());
    let prepared = prepare(&lake, &mirror, context)?;
    let listener = reporter.listener();
    let plan = Box::pin(prepared.ingest.plan(context.today(), &listener)).await?;
    prepared.carry_out(&plan, &reporter, &context.clock).await?;
    let outcome = reporter.conclude(&prepared.ingest, "demo", ReportFormat::Text)?;
    let loaded = Loaded {
        lake: &lake,
        location,
        schemas: &prepared.ingest.schemas,
        fetched: plan.fetch.len(),
        held: plan.skipped.len(),
    };
    Box::pin(loaded.print()).await?;
    Ok(outcome)
}

/// Marks an empty folder as a lake of generated data, and refuses one that holds anything else.
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
            "{location} is not empty and no earlier demo made it, and generated data must not be \
             mixed with real data; name another folder with --lake"
        );
    }
    store.put(&mark, PutPayload::from_static(MARK_TEXT.as_bytes())).await.with_context(unusable)?;
    Ok(())
}

/// Serves sample archives of every combination: a few symbols and days of each.
async fn serve_samples() -> anyhow::Result<Mirror> {
    let first_day = NaiveDate::from_ymd_opt(2026, 5, 6).unwrap_or_default();
    let keys = sample_keys(&Matrix::builtin()?, &KeyOptions::two_days_from(first_day));
    let samples =
        tokio::task::spawn_blocking(move || sample_bucket(&keys, &SampleOptions::small(SEED)));
    Mirror::start(samples.await??).await.context("cannot serve archives on 127.0.0.1")
}

fn prepare(lake: &Lake, mirror: &Mirror, context: &Context) -> anyhow::Result<Prepared> {
    let matrix = Matrix::builtin()?;
    let targets = Selection::default().targets(&matrix)?;
    let schemas = Arc::new(Schemas::builtin()?);
    let source = open_source(mirror.url(), None, Timeouts::default())?;
    let ingest = Ingest {
        shutdown: context.shutdown(),
        command: "demo".to_owned(),
        ..Ingest::new(lake.clone(), source, Arc::new(matrix), Arc::clone(&schemas), targets)
    };
    let models = Arc::new(load_models(&schemas, None)?);
    let gold =
        Gold { shutdown: ingest.shutdown.clone(), ..Gold::new(lake.clone(), models, schemas) };
    Ok(Prepared { ingest, gold: Some(gold), audit: None })
}
