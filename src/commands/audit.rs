//! `lakehouse audit`: check whether the data is right, and explain the checks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use lakehouse_core::audit::{Check, CheckKind, Checks};
use lakehouse_core::gold::Partitioning;
use lakehouse_core::schema::Schemas;
use serde::Serialize;

use super::CommandOutcome;
use super::context::{Context, open_lake};
use super::scope::scope;
use crate::audit::{Audit, AuditReport, load_checks};
use crate::cli::{AuditCommand, AuditFlags, ReportFormat};
use crate::events::document::{RunDocument, RunOutcome, SharedFields};
use crate::events::{Event, Reporter, Silent};
use crate::gold::load_models;
use crate::terminal::console::{self, Console, MessageKind};

/// Audits, or explains.
pub(super) async fn run(flags: AuditFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let schemas = Schemas::builtin()?;
    let models = load_models(&schemas, settings.gold_models.as_deref())?;
    let checks = Arc::new(load_checks(&schemas, &models, settings.audit_checks.as_deref())?);
    match flags.command {
        Some(AuditCommand::List(flags)) => return list(&checks, flags.format, context.console),
        Some(AuditCommand::Show(flags)) => return show(&checks, &flags.check),
        None => {}
    }
    let audit = Audit {
        only: flags.checks,
        scope: scope(&flags.scope, &settings.matrix)?,
        full: flags.full,
        shutdown: context.shutdown(),
        ..Audit::new(open_lake(&settings.lake)?, checks)
    };
    let reporter: Arc<dyn Reporter> = match flags.format {
        ReportFormat::Text => Arc::new(CheckReporter(context.console)),
        ReportFormat::Json => Arc::new(Silent),
    };
    let started = Instant::now();
    let report = Box::pin(audit.run(&reporter, &context.clock)).await?;
    let is_incomplete = report.has_errors() || audit.shutdown.is_requested();
    match flags.format {
        ReportFormat::Text => context.console.info(&report.open.to_string()),
        ReportFormat::Json => print_document(&report, is_incomplete, started.elapsed())?,
    }
    Ok(if is_incomplete { CommandOutcome::Incomplete } else { CommandOutcome::Done })
}

/// The details of an audit's document.
#[derive(Debug, Serialize)]
struct Details<'a> {
    failures: Vec<Failure<'a>>,
    #[serde(flatten)]
    report: &'a AuditReport,
}

/// A check that could not be run.
#[derive(Debug, Serialize)]
struct Failure<'a> {
    check: &'a str,
    reason: &'a str,
}

fn print_document(
    report: &AuditReport,
    is_incomplete: bool,
    elapsed: Duration,
) -> anyhow::Result<()> {
    let failed = report.checks.iter().filter(|check| check.is_failure());
    let failures = failed.map(|check| Failure { check: &check.check, reason: &check.reason });
    console::print_json(&RunDocument {
        command: "audit",
        run: report.run.as_deref(),
        outcome: RunOutcome::of(is_incomplete),
        shared: SharedFields { seconds: Some(elapsed.as_secs_f64()), ..SharedFields::default() },
        details: &Details { failures: failures.collect(), report },
    })?;
    Ok(())
}

/// Shows what each check did.
struct CheckReporter(Console);

impl Reporter for CheckReporter {
    fn report(&self, event: Event) {
        if let Event::Check(check) = event {
            let kind = if check.is_failure() { MessageKind::Failure } else { MessageKind::Info };
            self.0.show(kind, &check.to_string());
        }
    }
}

fn list(checks: &Checks, format: ReportFormat, console: Console) -> anyhow::Result<CommandOutcome> {
    let lines: Vec<Line<'_>> = checks.iter().map(Line::of).collect();
    match format {
        ReportFormat::Json => console::print_json(&lines)?,
        ReportFormat::Text => {
            let rows: Vec<Vec<String>> = lines.iter().map(Line::cells).collect();
            console::print(&console::columns(&["check", "severity", "what it finds"], &rows))?;
        }
    }
    for check in checks.broken() {
        console.show(MessageKind::Error, &check.error.to_string());
    }
    Ok(if checks.broken().is_empty() { CommandOutcome::Done } else { CommandOutcome::Incomplete })
}

/// A check in the list of checks.
#[derive(Debug, Serialize)]
struct Line<'a> {
    check: &'a str,
    severity: &'static str,
    description: &'a str,
    kinds: Vec<&'a str>,
    writes: String,
    inputs: Vec<String>,
    partitions: &'static [&'static str],
    lookback_days: u32,
    lookahead_days: u32,
    file: &'a str,
}

impl<'a> Line<'a> {
    fn of(check: &'a Check) -> Self {
        Self {
            check: check.name(),
            severity: check.severity().as_str(),
            description: check.description(),
            kinds: check.kinds().iter().map(|kind| kind.name.as_str()).collect(),
            writes: format!("meta.{}", check.output().as_str()),
            inputs: check.inputs().iter().map(ToString::to_string).collect(),
            partitions: check.partitioning().columns(),
            lookback_days: check.statement().lookback(),
            lookahead_days: check.statement().lookahead(),
            file: check.statement().file(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let sentence = self.description.split_inclusive('.').next().unwrap_or_default();
        vec![
            self.check.to_owned(),
            self.severity.to_owned(),
            sentence.trim_end_matches('.').to_owned(),
        ]
    }
}

fn show(checks: &Checks, name: &str) -> anyhow::Result<CommandOutcome> {
    if let Some(broken) = checks.broken().iter().find(|check| check.name == name) {
        return Err(broken.error.clone().into());
    }
    let Some(check) = checks.named(name).next() else {
        let names = checks.names().into_iter().collect::<Vec<_>>().join(", ");
        bail!("there is no check `{name}`; expected one of {names}")
    };
    console::print(&describe(check))?;
    Ok(CommandOutcome::Done)
}

fn describe(check: &Check) -> String {
    let line = Line::of(check);
    let partitions = match check.partitioning() {
        Partitioning::MarketAndDate => "market, date",
        Partitioning::Whole => "none: all days are audited together",
    };
    let facts = [
        ("severity", line.severity.to_owned()),
        ("expected", check.expected().to_owned()),
        ("means", check.means().to_owned()),
        ("do", check.remedy().to_owned()),
        ("example", check.example().to_owned()),
        ("source", check.source().to_owned()),
        ("writes to", line.writes.clone()),
        ("inputs", line.inputs.join(", ")),
        ("partitions", partitions.to_owned()),
        ("file", line.file.to_owned()),
    ];
    let facts = facts.iter().filter(|(_, value)| !value.is_empty());
    let facts: String = facts.map(|(name, value)| format!("{name:<12}{value}\n")).collect();
    let cells = |kind: &CheckKind| vec![kind.name.clone(), kind.description.clone()];
    let rows: Vec<Vec<String>> = check.kinds().iter().map(cells).collect();
    let kinds = console::columns(&["kind", "what it is"], &rows);
    format!("{}\n\n{facts}\n{kinds}\n{}\n", check.description(), check.statement().select())
}
