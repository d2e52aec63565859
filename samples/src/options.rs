//! BVOLIndex and EOHSummary: implied volatility by the second, and every option contract by the
//! hour.

use std::io;

use chrono::{Datelike, Days, NaiveDate};

use crate::instrument::coin;
use crate::noise::Noise;
use crate::rows::RowWriter;
use crate::tape::MINUTES;
use crate::walk::Walk;
use crate::{Sample, epoch_day};

const UNIT: f64 = 100_000_000.0;

/// Writes an index value every second, up to 32 ms late half of the time.
pub(super) fn write_volatility(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    const SECONDS_PER_DAY: i64 = 86_400;
    const LEVEL: i64 = 480_000;
    rows.line("calc_time,symbol,base_asset,quote_asset,index_value")?;
    let symbol = sample.key.symbol().as_str();
    let base_asset = symbol.strip_suffix("USDT").unwrap_or(symbol);
    let values = i64::from(sample.options.index_values_per_day).clamp(1, SECONDS_PER_DAY);
    let noise = sample.noise();
    let path = Walk::new(noise.named("path"), 16, 400_000);
    for day in sample.days() {
        for value in 0..values {
            let second = day * SECONDS_PER_DAY + value * SECONDS_PER_DAY / values;
            let late = if noise.one_in(second, 2) { 0 } else { noise.between(!second, 1, 32) };
            let (minute, within) = (second.div_euclid(60), second.rem_euclid(60));
            let walked = (path.at(minute) * (60 - within) + path.at(minute + 1) * within) / 60;
            let level = LEVEL + LEVEL * (walked / 1_000) / 1_000_000;
            rows.integer(second * 1_000 + late).text(symbol).text(base_asset).text("USDT");
            rows.padded(level.into(), 4, 4).end()?;
        }
    }
    Ok(())
}

/// Writes all contracts of all hours, in the order of a file that many writers shared.
pub(super) fn write_summary(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    const PARTS: i64 = 16;
    rows.line(
        "date,hour,symbol,underlying,type,strike,open,high,low,close,volume_contracts,volume_usdt,\
        best_bid_price,\
         best_ask_price,best_bid_qty,best_ask_qty,best_buy_iv,best_sell_iv,mark_price,mark_iv,\
         delta,gamma,vega,theta,\
         openinterest_contracts,openinterest_usdt",
    )?;
    let parts = sample.noise().named("part");
    for date in sample
        .key
        .period()
        .start()
        .iter_days()
        .take_while(|date| *date <= sample.key.period().end())
    {
        let contracts = contracts(sample, date);
        for (part, hour) in (0..PARTS).flat_map(|part| (0..24).map(move |hour| (part, hour))) {
            for contract in &contracts {
                let quote = Quote::new(sample, contract, date, hour);
                if parts.below(quote.number, PARTS) == part {
                    quote.write(sample, rows)?;
                }
            }
        }
    }
    Ok(())
}

/// One option, for as long as a day.
struct Contract {
    number: i64,
    expiry: NaiveDate,
    /// In hundred-millionths.
    strike: i64,
    call: bool,
    /// Expiry and strike as the archive writes them: `231229-34000`.
    name: String,
}

/// Returns the contracts that are listed on a day, sorted by name.
fn contracts(sample: &Sample<'_>, date: NaiveDate) -> Vec<Contract> {
    const DAYS_AHEAD: [u64; 5] = [0, 7, 28, 84, 175];
    const CENTRE: i64 = 100;
    let friday = Days::new(1 + (10 - u64::from(date.weekday().num_days_from_monday())) % 7);
    let level = sample.instrument.index(epoch_day(date) * MINUTES);
    let hundredth = 10_i64.pow(level.ilog10()) / 100;
    let mut contracts = Vec::new();
    for number in 0..i64::from(sample.options.option_contracts.max(1)) {
        let step = number / 10;
        let percent = CENTRE + if step % 2 == 0 { 2 * step } else { -2 * (step + 1) };
        let strike = (level / 100 * percent.max(4) / hundredth).max(1) * hundredth;
        let ahead = Days::new(DAYS_AHEAD[(number % 5) as usize]);
        let expiry = date
            .checked_add_days(friday)
            .and_then(|date| date.checked_add_days(ahead))
            .unwrap_or(date);
        let name = format!("{}-{}", expiry.format("%y%m%d"), strike_text(strike));
        contracts.push(Contract { number, expiry, strike, call: number / 5 % 2 == 0, name });
    }
    contracts.sort_by(|a, b| (&a.name, a.call).cmp(&(&b.name, b.call)));
    contracts.dedup_by(|a, b| (&a.name, a.call) == (&b.name, b.call));
    contracts
}

