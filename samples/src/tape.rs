//! The tape of a symbol: every order that took liquidity, and the trades that it made.
//!
//! Each day has a fixed number of orders, spread unevenly over its minutes, and some orders trade
//! more than once. Both are functions of the position in the day, so ids run on over midnight,
//! every day has exactly the requested rows, and any order can be found without those
//! before it.

use crate::instrument::Instrument;
use crate::noise::Noise;

pub(crate) const MINUTES: i64 = 1_440;
pub(crate) const MICROS_PER_MINUTE: i64 = 60_000_000;
pub(crate) const MICROS_PER_DAY: i64 = MINUTES * MICROS_PER_MINUTE;

/// How often a minute the price may jump.
const STRETCHES: i64 = 20;

/// One order and what it traded, all at one price: a row of aggTrades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) first_trade: i64,
    pub(crate) last_trade: i64,
    /// Microseconds since 1970.
    pub(crate) time: i64,
    pub(crate) ticks: i64,
    /// Whether the order sold.
    pub(crate) buyer_is_maker: bool,
}

/// The orders of a symbol from a day on, without end.
pub(crate) struct Tape<'a> {
    instrument: &'a Instrument,
    spread: Spread,
    noise: Noise,
    day: i64,
    place: i64,
    minute: Minute,
}

/// A minute of a day, its orders by their place in the day, and the prices at its ends.
struct Minute {
    number: i64,
    orders: std::ops::Range<i64>,
    open: i64,
    close: i64,
}

impl<'a> Tape<'a> {
    /// Begins with the first order of a day since 1970.
    pub(crate) fn from_day(instrument: &'a Instrument, day: i64) -> Self {
        Self::from_place(instrument, day, 0)
    }

    /// Returns the price in ticks of the last order before a day.
    pub(crate) fn last_price_before(instrument: &'a Instrument, day: i64) -> i64 {
        let place = Spread::of(instrument).orders - 1;
        Self::from_place(instrument, day - 1, place).next().map_or(1, |order| order.ticks)
    }

    fn from_place(instrument: &'a Instrument, day: i64, place: i64) -> Self {
        let minute = Minute { number: i64::MIN, orders: 0..0, open: 0, close: 0 };
        let noise = instrument.noise().named("orders");
        Self { instrument, spread: Spread::of(instrument), noise, day, place, minute }
    }

    fn enter_minute(&mut self) {
        let minute = self.spread.minute_of(self.day, self.place);
        let number = self.day * MINUTES + minute;
        self.minute = Minute {
            number,
            orders: self.spread.before_minute(self.day, minute)
                ..self.spread.before_minute(self.day, minute + 1),
            open: self.instrument.mark(number),
            close: self.instrument.mark(number + 1),
        };
    }

    fn order(&self) -> Order {
        let id = self.day * self.spread.orders + self.place;
        let (at, of) = (
            self.place - self.minute.orders.start,
            self.minute.orders.end - self.minute.orders.start,
        );
        let delay =
            MICROS_PER_MINUTE * (at * 1_000 + self.noise.between(id, 50, 950)) / (of * 1_000);
        let level = self.minute.open + (self.minute.close - self.minute.open) * at / of;
        // The price jumps some twenty times a minute; between jumps orders meet the same bid and
        // ask.
        let stretch = self.minute.number * STRETCHES + at * STRETCHES.min(of) / of;
        let jump = self.noise.between(!stretch, -level / 5_000, level / 5_000);
        let sells = self.noise.one_in(id, 2);
        let trades = self.day * self.spread.trades;
        Order {
            id,
            first_trade: trades + self.spread.trades_before(self.day, self.place),
            last_trade: trades + self.spread.trades_before(self.day, self.place + 1) - 1,
            time: self.minute.number * MICROS_PER_MINUTE + delay,
            ticks: self.instrument.ticks(level + jump) + i64::from(!sells),
            buyer_is_maker: sells,
        }
    }
}

