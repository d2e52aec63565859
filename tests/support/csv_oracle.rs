//! What silver must hold of an archive, found out in another way: unzipped by the `zip` crate, read
//! by arrow's CSV reader as text, and every value rewritten by operations on its text alone.
//!
//! Nothing here looks into `schemas/` or uses the decoder.

use std::io::{BufRead, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::market::Market;
use zip::ZipArchive;

const KLINES: &str = "open_time open high low close volume close_time quote_volume trade_count \
                      taker_buy_volume taker_buy_quote_volume -";
const COIN_M_KLINES: &str = "open_time open high low close volume close_time base_volume \
                             trade_count taker_buy_volume taker_buy_base_volume -";
const INDEX_KLINES: &str = "open_time open high low close - close_time - trade_count - - -";
const EOH_SUMMARY: &str = "- - contract underlying type - open high low close volume_contracts \
                           volume_usdt best_bid_price best_ask_price best_bid_qty best_ask_qty \
                           best_buy_iv best_sell_iv mark_price mark_iv delta gamma vega theta \
                           openinterest_contracts openinterest_usdt time expiry strike";
const METRICS: &str = "create_time - sum_open_interest sum_open_interest_value \
                       count_toptrader_long_short_ratio sum_toptrader_long_short_ratio \
                       count_long_short_ratio sum_taker_long_short_vol_ratio";
const LIQUIDATIONS: &str = "time side order_type time_in_force original_quantity price \
                            average_price order_status last_fill_quantity \
                            accumulated_fill_quantity";

/// Returns the columns that an archive's fields become, in the file's order; `-` is none.
fn columns(key: &ArchiveKey) -> Vec<&'static str> {
    let columns = match (key.data_type().as_str(), key.market()) {
        ("klines", Market::FuturesCm) => COIN_M_KLINES,
        ("klines", _) => KLINES,
        ("trades", Market::FuturesCm) => "id price qty base_qty time is_buyer_maker",
        ("trades", _) => "id price qty quote_qty time is_buyer_maker is_best_match",
        ("aggTrades", _) => {
            "agg_trade_id price quantity first_trade_id last_trade_id transact_time is_buyer_maker \
             is_best_match"
        }
        ("bookDepth", _) => "timestamp percentage depth notional",
        ("bookTicker", _) => {
            "update_id best_bid_price best_bid_qty best_ask_price best_ask_qty transaction_time \
             event_time"
        }
        ("premiumIndex" | "indexPriceKlines" | "markPriceKlines", _) => INDEX_KLINES,
        ("fundingRate", _) => "calc_time funding_interval_hours last_funding_rate",
        ("metrics", _) => METRICS,
        ("liquidationSnapshot", _) => LIQUIDATIONS,
        ("BVOLIndex", _) => "calc_time - base_asset quote_asset index_value",
        ("EOHSummary", _) => EOH_SUMMARY,
        other => panic!("{other:?}"),
    };
    columns.split_whitespace().collect()
}

