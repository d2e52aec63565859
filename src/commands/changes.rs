//! `lakehouse changes`: which archives were corrected, when, and how many rows that changed.

use chrono::SecondsFormat;

use super::CommandOutcome;
use super::context::{Context, open_lake};
use crate::cli::{ChangesFlags, ReportFormat};
use crate::meta::changes::{ChangesTable, Correction};
use crate::terminal::console;

/// Characters of a SHA-256 that are shown to people; names in bronze have as many.
const SHORT_SUM: usize = 12;

/// Prints the corrections, oldest first.
pub(super) async fn run(flags: ChangesFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let lake = open_lake(&context.settings()?.lake)?;
    let mut corrections = Box::pin(ChangesTable::peek(&lake)).await?;
    corrections
        .retain(|correction| flags.since.is_none_or(|since| correction.committed_at >= since));
    match flags.format {
        ReportFormat::Json => console::print_json(&corrections)?,
        ReportFormat::Text if corrections.is_empty() => {}
        ReportFormat::Text => console::print(&table(&corrections))?,
    }
    context.console.info(&summary(&corrections));
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
    let added = sum(|correction| correction.rows_added);
    let removed = sum(|correction| correction.rows_removed);
    let changed = sum(|correction| correction.rows_changed);
    let corrections = match corrections.len() {
        0 => return "nothing was corrected".to_owned(),
        1 => "1 correction".to_owned(),
        more => format!("{more} corrections"),
    };
    format!("{corrections}: {added} rows added, {removed} removed, {changed} changed")
}
