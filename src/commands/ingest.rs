//! `lakehouse ingest`: fetch, decode, commit; the plan of `lakehouse plan` is what it carries out.

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::Context;
use lakehouse_core::foreign::redacted;
use lakehouse_core::plan::Plan;
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::Targets;

use super::{CommandOutcome, exit_code, gold, plan};
use crate::cli::{ReportFormat, Stage};
use crate::clock::Clock;
use crate::events::metrics::{Ended, MetricsFile};
use crate::events::summary::Counting;
use crate::events::{Event, Reporter};
use crate::gold::Gold;
use crate::ingest::{Depth, Ingest};
use crate::settings::IngestSettings;
use crate::shutdown::Shutdown;
use crate::source::location::SourceUrl;
use crate::source::open_source;
use crate::storage::lake::Lake;
use crate::terminal::TerminalReporter;
use crate::terminal::console::{self, Tone};

/// Plans and carries out, and tells what came of it, a monitoring system too.
pub(super) async fn run(
    settings: IngestSettings,
    clock: &Clock,
    reporter: &Arc<TerminalReporter>,
    metrics: &MetricsFile,
) -> anyhow::Result<CommandOutcome> {
    let outcome = Box::pin(plan_and_carry_out(settings, clock, reporter)).await;
    metrics.record(&reporter.finish(), Ended { exit_code: exit_code(&outcome), at: clock.now() });
    outcome
}

async fn plan_and_carry_out(
    settings: IngestSettings,
    clock: &Clock,
    reporter: &Arc<TerminalReporter>,
) -> anyhow::Result<CommandOutcome> {
    let format = settings.format;
    let listener: Arc<dyn Reporter> = Arc::clone(reporter) as _;
    let targets = settings.selection.targets(&settings.matrix)?;
    let Prepared { ingest, gold } = prepare(settings, targets, &listener)?;
    let counting = Arc::new(Counting::new(Arc::clone(&listener)));
    let counter: Arc<dyn Reporter> = Arc::clone(&counting) as _;
    let planning = Box::pin(ingest.plan(clock.now().date_naive(), &counter));
    if let Some(plan) = unless_stopped(&ingest, planning).await {
        let plan = plan?;
        if plan.fetch.is_empty() && plan.skipped.is_empty() {
            listener
                .report(Event::Note("nothing is published that the selection matches".to_owned()));
        }
        plan::warn(&plan, &listener);
        carry_out(&ingest, gold.as_ref(), &plan, &counting, clock).await?;
    }
    conclude(&ingest, reporter, format)
}

/// What the settings name, opened.
pub(super) struct Prepared {
    pub(super) ingest: Ingest,
    /// Nothing where gold is not wanted.
    pub(super) gold: Option<Gold>,
}

/// Waits for a plan, of which nothing is lost when the user asks to stop before it is made.
pub(super) async fn unless_stopped<T>(
    ingest: &Ingest,
    planning: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = ingest.shutdown.requested() => None,
        plan = planning => Some(plan),
    }
}

/// Does what a plan says and brings gold up to date, and stops behind the batch in flight when the
/// user asks for it.
pub(super) async fn carry_out(
    ingest: &Ingest,
    gold: Option<&Gold>,
    plan: &Plan,
    counting: &Arc<Counting>,
    clock: &Clock,
) -> anyhow::Result<()> {
    let listener: Arc<dyn Reporter> = Arc::clone(counting) as _;
    Box::pin(ingest.run(plan, counting, clock)).await?;
    if let Some(gold) = gold {
        Box::pin(gold.build(&listener, clock)).await?;
    }
    Ok(())
}

/// Tells what came of a run.
pub(super) fn conclude(
    ingest: &Ingest,
    reporter: &Arc<TerminalReporter>,
    format: ReportFormat,
) -> anyhow::Result<CommandOutcome> {
    let summary = reporter.conclude(format)?;
    if ingest.shutdown.is_requested() {
        console::tell_as(
            Tone::Answer,
            "stopped; nothing is lost, and the same command goes on from here",
        );
    }
    Ok(if summary.is_incomplete() || ingest.shutdown.is_requested() {
        CommandOutcome::Incomplete
    } else {
        CommandOutcome::Done
    })
}

/// Opens what the settings name: lake, source, schemas and models.
pub(super) fn prepare(
    settings: IngestSettings,
    targets: Targets,
    reporter: &Arc<dyn Reporter>,
) -> anyhow::Result<Prepared> {
    tell(&settings, reporter);
    let listing = settings.listing.as_ref().map(SourceUrl::expose);
    let source = open_source(settings.source.expose(), listing, settings.fetch.timeouts())
        .context("cannot use the source")?;
    let lake = Lake::open(&settings.lake)
        .with_context(|| format!("cannot use the lake {}", settings.lake))?;
    let fetch = settings.fetch.options();
    let ingest = Ingest {
        lake,
        source,
        matrix: Arc::new(settings.matrix),
        schemas: Arc::new(Schemas::builtin()?),
        targets,
        fetch,
        batch_size: settings.batch_size,
        depth: if settings.stage == Stage::Bronze { Depth::Bronze } else { Depth::Silver },
        threads: available_parallelism().map_or(1, usize::from),
        shutdown: Shutdown::on_signals(),
        command: redacted(&std::env::args().skip(1).collect::<Vec<_>>().join(" ")),
    };
    let wants_gold = settings.stage >= Stage::Gold;
    let gold =
        wants_gold.then(|| gold::behind(&ingest, settings.gold_models.as_deref())).transpose()?;
    Ok(Prepared { ingest, gold })
}

/// Tells what a user should know of the settings.
fn tell(settings: &IngestSettings, reporter: &Arc<dyn Reporter>) {
    settings.warnings.iter().for_each(|warning| reporter.report(Event::Warning(warning.clone())));
    settings.notes.iter().for_each(|note| reporter.report(Event::Note(note.clone())));
}
