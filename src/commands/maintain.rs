//! `lakehouse maintain`: compact, checkpoint, clean up.

use std::fmt::Display;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use lakehouse_core::schema::Schemas;
use serde::Serialize;

use super::CommandOutcome;
use super::context::{Context, open_lake, source_of_dropped};
use crate::cli::{MaintainFlags, ReportFormat};
use crate::events::document::{RunDocument, RunOutcome, SharedFields, TableFailure};
use crate::gold::load_models;
use crate::maintain::{
    CompactionLimits, DEFAULT_RETENTION, Maintain, Repair, TableRepair, TableReport,
};
use crate::terminal::console;

/// Maintains the lake and prints what was done.
pub(super) async fn run(flags: MaintainFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    if flags.repair {
        return repair(flags, context).await;
    }
    let settings = context.settings()?;
    let schemas = Arc::new(Schemas::builtin()?);
    let bronze = settings.bronze(flags.bronze);
    let maintain = Maintain {
        lake: open_lake(&settings.lake)?,
        matrix: Arc::new(settings.matrix),
        models: Arc::new(load_models(&schemas, settings.gold_models.as_deref())?),
        schemas,
        dry_run: flags.dry_run,
        tables: flags.table,
        retention: flags.retention.unwrap_or(DEFAULT_RETENTION),
        rebuild_ledger: flags.rebuild_ledger,
        bronze,
        limits: CompactionLimits::default(),
    };
    let started = Instant::now();
    let report = Box::pin(maintain.run(&context.clock)).await?;
    let ended = Ended {
        run: report.run.as_deref(),
        dry_run: report.dry_run,
        is_incomplete: report.is_incomplete(),
        seconds: started.elapsed().as_secs_f64(),
        failures: report.tables.iter().filter_map(failed_table).collect(),
    };
    ended.conclude(&report, flags.format, context)
}

/// Repairs the lake and prints what was done.
async fn repair(flags: MaintainFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let lake = open_lake(&settings.lake)?;
    let source = source_of_dropped(&lake, &settings, &flags.source).await?;
    let repair = Repair {
        lake,
        matrix: Arc::new(settings.matrix),
        schemas: Arc::new(Schemas::builtin()?),
        dry_run: flags.dry_run,
        tables: flags.table,
        deep: flags.deep,
        source,
        threads: available_parallelism().map_or(1, usize::from),
    };
    let started = Instant::now();
    let report = Box::pin(repair.run(&context.clock)).await?;
    let ended = Ended {
        run: report.run.as_deref(),
        dry_run: report.dry_run,
        is_incomplete: report.is_incomplete(),
        seconds: started.elapsed().as_secs_f64(),
        failures: report.tables.iter().flat_map(failed_archives).collect(),
    };
    ended.conclude(&report, flags.format, context)
}

fn failed_table(table: &TableReport) -> Option<TableFailure<'_>> {
    table.failure.as_ref().map(|reason| TableFailure { table: &table.table, reason })
}

fn failed_archives(table: &TableRepair) -> impl Iterator<Item = TableFailure<'_>> {
    table.failed.iter().map(|archive| TableFailure { table: &table.table, reason: &archive.reason })
}

/// How maintenance ended, apart from what it did.
struct Ended<'a> {
    run: Option<&'a str>,
    dry_run: bool,
    is_incomplete: bool,
    seconds: f64,
    failures: Vec<TableFailure<'a>>,
}

impl Ended<'_> {
    /// Prints the report and returns how the command ended.
    fn conclude<R: Display + Serialize>(
        self,
        report: &R,
        format: ReportFormat,
        context: &Context,
    ) -> anyhow::Result<CommandOutcome> {
        let is_incomplete = self.is_incomplete;
        match format {
            ReportFormat::Text if self.dry_run => console::print(&report.to_string())?,
            ReportFormat::Text => context.console.info(report.to_string().trim_end()),
            ReportFormat::Json => console::print_json(&RunDocument {
                command: "maintain",
                run: self.run,
                outcome: RunOutcome::of(is_incomplete),
                shared: SharedFields {
                    seconds: Some(self.seconds),
                    tables: None,
                    failures: Some(self.failures),
                },
                details: report,
            })?,
        }
        Ok(if is_incomplete { CommandOutcome::Incomplete } else { CommandOutcome::Done })
    }
}
