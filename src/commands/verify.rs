//! `lakehouse verify`: compares what the lake holds with what was published.

use std::sync::Arc;
use std::thread::available_parallelism;

use bytesize::ByteSize;
use chrono::SecondsFormat;
use lakehouse_core::schema::Schemas;

use super::context::{Context, open_lake, source_of_dropped};
use super::names::misspelled_in_lake;
use super::scope::scope;
use super::{CommandOutcome, names};
use crate::cli::{ReportFormat, VerifyFlags};
use crate::meta::scope::Scope;
use crate::terminal::console::{self, MessageKind};
use crate::verify::{Finding, Verify, VerifyReport};

/// Verifies the lake and prints what was found.
pub(super) async fn run(flags: &VerifyFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let shard = settings.shard(flags.shard);
    let lake = open_lake(&settings.lake)?;
    let source = match flags.deep {
        true => source_of_dropped(&lake, &settings, &flags.source).await?,
        false => None,
    };
    let verify = Verify {
        lake,
        scope: Scope { shard, ..scope(&flags.scope, &settings.matrix)? },
        matrix: Arc::new(settings.matrix),
        schemas: Arc::new(Schemas::builtin()?),
        sample: flags.sample,
        since: flags.since.map(|since| since.at(context.clock.now())),
        deep: flags.deep,
        source,
        threads: available_parallelism().map_or(1, usize::from),
    };
    let misspelled = misspelled_in_lake(&verify.lake, &verify.matrix, &verify.scope).await?;
    let reporter = context.reporter();
    let report = Box::pin(verify.run(&(Arc::clone(&reporter) as _))).await?;
    reporter.finish();
    match flags.format {
        ReportFormat::Json => console::print_json(&report)?,
        ReportFormat::Text if report.findings.is_empty() => {}
        ReportFormat::Text => {
            let rows: Vec<Vec<String>> = report.findings.iter().map(cells).collect();
            console::print(&console::columns(&["archive", "check", "expected", "found"], &rows))?;
        }
    }
    let is_empty = report.archives == 0 && report.findings.is_empty();
    let names = names::check(&misspelled, is_empty, |text| {
        context.console.show(MessageKind::Warning, &text);
    })?;
    context.console.info(&summary(&report));
    let is_right = report.findings.is_empty();
    Ok(if is_right { names } else { CommandOutcome::Incomplete })
}

fn cells(finding: &Finding) -> Vec<String> {
    vec![
        finding.archive.clone(),
        finding.check.to_string(),
        finding.expected.clone(),
        finding.found.clone(),
    ]
}

fn summary(report: &VerifyReport) -> String {
    let VerifyReport { sample, since, archives, dropped, bytes, rows, findings } = report;
    let bytes = ByteSize(*bytes).display().iec();
    let found = match findings.len() {
        0 => "all as it should be".to_owned(),
        1 => "1 finding".to_owned(),
        more => format!("{more} findings"),
    };
    let way_out = report.way_out().map(|command| format!("; {command}")).unwrap_or_default();
    let mut chosen = String::new();
    if let Some(part) = sample {
        chosen.push_str(&format!(" (a sample of {part}, by a hash of their keys)"));
    }
    if let Some(since) = since {
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        chosen.push_str(&format!(" (recorded since {since})"));
    }
    if *dropped > 0 {
        chosen.push_str(&format!(" ({dropped} of them without their bytes, which were dropped)"));
    }
    format!("verified {archives} archives{chosen} of {bytes} and {rows} rows: {found}{way_out}")
}
