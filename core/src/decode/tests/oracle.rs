//! Every value of every real archive against `arrow-csv`, with conversions that share nothing with
//! the decoder's.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::{Array, StringArray};
use arrow_schema::{DataType, Field, Schema};
use chrono::{NaiveDate, NaiveDateTime};

use super::*;

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn every_value_of_every_real_archive_is_what_another_reader_reads() {
    let mut archives = real_archives();
    // Its only line is two rows that are joined, which are no rows of any kind.
    archives.retain(|archive| !archive.path.ends_with("KSMUSDT-trades-2021-09-16.zip"));
    for archive in &archives {
        let csv = archive.csv();
        let decoded = archive.decode();
        assert_eq!(decoded.rejects, [], "{}", archive.path.display());
        let (header, rows) = read_as_text(&csv);
        assert_eq!(decoded.has_header, Some(header));
        assert_eq!(decoded.rows(), rows[0].len(), "{}", archive.path.display());
        let table = decoded.table();
        assert_eq!(table.schema(), schema(archive.table).data_schema());
        for (name, expected) in expected_columns(archive, &rows) {
            let actual = as_text(table.column_by_name(&name).unwrap());
            assert_eq!(actual.len(), expected.len());
            for (row, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                assert_eq!(
                    actual,
                    expected,
                    "{}, row {row}, column {name}",
                    archive.path.display()
                );
            }
        }
    }
    assert!(!archives.is_empty());
}

