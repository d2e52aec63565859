use super::*;
use crate::decode::{DecodeOptions, Decoder};

const SMALL: &str = r#"
table = "small"
doc = "Rows of a test."
has_interval = false
event_time = "time"
sort = ["time"]
no_key = "two rows of a test may be equal"

columns = [
  { name = "time", type = "time", doc = "when" },
  { name = "size", type = "amount", doc = "how much" },
  { name = "day", type = "date", doc = "day" },
  { name = "strike", type = "price", doc = "strike" },
]

[[layouts]]
markets = ["spot"]
fields = ["time", "size"]

[layouts.rules]
size = { spellings = ["amount"] }
"#;

fn error(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    TableSchema::parse("small.toml", &SMALL.replacen(from, to, 1)).unwrap_err().to_string()
}

fn builtin() -> Schemas {
    Schemas::builtin().unwrap()
}

#[test]
fn every_table_of_the_lake_has_a_schema() {
    let tables: Vec<String> = builtin().iter().map(|schema| schema.table().to_owned()).collect();
    let expected = "agg_trades book_depth book_ticker bvol_index eoh_summary funding_rate \
    index_price_klines klines \
        liquidation_snapshot mark_price_klines metrics premium_index_klines trades";
    assert_eq!(tables.join(" "), expected);
}

#[test]
fn files_hold_symbol_and_interval_first_and_archive_last() {
    let schemas = builtin();
    let klines = schemas.get("klines").unwrap();
    let names = |schema: &SchemaRef| {
        schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        names(&klines.table_schema()),
        "market date symbol bar_interval open_time open high low close volume close_time \
        quote_volume trade_count \
         taker_buy_volume taker_buy_quote_volume base_volume taker_buy_base_volume archive"
    );
    assert_eq!(klines.file_schema().fields().len(), klines.table_schema().fields().len() - 2);
    assert_eq!(klines.sort_columns(), ["symbol", "bar_interval", "open_time"]);
    let trades = schemas.get("trades").unwrap();
    assert_eq!(trades.sort_columns(), ["symbol", "time", "id"]);
    assert_eq!(
        names(&trades.data_schema()),
        "id price qty quote_qty base_qty time is_buyer_maker is_best_match"
    );
}

#[test]
fn columns_have_the_types_of_the_lakes_public_face() {
    let schemas = builtin();
    let data_type = |table: &str, column: &str| {
        schemas
            .get(table)
            .unwrap()
            .data_schema()
            .field_with_name(column)
            .unwrap()
            .data_type()
            .clone()
    };
    let utc = DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(data_type("klines", "open_time"), utc);
    assert_eq!(data_type("klines", "open"), DataType::Decimal128(18, 8));
    assert_eq!(data_type("klines", "volume"), DataType::Decimal128(28, 8));
    assert_eq!(data_type("metrics", "sum_open_interest"), DataType::Decimal128(38, 16));
    assert_eq!(data_type("book_depth", "percentage"), DataType::Decimal128(5, 2));
    assert_eq!(data_type("funding_rate", "funding_interval_hours"), DataType::Int16);
    assert_eq!(data_type("eoh_summary", "expiry"), DataType::Date32);
}

#[test]
fn only_the_event_time_and_what_the_lake_adds_are_never_null() {
    for schema in builtin().iter() {
        for field in schema.table_schema().fields() {
            let added = ["market", "date", "symbol", "bar_interval", "archive"]
                .contains(&field.name().as_str());
            assert_eq!(
                field.is_nullable(),
                !added && field.name() != schema.event_time(),
                "{}.{}",
                schema.table(),
                field.name()
            );
        }
    }
}

/// Every name that a field may have in a header, in every combination with the others' first names.
fn headers(layout: &Layout) -> Vec<Vec<String>> {
    let first: Vec<String> = layout.fields.iter().map(|field| field.name.clone()).collect();
    let mut headers = vec![first.clone()];
    for (at, field) in layout.fields.iter().enumerate() {
        for spelling in &field.spellings {
            let mut header = first.clone();
            header[at].clone_from(spelling);
            headers.push(header);
        }
    }
    headers
}

