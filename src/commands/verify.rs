//! `lakehouse verify`: is what the lake holds what was published?

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::{Context, bail};
use bytesize::ByteSize;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::period::{DateRange, Period};
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::SymbolFilter;

use crate::cli::{ReportFormat, ScopeFlags, VerifyFlags};
use crate::commands::Outcome;
use crate::console;
use crate::lake::Lake;
use crate::settings::Settings;
use crate::verify::{Finding, Scope, Verify, VerifyReport};

/// Verifies the lake and prints what was found.
pub(super) async fn run(flags: &VerifyFlags, settings: Settings) -> anyhow::Result<Outcome> {
    let verify = Verify {
        lake: Lake::open(&settings.lake).with_context(|| format!("cannot use the lake {}", settings.lake))?,
        scope: scope(&flags.scope, &settings.matrix)?,
        matrix: Arc::new(settings.matrix),
        schemas: Arc::new(Schemas::builtin()?),
        deep: flags.deep,
        threads: available_parallelism().map_or(1, usize::from),
    };
    let report = Box::pin(verify.run()).await?;
    match flags.format {
        ReportFormat::Json => console::print_json(&report)?,
        ReportFormat::Text if report.findings.is_empty() => {}
        ReportFormat::Text => {
            let rows: Vec<Vec<String>> = report.findings.iter().map(cells).collect();
            console::print(&console::columns(&["archive", "check", "expected", "found"], &rows))?;
        }
    }
    console::tell(&summary(&report));
    Ok(if report.findings.is_empty() { Outcome::Done } else { Outcome::Incomplete })
}

fn cells(finding: &Finding) -> Vec<String> {
    vec![finding.archive.clone(), finding.check.to_string(), finding.expected.clone(), finding.found.clone()]
}

fn summary(report: &VerifyReport) -> String {
    let VerifyReport { archives, bytes, rows, findings } = report;
    let bytes = ByteSize(*bytes).display().iec();
    let found = match findings.len() {
        0 => "all as it should be".to_owned(),
        1 => "1 finding".to_owned(),
        more => format!("{more} findings"),
    };
    format!("verified {archives} archives of {bytes} and {rows} rows: {found}")
}

fn scope(flags: &ScopeFlags, matrix: &Matrix) -> anyhow::Result<Scope> {
    let data_types = flags.data_type.iter().map(|name| matrix.data_type(name));
    let dates = DateRange { start: flags.start.map(Period::start), end: flags.end.map(Period::end) };
    if let DateRange { start: Some(start), end: Some(end) } = dates
        && end < start
    {
        bail!("--start {start} is after --end {end}");
    }
    Ok(Scope {
        markets: flags.market.clone(),
        data_types: data_types.collect::<Result<_, _>>().context("--data-type")?,
        symbols: if flags.symbol.is_empty() { SymbolFilter::default() } else { SymbolFilter::parse(&flags.symbol)? },
        intervals: flags.interval.clone(),
        dates,
    })
}
