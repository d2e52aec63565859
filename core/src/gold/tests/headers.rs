use super::{file, model};
use crate::embedded::GOLD_FILES;
use crate::gold::{ColumnKind, Model, Partitioning};

const HEADER: &str = "-- partitions: market, date\n-- key: market, date, symbol\n-- inputs: \
silver.klines, gold.other\n";

#[test]
fn every_built_in_model_has_a_header_that_can_be_read() {
    for (file, text) in GOLD_FILES {
        let model = Model::parse(file, text).unwrap_or_else(|error| panic!("{error}"));
        assert!(!model.description().is_empty(), "{file} says nothing of its rows");
    }
}

#[test]
fn a_header_says_what_the_table_is() {
    let model = model("daily", &format!("{HEADER}-- lookback: 1 day\n-- lookahead: 30 days\n--\n"));
    assert_eq!((model.name(), model.description()), ("daily", "What a row is."));
    assert_eq!(model.partitioning(), Partitioning::MarketAndDate);
    assert_eq!((model.lookback(), model.lookahead()), (1, 30));
    let inputs: Vec<String> = model.inputs().iter().map(ToString::to_string).collect();
    assert_eq!(inputs, ["silver.klines", "gold.other"]);
    assert_eq!(model.sort_columns(), ["symbol"]);
    let column = &model.columns()[1];
    let found =
        (column.name.as_str(), column.kind, column.unit.as_str(), column.description.as_str());
    assert_eq!(found, ("n", ColumnKind::Integer, "rows", "how many"));
    assert_eq!(model.select(), "SELECT 1");
}

#[test]
fn an_input_with_provisional_rows_is_two_tables_and_one_name() {
    let model = HEADER.replace("silver.klines", "all.klines");
    let model = Model::parse("m.sql", &file(&model)).unwrap();
    let tables: Vec<String> = model.inputs().iter().map(ToString::to_string).collect();
    assert_eq!(tables, ["recent.klines", "silver.klines", "gold.other"]);
    assert_eq!(model.input_names(), ["all.klines", "gold.other"]);
    assert_eq!(model.with_provisional().iter().collect::<Vec<_>>(), ["klines"]);
}

#[test]
fn descriptions_may_take_several_lines_and_partition_columns_need_not_be_listed() {
    let text = "-- A row: one of them.\n-- And more.\n--\n-- Another paragraph.\n-- partitions: \
    market, date\n\
                -- key: market, date, key\n-- inputs: silver.klines\n-- columns:\n--   market \
                text: the market\n--   date date: the day\n\
                --   key text: a column\n--     like a key\n\nSELECT 1";
    let model = Model::parse("a.sql", text).unwrap();
    assert_eq!(model.description(), "A row: one of them. And more.\nAnother paragraph.");
    assert_eq!(model.columns().len(), 1);
    assert_eq!(model.columns()[0].description, "a column like a key");
}

#[test]
fn what_is_wrong_with_a_header_is_told_with_its_line() {
    let key = "-- key: market, date, symbol\n";
    let cases = [
        (
            HEADER.replace("market, date\n-- key", "day\n-- key"),
            3,
            "`partitions`: expected `market, date` or `none`, found `day`",
        ),
        (HEADER.replace("symbol", "time"), 4, "`key` names `time`, which is not among the columns"),
        (HEADER.replace("date, symbol", "symbol"), 4, "`key` lacks the partition column `date`"),
        (HEADER.replace(key, ""), 8, "the header above does not say `key`"),
        (HEADER.replace("gold.other", "bronze.klines"), 5, "found `bronze.klines`"),
        (HEADER.replace("gold.other", "silver.klines"), 5, "`inputs` names `silver.klines` twice"),
        (
            HEADER.replace("gold.other", "all.klines"),
            5,
            "`inputs` lists `all.klines`, which has the rows of `silver.klines`: list one of them",
        ),
        (
            format!("{HEADER}-- lookback: 1\n"),
            6,
            "`lookback`: expected days such as `1 day` or `30 days`, found `1`",
        ),
        (format!("{HEADER}{key}"), 6, "`key` is given twice"),
        (format!("{HEADER}-- lokback: 1 day\n"), 6, "found `lokback: 1 day`"),
    ];
    for (header, line, message) in cases {
        let error = Model::parse("models/m.sql", &file(&header)).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("models/m.sql", line), "{error}\n{header}");
        assert!(error.message.contains(message), "{error}");
    }
    let columns = [
        (
            "--   n  integer, rows: how many",
            "--   n  number: how many",
            8,
            "expected one of text, integer, decimal",
        ),
        (
            "--   n  integer, rows: how many",
            "--   symbol  text: again",
            8,
            "the column `symbol` is there twice",
        ),
        ("--   n  integer, rows: how many", "--   n", 8, "expected a column such as"),
        ("SELECT 1\n", "", 8, "expected a SELECT below the header"),
    ];
    for (good, bad, line, message) in columns {
        let error = Model::parse("m.sql", &file(HEADER).replace(good, bad)).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.contains(message), "{error}");
    }
    assert!(
        Model::parse("Daily-1.sql", &file(HEADER)).unwrap_err().message.contains("rename the file")
    );
}

#[test]
fn a_fingerprint_follows_the_statement_and_not_the_words_around_it() {
    let text = file(HEADER);
    let fingerprint = |text: &str| Model::parse("m.sql", text).unwrap().fingerprint();
    let same = [
        text.replace("What a row is", "Another word"),
        text.replace("SELECT 1\n", "-- why\n\n  SELECT 1\n"),
    ];
    let other = [
        text.replace("SELECT 1", "SELECT 2"),
        text.replace("date, symbol", "date, symbol, n"),
        text.replace("-- columns", "-- lookback: 1 day\n-- columns"),
    ];
    assert!(same.iter().all(|same| fingerprint(same) == fingerprint(&text)));
    assert!(other.iter().all(|other| fingerprint(other) != fingerprint(&text)));
}
