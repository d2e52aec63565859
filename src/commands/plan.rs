//! `lakehouse plan`: what an ingest would do, and why, as text or JSON.

use std::io;
use std::sync::Arc;

use bytesize::ByteSize;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::plan::{Missing, Plan, SummaryRow};

use super::CommandOutcome;
use super::context::Context;
use super::run::{Prepared, RunReporter, check_names, unless_stopped};
use crate::cli::{PlanFlags, ReportFormat};
use crate::events::{Event, Reporter};
use crate::settings::IngestSettings;
use crate::terminal::console;

/// Keys and series that are named one by one; the JSON form has them all.
const NAMED: usize = 5;

/// Makes the plan and prints it.
pub(super) async fn run(flags: &PlanFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    show(context.settings()?.plan(flags, context.today())?, context).await
}

/// Makes the plan of an ingest with these settings and prints it.
pub(super) async fn show(
    settings: IngestSettings,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let format = settings.format;
    let reporter = RunReporter::new(context.reporter());
    let listener = reporter.listener();
    let targets = settings.selection.targets(&settings.matrix)?;
    let prepared = Prepared::open(settings, targets, context, &listener)?;
    let planning = Box::pin(prepared.ingest.plan(context.today(), &listener));
    let planned = unless_stopped(&prepared.ingest, planning).await;
    let _ = reporter.finish();
    let Some(plan) = planned else { return Ok(CommandOutcome::Incomplete) };
    let plan = plan?;
    print(&plan, format)?;
    check_names(&plan, &listener)
}

/// Reports missing archives and unknown keys, when the plan itself is not printed.
pub(super) fn report_omissions(plan: &Plan, reporter: &Arc<dyn Reporter>) {
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

/// Describes a plan for people: decisions counted by reason, totals, missing and unknown archives.
#[doc(hidden)]
#[must_use]
pub fn describe(plan: &Plan) -> String {
    let summary = plan.summary();
    let mut text = String::new();
    if !summary.is_empty() {
        let rows: Vec<Vec<String>> = summary.iter().map(cells).collect();
        let header = ["market", "data type", "action", "archives", "size", "reason"];
        text = console::columns(&header, &rows);
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
    let fetch = plan.fetch.len();
    let skip = plan.skipped.len();
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
        let Missing { series, frequency, .. } = missing;
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
