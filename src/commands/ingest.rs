//! `lakehouse ingest`: fetch, decode, commit; the plan of `lakehouse plan` is what it carries out.

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::Context;
use lakehouse_core::plan::Plan;
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::Targets;

use super::plan;
use crate::cli::{ReportFormat, Stage};
use crate::clock::Clock;
use crate::commands::Outcome;
use crate::console;
use crate::ingest::{Depth, Ingest};
use crate::lake::Lake;
use crate::report::{Event, Reporter};
use crate::settings::IngestSettings;
use crate::source::open_source;
use crate::stop::Stop;
use crate::summary::Counting;
use crate::terminal::TerminalReporter;

/// Plans and carries out, and tells what came of it.
pub(super) async fn run(
    settings: IngestSettings,
    clock: &Clock,
    reporter: &Arc<TerminalReporter>,
) -> anyhow::Result<Outcome> {
    let format = settings.format;
    let listener: Arc<dyn Reporter> = Arc::clone(reporter) as _;
    let targets = settings.selection.targets(&settings.matrix)?;
    let ingest = prepare(settings, targets, &listener)?;
    let counting = Arc::new(Counting::new(Arc::clone(&listener)));
    let plan = Box::pin(ingest.plan(clock.now().date_naive(), &(Arc::clone(&counting) as _))).await?;
    plan::warn(&plan, &listener);
    carry_out(&ingest, &plan, &counting, clock).await?;
    conclude(&ingest, reporter, format)
}

/// Does what a plan says, and stops behind the batch in flight when the user asks for it.
pub(super) async fn carry_out(
    ingest: &Ingest,
    plan: &Plan,
    counting: &Arc<Counting>,
    clock: &Clock,
) -> anyhow::Result<()> {
    Box::pin(ingest.run(plan, counting, clock)).await?;
    Ok(())
}

/// Tells what came of a run.
pub(super) fn conclude(
    ingest: &Ingest,
    reporter: &Arc<TerminalReporter>,
    format: ReportFormat,
) -> anyhow::Result<Outcome> {
    let summary = reporter.conclude(format)?;
    if ingest.stop.is_asked() {
        console::tell("stopped behind the batch in flight; the same command goes on from here");
    }
    Ok(if summary.is_incomplete() || ingest.stop.is_asked() { Outcome::Incomplete } else { Outcome::Done })
}

/// Opens what the settings name: lake, source and schemas.
pub(super) fn prepare(
    settings: IngestSettings,
    targets: Targets,
    reporter: &Arc<dyn Reporter>,
) -> anyhow::Result<Ingest> {
    tell(&settings, reporter);
    let source = open_source(&settings.source, settings.listing.as_deref(), settings.fetch.timeouts())
        .with_context(|| format!("cannot use the source {}", settings.source))?;
    let lake = Lake::open(&settings.lake).with_context(|| format!("cannot use the lake {}", settings.lake))?;
    let fetch = settings.fetch.options();
    Ok(Ingest {
        lake,
        source,
        matrix: Arc::new(settings.matrix),
        schemas: Arc::new(Schemas::builtin()?),
        targets,
        fetch,
        batch_size: settings.batch_size,
        depth: if settings.stage == Stage::Bronze { Depth::Bronze } else { Depth::Silver },
        threads: available_parallelism().map_or(1, usize::from),
        stop: Stop::on_signals(),
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
    })
}

/// Tells what a user should know of the settings.
fn tell(settings: &IngestSettings, reporter: &Arc<dyn Reporter>) {
    settings.warnings.iter().for_each(|warning| reporter.report(Event::Warning(warning.clone())));
    settings.notes.iter().for_each(|note| reporter.report(Event::Note(note.clone())));
}
