//! trades and aggTrades: the tape itself, trade by trade or order by order.

use std::io;

use lakehouse_core::names::market::Market;

use crate::rows::RowWriter;
use crate::tape::{MICROS_PER_DAY, Order, Tape};
use crate::{Sample, era};

pub(super) fn write_trades(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    let spelling = TradeSpelling::of(sample);
    let it = &sample.instrument;
    if spelling.style == Style::Trimmed {
        let worth = if it.contract.is_some() { "base_qty" } else { "quote_qty" };
        rows.line(&format!("id,price,qty,{worth},time,is_buyer_maker"))?;
    }
    for order in orders(sample) {
        for trade in order.first_trade..=order.last_trade {
            let lots = it.lots(trade);
            rows.integer(trade);
            spelling.number(order.ticks, it.price_scale, rows);
            spelling.number(lots, it.lot_scale, rows);
            spelling.worth(it.worth(order.ticks, lots), it.worth_scale(), rows);
            rows.integer(order.time / spelling.micros_per_unit);
            spelling.end(order.buyer_is_maker, rows)?;
        }
    }
    Ok(())
}

pub(super) fn write_agg_trades(sample: &Sample<'_>, rows: &mut RowWriter<'_>) -> io::Result<()> {
    let spelling = TradeSpelling::of(sample);
    let it = &sample.instrument;
    if spelling.style == Style::Trimmed {
        rows.line(
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
        )?;
    }
    for order in orders(sample) {
        rows.integer(order.id);
        spelling.number(order.ticks, it.price_scale, rows);
        let lots = (order.first_trade..=order.last_trade).map(|trade| it.lots(trade)).sum();
        spelling.number(lots, it.lot_scale, rows);
        rows.integer(order.first_trade).integer(order.last_trade);
        rows.integer(order.time / spelling.micros_per_unit);
        spelling.end(order.buyer_is_maker, rows)?;
    }
    Ok(())
}

fn orders<'a>(sample: &'a Sample<'_>) -> impl Iterator<Item = Order> + use<'a> {
    let days = sample.days();
    let end = days.end * MICROS_PER_DAY;
    Tape::from_day(&sample.instrument, days.start).take_while(move |order| order.time < end)
}

/// How a market spelled trades at a time.
struct TradeSpelling {
    style: Style,
    /// Whether quote quantities are rounded to two decimals.
    cents: bool,
    micros_per_unit: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Spot: 8 decimals always, `True` and `False`, one column more.
    Spot,
    /// Futures before they had headers: the decimals of the contract.
    Padded,
    /// Futures since: no trailing zeros.
    Trimmed,
}

impl TradeSpelling {
    fn of(sample: &Sample<'_>) -> Self {
        let market = sample.key.market();
        let style = match market {
            Market::Spot => Style::Spot,
            _ if era::trade_header(market, sample.start()) => Style::Trimmed,
            _ => Style::Padded,
        };
        let cents = style == Style::Padded && sample.instrument.contract.is_none();
        Self {
            style,
            cents,
            micros_per_unit: 1_000_000 / era::units_per_second(market, sample.start()),
        }
    }

    fn number(&self, units: i64, scale: u32, rows: &mut RowWriter<'_>) {
        match self.style {
            Style::Spot => rows.padded(units.into(), scale, 8),
            Style::Padded => rows.padded(units.into(), scale, scale),
            Style::Trimmed => rows.trimmed(units.into(), scale),
        };
    }

    fn worth(&self, units: i64, scale: u32, rows: &mut RowWriter<'_>) {
        if self.cents && scale > 2 {
            let cent = 10_i64.pow(scale - 2);
            rows.padded(((units + cent / 2) / cent).into(), 2, 2);
        } else {
            self.number(units, scale, rows);
        }
    }

    fn end(&self, buyer_is_maker: bool, rows: &mut RowWriter<'_>) -> io::Result<()> {
        match (self.style, buyer_is_maker) {
            (Style::Spot, true) => rows.text("True").text("True"),
            (Style::Spot, false) => rows.text("False").text("True"),
            (_, true) => rows.text("true"),
            (_, false) => rows.text("false"),
        };
        rows.end()
    }
}