/// Reads a CSV into columns of text.
fn read_as_text(csv: &[u8]) -> (bool, Vec<StringArray>) {
    let first = csv.split(|byte| *byte == b'\n').next().unwrap();
    let header = first[0].is_ascii_alphabetic();
    let fields = first.split(|byte| *byte == b',').count();
    let fields: Vec<Field> =
        (0..fields).map(|at| Field::new(at.to_string(), DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let reader = arrow_csv::ReaderBuilder::new(Arc::clone(&schema))
        .with_header(header)
        .build(Cursor::new(csv))
        .unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let table = concat_batches(&schema, &batches).unwrap();
    (header, table.columns().iter().map(|column| column.as_string::<i32>().clone()).collect())
}

/// What each field of a file is, by the format notes: columns and how their values are written; `-`
/// for none.
fn fields_of(table: &str, market: Market) -> &'static str {
    match (table, market) {
        ("klines", Market::FuturesCm) => {
            "open_time:time open:number high:number low:number close:number volume:number \
             close_time:time base_volume:number trade_count:number taker_buy_volume:number \
             taker_buy_base_volume:number -"
        }
        ("klines", _) => {
            "open_time:time open:number high:number low:number close:number volume:number \
             close_time:time quote_volume:number trade_count:number taker_buy_volume:number \
             taker_buy_quote_volume:number -"
        }
        ("trades", Market::FuturesCm) => {
            "id:number price:number qty:number base_qty:number time:time is_buyer_maker:boolean"
        }
        ("trades", _) => {
            "id:number price:number qty:number quote_qty:number time:time is_buyer_maker:boolean \
             is_best_match:boolean"
        }
        ("agg_trades", _) => {
            "agg_trade_id:number price:number quantity:number first_trade_id:number \
             last_trade_id:number transact_time:time is_buyer_maker:boolean is_best_match:boolean"
        }
        ("book_depth", _) => "timestamp:time percentage:number depth:number notional:number",
        ("book_ticker", _) => {
            "update_id:number best_bid_price:number best_bid_qty:number best_ask_price:number \
             best_ask_qty:number transaction_time:time event_time:time"
        }
        ("funding_rate", _) => {
            "calc_time:time funding_interval_hours:number last_funding_rate:number"
        }
        ("premium_index_klines" | "index_price_klines" | "mark_price_klines", _) => {
            "open_time:time open:number high:number low:number close:number - \
             close_time:time - trade_count:number"
        }
        ("metrics", _) => {
            "create_time:time - sum_open_interest:number sum_open_interest_value:number \
             count_toptrader_long_short_ratio:number sum_toptrader_long_short_ratio:number \
             count_long_short_ratio:number sum_taker_long_short_vol_ratio:number"
        }
        ("liquidation_snapshot", _) => {
            "time:time side:text order_type:text time_in_force:text original_quantity:number \
             price:number average_price:number order_status:text last_fill_quantity:number \
             accumulated_fill_quantity:number"
        }
        ("bvol_index", _) => "calc_time:time - base_asset:text quote_asset:text index_value:number",
        ("eoh_summary", _) => {
            "- - contract:text underlying:text type:text expiry:expiry+strike:strike open:number \
             high:number low:number close:number volume_contracts:number volume_usdt:number \
             best_bid_price:number best_ask_price:number best_bid_qty:number best_ask_qty:number \
             best_buy_iv:number best_sell_iv:number mark_price:number mark_iv:number delta:number \
             gamma:number vega:number theta:number openinterest_contracts:number \
             openinterest_usdt:number"
        }
        other => panic!("{other:?}"),
    }
}

fn converter(kind: &str) -> fn(&str) -> Option<String> {
    match kind {
        "time" => time,
        "number" => number,
        "boolean" => boolean,
        "text" => text,
        "expiry" => expiry,
        "strike" => strike,
        other => panic!("{other}"),
    }
}

/// What every column of the table should hold.
fn expected_columns(
    archive: &Archive,
    fields: &[StringArray],
) -> Vec<(String, Vec<Option<String>>)> {
    let rows = fields[0].len();
    let value = |field: &StringArray, row: usize| {
        if field.is_null(row) { "" } else { field.value(row) }.to_owned()
    };
    let mut expected = Vec::new();
    for (field, columns) in
        fields.iter().zip(fields_of(archive.table, archive.market).split_whitespace())
    {
        for (name, kind) in columns.split('+').filter_map(|column| column.split_once(':')) {
            let convert = converter(kind);
            expected.push((
                name.to_owned(),
                (0..rows).map(|row| convert(&value(field, row))).collect(),
            ));
        }
    }
    if archive.table == "eoh_summary" {
        let hour =
            |row| time(&format!("{} {}:00:00", value(&fields[0], row), value(&fields[1], row)));
        expected.push(("time".to_owned(), (0..rows).map(hour).collect()));
    }
    for column in schema(archive.table).columns() {
        if expected.iter().all(|(name, _)| *name != column.name) {
            expected.push((column.name.clone(), vec![None; rows]));
        }
    }
    expected
}

fn text(field: &str) -> Option<String> {
    Some(field.to_owned())
}

fn boolean(field: &str) -> Option<String> {
    Some(field.to_lowercase())
}

fn expiry(field: &str) -> Option<String> {
    let date = NaiveDate::parse_from_str(&field[..6], "%y%m%d").unwrap();
    Some(date.format("%Y-%m-%d").to_string())
}

fn strike(field: &str) -> Option<String> {
    number(&field[7..])
}

fn time(field: &str) -> Option<String> {
    let microseconds = match field.len() {
        13 => format!("{field}000"),
        16 => field.to_owned(),
        _ => NaiveDateTime::parse_from_str(field, "%Y-%m-%d %H:%M:%S")
            .unwrap()
            .and_utc()
            .timestamp_micros()
            .to_string(),
    };
    Some(microseconds)
}

fn number(field: &str) -> Option<String> {
    (!field.is_empty()).then(|| normalised(field))
}

/// Writes a number without an exponent and without zeros that mean nothing, by moving characters
/// only.
pub(in crate::decode) fn normalised(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = rest
        .split_once(['E', 'e'])
        .map_or((rest, 0), |(mantissa, exponent)| (mantissa, exponent.parse().unwrap()));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = whole.len() as i64 + exponent;
    let mut digits = format!("{whole}{decimals}");
    let point = if point < 0 {
        digits.insert_str(0, &"0".repeat(-point as usize));
        0
    } else {
        point as usize
    };
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, decimals) = digits.split_at(point);
    let (whole, decimals) = (whole.trim_start_matches('0'), decimals.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    match (whole, decimals) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, decimals) => format!("{sign}{whole}.{decimals}"),
    }
}

/// Writes every value of a column in the same form.
fn as_text(column: &dyn Array) -> Vec<Option<String>> {
    let value = |row: usize| match column.data_type() {
        DataType::Timestamp(..) => {
            column.as_primitive::<TimestampMicrosecondType>().value(row).to_string()
        }
        DataType::Int64 => {
            column.as_primitive::<arrow_array::types::Int64Type>().value(row).to_string()
        }
        DataType::Int16 => {
            column.as_primitive::<arrow_array::types::Int16Type>().value(row).to_string()
        }
        DataType::Decimal128(..) => {
            normalised(&column.as_primitive::<Decimal128Type>().value_as_string(row))
        }
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Date32 => {
            let date =
                column.as_primitive::<arrow_array::types::Date32Type>().value_as_date(row).unwrap();
            date.format("%Y-%m-%d").to_string()
        }
        other => panic!("{other}"),
    };
    (0..column.len()).map(|row| column.is_valid(row).then(|| value(row))).collect()
}
