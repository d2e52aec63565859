//! SQL over the lake: what is read, what is skipped, and what is refused.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, DictionaryArray, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Int32Type, TimeUnit};
use chrono::{DateTime, Utc};
use lakehouse::output::{Format, OutputError, OutputOptions, write_stream};
use lakehouse::query::{At, QueryError, Session, SessionOptions, TableSnapshot};
use lakehouse::storage::lake::{Lake, Layer, TableName};

use crate::support::delta_fixture::{FixtureTable, batch};

const PRICE: DataType = DataType::Decimal128(18, 8);

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn trade_columns() -> [(&'static str, DataType); 4] {
    [("symbol", DataType::Utf8), ("id", DataType::Int64), ("price", PRICE), ("open_time", time())]
}

/// Rows of one symbol, one per id; prices and times (seconds) follow the ids.
fn trades(symbol: &str, ids: std::ops::Range<i64>) -> RecordBatch {
    let rows = ids.end - ids.start;
    let symbols: DictionaryArray<Int32Type> = (0..rows).map(|_| Some(symbol)).collect();
    let prices = ids.clone().map(|id| 123_456_789_000_000_000 + i128::from(id));
    let prices = Decimal128Array::from_iter_values(prices).with_precision_and_scale(18, 8).unwrap();
    let times = ids.clone().map(|id| 1_704_067_200_000_000 + id * 1_000_000);
    batch(vec![
        ("symbol", Arc::new(symbols) as ArrayRef),
        ("id", Arc::new(Int64Array::from_iter_values(ids))),
        ("price", Arc::new(prices)),
        (
            "open_time",
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
    ])
}

/// Two markets by two days by two symbols: eight files of ten rows.
async fn eight_files(lake: &Path) -> FixtureTable {
    let mut table =
        FixtureTable::create(lake, "silver/trades", &trade_columns(), "symbol,open_time").await;
    let mut first = 0;
    for market in ["spot", "futures_um"] {
        for date in ["2024-01-01", "2024-01-02"] {
            for symbol in ["BTCUSDT", "ETHUSDT"] {
                table.append(market, date, &trades(symbol, first..first + 10)).await;
                first += 10;
            }
        }
    }
    table
}

fn open(lake: &Path) -> Session {
    open_with(lake, SessionOptions::default())
}

fn open_with(lake: &Path, options: SessionOptions) -> Session {
    Session::open(&Lake::open(lake.to_str().unwrap()).unwrap(), options).unwrap()
}

async fn csv(session: &Session, sql: &str) -> String {
    let rows = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut out = Vec::new();
    write_stream(rows, Format::Csv, &mut out, OutputOptions::default()).await.unwrap();
    String::from_utf8(out).unwrap()
}

async fn refusal(session: &Session, sql: &str) -> QueryError {
    match session.sql(sql).await {
        Ok(_) => panic!("{sql} was accepted"),
        Err(error) => error,
    }
}

async fn files_read(session: &Session, sql: &str) -> String {
    let plan = csv(session, &format!("EXPLAIN {sql}")).await;
    let line = plan
        .lines()
        .find(|line| line.starts_with("files_read"))
        .unwrap_or_else(|| panic!("{plan}"));
    line.split(": ").nth(1).unwrap().split(" files").next().unwrap().to_owned()
}

#[tokio::test]
async fn an_open_session_sees_a_commit_made_after_it_was_opened() {
    let lake = tempfile::tempdir().unwrap();
    let mut table = eight_files(lake.path()).await;
    let session = open(lake.path());
    assert_eq!(csv(&session, "SELECT count(*) AS n FROM silver.trades").await, "n\n80\n");

    table.append("spot", "2024-01-03", &trades("BTCUSDT", 100..105)).await;

    assert_eq!(csv(&session, "SELECT count(*) AS n FROM silver.trades;").await, "n\n85\n");
    assert_eq!(
        csv(&session, "SELECT count(*) AS n FROM trades WHERE date = '2024-01-03'").await,
        "n\n5\n"
    );
}

#[tokio::test]
async fn an_older_version_or_time_can_be_read() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session =
        open_with(lake.path(), SessionOptions { at: At::Version(3), ..SessionOptions::default() });
    assert_eq!(csv(&session, "SELECT count(*) AS n FROM silver.trades").await, "n\n30\n");
}

#[tokio::test]
async fn a_time_before_a_table_was_made_is_refused() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let at =
        |time: DateTime<Utc>| SessionOptions { at: At::Time(time), ..SessionOptions::default() };
    let early = open_with(lake.path(), at("2001-01-01T00:00:00Z".parse().unwrap()));
    let error = refusal(&early, "SELECT count(*) AS n FROM silver.trades").await.to_string();
    assert!(
        error.contains("did not exist at 2001-01-01T00:00:00Z: its oldest version is from 20"),
        "{error}"
    );
    let late = open_with(lake.path(), at("2100-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(csv(&late, "SELECT count(*) AS n FROM silver.trades").await, "n\n80\n");
}

#[tokio::test]
async fn filters_on_partitions_are_decided_without_reading() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    let read = |sql| files_read(&session, sql);
    assert_eq!(read("SELECT id FROM silver.trades").await, "8 of 8");
    assert_eq!(
        read("SELECT id FROM silver.trades WHERE market = 'spot' AND date = '2024-01-02'").await,
        "2 of 8"
    );
    assert_eq!(
        read("SELECT id FROM silver.trades WHERE market LIKE '%um' AND date > DATE '2024-01-01'")
            .await,
        "2 of 8"
    );
    assert_eq!(read("SELECT id FROM silver.trades WHERE market = 'options'").await, "0 of 8");
    let sql = "SELECT count(*) AS n FROM silver.trades WHERE market LIKE '%um' AND date > DATE \
               '2024-01-01'";
    assert_eq!(csv(&session, sql).await, "n\n20\n");
}

#[tokio::test]
async fn filters_on_values_skip_files_by_their_statistics() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    let read = |sql| files_read(&session, sql);
    assert_eq!(
        read("SELECT id FROM silver.trades WHERE symbol = 'BTCUSDT' AND market = 'spot'").await,
        "2 of 8"
    );
    assert_eq!(read("SELECT price FROM silver.trades WHERE id = 42").await, "1 of 8");
    assert_eq!(
        read("SELECT id FROM silver.trades WHERE open_time = '2024-01-01T00:00:42Z'").await,
        "1 of 8"
    );
    assert_eq!(read("SELECT id FROM silver.trades WHERE symbol IS NULL").await, "0 of 8");
    let plan = csv(&session, "EXPLAIN SELECT price FROM silver.trades WHERE id = 42").await;
    assert!(plan.contains("silver.trades at version 8: 1 of 8 files"), "{plan}");
}

