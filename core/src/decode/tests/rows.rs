//! Lines that are no rows, values that are no values, and first lines of no known layout.

use super::*;

const TRADE: &str = "1,2.5,3,4,1502942428322,True,False";

fn trades(csv: impl AsRef<[u8]>) -> Decoded {
    decode("trades", Market::Spot, "BTCUSDT", csv.as_ref())
}

#[test]
fn line_endings_a_byte_order_mark_and_blank_lines_make_no_difference() {
    let expected = trades(format!("{TRADE}\n{TRADE}\n"));
    assert_eq!((expected.rows(), expected.has_header), (2, Some(false)));
    for csv in [
        format!("{TRADE}\n{TRADE}"),
        format!("{TRADE}\r\n{TRADE}\r\n"),
        format!("\u{feff}{TRADE}\r\n{TRADE}"),
        format!("\n\r\n{TRADE}\n\n\n{TRADE}\n\n"),
    ] {
        assert_eq!(trades(&csv).batches, expected.batches, "{csv:?}");
    }
}

#[test]
fn a_file_without_rows_has_no_batches() {
    for csv in ["", "\n", "\u{feff}", "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch\n"] {
        let decoded = trades(csv);
        assert!(decoded.batches.is_empty() && decoded.rejects.is_empty(), "{csv:?}");
    }
}

#[test]
fn a_reject_says_where_what_and_why() {
    let csv = format!(
        "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch\n{TRADE}\n\n1,2.5,x,4,nine,True,\
        False\n{TRADE}\n"
    );
    let decoded = trades(csv);
    assert_eq!(decoded.rows(), 2);
    let expected = Reject {
        line: 4,
        column: "qty".to_owned(),
        value: "x".to_owned(),
        reason: "expected a decimal number such as 0.5".to_owned(),
        raw: "1,2.5,x,4,nine,True,False".to_owned(),
    };
    assert_eq!(decoded.rejects, [expected]);
}

#[test]
fn rejects_come_in_the_order_of_lines_whatever_is_wrong_with_them() {
    let csv = format!(
        "{TRADE}\n1,2\n1,-,3,4,1502942428322,True,False\n{TRADE},9\n,2.5,3,4,1502942428322,True,\
        False\n\"1,2\n"
    );
    let decoded = trades(csv);
    assert_eq!(decoded.rows(), 1);
    let found: Vec<(u64, &str, &str)> =
        decoded.rejects.iter().map(|r| (r.line, r.column.as_str(), r.reason.as_str())).collect();
    assert_eq!(
        found,
        [
            (2, "", "expected 7 fields, found 2"),
            (3, "price", "expected a decimal number such as 0.5"),
            (4, "", "expected 7 fields, found 8"),
            (5, "id", "expected a value, found an empty field"),
            (6, "", "expected a closing quote"),
        ]
    );
}

#[test]
fn lines_of_rejects_are_counted_over_batches() {
    let mut lines = vec![TRADE; 100];
    lines[36] = "bad";
    lines[97] = "1,2.5,3,4,1502942428322,maybe,False";
    let options = DecodeOptions { batch_rows: 10, ..DecodeOptions::default() };
    let csv = lines.join("\n");
    let decoded =
        try_decode("trades", Market::Spot, "BTCUSDT", &[csv.as_bytes()], options).unwrap();
    assert_eq!(decoded.reasons(), [(37, "", ""), (98, "is_buyer_maker", "maybe")]);
    assert_eq!(decoded.rows(), 98);
}

#[test]
fn a_batch_of_rejects_only_is_left_out() {
    let decoded = trades("1,x,3,4,1502942428322,True,False\n");
    assert_eq!((decoded.batches.len(), decoded.rejects.len()), (0, 1));
}

#[test]
fn quoted_values_are_values_and_a_quoted_line_is_shown_as_it_was() {
    let csv = "\"1\",2.5,\"3\",4,1502942428322,\"True\",False\n\"2\",\"a,\"\"b\",3,4,\
    1502942428322,True,False\n";
    let decoded = trades(csv);
    assert_eq!(decoded.rows(), 1);
    assert_eq!(decoded.reasons(), [(2, "price", "a,\"b")]);
    assert_eq!(decoded.rejects[0].raw, csv.lines().nth(1).unwrap());
}

#[test]
fn bytes_that_are_not_utf8_are_rejected_and_shown() {
    let mut csv =
        b"1672531200000,SELL,LIMIT,IOC,1,2,3,FILLED,4,5\n1672531200000,\xFF\xFE,LIMIT,IOC,1,2,3,\
        FILLED,4,5\n"
            .to_vec();
    csv.extend(b"1672531200000,SELL,LIMIT,IOC,1\x80,2,3,FILLED,4,5\n");
    let decoded = decode("liquidation_snapshot", Market::FuturesCm, "BTCUSD_PERP", &csv);
    assert_eq!(decoded.rows(), 1);
    assert_eq!(
        decoded.reasons(),
        [(2, "side", "\u{fffd}\u{fffd}"), (3, "original_quantity", "1\u{fffd}")]
    );
    assert_eq!(decoded.rejects[0].reason, "expected text in UTF-8");
}

