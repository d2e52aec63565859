//! `lakehouse plan`: what an ingest would do, and why, as text or JSON.

use std::io;

use anyhow::bail;
use bytesize::ByteSize;
use chrono::{DateTime, Utc};
use lakehouse_core::period::DateRange;
use lakehouse_core::plan::{Missing, Plan, SummaryRow};

use crate::cli::ReportFormat;
use crate::commands::Outcome;
use crate::console;
use crate::report::{Event, Reporter};
use crate::settings::IngestSettings;

/// Keys and series that are named one by one; the JSON form has them all.
const NAMED: usize = 5;

/// Makes the plan and prints it.
pub(super) async fn run(
    settings: IngestSettings,
    _now: DateTime<Utc>,
    reporter: &dyn Reporter,
) -> anyhow::Result<Outcome> {
    tell(&settings, reporter);
    let targets = settings.selection.targets(&settings.matrix)?;
    targets.notes.iter().for_each(|note| reporter.report(Event::Note(note.to_string())));
    bail!("planning needs the listing, which is not built yet")
}

/// Tells what a user should know of the settings.
pub(super) fn tell(settings: &IngestSettings, reporter: &dyn Reporter) {
    for warning in &settings.warnings {
        reporter.report(Event::Warning(warning.clone()));
    }
    for note in &settings.notes {
        reporter.report(Event::Note(note.clone()));
    }
}

/// Prints a plan as a result.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(plan: &Plan, format: ReportFormat) -> io::Result<()> {
    match format {
        ReportFormat::Text => console::print(&describe(plan)),
        ReportFormat::Json => console::print_json(plan),
    }
}

/// Describes a plan for people: decisions counted by reason, totals, and what is amiss.
#[must_use]
pub fn describe(plan: &Plan) -> String {
    let summary = plan.summary();
    let mut text = String::new();
    if !summary.is_empty() {
        let rows: Vec<Vec<String>> = summary.iter().map(cells).collect();
        text = console::columns(&["market", "data type", "action", "archives", "size", "reason"], &rows);
        text.push('\n');
    }
    text.push_str(&totals(plan));
    text.push_str(&missing(&plan.missing));
    text.push_str(&unknown(&plan.unknown));
    text
}

fn cells(row: &SummaryRow) -> Vec<String> {
    vec![
        row.market.to_string(),
        row.data_type.to_string(),
        row.action.to_owned(),
        row.archives.to_string(),
        size(row.bytes),
        row.reason.clone(),
    ]
}

fn totals(plan: &Plan) -> String {
    let (fetch, skip) = (plan.fetch.len(), plan.skipped.len());
    match fetch {
        0 if skip == 0 => "nothing is published that the selection matches\n".to_owned(),
        0 => format!("nothing to fetch; {} skipped\n", count(skip, "archive")),
        _ => format!("{} to fetch, {}; {skip} skipped\n", count(fetch, "archive"), size(plan.bytes())),
    }
}

fn missing(series: &[Missing]) -> String {
    if series.is_empty() {
        return String::new();
    }
    let archives: usize = series.iter().map(|missing| missing.archives).sum();
    let mut text = format!("expected and not published: {}\n", count(archives, "archive"));
    for missing in series.iter().take(NAMED) {
        let ranges: Vec<String> = missing.ranges.iter().copied().map(days).collect();
        let (series, frequency) = (&missing.series, missing.frequency);
        text.push_str(&format!("  {series} {frequency}: {}\n", ranges.join(", ")));
    }
    text + &more(series.len())
}

fn unknown(keys: &[String]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let named = keys.iter().take(NAMED).map(|key| format!("  {key}\n")).collect::<String>();
    format!("published, and no archive of a known kind: {}\n{named}{}", count(keys.len(), "key"), more(keys.len()))
}

fn days(range: DateRange) -> String {
    match range {
        DateRange { start: Some(start), end: Some(end) } if start == end => start.to_string(),
        _ => range.to_string(),
    }
}

fn more(count: usize) -> String {
    match count.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("  and {more} more; --format json has them all\n"),
    }
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}