#[tokio::test]
async fn a_row_is_found_by_the_last_digit_of_its_price() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    for id in [0, 9, 10, 79] {
        let sql =
            format!("SELECT id, price FROM silver.trades WHERE price = 1234567890.000000{id:02}");
        assert_eq!(csv(&session, &sql).await, format!("id,price\n{id},1234567890.000000{id:02}\n"));
        let and_id = format!("{sql} AND id = {id}");
        assert_eq!(files_read(&session, &and_id).await, "1 of 8");
    }
}

#[tokio::test]
async fn a_row_is_found_although_another_writer_rounded_the_bounds_of_its_price() {
    let lake = tempfile::tempdir().unwrap();
    let mut table =
        FixtureTable::create(lake.path(), "silver/trades", &trade_columns(), "price").await;
    // As a floating-point number, every price of the file is the same whole number.
    let rounded = r#"{"numRecords":10,"minValues":{"price":1234567890.0},
                      "maxValues":{"price":1234567890.0},"nullCount":{"price":0}}"#;
    table.append_with("spot", "2024-01-01", &trades("BTCUSDT", 0..10), rounded).await;
    let session = open(lake.path());
    for id in 0..10 {
        let price = format!("1234567890.0000000{id}");
        for filter in [format!("price = {price}"), format!("price >= {price} AND id <= {id}")] {
            let sql = format!("SELECT id FROM silver.trades WHERE {filter}");
            assert_eq!(csv(&session, &sql).await, format!("id\n{id}\n"), "{sql}");
        }
    }
    let ends = "SELECT min(price) AS a, max(price) AS b FROM silver.trades";
    assert_eq!(csv(&session, ends).await, "a,b\n1234567890.00000000,1234567890.00000009\n");
}

