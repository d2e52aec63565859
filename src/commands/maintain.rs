//! `lakehouse maintain`: compact, checkpoint, clean up.

use std::sync::Arc;
use std::thread::available_parallelism;

use lakehouse_core::schema::Schemas;

use super::CommandOutcome;
use super::context::{Context, open_lake};
use crate::cli::{MaintainFlags, ReportFormat};
use crate::gold::load_models;
use crate::maintain::{CompactionLimits, DEFAULT_RETENTION, Maintain, Repair};
use crate::terminal::console;

/// Maintains the lake and prints what was done.
pub(super) async fn run(flags: MaintainFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    if flags.repair {
        return repair(flags, context).await;
    }
    let settings = context.settings()?;
    let schemas = Arc::new(Schemas::builtin()?);
    let maintain = Maintain {
        lake: open_lake(&settings.lake)?,
        matrix: Arc::new(settings.matrix),
        models: Arc::new(load_models(&schemas, settings.gold_models.as_deref())?),
        schemas,
        dry_run: flags.dry_run,
        tables: flags.table,
        retention: flags.retention.unwrap_or(DEFAULT_RETENTION),
        rebuild_ledger: flags.rebuild_ledger,
        limits: CompactionLimits::default(),
    };
    let report = Box::pin(maintain.run(&context.clock)).await?;
    match flags.format {
        ReportFormat::Text if report.dry_run => console::print(&report.to_string())?,
        ReportFormat::Text => context.console.info(report.to_string().trim_end()),
        ReportFormat::Json => console::print_json(&report)?,
    }
    Ok(if report.is_incomplete() { CommandOutcome::Incomplete } else { CommandOutcome::Done })
}

/// Repairs the lake and prints what was done.
async fn repair(flags: MaintainFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let repair = Repair {
        lake: open_lake(&settings.lake)?,
        matrix: Arc::new(settings.matrix),
        schemas: Arc::new(Schemas::builtin()?),
        dry_run: flags.dry_run,
        tables: flags.table,
        deep: flags.deep,
        threads: available_parallelism().map_or(1, usize::from),
    };
    let report = Box::pin(repair.run(&context.clock)).await?;
    match flags.format {
        ReportFormat::Text if report.dry_run => console::print(&report.to_string())?,
        ReportFormat::Text => context.console.info(report.to_string().trim_end()),
        ReportFormat::Json => console::print_json(&report)?,
    }
    Ok(if report.is_incomplete() { CommandOutcome::Incomplete } else { CommandOutcome::Done })
}