impl Iterator for Tape<'_> {
    type Item = Order;

    fn next(&mut self) -> Option<Order> {
        if self.place == self.spread.orders {
            (self.day, self.place) = (self.day + 1, 0);
        }
        if !(self.minute.orders.contains(&self.place)
            && self.minute.number.div_euclid(MINUTES) == self.day)
        {
            self.enter_minute();
        }
        let order = self.order();
        self.place += 1;
        Some(order)
    }
}

/// How the orders of a day spread over its minutes, and its trades over its orders.
struct Spread {
    noise: Noise,
    trades: i64,
    orders: i64,
}

impl Spread {
    /// Orders are looked at in blocks of this many; one order of a block makes all its further
    /// trades.
    const BLOCK: i64 = 8;

    fn of(instrument: &Instrument) -> Self {
        let trades = instrument.trades_per_day;
        Self { noise: instrument.noise().named("spread"), trades, orders: (trades * 7 / 10).max(1) }
    }

    /// Returns how many orders of the day come before one of its minutes.
    fn before_minute(&self, day: i64, minute: i64) -> i64 {
        if minute <= 0 || minute >= MINUTES {
            return if minute <= 0 { 0 } else { self.orders };
        }
        let uneven = self.noise.between(day * MINUTES + minute, -300, 300);
        self.orders * (minute * 1_000 + uneven) / (MINUTES * 1_000)
    }

    fn minute_of(&self, day: i64, place: i64) -> i64 {
        let mut minute = place * MINUTES / self.orders;
        while self.before_minute(day, minute) > place {
            minute -= 1;
        }
        while self.before_minute(day, minute + 1) <= place {
            minute += 1;
        }
        minute
    }

    /// Returns how many trades of the day come before one of its orders.
    fn trades_before(&self, day: i64, place: i64) -> i64 {
        let (block, within) = (place / Self::BLOCK, place % Self::BLOCK);
        let length = Self::BLOCK.min(self.orders - block * Self::BLOCK);
        let mut further = self.further_before(block);
        if within > 0 && within > self.noise.below(!(day * self.orders + block), length) {
            further = self.further_before(block + 1);
        }
        place + further
    }

    fn further_before(&self, block: i64) -> i64 {
        (self.trades - self.orders) * (block * Self::BLOCK).min(self.orders) / self.orders
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleOptions;
    use lakehouse_core::names::market::Market;

    fn instrument(trades_per_day: u32) -> Instrument {
        let options = SampleOptions { trades_per_day, ..SampleOptions::default() };
        Instrument::new(&options, Market::Spot, &"BTCUSDT".parse().unwrap())
    }

    #[test]
    fn ids_run_on_without_a_gap_and_time_never_goes_back() {
        for trades in [1, 2, 500, 2_880, 20_011] {
            let instrument = instrument(trades);
            let orders: Vec<_> = Tape::from_day(&instrument, 20_000).take(30_000).collect();
            for pair in orders.windows(2) {
                assert_eq!(pair[0].id + 1, pair[1].id);
                assert_eq!(pair[0].last_trade + 1, pair[1].first_trade);
                assert!(pair[0].first_trade <= pair[0].last_trade && pair[0].time <= pair[1].time);
            }
        }
    }

    #[test]
    fn a_day_has_exactly_the_trades_that_were_asked_for() {
        for trades in [1, 499, 2_880, 20_011] {
            let instrument = instrument(trades);
            let end = 20_001 * MICROS_PER_DAY;
            let day = Tape::from_day(&instrument, 20_000).take_while(|order| order.time < end);
            assert_eq!(
                day.map(|order| order.last_trade - order.first_trade + 1).sum::<i64>(),
                i64::from(trades)
            );
        }
    }

    #[test]
    fn the_last_price_before_a_day_is_that_of_its_eve() {
        let instrument = instrument(300);
        let midnight = 20_000 * MICROS_PER_DAY;
        let eve = Tape::from_day(&instrument, 19_999)
            .take_while(|order| order.time < midnight)
            .last()
            .unwrap();
        assert_eq!(Tape::last_price_before(&instrument, 20_000), eve.ticks);
    }
}
