//! Every value of every real archive against `arrow-csv`, with conversions that share nothing with the decoder's.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::{Array, StringArray};
use arrow_schema::{DataType, Field, Schema};
use chrono::{NaiveDate, NaiveDateTime};

use super::*;

#[test]
fn every_value_of_every_real_archive_is_what_another_reader_reads() {
    let archives = real_archives();
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
                assert_eq!(actual, expected, "{}, row {row}, column {name}", archive.path.display());
            }
        }
    }
    assert!(archives.is_empty() || archives.len() >= 58);
}

/// Reads a CSV into columns of text.
fn read_as_text(csv: &[u8]) -> (bool, Vec<StringArray>) {
    let first = csv.split(|byte| *byte == b'\n').next().unwrap();
    let header = first[0].is_ascii_alphabetic();
    let fields = first.split(|byte| *byte == b',').count();
    let fields: Vec<Field> = (0..fields).map(|at| Field::new(at.to_string(), DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let reader =
        arrow_csv::ReaderBuilder::new(Arc::clone(&schema)).with_header(header).build(Cursor::new(csv)).unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let table = concat_batches(&schema, &batches).unwrap();
    (header, table.columns().iter().map(|column| column.as_string::<i32>().clone()).collect())
}

/// What every column of the table should hold, by the positions that the format notes give.
fn expected_columns(archive: &Archive, fields: &[StringArray]) -> Vec<(String, Vec<Option<String>>)> {
    let futures_cm = archive.market == Market::FuturesCm;
    let positions: Vec<(&str, usize, fn(&str) -> Option<String>)> = match archive.table {
        "klines" => {
            let (volume, taker) = if futures_cm {
                ("base_volume", "taker_buy_base_volume")
            } else {
                ("quote_volume", "taker_buy_quote_volume")
            };
            vec![
                ("open_time", 0, time),
                ("open", 1, number),
                ("high", 2, number),
                ("low", 3, number),
                ("close", 4, number),
                ("volume", 5, number),
                ("close_time", 6, time),
                (volume, 7, number),
                ("trade_count", 8, number),
                ("taker_buy_volume", 9, number),
                (taker, 10, number),
            ]
        }
        "trades" => vec![
            ("id", 0, number),
            ("price", 1, number),
            ("qty", 2, number),
            (if futures_cm { "base_qty" } else { "quote_qty" }, 3, number),
            ("time", 4, time),
            ("is_buyer_maker", 5, boolean),
            ("is_best_match", 6, boolean),
        ],
        "agg_trades" => vec![
            ("agg_trade_id", 0, number),
            ("price", 1, number),
            ("quantity", 2, number),
            ("first_trade_id", 3, number),
            ("last_trade_id", 4, number),
            ("transact_time", 5, time),
            ("is_buyer_maker", 6, boolean),
            ("is_best_match", 7, boolean),
        ],
        "book_depth" => {
            vec![("timestamp", 0, time), ("percentage", 1, number), ("depth", 2, number), ("notional", 3, number)]
        }
        "book_ticker" => vec![
            ("update_id", 0, number),
            ("best_bid_price", 1, number),
            ("best_bid_qty", 2, number),
            ("best_ask_price", 3, number),
            ("best_ask_qty", 4, number),
            ("transaction_time", 5, time),
            ("event_time", 6, time),
        ],
        "funding_rate" => {
            vec![("calc_time", 0, time), ("funding_interval_hours", 1, number), ("last_funding_rate", 2, number)]
        }
        "metrics" => vec![
            ("create_time", 0, time),
            ("sum_open_interest", 2, number),
            ("sum_open_interest_value", 3, number),
            ("count_toptrader_long_short_ratio", 4, number),
            ("sum_toptrader_long_short_ratio", 5, number),
            ("count_long_short_ratio", 6, number),
            ("sum_taker_long_short_vol_ratio", 7, number),
        ],
        "liquidation_snapshot" => vec![
            ("time", 0, time),
            ("side", 1, text),
            ("order_type", 2, text),
            ("time_in_force", 3, text),
            ("original_quantity", 4, number),
            ("price", 5, number),
            ("average_price", 6, number),
            ("order_status", 7, text),
            ("last_fill_quantity", 8, number),
            ("accumulated_fill_quantity", 9, number),
        ],
        "bvol_index" => {
            vec![("calc_time", 0, time), ("base_asset", 2, text), ("quote_asset", 3, text), ("index_value", 4, number)]
        }
        "eoh_summary" => {
            let mut positions: Vec<(&str, usize, fn(&str) -> Option<String>)> = vec![
                ("contract", 2, text),
                ("underlying", 3, text),
                ("type", 4, text),
                ("expiry", 5, expiry),
                ("strike", 5, strike),
            ];
            let numbers = "open high low close volume_contracts volume_usdt best_bid_price best_ask_price best_bid_qty best_ask_qty \
                best_buy_iv best_sell_iv mark_price mark_iv delta gamma vega theta openinterest_contracts openinterest_usdt";
            positions.extend(
                numbers.split_whitespace().zip(6..).map(|(name, at)| (name, at, number as fn(&str) -> Option<String>)),
            );
            positions
        }
        other => panic!("{other}"),
    };
    let rows = fields[0].len();
    let value =
        |field: &StringArray, row: usize| if field.is_null(row) { String::new() } else { field.value(row).to_owned() };
    let mut expected: Vec<(String, Vec<Option<String>>)> = positions
        .into_iter()
        .filter(|(_, at, _)| *at < fields.len())
        .map(|(name, at, convert)| (name.to_owned(), (0..rows).map(|row| convert(&value(&fields[at], row))).collect()))
        .collect();
    if archive.table == "eoh_summary" {
        let hours = (0..rows).map(|row| time(&format!("{} {}:00:00", value(&fields[0], row), value(&fields[1], row))));
        expected.push(("time".to_owned(), hours.collect()));
    }
    let named: Vec<String> = expected.iter().map(|(name, _)| name.clone()).collect();
    let absent = schema(archive.table)
        .columns()
        .iter()
        .filter(|column| !named.contains(&column.name))
        .map(|c| c.name.clone())
        .collect::<Vec<_>>();
    expected.extend(absent.into_iter().map(|name| (name, vec![None; rows])));
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
        _ => {
            NaiveDateTime::parse_from_str(field, "%Y-%m-%d %H:%M:%S").unwrap().and_utc().timestamp_micros().to_string()
        }
    };
    Some(microseconds)
}

fn number(field: &str) -> Option<String> {
    (!field.is_empty()).then(|| normalised(field))
}

/// Writes a number without an exponent and without zeros that mean nothing, by moving characters only.
pub(in crate::decode) fn normalised(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) =
        rest.split_once(['E', 'e']).map_or((rest, 0), |(mantissa, exponent)| (mantissa, exponent.parse().unwrap()));
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
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<arrow_array::types::Int64Type>().value(row).to_string(),
        DataType::Int16 => column.as_primitive::<arrow_array::types::Int16Type>().value(row).to_string(),
        DataType::Decimal128(..) => normalised(&column.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Date32 => {
            let date = column.as_primitive::<arrow_array::types::Date32Type>().value_as_date(row).unwrap();
            date.format("%Y-%m-%d").to_string()
        }
        other => panic!("{other}"),
    };
    (0..column.len()).map(|row| column.is_valid(row).then(|| value(row))).collect()
}
