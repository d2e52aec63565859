//! `lakehouse plan`: what an ingest would do, and why, as text or JSON.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::sync::Arc;

use anyhow::Context as _;
use bytesize::ByteSize;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::plan::{Missing, Plan, Skipped, SummaryRow};

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
    show(context.settings()?.plan(flags, context.today())?, flags.list, context).await
}

/// Makes the plan of an ingest with these settings and prints it; if it is to be listed, with every
/// archive.
pub(super) async fn show(
    settings: IngestSettings,
    list: bool,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let format = settings.format;
    let reporter = RunReporter::new(context.reporter());
    let listener = reporter.listener();
    let targets = settings.selection.targets(&settings.matrix)?;
    let prepared = Prepared::open(settings, targets, context, &listener)?;
    let mut skipped = if list { Some(SkippedList::new(format)?) } else { None };
    let on_skip = |archive: Skipped<'_>| {
        if let Some(skipped) = &mut skipped {
            skipped.add(archive);
        }
    };
    let planning = Box::pin(prepared.ingest.plan_with(context.today(), &listener, on_skip));
    let planned = unless_stopped(&prepared.ingest, planning).await;
    let _ = reporter.finish();
    let Some(plan) = planned else { return Ok(CommandOutcome::Incomplete) };
    let plan = plan?;
    match skipped {
        Some(skipped) => print_list(&plan, skipped.finish()?, format)?,
        None => print(&plan, format)?,
    }
    check_names(&plan, &listener)
}

/// The archives that are left alone, in a file: they may be all that there are.
struct SkippedList {
    format: ReportFormat,
    file: BufWriter<File>,
    written: io::Result<()>,
    is_first: bool,
}

impl SkippedList {
    fn new(format: ReportFormat) -> anyhow::Result<Self> {
        let file = tempfile::tempfile().context("cannot make a temporary file for the list")?;
        let file = BufWriter::new(file);
        Ok(Self { format, file, written: Ok(()), is_first: true })
    }

    /// Writes an archive as a line of text or an element of an array; an error is kept for the end.
    fn add(&mut self, archive: Skipped<'_>) {
        if self.written.is_ok() {
            self.written = self.write(archive);
        }
    }

    fn write(&mut self, archive: Skipped<'_>) -> io::Result<()> {
        match self.format {
            ReportFormat::Text => {
                writeln!(self.file, "skip   {}: {}", archive.published.key, archive.reason)
            }
            ReportFormat::Json => {
                if !std::mem::take(&mut self.is_first) {
                    self.file.write_all(b",\n")?;
                }
                serde_json::to_writer(&mut self.file, &archive).map_err(io::Error::from)
            }
        }
    }

    /// Returns the file from its beginning.
    fn finish(self) -> anyhow::Result<File> {
        let finished = self.written.and_then(|()| {
            let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            Ok(file)
        });
        finished.context("cannot write the temporary file of the list")
    }
}

/// Prints a plan with every archive.
fn print_list(plan: &Plan, mut skipped: File, format: ReportFormat) -> anyhow::Result<()> {
    let mut out = console::results();
    match format {
        ReportFormat::Text => {
            out.write_all(describe(plan).as_bytes())?;
            for planned in plan.fetch.iter() {
                writeln!(out, "fetch  {}: {}", planned.published.key, planned.reason)?;
            }
            io::copy(&mut skipped, &mut out)?;
        }
        ReportFormat::Json => {
            // The document of a plan, with one more field at its end.
            let document = serde_json::to_string_pretty(plan)?;
            out.write_all(document.trim_end_matches(['}', '\n']).as_bytes())?;
            out.write_all(b",\n  \"skip\": [\n")?;
            io::copy(&mut skipped, &mut out)?;
            out.write_all(b"\n  ]\n}\n")?;
        }
    }
    Ok(out.flush()?)
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

fn count(number: impl TryInto<u64>, what: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}