#[tokio::test]
async fn files_that_are_sorted_by_a_decimal_too_follow_one_another_by_the_columns_before_it() {
    let lake = tempfile::tempdir().unwrap();
    let mut table =
        FixtureTable::create(lake.path(), "silver/trades", &trade_columns(), "symbol,id,price")
            .await;
    for first in [20, 0, 10] {
        table.append("spot", "2024-01-01", &trades("BTCUSDT", first..first + 10)).await;
    }
    let options = SessionOptions { target_partitions: Some(1), ..SessionOptions::default() };
    let session = open_with(lake.path(), options);
    let sql = "SELECT id FROM silver.trades ORDER BY symbol, id, price";
    let plan = csv(&session, &format!("EXPLAIN {sql}")).await;
    assert!(!plan.contains("SortExec") && plan.contains("{1 group:"), "{plan}");
    let ids: String = (0..30).map(|id| format!("{id}\n")).collect();
    assert_eq!(csv(&session, sql).await, format!("id\n{ids}"));

    // This one begins with the very id that another one ends with, so the price decides.
    table.append("spot", "2024-01-01", &trades("BTCUSDT", 29..32)).await;
    let plan = csv(&session, &format!("EXPLAIN {sql}")).await;
    assert!(!plan.contains("SortExec") && plan.contains("{2 groups:"), "{plan}");
    assert_eq!(csv(&session, sql).await, format!("id\n{ids}29\n30\n31\n"));
}

#[tokio::test]
async fn a_time_that_another_writer_cut_to_milliseconds_is_still_found() {
    let lake = tempfile::tempdir().unwrap();
    let mut table =
        FixtureTable::create(lake.path(), "silver/ticks", &[("time", time())], "").await;
    let times = TimestampMicrosecondArray::from(vec![1_704_067_200_123_999]).with_timezone("UTC");
    let cut = r#"{"numRecords":1,"minValues":{"time":"2024-01-01T00:00:00.123Z"},
                  "maxValues":{"time":"2024-01-01T00:00:00.123Z"},"nullCount":{"time":0}}"#;
    table.append_with("spot", "2024-01-01", &batch(vec![("time", Arc::new(times))]), cut).await;
    let session = open(lake.path());
    let sql = "SELECT time FROM silver.ticks WHERE time > '2024-01-01T00:00:00.123500Z'";
    assert_eq!(csv(&session, sql).await, "time\n2024-01-01T00:00:00.123999Z\n");
}

#[tokio::test]
async fn counting_rows_reads_no_file() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    assert_eq!(files_read(&session, "SELECT count(*) FROM silver.trades").await, "0 of 8");
    assert_eq!(
        files_read(&session, "SELECT count(*) FROM silver.trades WHERE market = 'spot'").await,
        "0 of 8"
    );
    std::fs::remove_dir_all(lake.path().join("silver/trades/market=spot")).unwrap();
    assert_eq!(
        csv(&session, "SELECT count(*) AS n FROM silver.trades WHERE market = 'spot'").await,
        "n\n40\n"
    );
}

