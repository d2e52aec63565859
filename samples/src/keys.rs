//! Which archives to make: one of every combination for the demo, many small ones for a bench.
//!
//! How keys are spelled and which combinations there are comes from the matrix; here is only which
//! symbols make a good sample.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use lakehouse_core::matrix::{Combination, Matrix, Status};
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::market::{Frequency, Interval, Market, Symbol};
use lakehouse_core::names::period::Period;

/// Which days and intervals the keys of a sample have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOptions {
    /// The first day. A combination that ended before has the last days that it was published.
    pub first_day: NaiveDate,
    /// The number of days, one after the other.
    pub days: u32,
    /// The intervals, where a combination has them.
    pub intervals: Vec<Interval>,
}

impl KeyOptions {
    /// Returns two days with bars of a minute, an hour and a day.
    #[must_use]
    pub fn two_days_from(first_day: NaiveDate) -> Self {
        let intervals = ["1m", "1h", "1d"].iter().filter_map(|text| text.parse().ok()).collect();
        Self { first_day, days: 2, intervals }
    }
}

/// Returns keys of every combination of the matrix, also of those that were never or no longer
/// published.
///
/// Daily where there are daily archives, otherwise the month of the first day.
#[must_use]
pub fn sample_keys(matrix: &Matrix, options: &KeyOptions) -> Vec<ArchiveKey> {
    let mut keys = Vec::new();
    for combination in matrix.combinations() {
        let daily = combination.intervals(Frequency::Daily);
        let frequency = if daily.is_some() { Frequency::Daily } else { Frequency::Monthly };
        let published =
            daily.or_else(|| combination.intervals(Frequency::Monthly)).unwrap_or_default();
        let wanted = options.intervals.iter().filter(|interval| published.contains(interval));
        let intervals: Vec<_> = if combination.has_intervals() {
            wanted.copied().map(Some).collect()
        } else {
            vec![None]
        };
        let periods = periods(combination, frequency, options);
        for symbol in symbols(combination, options.first_day) {
            for interval in &intervals {
                keys.extend(
                    periods
                        .iter()
                        .filter_map(|period| combination.archive(&symbol, *interval, *period)),
                );
            }
        }
    }
    keys
}

/// Returns the keys of `count` small archives of one day, each of another series of spot or USD-M
/// futures.
///
/// They are hourly bars and metrics of as many made-up symbols as it takes, all active on that day.
#[must_use]
pub fn small_archives(matrix: &Matrix, day: NaiveDate, count: usize) -> Vec<ArchiveKey> {
    let hour = "1h".parse().ok();
    let per_symbol = |number: usize| {
        let symbol: Option<Symbol> = format!("COIN{number:04}USDT").parse().ok();
        let combinations = matrix.combinations().iter().filter(|combination| is_small(combination));
        combinations.filter_map(move |combination| {
            let interval = hour.filter(|_| combination.has_intervals());
            combination.archive(symbol.as_ref()?, interval, Period::day(day))
        })
    };
    (0..count).flat_map(per_symbol).take(count).collect()
}

fn is_small(combination: &Combination) -> bool {
    let small = combination.has_intervals() || combination.data_type.as_str() == "metrics";
    let listed = matches!(combination.market, Market::Spot | Market::FuturesUm);
    small && listed && combination.status == Status::Active
}

fn periods(combination: &Combination, frequency: Frequency, options: &KeyOptions) -> Vec<Period> {
    let more = Days::new(u64::from(options.days.saturating_sub(1)));
    let last = options.first_day.checked_add_days(more).unwrap_or(options.first_day);
    let last = match combination.status {
        Status::Ended(end) => last.min(end),
        // A withdrawn file of this day was described before it went (binance-public-data issue
        // 259).
        Status::Withdrawn => {
            NaiveDate::from_ymd_opt(2023, 7, 31).map_or(last, |known| last.min(known))
        }
        Status::Active | Status::Never => last,
    };
    let first = last.checked_sub_days(more).unwrap_or(last);
    match frequency {
        Frequency::Daily => {
            first.iter_days().take_while(|day| *day <= last).map(Period::day).collect()
        }
        Frequency::Monthly => vec![Period::month_of(first)],
    }
}

/// Returns symbols of the forms that a market has for a data type.
fn symbols(combination: &Combination, day: NaiveDate) -> Vec<Symbol> {
    let data_type = combination.data_type.as_str();
    let delivered = ["klines", "trades", "aggTrades", "markPriceKlines"].contains(&data_type);
    let mut names: Vec<String> = match (combination.market, data_type) {
        (Market::Spot, _) => vec!["BTCUSDT", "ETHUSDT", "币安人生USDT"],
        (Market::FuturesCm, "indexPriceKlines") => vec!["BTCUSD", "ETHUSD"],
        (Market::FuturesCm, _) => vec!["BTCUSD_PERP", "ETHUSD_PERP"],
        (Market::Options, "BVOLIndex") => vec!["BTCBVOLUSDT", "ETHBVOLUSDT"],
        (Market::FuturesUm | Market::Options, _) => vec!["BTCUSDT", "ETHUSDT"],
    }
    .into_iter()
    .map(str::to_owned)
    .collect();
    let delivery = delivery_day(day).format("%y%m%d");
    match combination.market {
        Market::FuturesUm if delivered => names.push(format!("BTCUSDT_{delivery}")),
        Market::FuturesCm if delivered => names.push(format!("BTCUSD_{delivery}")),
        _ => {}
    }
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Returns the last Friday of a quarter, the first one that is at least a month away.
fn delivery_day(day: NaiveDate) -> NaiveDate {
    let ends_quarter = |day: &NaiveDate| {
        let next_week = day.checked_add_days(Days::new(7));
        day.weekday() == Weekday::Fri
            && day.month().is_multiple_of(3)
            && next_week.is_some_and(|next| next.month() != day.month())
    };
    day.iter_days().skip(31).take(130).find(ends_quarter).unwrap_or(day)
}
