//! `lakehouse gold`: bring gold tables up to date, and explain the models that they are made by.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use lakehouse_core::gold::{Model, Models, Partitioning};
use lakehouse_core::schema::Schemas;
use serde::Serialize;

use super::CommandOutcome;
use crate::cli::{GoldCommand, GoldFlags, ReportFormat};
use crate::clock::Clock;
use crate::events::{Event, Reporter, Silent};
use crate::gold::{Gold, load_models};
use crate::ingest::Ingest;
use crate::settings::Settings;
use crate::shutdown::Shutdown;
use crate::storage::lake::Lake;
use crate::terminal::console::{self, Tone};

/// Builds, or explains.
pub(super) async fn run(
    flags: GoldFlags,
    settings: &Settings,
    clock: &Clock,
) -> anyhow::Result<CommandOutcome> {
    let schemas = Arc::new(Schemas::builtin()?);
    let models = Arc::new(load_models(&schemas, settings.gold_models.as_deref())?);
    match flags.command {
        Some(GoldCommand::List(flags)) => return list(&models, flags.format),
        Some(GoldCommand::Show(flags)) => return show(&models, table_name(&flags.model)),
        None => {}
    }
    let lake = Lake::open(&settings.lake)
        .with_context(|| format!("cannot use the lake {}", settings.lake))?;
    let only = flags.models.iter().map(|name| table_name(name).to_owned()).collect();
    let gold =
        Gold { lake, models, schemas, only, full: flags.full, shutdown: Shutdown::on_signals() };
    let tells = flags.format == ReportFormat::Text && !flags.dry_run;
    let reporter: Arc<dyn Reporter> = if tells { Arc::new(Teller) } else { Arc::new(Silent) };
    let report = match flags.dry_run {
        true => Box::pin(gold.plan(&reporter)).await?,
        false => Box::pin(gold.build(&reporter, clock)).await?,
    };
    match flags.format {
        ReportFormat::Text if flags.dry_run => console::print(&report.to_string())?,
        ReportFormat::Text => {}
        ReportFormat::Json => console::print_json(&report)?,
    }
    Ok(if report.is_incomplete() || gold.shutdown.is_requested() {
        CommandOutcome::Incomplete
    } else {
        CommandOutcome::Done
    })
}

/// Tells of each model when it is done.
struct Teller;

impl Reporter for Teller {
    fn report(&self, event: Event) {
        if let Event::Model(model) = event {
            let tone = if model.is_failure() { Tone::Failure } else { Tone::Plain };
            console::tell_as(tone, &model.to_string());
        }
    }
}

/// Returns what brings gold up to date behind an ingest; `folder` holds the user's own models.
pub(super) fn behind(ingest: &Ingest, folder: Option<&Path>) -> anyhow::Result<Gold> {
    let schemas = Arc::clone(&ingest.schemas);
    let models = Arc::new(load_models(&schemas, folder)?);
    let lake = ingest.lake.clone();
    let shutdown = ingest.shutdown.clone();
    Ok(Gold { lake, models, schemas, only: Vec::new(), full: false, shutdown })
}

/// A model may be called as its table is in SQL.
fn table_name(model: &str) -> &str {
    model.strip_prefix("gold.").unwrap_or(model)
}

fn list(models: &Models, format: ReportFormat) -> anyhow::Result<CommandOutcome> {
    let lines: Vec<Line<'_>> = models.models().iter().map(Line::of).collect();
    match format {
        ReportFormat::Json => console::print_json(&lines)?,
        ReportFormat::Text => {
            let row = |line: &Line<'_>| {
                vec![line.table.clone(), line.inputs.join(", "), line.summary.to_owned()]
            };
            let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
            console::print(&console::columns(&["table", "inputs", "what a row is"], &rows))?;
        }
    }
    models
        .broken()
        .iter()
        .for_each(|model| console::tell_as(Tone::Error, &model.error.to_string()));
    Ok(if models.broken().is_empty() { CommandOutcome::Done } else { CommandOutcome::Incomplete })
}

/// What a list tells of a model.
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
            inputs: model.inputs().iter().map(ToString::to_string).collect(),
            lookback_days: model.lookback(),
            lookahead_days: model.lookahead(),
            file: model.file(),
        }
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
    let row = |column: &lakehouse_core::gold::ModelColumn| {
        vec![
            column.name.clone(),
            column.kind.to_string(),
            column.unit.clone(),
            column.description.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = model.columns().iter().map(row).collect();
    let columns = console::columns(&["column", "type", "unit", "what it holds"], &rows);
    format!("{}\n\n{facts}\n{columns}\n{}\n", line.description, model.select())
}

fn days(days: u32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}
