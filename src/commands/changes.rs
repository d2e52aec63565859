//! `lakehouse changes`: which archives were corrected, when, and how many rows that changed.

use anyhow::Context;
use chrono::SecondsFormat;

use super::CommandOutcome;
use crate::cli::{ChangesFlags, ReportFormat};
use crate::meta::changes::{ChangesTable, Correction};
use crate::settings::Settings;
use crate::storage::lake::Lake;
use crate::terminal::console;

/// Characters of a SHA-256 that are shown to people; names in bronze have as many.
const SHORT_SUM: usize = 12;

/// Prints the corrections, oldest first.
pub(super) async fn run(
    flags: ChangesFlags,
    settings: &Settings,
) -> anyhow::Result<CommandOutcome> {
    let lake = Lake::open(&settings.lake)
        .with_context(|| format!("cannot use the lake {}", settings.lake))?;
    let mut corrections = Box::pin(ChangesTable::peek(&lake)).await?;
    corrections
        .retain(|correction| flags.since.is_none_or(|since| correction.committed_at >= since));
    match flags.format {
        ReportFormat::Json => console::print_json(&corrections)?,
        ReportFormat::Text if corrections.is_empty() => {}
        ReportFormat::Text => console::print(&table(&corrections))?,
    }
    console::tell(&summary(&corrections));
    Ok(CommandOutcome::Done)
}

fn table(corrections: &[Correction]) -> String {
    let header =
        ["committed at", "archive", "old", "new", "added", "removed", "changed", "version", "run"];
    let rows: Vec<Vec<String>> = corrections.iter().map(cells).collect();
    console::columns(&header, &rows)
}

fn cells(correction: &Correction) -> Vec<String> {
    let short = |sum: &str| sum.chars().take(SHORT_SUM).collect();
    vec![
        correction.committed_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        correction.archive.clone(),
        short(&correction.old_sha256),
        short(&correction.new_sha256),
        correction.rows_added.to_string(),
        correction.rows_removed.to_string(),
        correction.rows_changed.to_string(),
        format!("{} {}", correction.silver_table, correction.silver_version),
        correction.run.clone(),
    ]
}

fn summary(corrections: &[Correction]) -> String {
    let sum = |rows: fn(&Correction) -> u64| corrections.iter().map(rows).sum::<u64>();
    let (added, removed) =
        (sum(|correction| correction.rows_added), sum(|correction| correction.rows_removed));
    let changed = sum(|correction| correction.rows_changed);
    match corrections.len() {
        0 => "nothing was corrected".to_owned(),
        1 => format!("1 correction: {added} rows added, {removed} removed, {changed} changed"),
        more => {
            format!("{more} corrections: {added} rows added, {removed} removed, {changed} changed")
        }
    }
}
