//! Every row of the silver tables of [`crate::support::market_model`], read by the program.

use std::collections::BTreeMap;
use std::process::Command;

use chrono::NaiveDate;

use crate::support::command::Run;
use crate::support::market_model::trimmed;

/// The tables, each with the columns that follow table and symbol.
const TABLES: [(&str, &str); 4] = [
    (
        "klines",
        "bar_interval, CAST(open_time AS BIGINT), CAST(open_time AS BIGINT), date, open, high, \
         low, close, volume, CAST(close_time AS BIGINT), quote_volume, trade_count, \
         taker_buy_volume, taker_buy_quote_volume",
    ),
    (
        "trades",
        "'', id, CAST(time AS BIGINT), date, price, qty, quote_qty, is_buyer_maker, is_best_match",
    ),
    (
        "funding_rate",
        "'', CAST(calc_time AS BIGINT), CAST(calc_time AS BIGINT), date, funding_interval_hours, \
         last_funding_rate",
    ),
    (
        "metrics",
        "'', CAST(create_time AS BIGINT), CAST(create_time AS BIGINT), date, sum_open_interest, \
         sum_open_interest_value, count_toptrader_long_short_ratio, \
         sum_toptrader_long_short_ratio, count_long_short_ratio, sum_taker_long_short_vol_ratio",
    ),
];

/// Rows of silver by archive and day, each sorted.
pub(crate) type RowsByOwner = BTreeMap<(String, String), Vec<String>>;

/// Reads every row from a day on; `query` makes the command that runs a statement and prints it as
/// tsv.
pub(crate) fn silver_rows(since: NaiveDate, query: impl Fn(&str) -> Command) -> RowsByOwner {
    let mut tables = TABLES.to_vec();
    while !tables.is_empty() {
        let statement = statement(&tables, since);
        let run = Run::from(query(&statement).output().unwrap());
        if run.code == Some(0) {
            return parse(&run.stdout);
        }
        let before = tables.len();
        tables.retain(|(table, _)| !run.stderr.contains(&format!("no table `silver.{table}`")));
        assert!(tables.len() < before, "{statement}\n{run}");
    }
    RowsByOwner::new()
}

fn statement(tables: &[(&str, &str)], since: NaiveDate) -> String {
    let selects = tables.iter().map(|(table, columns)| {
        let texts: Vec<_> =
            columns.split(", ").map(|column| format!("CAST({column} AS VARCHAR)")).collect();
        format!(
            "SELECT archive, concat_ws('|', '{table}', symbol, {}) AS line FROM silver.{table} \
             WHERE date >= DATE '{since}'",
            texts.join(", ")
        )
    });
    selects.collect::<Vec<_>>().join(" UNION ALL ")
}

fn parse(text: &str) -> RowsByOwner {
    let mut rows = RowsByOwner::new();
    for line in text.lines().skip(1) {
        let (archive, row) = line.split_once('\t').unwrap();
        let cells: Vec<_> = row.split('|').map(trimmed).collect();
        let owner = (archive.to_owned(), cells[5].to_owned());
        rows.entry(owner).or_default().push(cells.join("|"));
    }
    rows.values_mut().for_each(|rows| rows.sort());
    rows
}

/// Returns the natural key of a row: table, symbol, interval, and what tells its rows apart.
pub(crate) fn natural_key(row: &str) -> &str {
    let end = row.match_indices('|').nth(3).map_or(row.len(), |(end, _)| end);
    &row[..end]
}

/// Returns the series of a row: table, symbol, interval.
pub(crate) fn series_of(row: &str) -> &str {
    let end = row.match_indices('|').nth(2).map_or(row.len(), |(end, _)| end);
    &row[..end]
}
