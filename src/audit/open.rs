//! Counting what is open in the tables of audits.

use std::collections::BTreeMap;

use lakehouse_core::audit::OutputTable;
use lakehouse_core::names::market::{Market, Symbol};
use serde::Serialize;

use crate::delta::TableError;
use crate::meta::audit::{AuditRow, Found, each_open_row};
use crate::meta::scope::Scope;
use crate::storage::lake::Lake;

/// What audits found and what still holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OpenRows {
    /// Findings by severity.
    pub severities: BTreeMap<String, u64>,
    /// Findings by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Gaps by class.
    pub gaps: BTreeMap<String, u64>,
}

impl OpenRows {
    /// Returns how many findings are of severity error.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.severities.get("error").copied().unwrap_or(0)
    }

    /// Returns how many gaps there are, and how many of them have no known reason.
    #[must_use]
    pub fn gap_counts(&self) -> (u64, u64) {
        (self.gaps.values().sum(), self.gaps.get("unknown").copied().unwrap_or(0))
    }

    fn count(&mut self, row: &AuditRow) {
        let add = |counts: &mut BTreeMap<String, u64>, name: &str| {
            *counts.entry(name.to_owned()).or_default() += 1;
        };
        match &row.found {
            Found::Finding(finding) => {
                add(&mut self.severities, &finding.severity);
                add(&mut self.kinds, &finding.kind);
            }
            Found::Gap(gap) => add(&mut self.gaps, &gap.class),
        }
    }
}

/// Counts the open rows of a lake that are meant; nothing if it was never audited.
pub(crate) async fn open_rows(
    lake: &Lake,
    is_meant: impl Fn(&AuditRow) -> bool,
) -> Result<Option<OpenRows>, TableError> {
    let mut open = OpenRows::default();
    let mut was_audited = false;
    for output in [OutputTable::Findings, OutputTable::Gaps] {
        was_audited |= each_open_row(lake, output, |row| {
            if is_meant(row) {
                open.count(row);
            }
        })
        .await?;
    }
    Ok(was_audited.then_some(open))
}

/// Returns whether what a row is about is in scope.
pub(crate) fn is_in_scope(scope: &Scope, row: &AuditRow) -> bool {
    let Scope { markets, data_types, symbols, intervals, dates, shard: _ } = scope;
    let place = &row.place;
    // Names that mean nothing to this program are those of a check of somebody else.
    let Ok(market) = place.market.parse::<Market>() else { return true };
    let Ok(symbol) = place.symbol.parse::<Symbol>() else { return true };
    let has_data_type = data_types.iter().any(|found| found.as_str() == place.data_type);
    let has_interval = place.interval.as_ref().is_none_or(|found| {
        intervals.is_empty() || intervals.iter().any(|interval| interval.to_string() == *found)
    });
    (markets.is_empty() || markets.contains(&market))
        && (data_types.is_empty() || has_data_type)
        && has_interval
        && dates.contains(place.date)
        && symbols.matches(market, &symbol)
}