/// An archive's rows as text, one value for each field of the file.
pub(crate) struct CsvRows {
    key: ArchiveKey,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl CsvRows {
    /// Reads an archive that is known to be whole.
    pub(crate) fn read(folder: &Path, key: &ArchiveKey) -> Self {
        let mut zip =
            ZipArchive::new(std::fs::File::open(folder.join(key.path())).unwrap()).unwrap();
        assert_eq!(zip.len(), 1, "{key}");
        let mut csv = Vec::new();
        zip.by_index(0).unwrap().read_to_end(&mut csv).unwrap();
        let mut rows = fields(csv);
        if rows.first().is_some_and(|row| row[0].starts_with(|c: char| c.is_ascii_alphabetic())) {
            rows.remove(0);
        }
        if key.data_type().as_str() == "EOHSummary" {
            rows.iter_mut().for_each(split_contract);
        }
        Self { key: key.clone(), columns: columns(key), rows }
    }

    /// Returns the rows as the table with this schema must hold them: all its columns, as text.
    pub(crate) fn expected(&self, schema: &Schema) -> Vec<String> {
        let known = |column: &&str| *column == "-" || schema.field_with_name(column).is_ok();
        assert!(self.columns.iter().all(known), "{}: {:?}", self.key, self.columns);
        self.rows.iter().map(|row| self.expected_row(row, schema)).collect()
    }

    fn expected_row(&self, row: &[String], schema: &Schema) -> String {
        let mut text = String::new();
        for field in schema.fields() {
            let from = self.columns.iter().position(|column| column == field.name());
            match (from, field.name().as_str()) {
                (Some(at), _) => text.push_str(&as_stored(
                    row.get(at).map_or("", String::as_str),
                    field.data_type(),
                )),
                (None, "market") => text.push_str(self.key.market().as_str()),
                (None, "symbol") => text.push_str(self.key.symbol().as_str()),
                (None, "archive") => text.push_str(self.key.path()),
                (None, "bar_interval") => text.push_str(&self.key.interval().unwrap().to_string()),
                (None, "date") => text.push_str(&self.day(row, schema)),
                // A column that this market does not have.
                (None, _) => {}
            }
            text.push('|');
        }
        text
    }
}

impl CsvRows {
    /// Returns the UTC day of a row's event time, which is the first time of every kind of row.
    fn day(&self, row: &[String], schema: &Schema) -> String {
        let is_time = |column: &&str| {
            schema
                .field_with_name(column)
                .is_ok_and(|field| matches!(field.data_type(), DataType::Timestamp(..)))
        };
        let at = self.columns.iter().position(is_time).unwrap();
        DateTime::from_timestamp_micros(microseconds(&row[at])).unwrap().date_naive().to_string()
    }
}

/// Returns rows of a silver table as text, in the form of [`CsvRows::expected`].
pub(crate) fn stored(batch: &RecordBatch) -> Vec<String> {
    let as_text = |(column, field): (&Arc<dyn Array>, &Arc<Field>)| {
        let column = match field.data_type() {
            DataType::Timestamp(..) => arrow::compute::cast(column, &DataType::Int64).unwrap(),
            _ => Arc::clone(column),
        };
        arrow::compute::cast(&column, &DataType::Utf8).unwrap()
    };
    let columns: Vec<_> =
        batch.columns().iter().zip(batch.schema_ref().fields()).map(as_text).collect();
    let columns: Vec<_> = columns.iter().map(AsArray::as_string::<i32>).collect();
    let mut rows = vec![String::new(); batch.num_rows()];
    for column in columns {
        for (text, value) in rows.iter_mut().zip(column) {
            text.push_str(value.unwrap_or_default());
            text.push('|');
        }
    }
    rows
}

fn fields(csv: Vec<u8>) -> Vec<Vec<String>> {
    let mut first = String::new();
    csv.as_slice().read_line(&mut first).unwrap();
    let count = first.split(',').count();
    let schema = Schema::new(
        (0..count).map(|at| Field::new(at.to_string(), DataType::Utf8, true)).collect::<Vec<_>>(),
    );
    let reader =
        ReaderBuilder::new(Arc::new(schema)).with_header(false).build(Cursor::new(csv)).unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let columns: Vec<_> = batch.columns().iter().map(AsArray::as_string::<i32>).collect();
        // An absent value is an empty text of its array.
        let row = |row: usize| columns.iter().map(|column| column.value(row).to_owned()).collect();
        rows.extend((0..batch.num_rows()).map(row));
    }
    rows
}

/// Appends what date and hour, and what expiry and strike say, as fields of their own.
fn split_contract(row: &mut Vec<String>) {
    let time = format!("{} {}:00:00", row[0], row[1]);
    let (expiry, strike) = row[5].split_once('-').unwrap();
    let expiry = format!("20{}-{}-{}", &expiry[..2], &expiry[2..4], &expiry[4..]);
    let strike = strike.to_owned();
    row.extend([time, expiry, strike]);
}

fn as_stored(text: &str, kind: &DataType) -> String {
    match kind {
        _ if text.is_empty() => String::new(),
        DataType::Timestamp(..) => microseconds(text).to_string(),
        DataType::Decimal128(_, scale) => decimal(text, usize::try_from(*scale).unwrap()),
        DataType::Boolean => text.to_lowercase(),
        DataType::Date32 => text.parse::<NaiveDate>().unwrap().to_string(),
        _ => text.to_owned(),
    }
}

/// Reads digits of milliseconds (13 of them) or microseconds (16), or a date and time.
fn microseconds(text: &str) -> i64 {
    match (text.len(), text.parse::<i64>()) {
        (13, Ok(milliseconds)) => milliseconds * 1000,
        (16, Ok(microseconds)) => microseconds,
        _ => NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
            .unwrap()
            .and_utc()
            .timestamp_micros(),
    }
}

/// Writes a number with so many decimals, without ever making a number of it.
fn decimal(text: &str, scale: usize) -> String {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let exponent: isize = exponent.parse().unwrap();
    let point = isize::try_from(whole.len()).unwrap() + exponent;
    let leading = usize::try_from(1 - point).unwrap_or_default();
    let point = usize::try_from(point).unwrap_or_default().max(1);
    let digits = format!("{}{whole}{fraction}{}", "0".repeat(leading), "0".repeat(point + scale));
    let (whole, fraction) = digits.split_at(point);
    let (kept, lost) = fraction.split_at(scale);
    assert!(lost.bytes().all(|digit| digit == b'0'), "{text} does not fit {scale} decimals");
    let whole =
        Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
    let is_zero = whole == "0" && kept.bytes().all(|digit| digit == b'0');
    let (sign, point) = (if is_zero { "" } else { sign }, if scale > 0 { "." } else { "" });
    format!("{sign}{whole}{point}{kept}")
}
