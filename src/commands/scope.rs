//! The flags that say which of the lake's archives a command is about.

use anyhow::{Context, bail};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::names::shard::Shard;
use lakehouse_core::selection::SymbolFilter;

use crate::cli::ScopeFlags;
use crate::meta::scope::Scope;

/// Reads the flags; refuses names that mean nothing, and dates that end before they start.
pub(super) fn scope(flags: &ScopeFlags, matrix: &Matrix) -> anyhow::Result<Scope> {
    let data_types = flags.data_type.iter().map(|name| matrix.data_type(name));
    let dates =
        DateRange { start: flags.start.map(Period::start), end: flags.end.map(Period::end) };
    if let DateRange { start: Some(start), end: Some(end) } = dates
        && end < start
    {
        bail!("--start {start} is after --end {end}");
    }
    Ok(Scope {
        markets: flags.market.clone(),
        data_types: data_types.collect::<Result<_, _>>().context("--data-type")?,
        symbols: if flags.symbol.is_empty() {
            SymbolFilter::default()
        } else {
            SymbolFilter::parse(&flags.symbol)?
        },
        intervals: flags.interval.clone(),
        dates,
        shard: Shard::default(),
    })
}
