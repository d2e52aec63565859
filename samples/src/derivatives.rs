//! fundingRate, metrics and liquidationSnapshot: what only futures have.

use std::io;

use lakehouse_core::names::market::Market;

use crate::instrument::{PLACES, coin};
use crate::noise::Noise;
use crate::rows::RowWriter;
use crate::tape::MINUTES;
use crate::walk::Walk;
use crate::{Sample, era};

const MILLIS_PER_MINUTE: i64 = 60_000;

/// Writes a rate every eight hours (four for some coins), a few milliseconds late half of the time.
pub(super) fn write_funding(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    const USUAL_RATE: i64 = 10_000;
    rows.line("calc_time,funding_interval_hours,last_funding_rate")?;
    let noise = sample.noise();
    let large = ["BTC", "ETH"].contains(&coin(sample.key.symbol()));
    let hours = if large || noise.one_in(i64::MAX, 2) { 8 } else { 4 };
    for day in sample.days() {
        for slot in 0..24 / hours {
            let minute = day * MINUTES + slot * hours * 60;
            let late = if noise.one_in(minute, 2) { 0 } else { noise.between(!minute, 1, 13) };
            let premium = sample.instrument.premium(minute);
            let rate = if premium.abs() < USUAL_RATE { USUAL_RATE } else { premium / 2 };
            rows.integer(minute * MILLIS_PER_MINUTE + late).integer(hours);
            rows.padded(rate.into(), PLACES, PLACES).end()?;
        }
    }
    Ok(())
}

/// Writes open interest and ratios every five minutes, a few rows out of order.
pub(super) fn write_metrics(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    const ROWS_PER_DAY: i64 = 288;
    const SWAPPED: [i64; 2] = [1, 5];
    rows.line(
        "create_time,symbol,sum_open_interest,sum_open_interest_value,\
        count_toptrader_long_short_ratio,\
         sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio",
    )?;
    let metrics = Metrics::of(sample);
    for slot in sample.days().flat_map(|day| day * ROWS_PER_DAY..(day + 1) * ROWS_PER_DAY) {
        let (block, within) = (slot & !7, slot & 7);
        let swap = SWAPPED.contains(&within) && sample.noise().named("order").one_in(block, 12);
        metrics.write(if swap { block + SWAPPED[0] + SWAPPED[1] - within } else { slot }, rows)?;
    }
    Ok(())
}

struct Metrics<'a> {
    sample: &'a Sample<'a>,
    noise: Noise,
    interest: Walk,
    /// The instants at which open interest was unknown, the same for all symbols.
    unknown: Noise,
}

impl<'a> Metrics<'a> {
    fn of(sample: &'a Sample<'a>) -> Self {
        let interest = Walk::new(sample.noise().named("interest"), 14, 1_000_000);
        let unknown = Noise::new(sample.options.seed).named("unknown interest");
        Self { sample, noise: sample.noise(), interest, unknown }
    }

    /// Writes the row of a five-minute slot since 1970.
    fn write(&self, slot: i64, rows: &mut RowWriter<'_>) -> io::Result<()> {
        let late = era::late_metrics(self.sample.start());
        let minute = (slot + i64::from(late)) * 5;
        let drift =
            if late && self.noise.one_in(!slot, 20) { self.noise.between(slot, 1, 5) } else { 0 };
        rows.time_text(minute * 60 + drift).text(self.sample.key.symbol().as_str());
        self.write_interest(slot, minute, rows);
        let market = self.sample.key.market();
        for name in ["count top", "sum top", "count"] {
            if market == Market::FuturesCm {
                rows.text("\"\"");
            } else {
                rows.padded(
                    self.noise.named(name).between(slot / 6, 80_000_000, 240_000_000).into(),
                    PLACES,
                    PLACES,
                );
            }
        }
        rows.padded(
            self.noise.named("taker").between(slot, 1_000_000, 250_000_000).into(),
            PLACES,
            PLACES,
        )
        .end()
    }

    fn write_interest(&self, slot: i64, minute: i64, rows: &mut RowWriter<'_>) {
        let it = &self.sample.instrument;
        let places = era::interest_places(self.sample.key.market(), self.sample.start());
        if era::unknown_interest(self.sample.start()) && self.unknown.one_in(slot, 400) {
            let zero = format!("0E-{places}");
            rows.text(&zero).text(&zero);
            return;
        }
        let lots = it.small_order * 100_000 / 1_000 * (1_000_000_000 + self.interest.at(minute))
            / 1_000_000;
        rows.padded(lots.into(), it.lot_scale, places);
        rows.padded(it.worth(it.ticks(it.mark(minute)), lots).into(), it.worth_scale(), places);
    }
}

/// Writes orders that closed a position by force; the archive has every row twice.
pub(super) fn write_liquidations(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    let of_um = sample.key.market() == Market::FuturesUm;
    let symbol = if of_um { "symbol," } else { "" };
    rows.line(&format!(
        "time,{symbol}side,order_type,time_in_force,original_quantity,price,average_price,\
        order_status,\
         last_fill_quantity,accumulated_fill_quantity"
    ))?;
    let orders = (sample.instrument.trades_per_day / 200).max(4);
    for day in sample.days() {
        for order in 0..orders {
            write_liquidation(sample, of_um, day, order, orders, rows)?;
            write_liquidation(sample, of_um, day, order, orders, rows)?;
        }
    }
    Ok(())
}

fn write_liquidation(
    sample: &Sample<'_>,
    with_symbol: bool,
    day: i64,
    order: i64,
    orders: i64,
    rows: &mut RowWriter<'_>,
) -> io::Result<()> {
    const DAY: i64 = MINUTES * MILLIS_PER_MINUTE;
    let (it, noise) = (&sample.instrument, sample.noise());
    let number = day * orders + order;
    let time = day * DAY + DAY * (order * 1_000 + noise.below(number, 1_000)) / (orders * 1_000);
    let average = it.ticks(it.mark(time.div_euclid(MILLIS_PER_MINUTE)));
    let buys = noise.one_in(!number, 2);
    // The limit is where the position would have been worth nothing, beyond the price that was
    // paid.
    let margin = noise.named("margin").between(number, average / 400, average / 200);
    let limit = if buys { average + margin } else { average - margin };
    let lots = it.lots(!number);
    rows.integer(time);
    if with_symbol {
        rows.text(sample.key.symbol().as_str());
    }
    rows.text(if buys { "BUY" } else { "SELL" }).text("LIMIT,IOC").padded(
        lots.into(),
        it.lot_scale,
        it.lot_scale,
    );
    rows.trimmed(limit.into(), it.price_scale)
        .trimmed(average.into(), it.price_scale)
        .text("FILLED");
    rows.padded(lots.into(), it.lot_scale, it.lot_scale)
        .padded(lots.into(), it.lot_scale, it.lot_scale)
        .end()
}
