//! `lakehouse status`: what the lake holds, what it lacks and why.

use std::sync::Arc;

use anyhow::Context;

use super::CommandOutcome;
use super::scope::scope;
use crate::cli::{ReportFormat, StatusFlags};
use crate::clock::Clock;
use crate::meta::scope::Scope;
use crate::settings::Settings;
use crate::status::{LakeStatus, StatusDocument};
use crate::storage::lake::Lake;
use crate::terminal::console;

/// Prints the status; that archives failed is its content and no failure of its own.
pub(super) async fn run(
    flags: &StatusFlags,
    settings: &Settings,
    clock: &Clock,
) -> anyhow::Result<CommandOutcome> {
    let status = read(settings, &scope(&flags.scope, &settings.matrix)?, clock).await?;
    match flags.format {
        ReportFormat::Json => console::print_json(&StatusDocument::new(&settings.lake, &status))?,
        ReportFormat::Text => console::print(&text(flags, &status))?,
    }
    if let Some(hint) = hint(flags, &status, &settings.lake) {
        console::tell(&hint);
    }
    Ok(CommandOutcome::Done)
}

/// Reads the status of the lake that the settings name.
pub(super) async fn read(
    settings: &Settings,
    scope: &Scope,
    clock: &Clock,
) -> anyhow::Result<LakeStatus> {
    let unusable = || format!("cannot use the lake {}", settings.lake);
    let lake = Lake::open(&settings.lake).with_context(unusable)?;
    let matrix = Arc::new(settings.matrix.clone());
    let status = Box::pin(LakeStatus::read(&lake, &matrix, scope, clock.now().date_naive())).await;
    status.with_context(unusable)
}

fn text(flags: &StatusFlags, status: &LakeStatus) -> String {
    let parts: Vec<String> = match (flags.gaps, flags.failed) {
        (false, false) => vec![status.overview()],
        (true, false) => vec![status.gaps()],
        (false, true) => vec![status.failed()],
        (true, true) => vec![status.gaps(), status.failed()],
    };
    parts.join("\n")
}

/// Returns what to type next, if anything.
fn hint(flags: &StatusFlags, status: &LakeStatus, lake: &str) -> Option<String> {
    if status.series.is_empty() {
        return Some(format!(
            "the lake {lake} holds nothing of this yet; lakehouse ingest fills it"
        ));
    }
    let totals = status.totals();
    if flags.gaps || flags.failed || flags.format == ReportFormat::Json {
        return None;
    }
    let hints = [
        (totals.missing, "--gaps tells which days and why"),
        (totals.failed, "--failed tells which archives"),
    ];
    let hints: Vec<&str> =
        hints.iter().filter(|(count, _)| *count > 0).map(|(_, hint)| *hint).collect();
    (!hints.is_empty()).then(|| hints.join("; "))
}
