//! `/api/candles`: the bars of one symbol in any range, at most as many as a chart can show.
//!
//! Which bars these are is decided here: those of an interval that the lake holds, or of a round
//! width that such an interval divides, so that years travel as few bars and minutes as they are.

use std::fmt::Write;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use lakehouse_core::coverage::SeriesCoverage;
use lakehouse_core::names::market::Interval;
use serde::Deserialize;

use super::login::User;
use super::sql::{FILE_FORMATS, Wanted, answer, fault, who};
use super::{Shared, failure};
use crate::error_chain::messages;
use crate::output::Format;
use crate::query::text_literal;

/// Bars of an answer at most.
const BARS: i64 = 2_000;

/// Widths of bars, in seconds: those that people read.
const WIDTHS: [i64; 18] = [
    1, 5, 15, 60, 180, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800, 43_200, 86_400,
    259_200, 604_800, 2_419_200,
];

/// A Monday, from which weeks and everything longer is counted.
const FIRST_MONDAY: &str = "1970-01-05T00:00:00Z";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    market: String,
    symbol: String,
    /// The shortest bars that are wanted.
    interval: Option<String>,
    /// A day, or a time with its zone.
    from: Option<String>,
    /// A day, which is meant whole, or a time with its zone.
    to: Option<String>,
    bars: Option<i64>,
}

/// Bars of one symbol, and how they are made.
#[derive(Clone, Debug, PartialEq)]
struct Bars {
    market: String,
    symbol: String,
    /// The interval that is read.
    source: Interval,
    /// Seconds of a bar; nothing where bars are taken as they are.
    width: Option<i64>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

pub(super) fn router() -> Router<Shared> {
    let mut router = Router::new();
    for format in [None].into_iter().chain(FILE_FORMATS.map(Some)) {
        let path = format!("/api/candles.{}", format.map_or("json", Format::extension));
        let answer = async move |shared, peer, user, request| {
            Box::pin(candles(shared, peer, user, request, format)).await
        };
        router = router.route(&path, get(answer));
    }
    router
}

async fn candles(
    State(shared): State<Shared>,
    Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>,
    user: Option<Extension<User>>,
    Query(request): Query<Request>,
    format: Option<Format>,
) -> Response {
    let status = match Box::pin(shared.engine.status()).await {
        Ok(status) => status,
        Err(error) => return failure(&messages(&error).join(": ")),
    };
    let held: Vec<_> = status.series.iter().filter(|one| request.is_about(one)).collect();
    match Bars::choose(&request, &held) {
        Ok(bars) => {
            let wanted = Wanted::all(format);
            Box::pin(answer(shared, who(user, peer), bars.statement(), wanted)).await
        }
        Err(refusal) => fault(StatusCode::BAD_REQUEST, &refusal, None),
    }
}

impl Request {
    fn is_about(&self, coverage: &SeriesCoverage) -> bool {
        let series = &coverage.series;
        series.data_type.as_str() == "klines"
            && series.market.as_str() == self.market
            && series.symbol.as_str() == self.symbol
            && coverage.first().is_some()
    }
}

impl Bars {
    /// Chooses what to read of the series of one symbol's bars.
    ///
    /// # Errors
    /// The reason, for the client: there are no such bars, or the request is no range of time.
    fn choose(request: &Request, held: &[&SeriesCoverage]) -> Result<Self, String> {
        let Request { market, symbol, .. } = request;
        let first = held.iter().filter_map(|one| one.first()).min();
        let last = held.iter().filter_map(|one| one.last()).max();
        let (Some(first), Some(last)) = (first, last) else {
            return Err(format!("the lake holds no klines of {market} {symbol}"));
        };
        let from = request.from.as_deref().map_or(Ok(start_of(first)), |text| time(text, 0))?;
        let to = request.to.as_deref().map_or(Ok(end_of(last)), |text| time(text, 1))?;
        if from >= to {
            return Err(format!("from ({from}) must be before to ({to})"));
        }
        let wanted = request.interval.as_deref().map(str::parse::<Interval>).transpose();
        let wanted = wanted.map_err(|error| error.to_string())?;
        let bars = request.bars.unwrap_or(BARS).clamp(1, BARS);
        // Rounded up, so that the bars are not too many.
        let least = ((to - from).num_seconds() + bars - 1) / bars;
        let mut intervals = Vec::new();
        for coverage in held {
            let days = days_held(coverage, from.date_naive(), to.date_naive());
            intervals.extend(coverage.series.interval.map(|interval| Held { interval, days }));
        }
        // One without bars in the range is worth something only where all are like that.
        if intervals.iter().any(|held| held.days > 0) {
            intervals.retain(|held| held.days > 0);
        }
        intervals.sort_by_key(|held| seconds(held.interval));
        let (source, width) = choose_width(&intervals, wanted, least)
            .ok_or_else(|| format!("the lake holds no klines of {market} {symbol}"))?;
        let (market, symbol) = (market.clone(), symbol.clone());
        Ok(Self { market, symbol, source, width, from, to })
    }

