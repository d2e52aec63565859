//! The selection: that of the configuration file, with each part that a flag gives replaced.

use chrono::NaiveDate;
use lakehouse_core::config::options::FileOptions;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::market::{DataType, NameError};
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::selection::{IntervalFilter, Selection, SymbolFilter};

use super::SettingsError;
use crate::cli::SelectionFlags;

/// Resolves the selection; `today` counts for the last few days.
pub(super) fn resolve(
    file: &FileOptions,
    flags: &SelectionFlags,
    matrix: &Matrix,
    today: NaiveDate,
) -> Result<Selection, SettingsError> {
    let mut selection = file.selection(matrix, today)?;
    if !flags.scope.market.is_empty() {
        selection.markets.clone_from(&flags.scope.market);
    }
    if !flags.scope.data_type.is_empty() {
        selection.data_types = data_types(&flags.scope.data_type, matrix)?;
    }
    if !flags.scope.symbol.is_empty() {
        let parsed = SymbolFilter::parse(&flags.scope.symbol);
        selection.symbols =
            parsed.map_err(|problem| SettingsError::Flag { flag: "--symbol", problem })?;
    }
    if !flags.scope.interval.is_empty() {
        selection.intervals = IntervalFilter::Everywhere(
            flags.scope.interval.iter().map(ToString::to_string).collect(),
        );
    }
    selection.dates = dates(selection.dates, flags, today)?;
    selection.frequency = flags.frequency.unwrap_or(selection.frequency);
    let allowed = flags.all || selects_without_symbols(file, flags);
    selection.check_breadth(allowed).map_err(|_| SettingsError::TooBroad)?;
    Ok(selection)
}

/// Returns whether the file selects markets or data types with all of their symbols: a file is
/// written on purpose, unlike a flag that was forgotten.
fn selects_without_symbols(file: &FileOptions, flags: &SelectionFlags) -> bool {
    let chosen = file.markets.is_some() || file.data_types.is_some();
    chosen && flags.scope.symbol.is_empty()
}

fn data_types(names: &[String], matrix: &Matrix) -> Result<Vec<DataType>, SettingsError> {
    let known = |name: &String| matrix.data_type(name);
    let found: Result<_, NameError> = names.iter().map(known).collect();
    found.map_err(|problem| SettingsError::Flag { flag: "--data-type", problem })
}

fn dates(
    file: DateRange,
    flags: &SelectionFlags,
    today: NaiveDate,
) -> Result<DateRange, SettingsError> {
    if let Some(last) = flags.last {
        return Ok(last.range(today));
    }
    let start = flags.scope.start.map(Period::start).or(file.start);
    let end = flags.scope.end.map(Period::end).or(file.end);
    match (start, end) {
        (Some(start), Some(end)) if end < start => Err(SettingsError::Dates { start, end }),
        _ => Ok(DateRange { start, end }),
    }
}