#[test]
fn every_header_names_one_layout_of_its_market() {
    for schema in builtin().iter() {
        for market in Market::ALL {
            for (at, layout) in schema.layouts(market).enumerate() {
                for header in headers(layout) {
                    let matches: Vec<usize> = schema
                        .layouts(market)
                        .enumerate()
                        .filter_map(|(other, layout)| layout.match_header(&header).map(|_| other))
                        .collect();
                    assert_eq!(matches, [at], "{} of {market}: {header:?}", schema.table());
                    assert_eq!(
                        layout.match_header(&header),
                        Some((0..header.len()).collect()),
                        "{header:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_layout_of_a_market_has_its_own_number_of_fields_and_fills_the_event_time() {
    for schema in builtin().iter() {
        for market in Market::ALL {
            let mut counts: Vec<usize> =
                schema.layouts(market).map(|layout| layout.fields.len()).collect();
            counts.sort_unstable();
            assert!(
                counts.windows(2).all(|pair| pair[0] != pair[1]),
                "{} of {market}",
                schema.table()
            );
        }
        let event_time =
            schema.columns().iter().position(|column| column.name == schema.event_time()).unwrap();
        for layout in schema.layouts.iter() {
            assert!(
                layout
                    .fields
                    .iter()
                    .any(|field| field.reading.columns().any(|column| column == event_time))
            );
        }
    }
}

#[test]
fn a_new_data_type_is_a_file_and_nothing_else() {
    let schema = TableSchema::parse("small.toml", SMALL).unwrap();
    let mut decoder =
        Decoder::new(&schema, Market::Spot, &"X".parse().unwrap(), DecodeOptions::default())
            .unwrap();
    decoder.push(b"Amount,time\n1.5,1700000000000\n").unwrap();
    decoder.finish().unwrap();
    let batch = decoder.next_batch().unwrap();
    assert_eq!((batch.num_rows(), batch.schema()), (1, schema.data_schema()));
}

#[test]
fn what_is_wrong_in_a_schema_is_told_with_its_line_and_key() {
    assert_eq!(
        error("table = \"small\"", "table = \"other\""),
        "small.toml, line 2, `table`: the table is not named like its file"
    );
    assert!(error("event_time = \"time\"", "event_time = \"tine\"").starts_with(
        "small.toml, line 5, `event_time`: there is no column `tine`; expected one of time, size, \
        day, strike"
    ));
    assert!(
        error("event_time = \"time\"", "event_time = \"size\"")
            .contains("line 5, `event_time`: the column `size` is not of type Time")
    );
    assert!(
        error("\"spot\"", "\"spotted\"")
            .contains("line 17, `markets`: unknown market `spotted`; expected spot,")
    );
    assert!(
        error("\"amount\", doc", "\"amuont\", doc")
            .contains("line 11, `columns`: unknown variant `amuont`")
    );
    assert!(
        error("name = \"size\"", "name = \"time\"")
            .contains("line 11, `columns`: column `time` is there twice")
    );
    assert!(
        error("[\"time\", \"size\"]", "[\"time\", \"seize\"]")
            .contains("line 21, `size`: the layout has no field `size`")
    );
    assert!(error("size = { spellings", "size = { spelings").contains("unknown field `spelings`"));
}

#[test]
fn a_schema_names_the_key_of_its_rows_or_says_why_they_have_none() {
    let reason = "no_key = \"two rows of a test may be equal\"";
    assert_eq!(
        error(reason, ""),
        "small.toml, line 2, `key`: expected the columns that identify a row, or `no_key` with the \
         reason why none do"
    );
    assert_eq!(error(reason, "key = []"), error(reason, ""));
    assert!(error(reason, "no_key = \" \"").contains("line 7, `no_key`: expected the reason"));
    let both = format!("key = [\"time\"]\n{reason}");
    assert!(error(reason, &both).contains("line 8, `no_key`: there is a `key`"));
    for schema in builtin().iter() {
        assert_eq!(schema.key().is_empty(), schema.table() == "liquidation_snapshot");
    }
}

#[test]
fn rows_may_lie_less_than_a_day_outside_the_period() {
    let slack = |slack: &str| format!("sort = [\"time\"]\noutside_period = {slack}");
    let with = |text: &str| {
        let text = SMALL.replacen("sort = [\"time\"]", &slack(text), 1);
        TableSchema::parse("small.toml", &text).map(|schema| schema.outside_period())
    };
    let period = "2024-02".parse().unwrap();
    let times = |slack: Slack| slack.event_times(period, None);
    let [february, march] = [1_706_745_600_000_000, 1_709_251_200_000_000];
    assert_eq!(times(with("{}").unwrap()), february..march);
    let both = with("{ before = \"10s\", after = \"5m\" }").unwrap();
    assert_eq!(times(both), february - 10_000_000..march + 300_000_000);
    for wrong in ["5", "m", "5 m", "24h", "1d", "-1s", ""] {
        let error = with(&format!("{{ after = \"{wrong}\" }}")).unwrap_err().to_string();
        let said = format!("small.toml, line 7, `outside_period`: `{wrong}` is no duration");
        assert!(error.starts_with(&said), "{error}");
    }
}

#[test]
fn a_bar_of_several_days_may_begin_its_length_before_the_period() {
    let period = "2024-02".parse().unwrap();
    let [february, march, day] = [1_706_745_600_000_000, 1_709_251_200_000_000, 86_400_000_000];
    let schemas = builtin();
    for schema in schemas.iter().filter(|schema| schema.has_interval()) {
        let days = |interval: &str| {
            let times = schema.outside_period().event_times(period, interval.parse().ok());
            assert_eq!((times.end, (february - times.start) % day), (march, 0), "{interval}");
            (february - times.start) / day
        };
        let found = ["1m", "12h", "1d", "3d", "1w", "1mo", "900w"].map(days);
        assert_eq!(found, [0, 0, 0, 3, 7, 31, 31], "{}", schema.table());
    }
}

#[test]
fn rules_that_do_not_fit_are_refused() {
    let rule = |rule: &str| error("size = { spellings = [\"amount\"] }", rule);
    assert!(rule("size = { as = \"datetime\" }").contains("the column `size` is not of type Time"));
    assert!(rule("size = { as = \"expiry-strike\" }").contains("expected `columns`"));
    assert!(
        rule("size = { as = \"expiry-strike\", columns = [\"strike\", \"day\"] }")
            .contains("`strike` is not of type Date")
    );
    assert!(
        rule("size = { as = \"date\", column = \"time\" }")
            .contains("two fields fill the column `time`")
    );
    assert!(
        rule("size = { as = \"hour\", column = \"time\" }")
            .contains("expected one of each or none")
    );
    assert!(rule("size = { spellings = [\"TIME\"] }").contains("two fields can be called `time`"));
    assert!(rule("time = { as = \"dropped\" }").contains("no field fills the event time"));
    let again =
        format!("{SMALL}\n[[layouts]]\nmarkets = [\"spot\"]\nfields = [\"size\", \"time\"]\n");
    let clash = TableSchema::parse("small.toml", &again).unwrap_err().to_string();
    assert!(
        clash.starts_with(
            "small.toml, line 25, `fields`: a layout above has a market and the number of fields"
        ),
        "{clash}"
    );
}
