//! premiumIndexKlines, indexPriceKlines and markPriceKlines: bars of a price that nobody trades at.

use crate::bars::Spans;
use crate::instrument::{Instrument, PLACES};
use crate::klines::HEADER;
use crate::noise::Noise;
use crate::rows::RowWriter;
use crate::tape::MICROS_PER_MINUTE;
use crate::{GenerateError, Sample, era};

pub(super) fn write(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> Result<(), GenerateError> {
    let interval = sample.interval(60, "a minute or more, such as 1m, 1h or 1d")?;
    let header = era::kline_header(sample.key.market(), sample.start());
    if header {
        rows.line(HEADER)?;
    }
    let price = Price::of(sample);
    for (open_time, end_time) in Spans::new(interval, sample.days()) {
        let minutes = open_time / MICROS_PER_MINUTE..end_time / MICROS_PER_MINUTE;
        let samples = price.samples * (minutes.end - minutes.start);
        rows.integer(open_time / 1_000);
        for value in price.bar(&sample.instrument, minutes) {
            if header && !price.signed {
                rows.trimmed(value.into(), PLACES);
            } else {
                rows.padded(value.into(), PLACES, PLACES);
            }
        }
        rows.text("0")
            .integer(end_time / 1_000 - 1)
            .text("0")
            .integer(samples)
            .text("0,0,0")
            .end()?;
    }
    Ok(())
}

/// The price that an archive follows.
struct Price {
    at: fn(&Instrument, i64) -> i64,
    /// Whether it is a premium, which may be negative.
    signed: bool,
    /// How often a minute it was looked at.
    samples: i64,
    wicks: Noise,
}

impl Price {
    fn of(sample: &Sample<'_>) -> Self {
        let wicks = sample.noise().named("wicks");
        match sample.key.data_type().as_str() {
            "premiumIndex" => Self { at: Instrument::premium, signed: true, samples: 12, wicks },
            "indexPriceKlines" => Self { at: Instrument::index, signed: false, samples: 60, wicks },
            _ => Self { at: Instrument::mark, signed: false, samples: 60, wicks },
        }
    }

    /// Returns open, high, low and close over some minutes.
    fn bar(&self, instrument: &Instrument, minutes: std::ops::Range<i64>) -> [i64; 4] {
        let open = (self.at)(instrument, minutes.start);
        let (mut high, mut low, mut close) = (open, open, open);
        for minute in minutes {
            let next = (self.at)(instrument, minute + 1);
            let most = if self.signed { 2_000 } else { close / 8_000 };
            high = high.max(close.max(next) + self.wicks.below(minute, most));
            low = low.min(close.min(next) - self.wicks.below(!minute, most));
            close = next;
        }
        [open, high, low, close]
    }
}
