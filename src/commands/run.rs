//! The parts that ingest, refresh, plan and demo share: opening what the settings name, reporting,
//! and carrying out a plan.

use std::io;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use lakehouse_core::foreign::redacted;
use lakehouse_core::ledger::BronzePolicy;
use lakehouse_core::plan::Plan;
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::Targets;
use uuid::Uuid;

use super::context::{Context, open_lake};
use super::{CommandOutcome, names};
use crate::audit::{Audit, load_checks};
use crate::cli::{ReportFormat, Stage};
use crate::clock::Clock;
use crate::delta::commit::CommitContext;
use crate::events::document::{RunDocument, RunOutcome, SharedFields};
use crate::events::lineage::Job;
use crate::events::summary::{Counting, Summary};
use crate::events::{Event, Reporter};
use crate::gold::{Gold, load_models};
use crate::ingest::{Depth, Ingest};
use crate::recent::settle;
use crate::settings::IngestSettings;
use crate::shutdown::Shutdown;
use crate::source::location::SourceUrl;
use crate::source::open_source;
use crate::terminal::console::{self, MessageKind};
use crate::terminal::{TerminalReporter, usage};

/// The events of one run: counted, then shown.
#[derive(Clone, Debug)]
pub(super) struct RunReporter {
    terminal: Arc<TerminalReporter>,
    pub(super) counting: Arc<Counting>,
}

impl RunReporter {
    pub(super) fn new(terminal: Arc<TerminalReporter>) -> Self {
        let counting = Arc::new(Counting::new(Arc::clone(&terminal) as _));
        Self { terminal, counting }
    }

    /// Makes the reporter of the next run, which counts from zero.
    pub(super) fn restarted(&self) -> Self {
        Self::new(Arc::new(self.terminal.restarted()))
    }

    /// Returns the receiver of events.
    pub(super) fn listener(&self) -> Arc<dyn Reporter> {
        Arc::clone(&self.counting) as _
    }

    /// Takes the bars away and returns the figures so far.
    pub(super) fn finish(&self) -> Summary {
        self.terminal.finish();
        self.counting.summary()
    }

    /// Shows the summary of a run, and whether it was stopped.
    pub(super) fn conclude(
        &self,
        ingest: &Ingest,
        command: &'static str,
        format: ReportFormat,
    ) -> anyhow::Result<CommandOutcome> {
        let summary = self.counting.summary();
        let is_stopped = ingest.shutdown.is_requested();
        let is_incomplete = is_stopped || summary.is_incomplete();
        match format {
            ReportFormat::Text => self.terminal.conclude(&summary),
            ReportFormat::Json => self.print_document(command, &summary, is_incomplete)?,
        }
        if is_stopped {
            self.terminal.console().show(
                MessageKind::Reply,
                "stopped; nothing is lost, and the same command continues from here",
            );
        }
        Ok(if is_incomplete { CommandOutcome::Incomplete } else { CommandOutcome::Done })
    }

    fn print_document(
        &self,
        command: &'static str,
        summary: &Summary,
        is_incomplete: bool,
    ) -> io::Result<()> {
        self.terminal.finish();
        console::print_json(&RunDocument {
            command,
            run: summary.run.as_deref(),
            outcome: RunOutcome::of(is_incomplete),
            shared: SharedFields::default(),
            details: summary,
        })
    }
}

/// What the settings name, opened.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) ingest: Ingest,
    /// Nothing if the run ends before gold.
    pub(super) gold: Option<Gold>,
    /// Nothing unless it was requested.
    pub(super) audit: Option<Audit>,
}

impl Prepared {
    /// Opens lake, source, schemas and models, and reports notes and warnings of the settings.
    pub(super) fn open(
        settings: IngestSettings,
        targets: Targets,
        context: &Context,
        reporter: &Arc<dyn Reporter>,
    ) -> anyhow::Result<Self> {
        Self::open_until(settings, targets, context.shutdown(), reporter)
    }

