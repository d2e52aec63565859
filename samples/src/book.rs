//! bookDepth and bookTicker: the order book around the price.

use std::io;

use crate::instrument::PLACES;
use crate::rows::RowWriter;
use crate::tape::MICROS_PER_MINUTE;
use crate::{Sample, era};

const SECONDS_PER_DAY: i64 = 86_400;
const MILLIS_PER_DAY: i64 = 1_000 * SECONDS_PER_DAY;

/// Writes what lies within some percent of the price, about every 30 seconds and never on a grid.
pub(super) fn write_depth(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    rows.line("timestamp,percentage,depth,notional")?;
    let fine = era::fine_depth(sample.start());
    let snapshots = i64::from(sample.options.snapshots_per_day).clamp(1, SECONDS_PER_DAY);
    let late = sample.noise().named("late");
    for day in sample.days() {
        for snapshot in 0..snapshots {
            let (at, next) = (
                snapshot * SECONDS_PER_DAY / snapshots,
                (snapshot + 1) * SECONDS_PER_DAY / snapshots,
            );
            let number = day * snapshots + snapshot;
            let second = day * SECONDS_PER_DAY + at + late.below(number, (next - at).min(13));
            write_snapshot(sample, fine, number, second, rows)?;
        }
    }
    Ok(())
}

fn write_snapshot(
    sample: &Sample<'_>,
    fine: bool,
    number: i64,
    second: i64,
    rows: &mut RowWriter<'_>,
) -> io::Result<()> {
    let it = &sample.instrument;
    let ticks = it.ticks(it.mark(second.div_euclid(60)));
    let bids = depths(sample, fine, number);
    let asks = depths(sample, fine, !number);
    let below = bids.iter().rev().map(|(percent, lots)| (-percent, *lots));
    for (percent, lots) in below.chain(asks.iter().copied()) {
        rows.time_text(second);
        if fine {
            rows.padded(percent.into(), 2, 2);
        } else {
            rows.integer(percent / 100);
        }
        // Orders lie between the price and the edge of the band: half way on average.
        let average = ticks + ticks * percent / 20_000;
        rows.padded(lots.into(), it.lot_scale, PLACES);
        rows.padded(it.worth(average, lots).into(), it.worth_scale(), PLACES).end()?;
    }
    Ok(())
}

/// Returns the levels of one side from the price outwards: hundredths of a percent, and lots up to
/// there.
fn depths(sample: &Sample<'_>, fine: bool, side: i64) -> Vec<(i64, i64)> {
    let noise = sample.noise().named("depth");
    let thousand = 1_000 * sample.instrument.small_order;
    let percents: &[i64] =
        if fine { &[20, 100, 200, 300, 400, 500] } else { &[100, 200, 300, 400, 500] };
    let mut lots = 0;
    let levels = percents.iter().zip(0..).map(|(percent, level)| {
        lots += noise.between((side << 3) ^ level, thousand / 2, thousand * 2);
        (*percent, lots)
    });
    levels.collect()
}

/// Writes the best bid and ask after each change of either.
pub(super) fn write_ticker(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    rows.line(
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,\
    event_time",
    )?;
    let quotes = i64::from(sample.options.quotes_per_day.max(1));
    for day in sample.days() {
        for quote in 0..quotes {
            write_quote(sample, day, quote, quotes, rows)?;
        }
    }
    Ok(())
}

fn write_quote(
    sample: &Sample<'_>,
    day: i64,
    quote: i64,
    quotes: i64,
    rows: &mut RowWriter<'_>,
) -> io::Result<()> {
    const IDS_PER_QUOTE: i64 = 500;
    let (it, noise) = (&sample.instrument, sample.noise());
    let number = day * quotes + quote;
    let uneven = noise.named("time").below(number, 1_000);
    let time = day * MILLIS_PER_DAY + MILLIS_PER_DAY * (quote * 1_000 + uneven) / (quotes * 1_000);
    let delay = if noise.one_in(!number, 400) {
        noise.between(number, 8, 2_572)
    } else {
        noise.between(number, 2, 7)
    };
    let bid = it.ticks(it.mark(time.div_euclid(MICROS_PER_MINUTE / 1_000)));
    let quantity = noise.named("quantity");
    rows.integer(number * IDS_PER_QUOTE + noise.named("id").below(number, IDS_PER_QUOTE));
    for (ticks, side) in [(bid, number), (bid + 1, !number)] {
        rows.padded(ticks.into(), it.price_scale, PLACES);
        rows.padded(quantity.between(side, 1, 200 * it.small_order).into(), it.lot_scale, PLACES);
    }
    rows.integer(time).integer(time + delay).end()
}