    /// Returns the statement that reads the bars.
    fn statement(&self) -> String {
        let Self { market, symbol, source, from, to, .. } = self;
        // A bar belongs to the day on which it opens, so that no other day need be looked at.
        let days = format!("DATE '{}' AND DATE '{}'", from.date_naive(), to.date_naive());
        let instant = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
        let bars = format!(
            "FROM silver.klines WHERE market = {} AND symbol = {} AND bar_interval = '{source}' \
             AND date BETWEEN {days} AND open_time >= TIMESTAMP WITH TIME ZONE '{}' \
             AND open_time < TIMESTAMP WITH TIME ZONE '{}'",
            text_literal(market),
            text_literal(symbol),
            instant(from),
            instant(to)
        );
        let Some(width) = self.width else {
            return format!(
                "SELECT to_unixtime(open_time) AS time, open, high, low, close, volume, \
                 '{source}' AS bar_interval {bars} ORDER BY open_time LIMIT {BARS}"
            );
        };
        format!(
            "SELECT to_unixtime(date_bin(INTERVAL '{width} seconds', open_time, \
             TIMESTAMP WITH TIME ZONE '{FIRST_MONDAY}')) AS time, \
             first_value(open ORDER BY open_time) AS open, max(high) AS high, min(low) AS low, \
             last_value(close ORDER BY open_time) AS close, sum(volume) AS volume, \
             '{}' AS bar_interval {bars} GROUP BY 1 ORDER BY 1",
            name_of(width)
        )
    }
}

/// An interval of which the lake holds bars.
#[derive(Clone, Copy, Debug)]
struct Held {
    interval: Interval,
    /// Days in the range that are held.
    days: u64,
}

/// Returns how many days of a range are held.
fn days_held(coverage: &SeriesCoverage, first: NaiveDate, last: NaiveDate) -> u64 {
    let mut days = 0;
    for run in coverage.runs.iter().filter(|run| run.state.is_held()) {
        let within = run.end.min(last) - run.start.max(first);
        days += u64::try_from(within.num_days() + 1).unwrap_or_default();
    }
    days
}

/// Chooses the interval to read and the seconds of a bar, at least `least`, where bars are put
/// together. The intervals are in the order of their length.
fn choose_width(
    held: &[Held],
    wanted: Option<Interval>,
    least: i64,
) -> Option<(Interval, Option<i64>)> {
    // The bars themselves, where they are wanted and long enough.
    if let Some(wanted) = wanted.filter(|wanted| seconds(*wanted) >= least)
        && held.iter().any(|held| held.interval == wanted)
    {
        return Some((wanted, None));
    }
    let least = least.max(wanted.map_or(1, seconds));
    let longest = WIDTHS[WIDTHS.len() - 1];
    let beyond = (least + longest - 1) / longest * longest;
    let widths = WIDTHS.into_iter().filter(|width| *width >= least).chain([beyond]);
    for width in widths {
        let divides = |held: &&Held| {
            held.interval.seconds().is_some_and(|seconds| seconds <= width && width % seconds == 0)
        };
        // The longest one is the cheapest to read, among those that lack the fewest days.
        if let Some(source) = held.iter().filter(divides).max_by_key(|held| held.days) {
            let is_exact = source.interval.seconds() == Some(width);
            return Some((source.interval, (!is_exact).then_some(width)));
        }
        // Bars that are long enough already need not be put together.
        if let Some(longer) = held.iter().find(|held| seconds(held.interval) >= width) {
            return Some((longer.interval, None));
        }
    }
    None
}

/// Returns the seconds of an interval; a month counts as its shortest.
fn seconds(interval: Interval) -> i64 {
    interval.seconds().unwrap_or(28 * 86_400)
}

/// Writes a width as an interval is written.
fn name_of(width: i64) -> String {
    let units = [(604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut name = String::new();
    if let Some((unit, sign)) = units.iter().find(|(unit, _)| width % unit == 0) {
        // Writing to a text cannot fail.
        let _ = write!(name, "{}{sign}", width / unit);
    }
    name
}

fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

fn end_of(day: NaiveDate) -> DateTime<Utc> {
    start_of(day) + TimeDelta::days(1)
}

/// Reads a time, or a day with `days` added.
fn time(text: &str, days: u64) -> Result<DateTime<Utc>, String> {
    if let Ok(day) = text.parse::<NaiveDate>()
        && let Some(day) = day.checked_add_days(Days::new(days))
    {
        return Ok(start_of(day));
    }
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc()).map_err(|_| {
        format!("{text} is no time: write a day such as 2024-03-01, or 2024-03-01T12:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the interval that is read, and the width of bars that are put together.
    fn chosen(held: &[&str], wanted: Option<&str>, least: i64) -> (String, Option<i64>) {
        let held: Vec<_> = held.iter().map(|name| (*name, 1)).collect();
        chosen_of(&held, wanted, least)
    }

    /// The same, of intervals with the days that are held.
    fn chosen_of(held: &[(&str, u64)], wanted: Option<&str>, least: i64) -> (String, Option<i64>) {
        let of = |(name, days): &(&str, u64)| Held { interval: name.parse().unwrap(), days: *days };
        let held: Vec<_> = held.iter().map(of).collect();
        let wanted = wanted.map(|name| name.parse().unwrap());
        let (source, width) = choose_width(&held, wanted, least).unwrap();
        (source.to_string(), width)
    }

    #[test]
    fn bars_are_taken_as_they_are_where_the_lake_holds_the_width() {
        assert_eq!(chosen(&["1m", "1h", "1d"], None, 1), ("1m".to_owned(), None));
        assert_eq!(chosen(&["1m", "1h", "1d"], None, 3_000), ("1h".to_owned(), None));
        assert_eq!(chosen(&["1m", "1h", "1d"], Some("1h"), 1), ("1h".to_owned(), None));
        assert_eq!(chosen(&["1d", "1mo"], Some("1mo"), 1), ("1mo".to_owned(), None));
    }

    #[test]
    fn bars_are_put_together_from_the_longest_interval_that_divides_their_width() {
        assert_eq!(chosen(&["1m", "1h"], None, 10_000), ("1h".to_owned(), Some(14_400)));
        assert_eq!(chosen(&["1m", "3m"], None, 280), ("1m".to_owned(), Some(300)));
        assert_eq!(chosen(&["1m"], Some("1m"), 61), ("1m".to_owned(), Some(180)));
        assert_eq!(chosen(&["3m"], None, 200), ("3m".to_owned(), Some(900)));
        assert_eq!(chosen(&["1d"], None, 3_000_000), ("1d".to_owned(), Some(4_838_400)));
    }

    #[test]
    fn bars_come_from_the_interval_that_lacks_the_fewest_days() {
        let held = [("1m", 30), ("1h", 2), ("1d", 0)];
        assert_eq!(chosen_of(&held, None, 86_400), ("1m".to_owned(), Some(86_400)));
        let held = [("1m", 30), ("1h", 30), ("1d", 0)];
        assert_eq!(chosen_of(&held, None, 86_400), ("1h".to_owned(), Some(86_400)));
    }

    #[test]
    fn bars_that_are_longer_than_wanted_are_better_than_none() {
        assert_eq!(chosen(&["1h"], Some("1m"), 1), ("1h".to_owned(), None));
        assert_eq!(chosen(&["1mo"], None, 60), ("1mo".to_owned(), None));
    }

    #[test]
    fn a_day_is_meant_from_its_begin_to_its_end() {
        assert_eq!(time("2024-02-29", 1).unwrap().to_rfc3339(), "2024-03-01T00:00:00+00:00");
        assert_eq!(time("2024-02-29T01:00:00+01:00", 1).unwrap(), time("2024-02-29", 0).unwrap());
        assert!(time("yesterday", 0).unwrap_err().contains("2024-03-01"));
    }

    #[test]
    fn a_width_is_named_like_an_interval() {
        assert_eq!([1, 300, 7_200, 259_200, 604_800].map(name_of), ["1s", "5m", "2h", "3d", "1w"]);
    }
}