    /// Does the same where something else requests that runs stop.
    pub(super) fn open_until(
        settings: IngestSettings,
        targets: Targets,
        shutdown: Shutdown,
        reporter: &Arc<dyn Reporter>,
    ) -> anyhow::Result<Self> {
        report_settings(&settings, reporter);
        let listing = settings.listing.as_ref().map(SourceUrl::expose);
        let source = open_source(settings.source.expose(), listing, settings.timeouts)
            .context("cannot use the source")?;
        let lake = open_lake(&settings.lake)?;
        let matrix = Arc::new(settings.matrix);
        let schemas = Arc::new(Schemas::builtin()?);
        // Processes that share a lake would build the same days of it.
        let is_alone = settings.shard.is_whole();
        if !is_alone {
            let shard = settings.shard;
            let note = format!(
                "this is shard {shard}: gold and audits are left to `lakehouse gold` and \
                 `lakehouse audit` after all shards"
            );
            reporter.report(Event::Note(note));
        }
        let is_bronze = settings.stage == Stage::Bronze;
        if is_bronze && settings.bronze == BronzePolicy::Checksums {
            bail!(
                "bronze = \"checksums\" keeps archives only until they are in silver: use it \
                 without --stage bronze"
            );
        }
        let ingest = Ingest {
            fetch: settings.fetch,
            bronze: settings.bronze,
            batch: settings.batch,
            depth: if is_bronze { Depth::Bronze } else { Depth::Silver },
            restore: settings.restore,
            shard: settings.shard,
            shutdown,
            command: redacted(&usage::arguments().skip(1).collect::<Vec<_>>().join(" ")),
            ..Ingest::new(lake, source, matrix, schemas, targets)
        };
        let mut gold = None;
        if is_alone && settings.stage >= Stage::Gold {
            let models = load_models(&ingest.schemas, settings.gold_models.as_deref())?;
            gold = Some(Gold {
                shutdown: ingest.shutdown.clone(),
                ..Gold::new(ingest.lake.clone(), Arc::new(models), Arc::clone(&ingest.schemas))
            });
        }
        let mut audit = None;
        if is_alone && settings.audit {
            let models = load_models(&ingest.schemas, settings.gold_models.as_deref())?;
            let checks = settings.audit_checks.as_deref();
            let checks = Arc::new(load_checks(&ingest.schemas, &models, checks)?);
            let shutdown = ingest.shutdown.clone();
            audit = Some(Audit { shutdown, ..Audit::new(ingest.lake.clone(), checks) });
        }
        Ok(Self { ingest, gold, audit })
    }

    /// Carries out a plan, updates gold and audits; all end early when a shutdown is requested.
    pub(super) async fn carry_out(
        &self,
        plan: &Plan,
        reporter: &RunReporter,
        clock: &Clock,
    ) -> anyhow::Result<()> {
        Box::pin(self.ingest.run(plan, &reporter.counting, clock)).await?;
        Box::pin(self.settle(reporter, clock)).await?;
        if let Some(gold) = &self.gold {
            Box::pin(gold.build(&reporter.listener(), clock)).await?;
        }
        if let Some(audit) = self.audit.as_ref().filter(|audit| !audit.shutdown.is_requested()) {
            let report = Box::pin(audit.run(&reporter.listener(), clock)).await?;
            reporter.listener().report(Event::Audited(report.open));
        }
        Ok(())
    }
}

impl Prepared {
    /// Takes out the provisional rows that were published.
    async fn settle(&self, reporter: &RunReporter, clock: &Clock) -> anyhow::Result<()> {
        let Ingest { lake, schemas, matrix, shutdown, depth, .. } = &self.ingest;
        if *depth == Depth::Bronze {
            return Ok(());
        }
        let run = Uuid::now_v7().simple().to_string();
        let shutdown = shutdown.clone();
        let context = CommitContext { run: run.into(), clock: clock.clone(), shutdown };
        for settled in settle(lake, schemas, matrix, &context).await? {
            reporter.listener().report(Event::Note(settled.to_string()));
        }
        Ok(())
    }
}

/// Reports names of symbols that are misspelled; a plan of which nothing else is left is an error.
pub(super) fn check_names(
    plan: &Plan,
    reporter: &Arc<dyn Reporter>,
) -> anyhow::Result<CommandOutcome> {
    let is_empty = plan.fetch.is_empty() && plan.skipped.is_empty();
    names::check(&plan.misspelled, is_empty, |text| reporter.report(Event::Warning(text)))
}

/// Waits for a plan; returns nothing if a shutdown is requested first. A plan changes nothing.
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

/// Returns what a command works on.
pub(super) fn job(command: &'static str, settings: &IngestSettings) -> Job {
    Job { command, lake: settings.lake.clone(), source: Some(settings.source.to_string()) }
}

fn report_settings(settings: &IngestSettings, reporter: &Arc<dyn Reporter>) {
    for warning in &settings.warnings {
        reporter.report(Event::Warning(warning.clone()));
    }
    for note in &settings.notes {
        reporter.report(Event::Note(note.clone()));
    }
}