fn strike_text(strike: i64) -> String {
    let text = format!("{}.{:08}", strike / 100_000_000, strike % 100_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What an hour of a contract looked like; all numbers are in hundred-millionths.
struct Quote<'a> {
    contract: &'a Contract,
    date: NaiveDate,
    hour: i64,
    /// The position of this contract and hour in the noise.
    number: i64,
    price: i64,
    volatility: i64,
    greeks: [i64; 4],
}

impl<'a> Quote<'a> {
    /// Prices a contract by a rational curve that has the shape of the usual formulas. It takes
    /// nothing but the four operations and a root, which are exact on every machine.
    fn new(sample: &Sample<'_>, contract: &'a Contract, date: NaiveDate, hour: i64) -> Self {
        let day = epoch_day(date);
        let level = sample.instrument.index(day * MINUTES + hour * 60) as f64 / UNIT;
        let strike = contract.strike as f64 / UNIT;
        let years = ((epoch_day(contract.expiry) - day) * 24 + 8 - hour).max(1) as f64 / 8_760.0;
        let moneyness = (level - strike) / level;
        let volatility = 0.45
            + 0.4 * moneyness * moneyness
            + sample.noise().below(contract.number, 100) as f64 / 5_000.0;
        let deviation = volatility * years.sqrt();
        let distance = moneyness / deviation;
        let bell = 0.4 / (1.0 + distance * distance) / (1.0 + distance * distance);
        let call_delta = 0.5 + 0.5 * distance / (1.0 + distance.abs());
        let intrinsic = if contract.call { level - strike } else { strike - level };
        let greeks = [
            if contract.call { call_delta } else { call_delta - 1.0 },
            bell / (level * deviation),
            level * years.sqrt() * bell / 100.0,
            -level * volatility * bell / (2.0 * years.sqrt()) / 365.0,
        ];
        Self {
            contract,
            date,
            hour,
            number: (day * 24 + hour) * 1_000 + contract.number,
            price: units(intrinsic.max(0.0) + level * deviation * bell),
            volatility: units(volatility),
            greeks: greeks.map(units),
        }
    }

    fn write(&self, sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
        let noise = sample.noise();
        let tick = (10_i64.pow(sample.instrument.index(0).ilog10()) / 2_000).max(1);
        let side = if self.contract.call { "C" } else { "P" };
        let coin = coin(sample.key.symbol());
        rows.text(&self.date.to_string()).text(&format!("{:02}", self.hour));
        rows.text(&format!("{coin}-{}-{side}", self.contract.name));
        rows.text(sample.key.symbol().as_str()).text(side).text(&self.contract.name);
        self.write_traded(noise.named("traded"), tick, rows);
        self.write_book(noise.named("book"), tick, rows);
        rows.java((self.price / tick).max(1) * tick).java(self.volatility);
        for greek in self.greeks {
            rows.java(greek);
        }
        let interest = noise.named("interest").below(self.contract.number, 50_000) * 1_000_000;
        if noise.one_in(self.number, 300) {
            return rows.text("\"\"").text("\"\"").end();
        }
        let worth =
            interest / 1_000_000 * (sample.instrument.index(epoch_day(self.date) * MINUTES) / 100);
        rows.java(interest).java(worth).end()
    }

    /// Writes open, high, low, close and the two volumes, which are the same number in the archive.
    fn write_traded(&self, noise: Noise, tick: i64, rows: &mut RowWriter<'_>) {
        if noise.one_in(!self.number, 2) {
            rows.text("0E-8,0E-8,0E-8,0E-8,0E-8,0E-8");
            return;
        }
        let ticks = (self.price / tick).max(2);
        let moved = |position: i64| {
            (ticks + noise.between(self.number * 4 + position, -ticks / 20, ticks / 20)).max(1)
        };
        let (open, close) = (moved(0), moved(1));
        for ticks in [open, open.max(close).max(moved(2)), open.min(close).min(moved(3)), close] {
            rows.java(ticks * tick);
        }
        let volume =
            noise.below(self.number, 4).min(1) * noise.between(!self.number, 1, 6_000) * 1_000_000;
        rows.java(volume).java(volume);
    }

    /// Writes bid and ask with their quantities and volatilities; one contract in thirty has
    /// neither.
    fn write_book(&self, noise: Noise, tick: i64, rows: &mut RowWriter<'_>) {
        if noise.one_in(self.number, 30) {
            rows.text("0E-8,0E-8,0E-8,0E-8").text("\"\"").text("-1E-8");
            return;
        }
        let ticks = self.price / tick;
        rows.java(ticks * 97 / 100 * tick).java((ticks * 103 / 100 + 1) * tick);
        for position in [0, 1] {
            rows.java(noise.between(!(self.number * 2 + position), 1, 4_000) * 1_000_000);
        }
        rows.text("\"\"").java(self.volatility * 103 / 100);
    }
}

fn units(value: f64) -> i64 {
    (value * UNIT).round() as i64
}
