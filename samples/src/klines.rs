//! klines: the tape added up, one row per interval.

use std::io;

use lakehouse_core::names::market::Market;

use crate::bars::{Bar, Bars};
use crate::rows::RowWriter;
use crate::{GenerateError, Sample, era};

/// The header of all four kinds of klines, where they have one.
pub(super) const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,\
count,\
                                 taker_buy_volume,taker_buy_quote_volume,ignore";

pub(super) fn write(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> Result<(), GenerateError> {
    let interval = sample.interval(1, "a second or more, such as 1s, 1m or 1d")?;
    if era::kline_header(sample.key.market(), sample.start()) {
        rows.line(HEADER)?;
    }
    let spelling = KlineSpelling::of(sample);
    for bar in Bars::new(&sample.instrument, interval, sample.days()) {
        spelling.write(&bar, rows)?;
    }
    Ok(())
}

/// How a market spells bars.
struct KlineSpelling {
    micros_per_unit: i64,
    price: Number,
    volume: Number,
    worth: Number,
}

/// A number's decimals, the places it is padded to, and whether zero is written `0` all the same.
struct Number {
    scale: u32,
    places: u32,
    bare_zero: bool,
}

impl KlineSpelling {
    fn of(sample: &Sample<'_>) -> Self {
        let (market, it) = (sample.key.market(), &sample.instrument);
        let number = |scale| match market {
            Market::Spot => Number { scale, places: 8, bare_zero: false },
            _ => Number { scale, places: scale, bare_zero: market == Market::FuturesUm },
        };
        Self {
            micros_per_unit: 1_000_000 / era::units_per_second(market, sample.start()),
            price: number(it.price_scale),
            volume: number(it.lot_scale),
            worth: number(it.worth_scale()),
        }
    }

    fn write(&self, bar: &Bar, rows: &mut RowWriter<'_>) -> io::Result<()> {
        rows.integer(bar.open_time / self.micros_per_unit);
        for price in [bar.open, bar.high, bar.low, bar.close] {
            self.price.write(price.into(), rows);
        }
        self.volume.write(bar.lots, rows);
        rows.integer(bar.end_time / self.micros_per_unit - 1);
        self.worth.write(bar.worth, rows);
        rows.integer(bar.trades);
        self.volume.write(bar.taker_buy_lots, rows);
        self.worth.write(bar.taker_buy_worth, rows);
        rows.text("0").end()
    }
}

impl Number {
    fn write(&self, units: i128, rows: &mut RowWriter<'_>) {
        if units == 0 && self.bare_zero {
            rows.text("0");
        } else {
            rows.padded(units, self.scale, self.places);
        }
    }
}
