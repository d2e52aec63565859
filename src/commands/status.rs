//! `lakehouse status`: what the lake holds, what is missing, and why.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;

use super::context::{Context, open_lake};
use super::names::misspelled_in_lake;
use super::scope::scope;
use super::{CommandOutcome, names};
use crate::cli::{ReportFormat, StatusFlags};
use crate::meta::scope::Scope;
use crate::query::{Session, SessionOptions};
use crate::settings::Settings;
use crate::status::{LakeStatus, StatusDocument};
use crate::terminal::console::{self, MessageKind};

/// Prints the status; failed archives are part of it and no failure of the command.
pub(super) async fn run(flags: &StatusFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let scope = scope(&flags.scope, &settings.matrix)?;
    let mut status = read(&settings, &scope, context).await?;
    if let Some(max_age) = flags.max_age {
        let max_age = TimeDelta::from_std(max_age).context("--max-age")?;
        status.find_stale(&settings.matrix, context.clock.now(), max_age);
    }
    if flags.format == ReportFormat::Text && status.has_calendars() {
        let session = Session::open(&open_lake(&settings.lake)?, SessionOptions::default())?;
        status.find_provisional_days(&session, &scope).await?;
    }
    match flags.format {
        ReportFormat::Json => console::print_json(&StatusDocument::new(&settings.lake, &status))?,
        ReportFormat::Text => console::print(&text(flags, &status))?,
    }
    let matrix = Arc::new(settings.matrix.clone());
    let misspelled = misspelled_in_lake(&open_lake(&settings.lake)?, &matrix, &scope).await?;
    let outcome = names::check(&misspelled, status.series.is_empty(), |text| {
        context.console.show(MessageKind::Warning, &text);
    })?;
    if let Some(hint) = hint(flags, &status, &settings.lake) {
        context.console.info(&hint);
    }
    let is_stale = status.stale.as_ref().is_some_and(|stale| !stale.is_empty());
    Ok(if is_stale { CommandOutcome::Incomplete } else { outcome })
}

/// Reads the status of the lake that the settings name.
pub(super) async fn read(
    settings: &Settings,
    scope: &Scope,
    context: &Context,
) -> anyhow::Result<LakeStatus> {
    let lake = open_lake(&settings.lake)?;
    let matrix = Arc::new(settings.matrix.clone());
    let status = Box::pin(LakeStatus::read(&lake, &matrix, scope, context.today())).await;
    status.with_context(|| format!("cannot use the lake {}", settings.lake))
}

fn text(flags: &StatusFlags, status: &LakeStatus) -> String {
    let mut parts: Vec<String> = match (flags.gaps, flags.failed) {
        (false, false) => vec![status.overview()],
        (true, false) => vec![status.gaps()],
        (false, true) => vec![status.failed()],
        (true, true) => vec![status.gaps(), status.failed()],
    };
    if status.stale.as_ref().is_some_and(|stale| !stale.is_empty()) {
        parts.push(status.stale());
    }
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
        (totals.missing, "--gaps shows which days and why"),
        (totals.failed, "--failed shows which archives"),
    ];
    let hints: Vec<&str> =
        hints.iter().filter(|(count, _)| *count > 0).map(|(_, hint)| *hint).collect();
    (!hints.is_empty()).then(|| hints.join("; "))
}
