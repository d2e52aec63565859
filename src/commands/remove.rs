//! `lakehouse remove`: take archives out of the lake, and leave them out.

use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use lakehouse_core::schema::Schemas;
use uuid::Uuid;

use super::context::{Context, open_lake};
use super::names::misspelled_in_lake;
use super::scope::scope;
use super::{CommandOutcome, names};
use crate::cli::{RemoveFlags, ReportFormat};
use crate::delta::commit::CommitContext;
use crate::events::document::{RunDocument, RunOutcome, SharedFields};
use crate::events::{Reporter, Silent, TableVersions};
use crate::gold::{Gold, load_models};
use crate::query::{At, LakeCatalog};
use crate::recent;
use crate::remove::{Remove, RemoveReport};
use crate::settings::Settings;
use crate::shutdown::Shutdown;
use crate::storage::lake::{Lake, Layer};
use crate::terminal::console::{self, MessageKind};

/// Removes archives, lets gold follow, and prints what was done.
pub(super) async fn run(flags: &RemoveFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let scope = scope(&flags.scope, &settings.matrix)?;
    if !flags.all && !scope.symbols.is_bounded() {
        bail!("no symbols are selected: name some with --symbol, or remove of all with --all");
    }
    let started = Instant::now();
    let remove = Remove {
        lake: open_lake(&settings.lake)?,
        matrix: Arc::new(settings.matrix.clone()),
        schemas: Arc::new(Schemas::builtin()?),
        scope,
        bronze: flags.bronze,
        dry_run: flags.dry_run,
    };
    let misspelled = misspelled_in_lake(&remove.lake, &remove.matrix, &remove.scope).await?;
    let report = Box::pin(remove.run(&context.clock)).await?;
    let mut outcome = CommandOutcome::Done;
    if !flags.dry_run {
        let run = Uuid::now_v7().simple().to_string();
        let clock = context.clock.clone();
        let commits = CommitContext { run: run.into(), clock, shutdown: Shutdown::default() };
        let Remove { lake, schemas, scope, .. } = &remove;
        Box::pin(recent::remove(lake, schemas, scope, &commits)).await?;
        outcome = Box::pin(follow(&remove, &settings, context)).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    print(&report, flags, context, RunOutcome::of(outcome != CommandOutcome::Done), seconds)?;
    let is_empty = report.removed.is_empty() && report.bronze_files == 0;
    let names = names::check(&misspelled, is_empty, |text| {
        context.console.show(MessageKind::Warning, &text);
    })?;
    Ok(outcome.and(names))
}

/// Brings gold up to date, if the lake has any.
async fn follow(
    remove: &Remove,
    settings: &Settings,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    if !has_gold(&remove.lake).await? {
        return Ok(CommandOutcome::Done);
    }
    let models = load_models(&remove.schemas, settings.gold_models.as_deref())?;
    let gold = Gold {
        shutdown: context.shutdown(),
        ..Gold::new(remove.lake.clone(), Arc::new(models), Arc::clone(&remove.schemas))
    };
    let reporter: Arc<dyn Reporter> = Arc::new(Silent);
    let built = Box::pin(gold.build(&reporter, &context.clock)).await?;
    for model in built.models.iter().filter(|model| model.is_failure()) {
        context.console.show(MessageKind::Failure, &model.to_string());
    }
    let is_incomplete = built.is_incomplete() || gold.shutdown.is_requested();
    Ok(if is_incomplete { CommandOutcome::Incomplete } else { CommandOutcome::Done })
}

async fn has_gold(lake: &Lake) -> anyhow::Result<bool> {
    let tables = LakeCatalog::new(lake, At::Newest).list().await?;
    Ok(tables.iter().any(|name| name.layer == Layer::Gold))
}

fn print(
    report: &RemoveReport,
    flags: &RemoveFlags,
    context: &Context,
    outcome: RunOutcome,
    seconds: f64,
) -> anyhow::Result<()> {
    let mut tables = Vec::new();
    for table in &report.removed {
        if let Some(version) = table.version {
            TableVersions::add(&mut tables, &table.table, version, None);
        }
    }
    let shared =
        SharedFields { seconds: Some(seconds), tables: Some(tables), failures: Some(Vec::new()) };
    match flags.format {
        ReportFormat::Text if flags.dry_run => console::print(&report.to_string())?,
        ReportFormat::Text => context.console.info(report.to_string().trim_end()),
        ReportFormat::Json => console::print_json(&RunDocument {
            command: "remove",
            run: report.run.as_deref(),
            outcome,
            shared,
            details: report,
        })?,
    }
    Ok(())
}
