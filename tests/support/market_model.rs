//! Made-up series of a few rows a day: how each row is published, and what silver has to say of it.
//!
//! A row is a pure function of seed, series, day, place and revision, so that what a lake ought to
//! hold can be computed without the program. Other models of tests go through the generator of
//! samples, which writes more rows than hundreds of runs can read.

use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate, NaiveTime};

use crate::support::random::{Random, hash};
use crate::support::samples::csv_name;
use crate::support::zips::zip_of;

const DAY: i64 = 86_400;

/// What a series consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Spot bars.
    Bars { interval: &'static str, rows: usize, apart: i64 },
    /// Spot trades, with ids that go on from day to day.
    Trades,
    /// Funding rates, which have monthly archives only.
    Funding,
    /// Open interest and ratios, which have daily archives only.
    Metrics,
}

/// A series of archives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series {
    pub(crate) symbol: &'static str,
    pub(crate) kind: Kind,
}

const HOURS: Kind = Kind::Bars { interval: "1h", rows: 24, apart: 3600 };
/// Some minutes of a day; gold adds up what is there.
const MINUTES: Kind = Kind::Bars { interval: "1m", rows: 20, apart: 61 * 60 };

/// Every series that there is.
pub(crate) const SERIES: [Series; 6] = [
    Series { symbol: "AAAUSDT", kind: HOURS },
    Series { symbol: "BBBUSDT", kind: HOURS },
    Series { symbol: "AAAUSDT", kind: MINUTES },
    Series { symbol: "AAAUSDT", kind: Kind::Trades },
    Series { symbol: "AAAUSDT", kind: Kind::Funding },
    Series { symbol: "AAAUSDT", kind: Kind::Metrics },
];

/// A row of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelRow {
    /// The line of the archive.
    pub(crate) csv: String,
    /// The row as [`crate::support::silver_rows`] reads it.
    pub(crate) silver: String,
    /// The id of a trade.
    pub(crate) id: Option<i64>,
    /// Event time in microseconds.
    pub(crate) time: i64,
    /// The values in the order of the columns, as integers of their smallest decimal.
    pub(crate) values: Vec<i64>,
}

impl Series {
    pub(crate) const fn rows_a_day(self) -> usize {
        match self.kind {
            Kind::Bars { rows, .. } => rows,
            Kind::Trades => 12,
            Kind::Funding => 3,
            Kind::Metrics => 6,
        }
    }

    /// Names the archive of a day, if there are such.
    pub(crate) fn daily_key(self, day: NaiveDate) -> Option<String> {
        (self.kind != Kind::Funding).then(|| self.key("daily", &day.to_string()))
    }

    /// Names the archive of a month, if there are such.
    pub(crate) fn monthly_key(self, month: NaiveDate) -> Option<String> {
        let period = month.format("%Y-%m").to_string();
        (self.kind != Kind::Metrics).then(|| self.key("monthly", &period))
    }

    fn key(self, frequency: &str, period: &str) -> String {
        let symbol = self.symbol;
        match self.kind {
            Kind::Bars { interval, .. } => {
                let folder = format!("data/spot/{frequency}/klines/{symbol}/{interval}");
                format!("{folder}/{symbol}-{interval}-{period}.zip")
            }
            Kind::Trades => {
                format!("data/spot/{frequency}/trades/{symbol}/{symbol}-trades-{period}.zip")
            }
            Kind::Funding => {
                let folder = format!("data/futures/um/{frequency}/fundingRate/{symbol}");
                format!("{folder}/{symbol}-fundingRate-{period}.zip")
            }
            Kind::Metrics => {
                let folder = format!("data/futures/um/{frequency}/metrics/{symbol}");
                format!("{folder}/{symbol}-metrics-{period}.zip")
            }
        }
    }

    const fn header(self) -> &'static str {
        match self.kind {
            Kind::Bars { .. } | Kind::Trades => "",
            Kind::Funding => "calc_time,funding_interval_hours,last_funding_rate\n",
            Kind::Metrics => {
                "create_time,symbol,sum_open_interest,sum_open_interest_value,\
                 count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,\
                 count_long_short_ratio,sum_taker_long_short_vol_ratio\n"
            }
        }
    }

    /// Returns a row of a day; a revision has other values in some rows than the one before.
    pub(crate) fn row(self, seed: u64, day: NaiveDate, index: usize, revision: u64) -> ModelRow {
        let name = hash(0, &self.key("", "").bytes().map(u64::from).collect::<Vec<_>>());
        let place = [name, day.num_days_from_ce() as u64, index as u64];
        let is_revised = hash(seed, &[&place[..], &[revision, 1]].concat()).is_multiple_of(3);
        let revision = if is_revised { revision } else { 0 };
        let mut random = Random::at(seed, &[&place[..], &[revision]].concat());
        let start = day.and_time(NaiveTime::MIN).and_utc().timestamp();
        match self.kind {
            Kind::Bars { interval, apart, .. } => {
                let seconds = if interval == "1h" { 3600 } else { 60 };
                bar(self.symbol, interval, start + index as i64 * apart, seconds, &mut random)
            }
            Kind::Trades => {
                let id = start / DAY * self.rows_a_day() as i64 + index as i64;
                trade(self.symbol, id, start + index as i64 * 7000, &mut random)
            }
            Kind::Funding => funding(self.symbol, start + index as i64 * 8 * 3600, &mut random),
            Kind::Metrics => metrics(self.symbol, start + index as i64 * 4 * 3600, &mut random),
        }
    }

    /// Returns the bytes of an archive that has these rows in this order.
    pub(crate) fn zip<'a>(
        self,
        key: &str,
        rows: impl IntoIterator<Item = &'a ModelRow>,
    ) -> Vec<u8> {
        let mut csv = self.header().to_owned();
        for row in rows {
            csv.push_str(&row.csv);
        }
        zip_of(&csv_name(key), csv.as_bytes())
    }
}