#[test]
fn a_reject_of_a_long_line_is_cut_between_characters() {
    let csv = format!("{TRADE}\n1,{},3,4,1502942428322,True,False\n", "é".repeat(2_000));
    let decoded = trades(csv);
    let reject = &decoded.rejects[0];
    assert!(reject.raw.len() <= 1_024 + 20 && reject.value.len() <= 256 + 20);
    assert!(reject.value.ends_with("é… (4000 bytes)"), "{}", reject.value);
    assert!(reject.raw.ends_with("… (4031 bytes)") && !reject.raw.contains('\u{fffd}'));
}

/// A row of `liquidation_snapshot` with so many bytes of text in each of two columns.
fn long_texts(bytes: usize) -> String {
    let text = "x".repeat(bytes);
    format!("1672531200000,{text},LIMIT,{text},1,2,3,FILLED,4,5\n")
}

#[test]
fn a_text_longer_than_any_name_is_a_reject_that_says_how_long_it_is() {
    let csv = [long_texts(4096), long_texts(4097)].concat();
    let decoded = decode("liquidation_snapshot", Market::FuturesCm, "BTCUSD_PERP", csv.as_bytes());
    assert_eq!(decoded.rows(), 1);
    let reject = &decoded.rejects[0];
    assert_eq!((reject.line, reject.column.as_str()), (2, "side"));
    assert_eq!(reject.reason, "expected a text of at most 4096 bytes");
    assert!(reject.value.ends_with("… (4097 bytes)"), "{}", reject.value);
}

#[test]
fn batches_end_by_their_bytes_as_by_their_rows() {
    let csv = long_texts(4000).repeat(500);
    let options = DecodeOptions { batch_bytes: 200_000, ..DecodeOptions::default() };
    let pieces = [csv.as_bytes()];
    let market = Market::FuturesCm;
    let decoded =
        try_decode("liquidation_snapshot", market, "BTCUSD_PERP", &pieces, options).unwrap();
    assert_eq!((decoded.rows(), decoded.rejects.len()), (500, 0));
    // A block of some 32 KiB is the last that a batch takes.
    let largest = decoded.batches.iter().map(|batch| batch.num_rows() * 8_000).max().unwrap();
    assert!(largest <= 200_000 + 64 * 1024, "{largest} bytes of text in a batch");
}

#[test]
fn a_line_without_end_is_an_error_however_it_arrives() {
    let options = DecodeOptions { line_limit: 100_000, ..DecodeOptions::default() };
    let csv = format!("{TRADE}\n{TRADE}\n{}\n", "1".repeat(100_001));
    for size in [7_000, 33_000, 1_000_000] {
        let pieces: Vec<&[u8]> = csv.as_bytes().chunks(size).collect();
        let error = try_decode("trades", Market::Spot, "BTCUSDT", &pieces, options).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 3 is longer than 100000 bytes; the file is no CSV or is damaged"
        );
    }
}

#[test]
fn a_header_is_recognised_per_file_by_any_of_its_spellings() {
    for header in [
        "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match",
        "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch",
        "trade Id,Price,QTY,Quote Qty,Time,\"isBuyerMaker\",isBestMatch",
    ] {
        let decoded = trades(format!("{header}\r\n{TRADE}\r\n"));
        assert_eq!((decoded.rows(), decoded.has_header), (1, Some(true)), "{header}");
    }
}

#[test]
fn a_header_in_another_order_tells_where_the_fields_are() {
    let decoded = trades(
        "time,id,qty,price,quoteQty,isBestMatch,isBuyerMaker\n1502942428322,1,3,2.5,4,False,True\n",
    );
    assert_eq!(decoded.batches, trades(TRADE).batches);
}

#[test]
fn an_unknown_header_is_an_error_that_shows_what_was_expected() {
    let error = decode_error(
        "trades",
        Market::FuturesUm,
        b"id,price,size,quote_qty,time,is_buyer_maker\n1,2,3,4,1502942428322,true\n",
    );
    assert_eq!(
        error,
        "line 1: unknown header `id,price,size,quote_qty,time,is_buyer_maker` for trades of \
        futures_um; \
         expected `id,price,qty,quote_qty,time,is_buyer_maker`, or rows without a header"
    );
    assert!(
        decode_error("trades", Market::Spot, b"<html><body>not found")
            .contains("unknown header `<html>")
    );
}

#[test]
fn a_first_row_of_an_unknown_number_of_fields_is_an_error() {
    let error = decode_error("agg_trades", Market::Spot, b"\n1,2,3\n");
    assert!(
        error.starts_with("line 2: 3 fields in `1,2,3`, which no layout of agg_trades of spot has"),
        "{error}"
    );
}

