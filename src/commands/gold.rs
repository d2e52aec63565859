//! `lakehouse gold`: bring gold tables up to date, and explain the models that they are made by.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use lakehouse_core::gold::{Model, ModelColumn, Models, Partitioning};
use lakehouse_core::schema::Schemas;
use serde::Serialize;

use super::CommandOutcome;
use super::context::{Context, open_lake};
use super::records::{Records, end_lineage};
use crate::cli::{GoldCommand, GoldFlags, ReportFormat};
use crate::events::document::{RunDocument, RunOutcome, SharedFields, TableFailure};
use crate::events::lineage::Job;
use crate::events::{Event, ModelReport, Reporter, Silent, TableVersions};
use crate::gold::{Gold, GoldReport, load_models};
use crate::terminal::console::{self, Console, MessageKind};

/// Builds, or explains.
pub(super) async fn run(flags: GoldFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let schemas = Arc::new(Schemas::builtin()?);
    let models = Arc::new(load_models(&schemas, settings.gold_models.as_deref())?);
    match flags.command {
        Some(GoldCommand::List(flags)) => return list(&models, flags.format, context.console),
        Some(GoldCommand::Show(flags)) => return show(&models, table_name(&flags.model)),
        None => {}
    }
    let job = Job { command: "gold", lake: settings.lake.clone(), source: None };
    let lake = open_lake(&settings.lake)?;
    let only = flags.models.iter().map(|name| table_name(name).to_owned()).collect();
    let gold = Gold {
        only,
        full: flags.full,
        shutdown: context.shutdown(),
        ..Gold::new(lake, models, schemas)
    };
    let mut tables = Vec::new();
    if flags.dry_run {
        return build(&gold, &flags, context, &mut tables).await;
    }
    let run = Records::open(context)?.start(job, context);
    let outcome = build(&gold, &flags, context, &mut tables).await;
    end_lineage(&run, &tables, &outcome, context);
    outcome
}

/// Builds or plans, reports, and fills in the tables with new versions.
async fn build(
    gold: &Gold,
    flags: &GoldFlags,
    context: &Context,
    tables: &mut Vec<TableVersions>,
) -> anyhow::Result<CommandOutcome> {
    let reporter = reporter(flags, context.console);
    let started = Instant::now();
    let report = match flags.dry_run {
        true => Box::pin(gold.plan(&reporter)).await?,
        false => Box::pin(gold.build(&reporter, &context.clock)).await?,
    };
    for model in &report.models {
        if let Some(version) = model.version {
            TableVersions::add(tables, &model.table, version, Some(model.rows));
        }
    }
    let is_incomplete = report.is_incomplete() || gold.shutdown.is_requested();
    match flags.format {
        ReportFormat::Text if flags.dry_run => console::print(&report.to_string())?,
        ReportFormat::Text => {}
        ReportFormat::Json => {
            print_document(&report, tables.clone(), is_incomplete, started.elapsed())?;
        }
    }
    Ok(if is_incomplete { CommandOutcome::Incomplete } else { CommandOutcome::Done })
}

fn print_document(
    report: &GoldReport,
    tables: Vec<TableVersions>,
    is_incomplete: bool,
    elapsed: Duration,
) -> io::Result<()> {
    let mut failures = Vec::new();
    for model in &report.models {
        if model.is_failure() {
            failures.push(TableFailure { table: &model.table, reason: &model.reason });
        }
    }
    let shared = SharedFields {
        seconds: Some(elapsed.as_secs_f64()),
        tables: Some(tables),
        failures: Some(failures),
    };
    console::print_json(&RunDocument {
        command: "gold",
        run: report.run.as_deref(),
        outcome: RunOutcome::of(is_incomplete),
        shared,
        details: report,
    })
}

fn reporter(flags: &GoldFlags, console: Console) -> Arc<dyn Reporter> {
    if flags.format == ReportFormat::Text && !flags.dry_run {
        Arc::new(ModelReporter(console))
    } else {
        Arc::new(Silent)
    }
}