#[tokio::test]
async fn the_range_of_a_partition_column_needs_no_file() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    let sql = "SELECT min(date) AS a, max(date) AS b FROM silver.trades WHERE market = 'spot'";
    assert_eq!(files_read(&session, sql).await, "0 of 8");
    assert_eq!(csv(&session, sql).await, "a,b\n2024-01-01,2024-01-02\n");
    let filtered = "SELECT max(date) AS b FROM silver.trades WHERE id < 15 AND market = 'spot'";
    assert_eq!(csv(&session, filtered).await, "b\n2024-01-01\n");
}

#[tokio::test]
async fn files_with_nulls_in_the_order_are_merged_rather_than_read_one_after_another() {
    let lake = tempfile::tempdir().unwrap();
    let mut table =
        FixtureTable::create(lake.path(), "silver/marks", &[("id", DataType::Int64)], "id").await;
    for ids in [vec![Some(1), None], vec![Some(2), None], vec![Some(3), Some(4)]] {
        table
            .append(
                "spot",
                "2024-01-01",
                &batch(vec![("id", Arc::new(Int64Array::from(ids)) as ArrayRef)]),
            )
            .await;
    }
    let session = open_with(
        lake.path(),
        SessionOptions { target_partitions: Some(1), ..SessionOptions::default() },
    );
    let plan = csv(&session, "EXPLAIN SELECT id FROM silver.marks ORDER BY id").await;
    assert!(!plan.contains("SortExec"), "{plan}");
    assert_eq!(
        csv(&session, "SELECT id FROM silver.marks ORDER BY id").await,
        "id\n1\n2\n3\n4\n\"\"\n\"\"\n"
    );
}

#[tokio::test]
async fn a_limit_reads_only_as_many_files_as_it_needs() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    assert_eq!(files_read(&session, "SELECT * FROM silver.trades LIMIT 15").await, "2 of 8");
    assert_eq!(csv(&session, "SELECT * FROM silver.trades LIMIT 15").await.lines().count(), 16);
}

#[tokio::test]
async fn the_order_of_a_sorted_table_is_used_instead_of_a_sort() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    let sql = "SELECT symbol, open_time, id FROM silver.trades ORDER BY symbol, open_time";
    let plan = csv(&session, &format!("EXPLAIN {sql}")).await;
    assert!(!plan.contains("SortExec"), "{plan}");
    let rows = csv(&session, sql).await;
    let symbols: Vec<&str> =
        rows.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(symbols.len(), 80);
    assert!(symbols.is_sorted(), "{rows}");
    let ids: Vec<u32> = rows
        .lines()
        .skip(1)
        .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    assert!(ids[..40].is_sorted() && ids[40..].is_sorted(), "{rows}");
}

#[tokio::test]
async fn a_column_added_later_is_null_in_older_files() {
    let lake = tempfile::tempdir().unwrap();
    let mut table =
        FixtureTable::create(lake.path(), "silver/marks", &[("id", DataType::Int64)], "").await;
    let ids = |id| ("id", Arc::new(Int64Array::from(vec![id])) as ArrayRef);
    table.append("spot", "2024-01-01", &batch(vec![ids(1)])).await;
    table.add_column("note", &DataType::Int64).await;
    let note = ("note", Arc::new(Int64Array::from(vec![7])) as ArrayRef);
    table.append("spot", "2024-01-01", &batch(vec![ids(2), note])).await;
    let session = open(lake.path());
    assert_eq!(
        csv(&session, "SELECT id, note FROM silver.marks ORDER BY id").await,
        "id,note\n1,\n2,7\n"
    );
    assert_eq!(csv(&session, "SELECT id FROM silver.marks WHERE note IS NULL").await, "id\n1\n");
    assert_eq!(csv(&session, "SELECT id FROM silver.marks WHERE note = 7").await, "id\n2\n");
}

