//! What samples must be like whatever their values, by what is tested: agreement between archives,
//! the published formats, what the decoder makes of them, and which archives are chosen. Here are
//! the keys and readers that both use.

mod agreement;
mod decoded;
mod formats;
mod from_schema;
mod keys;

use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::market::{Market, Symbol};

use crate::*;

const EVERY_COMBINATION: [(Market, &str, &str); 29] = [
    (Market::Spot, "klines", "BTCUSDT"),
    (Market::Spot, "trades", "BTCUSDT"),
    (Market::Spot, "aggTrades", "BTCUSDT"),
    (Market::Spot, "bookDepth", "BTCUSDT"),
    (Market::Spot, "bookTicker", "BTCUSDT"),
    (Market::FuturesUm, "klines", "BTCUSDT"),
    (Market::FuturesUm, "trades", "BTCUSDT"),
    (Market::FuturesUm, "aggTrades", "BTCUSDT"),
    (Market::FuturesUm, "bookDepth", "BTCUSDT"),
    (Market::FuturesUm, "bookTicker", "BTCUSDT"),
    (Market::FuturesUm, "fundingRate", "BTCUSDT"),
    (Market::FuturesUm, "premiumIndex", "BTCUSDT"),
    (Market::FuturesUm, "metrics", "BTCUSDT"),
    (Market::FuturesUm, "indexPriceKlines", "BTCUSDT"),
    (Market::FuturesUm, "markPriceKlines", "BTCUSDT"),
    (Market::FuturesUm, "liquidationSnapshot", "BTCUSDT"),
    (Market::FuturesCm, "klines", "BTCUSD_PERP"),
    (Market::FuturesCm, "trades", "BTCUSD_PERP"),
    (Market::FuturesCm, "aggTrades", "BTCUSD_PERP"),
    (Market::FuturesCm, "bookDepth", "BTCUSD_PERP"),
    (Market::FuturesCm, "bookTicker", "BTCUSD_PERP"),
    (Market::FuturesCm, "fundingRate", "BTCUSD_PERP"),
    (Market::FuturesCm, "premiumIndex", "BTCUSD_PERP"),
    (Market::FuturesCm, "metrics", "BTCUSD_PERP"),
    (Market::FuturesCm, "indexPriceKlines", "BTCUSD"),
    (Market::FuturesCm, "markPriceKlines", "BTCUSD_PERP"),
    (Market::FuturesCm, "liquidationSnapshot", "BTCUSD_PERP"),
    (Market::Options, "BVOLIndex", "BTCBVOLUSDT"),
    (Market::Options, "EOHSummary", "BTCUSDT"),
];

/// Returns the key of an archive that need not be published: the generator makes any period.
fn archive(
    market: Market,
    data_type: &str,
    symbol: &str,
    interval: Option<&str>,
    period: &str,
) -> ArchiveKey {
    let folder = interval.map_or("", |_| "/{interval}");
    let stem = interval.map_or(data_type, |_| "{interval}");
    let file = format!("{{symbol}}-{stem}-{{period}}.zip");
    let row = format!(
        r#"
        [[combination]]
        market = "{market}"
        data_type = "{data_type}"
        schema = "any"
        pattern = "data/{{frequency}}/{data_type}/{{symbol}}{folder}/{file}"
        daily = []
        monthly = []
        status = "active"
        evidence = "made up"
        "#
    )
    .replace("[]", if interval.is_some() { "[\"1h\"]" } else { "[]" });
    let matrix = Matrix::parse("matrix.toml", &row).unwrap();
    let symbol: Symbol = symbol.parse().unwrap();
    let interval = interval.map(|text| text.parse().unwrap());
    matrix.combinations()[0].archive(&symbol, interval, period.parse().unwrap()).unwrap()
}

fn any_archive((market, data_type, symbol): (Market, &str, &str), period: &str) -> ArchiveKey {
    let bars = data_type.ends_with("lines") || data_type == "premiumIndex";
    archive(market, data_type, symbol, bars.then_some("1h"), period)
}

fn csv(key: &ArchiveKey) -> String {
    String::from_utf8(sample_csv(key, &SampleOptions::small(11)).unwrap()).unwrap()
}

/// Returns the fields of all rows but the header.
fn table(key: &ArchiveKey) -> Vec<Vec<String>> {
    let csv = csv(key);
    let rows = csv.lines().filter(|line| !line.starts_with(|c: char| c.is_ascii_lowercase()));
    rows.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Returns a number as hundred-millionths.
fn units(text: &str) -> i128 {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{places:0<8}").parse().unwrap()
}

fn first_line(market: Market, data_type: &str, interval: Option<&str>, period: &str) -> String {
    let symbol = if market == Market::FuturesCm { "BTCUSD_PERP" } else { "BTCUSDT" };
    csv(&archive(market, data_type, symbol, interval, period)).lines().next().unwrap().to_owned()
}