fn bar(symbol: &str, interval: &str, time: i64, seconds: i64, random: &mut Random) -> ModelRow {
    let mut number = |end: usize| random.below(end) as i64;
    let open = 10_000 + number(1000);
    let close = open - 500 + number(1000);
    let high = open.max(close) + number(100);
    let low = open.min(close) - number(100);
    let volume = 1 + number(1_000_000);
    let quote_volume = 1 + number(1_000_000);
    let count = 1 + number(500);
    let bought = number(volume as usize);
    let quote_bought = number(quote_volume as usize);
    let millis = time * 1000;
    let close_millis = millis + seconds * 1000 - 1;
    let prices = [open, high, low, close].map(|price| decimal(price, 2));
    let amounts = [volume, quote_volume, bought, quote_bought].map(|amount| decimal(amount, 3));
    let [volume_text, quote_text, bought_text, quote_bought_text] = &amounts;
    let csv = format!(
        "{millis},{},{volume_text},{close_millis},{quote_text},{count},{bought_text},\
         {quote_bought_text},0\n",
        prices.join(",")
    );
    let close_micros = (close_millis * 1000).to_string();
    let mut cells = prices.to_vec();
    cells.push(volume_text.clone());
    cells.push(close_micros);
    cells.push(quote_text.clone());
    cells.push(count.to_string());
    cells.push(bought_text.clone());
    cells.push(quote_bought_text.clone());
    let values = vec![open, high, low, close, volume, quote_volume, count];
    let micros = millis * 1000;
    let silver = silver_row(["klines", symbol, interval], micros, micros, &cells);
    ModelRow { csv, silver, id: None, time: micros, values }
}

fn trade(symbol: &str, id: i64, time: i64, random: &mut Random) -> ModelRow {
    let mut number = |end: usize| random.below(end) as i64;
    let price = decimal(10_000 + number(1000), 2);
    let quantity = decimal(1 + number(100_000), 3);
    let quote = decimal(1 + number(100_000), 3);
    let is_buyer_maker = number(2) == 0;
    let maker = if is_buyer_maker { "True" } else { "False" };
    let millis = time * 1000;
    let csv = format!("{id},{price},{quantity},{quote},{millis},{maker},True\n");
    let cells = [price, quantity, quote, is_buyer_maker.to_string(), "true".to_owned()];
    let silver = silver_row(["trades", symbol, ""], id, millis * 1000, &cells);
    ModelRow { csv, silver, id: Some(id), time: millis * 1000, values: Vec::new() }
}

fn funding(symbol: &str, time: i64, random: &mut Random) -> ModelRow {
    let rate = random.below(200) as i64 - 100;
    let millis = time * 1000 + random.below(20) as i64;
    let text = decimal(rate, 6);
    let csv = format!("{millis},8,{text}\n");
    let micros = millis * 1000;
    let silver = silver_row(["funding_rate", symbol, ""], micros, micros, &["8".to_owned(), text]);
    ModelRow { csv, silver, id: None, time: micros, values: vec![rate] }
}

fn metrics(symbol: &str, time: i64, random: &mut Random) -> ModelRow {
    let cells: Vec<_> = (0..6).map(|_| decimal(random.below(1_000_000) as i64, 4)).collect();
    let at = chrono::DateTime::from_timestamp(time, 0).unwrap().format("%Y-%m-%d %H:%M:%S");
    let csv = format!("{at},{symbol},{}\n", cells.join(","));
    let micros = time * 1_000_000;
    let silver = silver_row(["metrics", symbol, ""], micros, micros, &cells);
    ModelRow { csv, silver, id: None, time: micros, values: Vec::new() }
}

/// Writes a row as [`crate::support::silver_rows`] reads it: table, symbol, interval, key, event
/// time, date, then values without trailing zeros.
fn silver_row(series: [&str; 3], key: i64, micros: i64, cells: &[String]) -> String {
    let date = chrono::DateTime::from_timestamp_micros(micros).unwrap().date_naive();
    let mut row = format!("{}|{key}|{micros}|{date}", series.join("|"));
    for cell in cells {
        write!(row, "|{}", trimmed(cell)).unwrap();
    }
    row
}

/// Writes a decimal with so many digits after the point.
fn decimal(value: i64, digits: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let unit = 10_u64.pow(digits as u32);
    let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    format!("{sign}{whole}.{part:0digits$}")
}

/// Returns a number without zeros that say nothing.
pub(crate) fn trimmed(text: &str) -> &str {
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }
}

/// Returns a decimal as an integer of its smallest digit, of which it has `digits`.
pub(crate) fn scaled(text: &str, digits: usize) -> i64 {
    let (whole, part) = trimmed(text).split_once('.').unwrap_or((trimmed(text), ""));
    assert!(part.len() <= digits, "{text} has more than {digits} digits");
    format!("{whole}{part:0<digits$}").parse().unwrap()
}
