//! `lakehouse plan`: what an ingest would do, and why, as text or JSON.

use std::io;
use std::sync::Arc;

use bytesize::ByteSize;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::plan::{Missing, Plan, SummaryRow};

use super::{CommandOutcome, ingest};
use crate::cli::ReportFormat;
use crate::clock::Clock;
use crate::events::{Event, Reporter};
use crate::settings::IngestSettings;
use crate::terminal::{TerminalReporter, console};

/// Keys and series that are named one by one; the JSON form has them all.
const NAMED: usize = 5;

/// Makes the plan and prints it.
pub(super) async fn run(
    settings: IngestSettings,
    clock: &Clock,
    reporter: Arc<TerminalReporter>,
) -> anyhow::Result<CommandOutcome> {
    let format = settings.format;
    let listener: Arc<dyn Reporter> = Arc::clone(&reporter) as _;
    let targets = settings.selection.targets(&settings.matrix)?;
    let prepared = ingest::prepare(settings, targets, &listener)?.ingest;
    let planning = Box::pin(prepared.plan(clock.now().date_naive(), &listener));
    let planned = ingest::unless_stopped(&prepared, planning).await;
    let _ = reporter.finish();
    let Some(plan) = planned else { return Ok(CommandOutcome::Incomplete) };
    print(&plan?, format)?;
    Ok(CommandOutcome::Done)
}

/// Warns of what the plan passes over, where the plan itself is not printed.
pub(super) fn warn(plan: &Plan, reporter: &Arc<dyn Reporter>) {
    for text in [unknown(&plan.unknown), missing(&plan.missing)] {
        if !text.is_empty() {
            reporter.report(Event::Note(text.trim_end().to_owned()));
        }
    }
}

/// Prints a plan as a result.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn print(plan: &Plan, format: ReportFormat) -> io::Result<()> {
    match format {
        ReportFormat::Text => console::print(&describe(plan)),
        ReportFormat::Json => console::print_json(plan),
    }
}

/// Describes a plan for people: decisions counted by reason, totals, and what is amiss.
#[doc(hidden)]
#[must_use]
pub fn describe(plan: &Plan) -> String {
    let summary = plan.summary();
    let mut text = String::new();
    if !summary.is_empty() {
        let rows: Vec<Vec<String>> = summary.iter().map(cells).collect();
        text = console::columns(
            &["market", "data type", "action", "archives", "size", "reason"],
            &rows,
        );
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
        _ => format!(
            "{} to fetch, {}; {skip} skipped\n",
            count(fetch, "archive"),
            size(plan.bytes())
        ),
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
    format!(
        "published, and no archive of a known kind: {}\n{named}{}",
        count(keys.len(), "key"),
        more(keys.len())
    )
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