/// Shows each model when it is done.
struct ModelReporter(Console);

impl Reporter for ModelReporter {
    fn report(&self, event: Event) {
        if let Event::Model(model) = event {
            show_model(self.0, &model);
        }
    }
}

/// Shows what was done to a table.
pub(super) fn show_model(console: Console, model: &ModelReport) {
    let kind = if model.is_failure() { MessageKind::Failure } else { MessageKind::Info };
    console.show(kind, &model.to_string());
}

/// Returns the name of a model, which may be given as its table is in SQL.
fn table_name(model: &str) -> &str {
    model.strip_prefix("gold.").unwrap_or(model)
}

fn list(models: &Models, format: ReportFormat, console: Console) -> anyhow::Result<CommandOutcome> {
    let lines: Vec<Line<'_>> = models.models().iter().map(Line::of).collect();
    match format {
        ReportFormat::Json => console::print_json(&lines)?,
        ReportFormat::Text => {
            let rows: Vec<Vec<String>> = lines.iter().map(Line::cells).collect();
            console::print(&console::columns(&["table", "inputs", "what a row is"], &rows))?;
        }
    }
    for model in models.broken() {
        console.show(MessageKind::Error, &model.error.to_string());
    }
    Ok(if models.broken().is_empty() { CommandOutcome::Done } else { CommandOutcome::Incomplete })
}

/// A model in the list of models.
#[derive(Debug, Serialize)]
struct Line<'a> {
    table: String,
    summary: &'a str,
    description: &'a str,
    partitions: &'static [&'static str],
    key: &'a [String],
    inputs: Vec<String>,
    lookback_days: u32,
    lookahead_days: u32,
    file: &'a str,
}

impl<'a> Line<'a> {
    fn of(model: &'a Model) -> Self {
        let description = model.description();
        Self {
            table: format!("gold.{}", model.name()),
            summary: description
                .split_inclusive(['.', ':'])
                .next()
                .unwrap_or_default()
                .trim_end_matches(['.', ':']),
            description,
            partitions: model.partitioning().columns(),
            key: model.key(),
            inputs: model.input_names(),
            lookback_days: model.lookback(),
            lookahead_days: model.lookahead(),
            file: model.file(),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![self.table.clone(), self.inputs.join(", "), self.summary.to_owned()]
    }
}

fn show(models: &Models, name: &str) -> anyhow::Result<CommandOutcome> {
    if let Some(broken) = models.broken().iter().find(|model| model.name == name) {
        return Err(broken.error.clone().into());
    }
    let Some(model) = models.get(name) else {
        let names = models.names().into_iter().collect::<Vec<_>>().join(", ");
        bail!("there is no model `{name}`; expected one of {names}")
    };
    console::print(&describe(model))?;
    Ok(CommandOutcome::Done)
}

fn describe(model: &Model) -> String {
    let line = Line::of(model);
    let partitions = match model.partitioning() {
        Partitioning::MarketAndDate => "market, date".to_owned(),
        Partitioning::Whole => "none: the table is built as a whole".to_owned(),
    };
    let facts = [
        ("table", line.table.clone()),
        ("file", line.file.to_owned()),
        ("inputs", line.inputs.join(", ")),
        ("partitions", partitions),
        ("key", line.key.join(", ")),
        ("looks back", days(line.lookback_days)),
        ("looks ahead", days(line.lookahead_days)),
    ];
    let facts: String = facts.iter().map(|(name, value)| format!("{name:<13}{value}\n")).collect();
    let rows: Vec<Vec<String>> = model.columns().iter().map(column_cells).collect();
    let columns = console::columns(&["column", "type", "unit", "what it holds"], &rows);
    format!("{}\n\n{facts}\n{columns}\n{}\n", line.description, model.select())
}

fn column_cells(column: &ModelColumn) -> Vec<String> {
    vec![
        column.name.clone(),
        column.kind.to_string(),
        column.unit.clone(),
        column.description.clone(),
    ]
}

fn days(days: u32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}