#[tokio::test]
async fn every_column_type_is_what_the_table_declares() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    let types = "column_name,data_type,is_nullable\nmarket,Utf8View,YES\ndate,Date32,YES\n\
                 symbol,Utf8View,YES\n\
                 id,Int64,YES\nprice,\"Decimal128(18, 8)\",YES\n\
                 open_time,\"Timestamp(µs, \"\"UTC\"\")\",YES\n";
    assert_eq!(csv(&session, "DESCRIBE silver.trades").await, types);
    let row = "market,date,symbol,id,price,open_time\n\
               futures_um,2024-01-02,ETHUSDT,79,1234567890.00000079,2024-01-01T00:01:19Z\n";
    assert_eq!(csv(&session, "SELECT * FROM silver.trades WHERE id = 79").await, row);
}

#[tokio::test]
async fn joins_and_sub_queries_over_dictionary_columns_work() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    let join = "SELECT a.symbol, count(*) AS n FROM silver.trades a JOIN silver.trades b ON \
                a.symbol = b.symbol AND a.id = b.id WHERE b.market = 'spot' GROUP BY a.symbol \
                ORDER BY 1";
    assert_eq!(csv(&session, join).await, "symbol,n\nBTCUSDT,20\nETHUSDT,20\n");
    let newest = "SELECT count(*) AS n FROM silver.trades WHERE date = (SELECT max(date) FROM \
                  silver.trades)";
    assert_eq!(csv(&session, newest).await, "n\n40\n");
    let inside = "SELECT count(*) AS n FROM silver.trades WHERE symbol IN \
                  (SELECT symbol FROM silver.trades WHERE id = 3) AND market IN (SELECT 'spot')";
    assert_eq!(csv(&session, inside).await, "n\n20\n");
}

#[tokio::test]
async fn the_lake_lists_its_tables() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    FixtureTable::create(lake.path(), "meta/archives", &[("id", DataType::Int64)], "").await;
    std::fs::create_dir_all(lake.path().join("gold/half_made")).unwrap();
    let session = open(lake.path());
    let sql = "SELECT table_schema, table_name FROM information_schema.tables \
               WHERE table_schema <> 'information_schema' ORDER BY 1, 2";
    assert_eq!(csv(&session, sql).await, "table_schema,table_name\nmeta,archives\nsilver,trades\n");
    let shown = csv(&session, "SHOW TABLES").await;
    assert!(shown.contains("lake,silver,trades,BASE TABLE"), "{shown}");
    assert_eq!(csv(&session, "SELECT count(*) AS n FROM meta.archives").await, "n\n0\n");
    assert_eq!(csv(&session, "SELECT id FROM meta.archives").await, "id\n");
}

#[tokio::test]
async fn what_writes_is_refused() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let session = open(lake.path());
    for sql in [
        "CREATE TABLE silver.x AS SELECT 1",
        "CREATE VIEW silver.x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE SCHEMA x",
        "INSERT INTO silver.trades SELECT * FROM silver.trades",
        "EXPLAIN ANALYZE INSERT INTO silver.trades SELECT * FROM silver.trades",
        "UPDATE silver.trades SET id = 1",
        "DELETE FROM silver.trades",
        "DROP TABLE silver.trades",
        "COPY silver.trades TO 'x.csv'",
        "COPY (SELECT 1) TO 'x.parquet'",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "PREPARE x AS SELECT 1",
        "BEGIN",
        "TRUNCATE TABLE silver.trades",
    ] {
        let error = refusal(&session, sql).await;
        assert!(matches!(error, QueryError::ReadOnly { .. }), "{sql}: {error}");
    }
    let message = refusal(&session, "EXPLAIN ANALYZE DROP TABLE silver.trades").await.to_string();
    assert!(
        message.starts_with("`DROP TABLE` is refused: only reading is possible here"),
        "{message}"
    );
    assert_eq!(csv(&session, "SELECT count(*) AS n FROM silver.trades").await, "n\n80\n");
}

