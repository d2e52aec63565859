//! Bars: where they begin and end, and what the tape adds up to inside them.

use std::iter::Peekable;

use chrono::{DateTime, Datelike, Months};
use lakehouse_core::names::market::Interval;

use crate::instrument::Instrument;
use crate::tape::{MICROS_PER_DAY, Order, Tape};

/// One bar of trades. A bar without trades stands at the last price, with zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Microseconds since 1970.
    pub(crate) open_time: i64,
    /// When the next bar opens.
    pub(crate) end_time: i64,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) trades: i64,
    pub(crate) lots: i128,
    pub(crate) worth: i128,
    pub(crate) taker_buy_lots: i128,
    pub(crate) taker_buy_worth: i128,
}

/// The bars that open in a range of days.
pub(crate) struct Bars<'a> {
    instrument: &'a Instrument,
    orders: Peekable<Tape<'a>>,
    spans: Spans,
    last_price: i64,
}

impl<'a> Bars<'a> {
    pub(crate) fn new(
        instrument: &'a Instrument,
        interval: Interval,
        days: std::ops::Range<i64>,
    ) -> Self {
        let spans = Spans::new(interval, days);
        let first_day = spans.next.div_euclid(MICROS_PER_DAY);
        Self {
            instrument,
            orders: Tape::from_day(instrument, first_day).peekable(),
            spans,
            last_price: Tape::last_price_before(instrument, first_day),
        }
    }
}

impl Iterator for Bars<'_> {
    type Item = Bar;

    fn next(&mut self) -> Option<Bar> {
        let (open_time, end_time) = self.spans.next()?;
        let mut bar = Bar::still(open_time, end_time, self.last_price);
        while let Some(order) = self.orders.next_if(|order| order.time < end_time) {
            bar.add(&order, self.instrument);
        }
        self.last_price = bar.close;
        Some(bar)
    }
}

impl Bar {
    fn still(open_time: i64, end_time: i64, price: i64) -> Self {
        let (open, high, low, close) = (price, price, price, price);
        let (trades, lots, worth, taker_buy_lots, taker_buy_worth) = (0, 0, 0, 0, 0);
        Self {
            open_time,
            end_time,
            open,
            high,
            low,
            close,
            trades,
            lots,
            worth,
            taker_buy_lots,
            taker_buy_worth,
        }
    }

    fn add(&mut self, order: &Order, instrument: &Instrument) {
        if self.trades == 0 {
            (self.open, self.high, self.low) = (order.ticks, order.ticks, order.ticks);
        }
        (self.high, self.low) = (self.high.max(order.ticks), self.low.min(order.ticks));
        self.close = order.ticks;
        for trade in order.first_trade..=order.last_trade {
            let lots = instrument.lots(trade);
            let worth = instrument.worth(order.ticks, lots);
            self.trades += 1;
            self.lots += i128::from(lots);
            self.worth += i128::from(worth);
            if !order.buyer_is_maker {
                self.taker_buy_lots += i128::from(lots);
                self.taker_buy_worth += i128::from(worth);
            }
        }
    }
}

/// The beginnings and ends of the bars that open in a range of days, in microseconds since 1970.
pub(crate) struct Spans {
    interval: Interval,
    next: i64,
    end: i64,
}

impl Spans {
    pub(crate) fn new(interval: Interval, days: std::ops::Range<i64>) -> Self {
        let start = days.start * MICROS_PER_DAY;
        let mut spans = Self {
            interval,
            next: opening_before(interval, start),
            end: days.end * MICROS_PER_DAY,
        };
        if spans.next < start {
            spans.next = closing(interval, spans.next);
        }
        spans
    }
}

impl Iterator for Spans {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        let open = self.next;
        if open >= self.end {
            return None;
        }
        self.next = closing(self.interval, open);
        Some((open, self.next))
    }
}

/// Returns the beginning of the bar in which a time lies: weeks begin on Mondays, months on the
/// first, all others count from 1970.
fn opening_before(interval: Interval, time: i64) -> i64 {
    const WEEK: i64 = 604_800;
    const FIRST_MONDAY: i64 = 4 * MICROS_PER_DAY;
    let Some(seconds) = interval.seconds() else {
        let day_of_month =
            DateTime::from_timestamp_micros(time).map_or(0, |time| i64::from(time.day0()));
        return (time.div_euclid(MICROS_PER_DAY) - day_of_month) * MICROS_PER_DAY;
    };
    let shift = if seconds % WEEK == 0 { FIRST_MONDAY } else { 0 };
    time - (time - shift).rem_euclid(seconds * 1_000_000)
}

/// Returns the end of the bar that opens at a time.
fn closing(interval: Interval, open: i64) -> i64 {
    if let Some(seconds) = interval.seconds() {
        return open + seconds * 1_000_000;
    }
    let next_month = DateTime::from_timestamp_micros(open)
        .and_then(|time| time.checked_add_months(Months::new(1)));
    next_month.map_or(i64::MAX, |time| time.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch_day;
    use lakehouse_core::names::period::Period;

    fn spans(interval: &str, period: &str) -> Vec<String> {
        let period: Period = period.parse().unwrap();
        let days = epoch_day(period.start())..epoch_day(period.next().start());
        let date = |micros| {
            DateTime::from_timestamp_micros(micros).unwrap().format("%m-%d %H:%M").to_string()
        };
        let spans = Spans::new(interval.parse().unwrap(), days);
        spans.map(|(open, end)| format!("{} to {}", date(open), date(end))).collect()
    }

    #[test]
    fn weeks_begin_on_mondays_and_months_on_the_first() {
        assert_eq!(spans("1w", "2024-02-26"), ["02-26 00:00 to 03-04 00:00"]);
        assert_eq!(spans("1w", "2024-02-27"), [""; 0]);
        assert_eq!(spans("1mo", "2024-02"), ["02-01 00:00 to 03-01 00:00"]);
        assert_eq!(spans("3d", "2024-02").len(), 10);
        assert_eq!(
            spans("12h", "2024-02-29"),
            ["02-29 00:00 to 02-29 12:00", "02-29 12:00 to 03-01 00:00"]
        );
    }
}
