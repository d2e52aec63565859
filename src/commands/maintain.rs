//! `lakehouse maintain`: compact, checkpoint, clean up.

use std::sync::Arc;

use anyhow::Context;
use lakehouse_core::schema::Schemas;

use super::CommandOutcome;
use crate::cli::{MaintainFlags, ReportFormat};
use crate::clock::Clock;
use crate::gold::load_models;
use crate::maintain::{CompactionLimits, DEFAULT_RETENTION, Maintain};
use crate::settings::Settings;
use crate::storage::lake::Lake;
use crate::terminal::console;

/// Maintains the lake and prints what was done.
pub(super) async fn run(
    flags: MaintainFlags,
    settings: Settings,
    clock: &Clock,
) -> anyhow::Result<CommandOutcome> {
    let schemas = Arc::new(Schemas::builtin()?);
    let maintain = Maintain {
        lake: Lake::open(&settings.lake)
            .with_context(|| format!("cannot use the lake {}", settings.lake))?,
        matrix: Arc::new(settings.matrix),
        models: Arc::new(load_models(&schemas, settings.gold_models.as_deref())?),
        schemas,
        dry_run: flags.dry_run,
        tables: flags.table,
        retention: flags.retention.unwrap_or(DEFAULT_RETENTION),
        rebuild_ledger: flags.rebuild_ledger,
        limits: CompactionLimits::default(),
    };
    let report = Box::pin(maintain.run(clock)).await?;
    match flags.format {
        ReportFormat::Text if report.dry_run => console::print(&report.to_string())?,
        ReportFormat::Text => console::tell(report.to_string().trim_end()),
        ReportFormat::Json => console::print_json(&report)?,
    }
    Ok(if report.is_incomplete() { CommandOutcome::Incomplete } else { CommandOutcome::Done })
}
