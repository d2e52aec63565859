//! Where a provisional row came from, as its column `archive` says:
//! `api:spot/klines/BTCUSDT/1h/….json.zst`, a file below bronze/api.

use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::DataType;
use percent_encoding::percent_decode_str;

/// What such a source begins with; no archive does.
pub(crate) const SCHEME: &str = "api:";

/// Returns the series of an answer, if it is one.
pub(crate) fn series_of(source: &str) -> Option<Series> {
    let path = percent_decode_str(source.strip_prefix(SCHEME)?).decode_utf8().ok()?;
    let parts: Vec<&str> = path.split('/').collect();
    let (market, data_type, symbol, interval) = match parts.as_slice() {
        [market, data_type, symbol, _] => (market, data_type, symbol, None),
        [market, data_type, symbol, interval, _] => (market, data_type, symbol, Some(interval)),
        _ => return None,
    };
    Some(Series {
        market: market.parse().ok()?,
        data_type: DataType::new(data_type),
        symbol: symbol.parse().ok()?,
        interval: interval.map(|interval| interval.parse()).transpose().ok()?,
    })
}