#[test]
fn a_damaged_first_line_is_a_reject_and_the_others_are_rows() {
    let row = "2,2.5,3,4,1502942428322,True,False\n";
    let joined = format!("1,2.5,3,4,15029424283221,2.5,3,4,1502942428322,True,False\n{row}{row}");
    let damaged = [joined.as_str(), &format!("3,4,1502942428322,True,False\n{row}{row}")];
    for csv in damaged {
        let decoded = trades(csv);
        assert_eq!((decoded.rows(), decoded.has_header), (2, Some(false)), "{csv}");
        assert_eq!(decoded.reasons(), [(1, "", "")], "{csv}");
    }
    for garbage in ["###", "<html>", "\u{0}\u{0}\u{0}", "id,price,qty", ",,,"] {
        let decoded = trades(format!("\n{garbage}\n\n{row}"));
        assert_eq!((decoded.rows(), decoded.reasons()), (1, vec![(2, "", "")]), "{garbage}");
    }
}

#[test]
fn a_damaged_line_before_the_header_does_not_hide_it() {
    let header = "time,id,qty,price,quoteQty,isBestMatch,isBuyerMaker";
    let row = "1502942428322,1,3,2.5,4,False,True";
    let decoded = trades(format!("isBest,isBuyer\n{header}\n{row}\n"));
    assert_eq!((decoded.rows(), decoded.has_header), (1, Some(true)));
    assert_eq!(decoded.reasons(), [(1, "", "")]);
    assert_eq!(decoded.rejects[0].raw, "isBest,isBuyer");
    assert_eq!(decoded.batches, trades(TRADE).batches);
}

#[test]
fn a_file_of_lines_that_are_no_rows_is_an_error_and_so_is_an_unknown_header_after_damage() {
    let lines = "1,2,3\n".repeat(1000);
    let error = decode_error("trades", Market::Spot, lines.as_bytes());
    assert!(error.starts_with("line 1: 3 fields in `1,2,3`, which no layout"), "{error}");
    let html = decode_error("trades", Market::Spot, b"<html>\n<body>\n<p>not found\n");
    assert!(html.starts_with("line 1: unknown header `<html>`"), "{html}");
    let header = "###\nid,price,size,quote,time,maker,best\n1,2,3,4,1502942428322,True,True\n";
    let error = decode_error("trades", Market::Spot, header.as_bytes());
    assert!(error.starts_with("line 2: unknown header `id,price,size,"), "{error}");
}

#[test]
fn a_market_without_a_layout_is_an_error() {
    assert_eq!(
        decode_error("bvol_index", Market::Spot, b""),
        "no layout of bvol_index is known for spot"
    );
}

#[test]
fn times_are_milliseconds_or_microseconds_value_by_value_and_never_seconds() {
    let rows: Vec<String> = [
        "1502942428322",
        "1502942428322123",
        "1502942428",
        "150294242832",
        "15029424283221234",
        "-1502942428322",
        "",
    ]
    .iter()
    .map(|time| format!("1,2,3,4,{time},True,True\n"))
    .collect();
    let decoded = trades(rows.concat());
    assert_eq!(decoded.times("time"), [1_502_942_428_322_000, 1_502_942_428_322_123]);
    assert_eq!(decoded.rejects.iter().map(|r| r.line).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
    assert!(decoded.rejects[0].reason.contains("13 digits"));
}

#[test]
fn the_years_2009_to_2199_are_told_apart_in_either_unit() {
    let day = |year: i32| {
        chrono::NaiveDate::from_ymd_opt(year, 1, 1)
            .unwrap()
            .and_time(chrono::NaiveTime::MIN)
            .and_utc()
    };
    let (first, last) = (day(2009).timestamp_millis(), day(2200).timestamp_millis() - 1);
    let row = |time: i64| format!("1,2,3,4,{time},True,True\n");
    let csv = [first, last, first * 1000, last * 1000 + 999, first - 1, last + 1].map(row).concat();
    let decoded = trades(csv);
    assert_eq!(decoded.times("time"), [first * 1000, last * 1000, first * 1000, last * 1000 + 999]);
    assert_eq!(decoded.rejects.len(), 2);
}

#[test]
fn booleans_are_words_of_either_case_and_nothing_else() {
    let row = |flag: &str| format!("1,2,3,4,1502942428322,{flag},True\n");
    let others = ["TRUE", "1", "t", "", "tru", "trues", "fals", "falsy", "falsee", "true ", "4rue"];
    let decoded = trades(
        ["True", "true", "False", "false"]
            .iter()
            .chain(&others)
            .copied()
            .map(row)
            .collect::<String>(),
    );
    let flags: Vec<bool> = decoded.table()["is_buyer_maker"].as_boolean().values().iter().collect();
    assert_eq!(flags, [true, true, false, false]);
    assert_eq!(decoded.rejects.len(), others.len());
}
