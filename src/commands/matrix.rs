//! `lakehouse matrix`: the combinations of market and data type, for people and for programs.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use lakehouse_core::matrix::{Combination, Matrix, Status};
use lakehouse_core::names::market::Interval;
use serde::Serialize;

use super::CommandOutcome;
use super::context::Context;
use crate::cli::{MatrixFlags, MatrixFormat};
use crate::terminal::console;

/// Prints the matrix.
pub(super) fn run(flags: MatrixFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let matrix = context.settings()?.matrix;
    match flags.format {
        MatrixFormat::Table => console::print(&table(&matrix))?,
        MatrixFormat::Json => console::print_json(&rows(&matrix))?,
    }
    Ok(CommandOutcome::Done)
}

fn table(matrix: &Matrix) -> String {
    let rows: Vec<Vec<String>> = matrix.combinations().iter().map(cells).collect();
    let header = ["market", "data type", "table", "status", "since", "daily", "monthly"];
    console::columns(&header, &rows)
}

fn cells(row: &Combination) -> Vec<String> {
    vec![
        row.market.to_string(),
        row.data_type.to_string(),
        format!("silver.{}", row.schema),
        row.status.to_string(),
        row.since.map_or_else(|| "-".to_owned(), |date| date.to_string()),
        intervals(row.daily.as_deref()),
        intervals(row.monthly.as_deref()),
    ]
}

/// Names the first and the last interval: no list has a gap that is worth showing.
fn intervals(published: Option<&[Interval]>) -> String {
    match published {
        None => "-".to_owned(),
        Some([]) => "yes".to_owned(),
        Some([only]) => only.to_string(),
        Some([first, .., last]) => format!("{first} to {last}"),
    }
}

/// One combination, as programs read it.
#[derive(Debug, Serialize)]
struct Row<'a> {
    market: &'a str,
    data_type: &'a str,
    table: String,
    schema: &'a str,
    /// `active`, `ended`, `withdrawn` or `never`.
    status: &'static str,
    since: Option<NaiveDate>,
    /// The last day of a combination that ended.
    until: Option<NaiveDate>,
    /// The intervals of daily archives: empty without an interval folder, null if there are no such
    /// archives.
    daily: Option<Vec<String>>,
    monthly: Option<Vec<String>>,
    pattern: String,
    symbol_aliases: BTreeMap<&'a str, &'a str>,
    evidence: &'a str,
}

fn rows(matrix: &Matrix) -> Vec<Row<'_>> {
    matrix.combinations().iter().map(row).collect()
}

fn row(row: &Combination) -> Row<'_> {
    let (status, until) = match row.status {
        Status::Active => ("active", None),
        Status::Ended(last) => ("ended", Some(last)),
        Status::Withdrawn => ("withdrawn", None),
        Status::Never => ("never", None),
    };
    let names = |intervals: &Vec<Interval>| intervals.iter().map(ToString::to_string).collect();
    Row {
        market: row.market.as_str(),
        data_type: row.data_type.as_str(),
        table: format!("silver.{}", row.schema),
        schema: &row.schema,
        status,
        since: row.since,
        until,
        daily: row.daily.as_ref().map(names),
        monthly: row.monthly.as_ref().map(names),
        pattern: row.pattern.to_string(),
        symbol_aliases: row
            .symbol_aliases
            .iter()
            .map(|(alias, symbol)| (alias.as_str(), symbol.as_str()))
            .collect(),
        evidence: &row.evidence,
    }
}