#[tokio::test]
async fn nothing_outside_the_lake_can_be_read() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let file = lake.path().join("x.csv");
    std::fs::write(&file, "a\n1\n").unwrap();
    let session = open(lake.path());
    for table in [
        "'/etc/passwd'",
        "'x.csv'",
        "\"x.csv\"",
        &format!("'{}'", file.display()),
        "silver.\"../x\"",
        "bronze.x",
    ] {
        let error = refusal(&session, &format!("SELECT * FROM {table}")).await;
        assert!(matches!(error, QueryError::UnknownTable { .. }), "{table}: {error}");
    }
    for function in
        ["read_csv('x.csv')", "read_parquet('x.parquet')", "parquet_metadata('x.parquet')"]
    {
        let error = refusal(&session, &format!("SELECT * FROM {function}")).await;
        assert!(error.to_string().contains(function.split('(').next().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn exactly_one_statement_is_run() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    assert_eq!(csv(&session, "SELECT 1 AS one;").await, "one\n1\n");
    let two = refusal(&session, "SELECT 1; SELECT 2").await;
    assert_eq!(two.to_string(), "expected one statement, found 2: run them one at a time");
    let none = refusal(&session, " ; ").await;
    assert_eq!(none.to_string(), "expected one statement, found 0: run them one at a time");
}

#[tokio::test]
async fn errors_say_what_is_wrong_and_what_there_is() {
    let lake = tempfile::tempdir().unwrap();
    let known_tables = vec![TableName::new(Layer::Silver, "klines")];
    let session =
        open_with(lake.path(), SessionOptions { known_tables, ..SessionOptions::default() });
    let said = |sql: &'static str| {
        let session = session.clone();
        async move { refusal(&session, sql).await.to_string() }
    };
    assert_eq!(
        said("SELECT * FROM silver.kline").await,
        "no table `silver.kline`: the lake has no tables yet, run `lakehouse ingest` first"
    );
    eight_files(lake.path()).await;
    assert_eq!(
        said("SELECT * FROM silver.kline").await,
        "no table `silver.kline`: the lake has silver.trades"
    );
    assert_eq!(
        said("SELECT * FROM klines").await,
        "no table `klines` yet: run `lakehouse ingest` for its data type first; the lake has \
         silver.trades"
    );
    assert_eq!(
        said("SELECT prise FROM silver.trades").await,
        "no column `prise`: did you mean `price`?"
    );
    assert_eq!(
        said("SELECT volume FROM silver.trades").await,
        "no column `volume`: there are market, date, symbol, id, price, open_time"
    );
    assert_eq!(
        said("SELECT id\nFROM silver.trades LIMIT").await,
        "SQL syntax: expected an expression, found the end of the text"
    );
    assert_eq!(
        said("SELECT id\nFRM silver.trades").await,
        "SQL syntax: expected end of statement, found silver at line 2, column 5"
    );
    let unlike = said("SELECT sum(symbol) FROM silver.trades").await;
    assert!(unlike == "`sum` takes numbers, not text: cast it", "{unlike}");
    assert!(said("SELECT nofunction(1)").await.starts_with("no function `nofunction`"));
}

#[tokio::test]
async fn a_small_memory_limit_spills_or_says_so() {
    let lake = tempfile::tempdir().unwrap();
    let spill = tempfile::tempdir().unwrap();
    let mut table = FixtureTable::create(lake.path(), "silver/trades", &trade_columns(), "").await;
    table.append("spot", "2024-01-01", &trades("BTCUSDT", 0..200_000)).await;
    let limited = |bytes| SessionOptions {
        memory_limit: Some(bytes),
        spill_folder: Some(spill.path().to_owned()),
        target_partitions: Some(1),
        ..SessionOptions::default()
    };
    let sort = "SELECT * FROM silver.trades ORDER BY price DESC, open_time";

    let spilling = open_with(lake.path(), limited(12 << 20));
    let rows = csv(&spilling, sort).await;
    assert_eq!(rows.lines().count(), 200_001);
    assert!(rows.lines().nth(1).unwrap().contains(",199999,"), "{:?}", rows.lines().nth(1));

    let analyzed = csv(&spilling, &format!("EXPLAIN ANALYZE {sort}")).await;
    assert!(analyzed.contains("spill_count=") && !analyzed.contains("spill_count=0"), "{analyzed}");

    let starved = open_with(lake.path(), limited(100_000));
    let error = match starved.sql(sort).await {
        Err(error) => error,
        Ok(rows) => {
            match write_stream(rows, Format::Csv, &mut Vec::new(), OutputOptions::default()).await {
                Err(OutputError::Query(error)) => starved.meaning(error),
                other => panic!("{other:?}"),
            }
        }
    };
    assert!(error.to_string().contains("needs more memory than its limit of 97.7 KiB"), "{error}");
}

#[tokio::test]
async fn every_column_name_can_be_typed_unquoted() {
    let lake = tempfile::tempdir().unwrap();
    let names: Vec<&str> = SILVER_COLUMNS.split_whitespace().collect();
    let columns: Vec<_> = names.iter().map(|name| (*name, DataType::Int64)).collect();
    let mut table = FixtureTable::create(lake.path(), "silver/names", &columns, "").await;
    let row = names
        .iter()
        .zip(1..)
        .map(|(name, value)| (*name, Arc::new(Int64Array::from(vec![value])) as ArrayRef));
    table.append("spot", "2024-01-01", &batch(row.collect())).await;
    let session = open(lake.path());
    for (name, value) in names.iter().zip(1..) {
        let sql = format!(
            "SELECT {name}, max(n.{name}) AS most FROM silver.names n WHERE {name} = {value} \
             GROUP BY {name} ORDER BY {name}"
        );
        assert_eq!(
            csv(&session, &sql).await.lines().last(),
            Some(format!("{value},{value}").as_str()),
            "{sql}"
        );
    }
    let all = format!("SELECT market, date, {} FROM silver.names", names.join(", "));
    assert_eq!(csv(&session, &all).await.lines().count(), 2);
}

#[tokio::test]
async fn a_snapshot_tells_files_and_partitions() {
    let lake = tempfile::tempdir().unwrap();
    eight_files(lake.path()).await;
    let url = Lake::open(lake.path().to_str().unwrap()).unwrap();
    let url = url.table_url(&TableName::new(Layer::Silver, "trades")).unwrap();
    let snapshot = TableSnapshot::open(&url, At::Newest).await.unwrap().unwrap();
    assert_eq!((snapshot.version(), snapshot.files().len()), (8, 8));
    assert_eq!(snapshot.partition_columns(), ["market", "date"]);
    assert_eq!(snapshot.sort_columns(), ["symbol", "open_time"]);
    assert!(snapshot.files().iter().all(|file| file.rows() == Some(10)));
}

/// The columns of every silver table, each once.
const SILVER_COLUMNS: &str = "symbol bar_interval archive open_time open high low close volume \
                              close_time quote_volume trade_count taker_buy_volume \
                              taker_buy_quote_volume base_volume taker_buy_base_volume id price \
                              qty quote_qty base_qty time is_buyer_maker is_best_match \
                              agg_trade_id quantity first_trade_id last_trade_id transact_time \
                              timestamp percentage depth notional update_id best_bid_price \
                              best_bid_qty best_ask_price best_ask_qty transaction_time event_time \
                              calc_time funding_interval_hours last_funding_rate create_time \
                              sum_open_interest sum_open_interest_value \
                              count_toptrader_long_short_ratio sum_toptrader_long_short_ratio \
                              count_long_short_ratio sum_taker_long_short_vol_ratio side \
                              order_type time_in_force original_quantity average_price \
                              order_status last_fill_quantity accumulated_fill_quantity base_asset \
                              quote_asset index_value contract underlying type expiry strike \
                              volume_contracts volume_usdt best_buy_iv best_sell_iv mark_price \
                              mark_iv delta gamma vega theta openinterest_contracts \
                              openinterest_usdt data_type frequency period_start period_end size \
                              etag last_modified sha256 checksum status rows rejected_rows \
                              min_time max_time silver_version run recorded_at reason line column \
                              value raw";
