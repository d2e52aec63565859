//! Gold models of trades, quotes, books, positions, options and symbols: the cases that real
//! archives show only now and then. Whole days are compared by tests/interop with what Python makes
//! of them.

use std::fs;

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use crate::support::samples::csv_name;
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

/// Archives made by hand, a lake of them, and its gold.
struct Made {
    source: TempDir,
    lake: TestLake,
}

impl Made {
    /// Publishes archives, by what their key ends with and the lines of their CSV, and builds one
    /// model of them.
    async fn new(model: &str, archives: &[(&str, String)]) -> Self {
        let made = Self { source: tempfile::tempdir().unwrap(), lake: TestLake::new() };
        made.publish(model, archives).await;
        made
    }

    async fn publish(&self, model: &str, archives: &[(&str, String)]) {
        for (key, csv) in archives {
            let file = self.source.path().join("data").join(key);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, zip_of(&csv_name(key), csv.as_bytes())).unwrap();
        }
        let done = self.lake.ingest(self.source.path().to_str().unwrap(), &["--all"]).await;
        assert_eq!(done.summary.archives.failed, 0, "{:?}", done.summary.failures);
        self.build(&[model]);
    }

    fn build(&self, arguments: &[&str]) {
        let run = self.lake.run("gold", arguments);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }

    /// Returns columns of every row of a gold table, in the order of their text.
    async fn rows(&self, model: &str, columns: &str) -> Vec<String> {
        let mut rows = self.lake.rows(&format!("SELECT {columns} FROM gold.{model}")).await;
        rows.sort();
        rows
    }
}

/// Milliseconds since 1970 of a time such as `2024-01-02 00:00:30`, or one with a fraction.
fn ms(time: &str) -> i64 {
    let time: DateTime<Utc> = format!("{}Z", time.replace(' ', "T")).parse().unwrap();
    time.timestamp_millis()
}

const UM_TRADES: &str = "futures/um/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-02.zip";
const UM_AGG_TRADES: &str = "futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-02.zip";
const BARS: &str = "trade_bars_1m";

#[tokio::test]
async fn a_bar_opens_and_closes_with_the_smallest_and_largest_number_in_any_order_of_rows() {
    let row = |id: i64, price: &str, qty: &str, time: &str, sold: bool| {
        format!("{id},{price},{qty},0,{},{sold}\n", ms(&format!("2024-01-02 {time}")))
    };
    let csv = [
        row(12, "103", "1", "10:00:00.500", true),
        row(10, "101", "2.5", "10:00:00", false),
        row(13, "99", "0.5", "10:00:59.999", false),
        row(11, "104", "1", "10:00:00.500", true),
        row(14, "98", "1", "10:01:00", true),
    ];
    let made = Made::new(BARS, &[(UM_TRADES, csv.concat())]).await;
    let columns = "open_time, open, high, low, close, volume, buy_volume, sell_volume, imbalance, \
                   trade_count";
    let expected = [
        "2024-01-02T10:00:00Z | 101.00000000 | 104.00000000 | 99.00000000 | 99.00000000 | \
         5.00000000 | 3.00000000 | 2.00000000 | 0.2 | 4",
        "2024-01-02T10:01:00Z | 98.00000000 | 98.00000000 | 98.00000000 | 98.00000000 | 1.00000000 \
         | 0.00000000 | 1.00000000 | -1.0 | 1",
    ];
    assert_eq!(made.rows(BARS, columns).await, expected);
    let values =
        ["509.0000000000000000 | 101.8 | 2.50000000", "98.0000000000000000 | 98.0 | 1.00000000"];
    assert_eq!(made.rows(BARS, "quote_volume, vwap, largest_trade").await, values);
}

#[tokio::test]
async fn aggregate_trades_that_are_published_twice_count_once_and_stand_beside_the_trades() {
    let time = ms("2024-01-02 10:00:00");
    let (first, second) =
        (format!("7,100,2,20,22,{time},true\n"), format!("8,102,1,23,23,{time},false\n"));
    let doubled = [first.as_str(), &first, &second, &second].concat();
    let trade = format!("20,100,2,200,{time},true\n");
    let made = Made::new(BARS, &[(UM_AGG_TRADES, doubled), (UM_TRADES, trade)]).await;
    let columns = "source, volume, trade_count, row_count, repeated_rows, largest_trade";
    let expected = [
        "agg_trades | 3.00000000 | 4 | 2 | 2 | 2.00000000",
        "trades | 2.00000000 | 1 | 1 | 0 | 2.00000000",
    ];
    assert_eq!(made.rows(BARS, columns).await, expected);
}

#[tokio::test]
async fn contracts_are_averaged_by_what_they_are_worth_in_the_base_asset() {
    let time = ms("2024-01-02 10:00:00");
    let csv = format!("1,100,1,1,{time},true\n2,50,1,2,{time},true\n");
    let key = "futures/cm/daily/trades/BTCUSD_PERP/BTCUSD_PERP-trades-2024-01-02.zip";
    let made = Made::new(BARS, &[(key, csv)]).await;
    let columns = "volume, quote_volume, base_volume, round(vwap, 9)";
    assert_eq!(made.rows(BARS, columns).await, ["2.00000000 |  | 3.00000000 | 66.666666667"]);
}

#[tokio::test]
async fn a_bar_of_trades_without_a_quantity_has_prices_and_no_average() {
    let csv = format!("1,100,0,0,{},true\n", ms("2024-01-02 23:59:59.999"));
    let made = Made::new(BARS, &[(UM_TRADES, csv)]).await;
    let columns = "date, open_time, close, volume, vwap, imbalance";
    assert_eq!(
        made.rows(BARS, columns).await,
        ["2024-01-02 | 2024-01-02T23:59:00Z | 100.00000000 | 0.00000000 |  | "]
    );
}

const METRICS: &str = "create_time,symbol,sum_open_interest,sum_open_interest_value,\
                       count_toptrader_long_short_ratio,\
                       sum_toptrader_long_short_ratio,count_long_short_ratio,\
                       sum_taker_long_short_vol_ratio\n";

fn metrics(rows: &[(&str, &str, &str)]) -> String {
    let row = |(time, amount, ratio): &(&str, &str, &str)| {
        format!("{time},BTCUSDT,{amount},{amount},{ratio},{ratio},{ratio},\"\"\n")
    };
    METRICS.to_owned() + &rows.iter().map(row).collect::<String>()
}

#[tokio::test]
async fn open_interest_is_read_in_the_order_of_time_and_zeros_are_not_taken_for_amounts() {
    let rows = [
        ("2024-12-31 00:10:00", "12", "1.2"),
        ("2024-12-31 00:00:00", "0E-16", "1.0"),
        ("2024-12-31 00:05:00", "10", "1.1"),
        ("2024-12-31 00:05:00", "10", "1.1"),
        ("2024-12-31 23:55:00", "11", "1.3"),
        ("2024-12-31 23:55:01", "0E-8", "\"\""),
        ("2025-01-01 00:00:01", "99", "2"),
    ];
    let key = "futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-12-31.zip";
    let made = Made::new("open_interest_daily", &[(key, metrics(&rows))]).await;
    let columns = "date, CAST(open AS INT), CAST(high AS INT), CAST(low AS INT), CAST(close AS \
                   INT), CAST(count_long_short_ratio AS DOUBLE), sum_taker_long_short_vol_ratio, \
                   last_time, measured_count, unknown_count, repeated_count";
    let expected = [
        "2024-12-31 | 10 | 12 | 10 | 11 | 1.3 |  | 2024-12-31T23:55:00Z | 3 | 2 | 1",
        "2025-01-01 | 99 | 99 | 99 | 99 | 2.0 |  | 2025-01-01T00:00:01Z | 1 | 0 | 0",
    ];
    assert_eq!(made.rows("open_interest_daily", columns).await, expected);
}

#[tokio::test]
async fn a_day_of_which_no_open_interest_is_known_is_there_without_one() {
    let key = "futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2023-01-21.zip";
    let made =
        Made::new("open_interest_daily", &[(key, metrics(&[("2023-01-21", "0E-8", "1.5")]))]).await;
    let columns = "date, open, close_value, CAST(count_long_short_ratio AS DOUBLE), \
                   measured_count, unknown_count";
    assert_eq!(made.rows("open_interest_daily", columns).await, ["2023-01-21 |  |  | 1.5 | 0 | 1"]);
}

#[tokio::test]
async fn doubled_liquidations_are_counted_both_ways_side_by_side() {
    let at = ms("2023-07-31 10:00:00");
    let row = |time: i64, side: &str, filled: &str| {
        format!("{time},BTCUSDT,{side},LIMIT,IOC,2,30000,29000,FILLED,{filled},{filled}\n")
    };
    let csv = [
        row(at, "SELL", "0.5"),
        row(at, "SELL", "0.5"),
        row(at, "SELL", "2"),
        row(at + 1, "BUY", "1"),
    ]
    .concat();
    let key =
        "futures/um/daily/liquidationSnapshot/BTCUSDT/BTCUSDT-liquidationSnapshot-2023-07-31.zip";
    let made = Made::new("liquidations_daily", &[(key, csv)]).await;
    let columns = "side, liquidated, orders, CAST(quantity AS DOUBLE), CAST(notional AS DOUBLE), \
                   distinct_orders, CAST(distinct_quantity AS DOUBLE), CAST(distinct_notional AS \
                   DOUBLE), CAST(largest_order AS DOUBLE)";
    let expected = [
        "BUY | short | 1 | 1.0 | 29000.0 | 1 | 1.0 | 29000.0 | 29000.0",
        "SELL | long | 3 | 3.0 | 87000.0 | 2 | 2.5 | 72500.0 | 58000.0",
    ];
    assert_eq!(made.rows("liquidations_daily", columns).await, expected);
}

#[tokio::test]
async fn liquidated_contracts_are_worth_a_fixed_sum() {
    let row = format!("{},SELL,LIMIT,IOC,7,30000,29000,FILLED,1,7\n", ms("2024-10-01 00:00:00"));
    let key = |pair: &str| {
        format!(
            "futures/cm/daily/liquidationSnapshot/{pair}_PERP/\
             {pair}_PERP-liquidationSnapshot-2024-10-01.zip"
        )
    };
    let (bitcoin, ether) = (key("BTCUSD"), key("ETHUSD"));
    let made = Made::new("liquidations_daily", &[(&bitcoin, row.clone()), (&ether, row)]).await;
    let rows = made
        .rows("liquidations_daily", "symbol, CAST(quantity AS DOUBLE), CAST(notional AS DOUBLE)")
        .await;
    assert_eq!(rows, ["BTCUSD_PERP | 7.0 | 700.0", "ETHUSD_PERP | 7.0 | 70.0"]);
}

#[tokio::test]
async fn both_layouts_of_the_book_give_rows_and_a_side_that_is_missing_gives_none() {
    let csv = "timestamp,percentage,depth,notional\n\
               2023-10-16 00:00:10,-1,10,1000\n2023-10-16 00:00:10,1,20,2200\n\
               2023-10-16 00:00:40,-1.00,30,3200\n\
               2023-10-16 00:00:40,-0.20,5,500\n2023-10-16 00:00:40,1.00,0,0\n\
               2023-10-16 01:00:00,1,4,400\n";
    let key = "futures/um/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2023-10-16.zip";
    let made = Made::new("book_liquidity_1h", &[(key, csv.to_owned())]).await;
    let columns = "open_time, percentage, snapshot_count, mean_bid_depth, CAST(min_bid_depth AS \
                   DOUBLE), mean_ask_depth, CAST(min_ask_notional AS DOUBLE), depth_ratio, \
                   notional_ratio";
    let expected = [
        "2023-10-16T00:00:00Z | 0.20 | 1 | 5.0 | 5.0 |  |  |  | ",
        "2023-10-16T00:00:00Z | 1.00 | 2 | 20.0 | 10.0 | 10.0 | 0.0 | 2.0 | 1.9090909090909092",
        "2023-10-16T01:00:00Z | 1.00 | 1 |  |  | 4.0 | 400.0 |  | ",
    ];
    assert_eq!(made.rows("book_liquidity_1h", columns).await, expected);
}

fn quotes(rows: &[(&str, &str, &str)]) -> String {
    let row = |(at, (time, bid, ask)): (usize, &(&str, &str, &str))| {
        format!("{},{bid},1,{ask},3,{},{}\n", at + 1, ms(time), ms(time) + 4)
    };
    rows.iter().enumerate().map(row).collect()
}

const QUOTES_1: &str = "futures/um/daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2024-02-29.zip";
const QUOTES_2: &str = "futures/um/daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2024-03-01.zip";
const SPREAD: &str =
    "date, open_time, spread, mid, bid_quantity, ask_quantity, quote_count, covered_micros";

#[tokio::test]
async fn a_quote_is_in_force_over_midnight_and_the_end_of_a_month() {
    let last = quotes(&[("2024-02-29 23:59:30", "100", "104")]);
    let first =
        quotes(&[("2024-03-01 00:00:15", "100", "101"), ("2024-03-01 00:00:45", "100", "100.5")]);
    let made = Made::new("spread_1m", &[(QUOTES_1, last), (QUOTES_2, first.clone())]).await;
    let day_before = "2024-02-29 | 2024-02-29T23:59:00Z | 4.0 | 102.0 | 1.0 | 3.0 | 1 | 30000000";
    // A quarter of the minute at 4, half of it at 1, the last quarter at 0.5.
    let day_after =
        "2024-03-01 | 2024-03-01T00:00:00Z | 1.625 | 100.8125 | 1.0 | 3.0 | 2 | 60000000";
    assert_eq!(made.rows("spread_1m", SPREAD).await, [day_before, day_after]);

    made.publish("spread_1m", &[(QUOTES_1, quotes(&[("2024-02-29 23:59:30", "100", "108")]))])
        .await;
    let corrected = made.rows("spread_1m", SPREAD).await;
    assert_eq!(
        corrected[1],
        "2024-03-01 | 2024-03-01T00:00:00Z | 2.625 | 101.3125 | 1.0 | 3.0 | 2 | 60000000"
    );
    made.build(&["spread_1m", "--full"]);
    assert_eq!(made.rows("spread_1m", SPREAD).await, corrected);
}

#[tokio::test]
async fn a_quote_that_is_older_than_an_hour_or_lacks_a_price_is_in_force_no_more() {
    let rows = [
        ("2024-03-01 10:00:00", "100", "102"),
        ("2024-03-01 11:00:30", "100", "101"),
        ("2024-03-01 12:01:30", "100", "103"),
        ("2024-03-01 12:01:45", "0", "103"),
        ("2024-03-01 12:02:15", "100", "105"),
        ("2024-03-01 12:05:00", "0", "0"),
    ];
    let made = Made::new("spread_1m", &[(QUOTES_2, quotes(&rows))]).await;
    let expected = [
        "2024-03-01T10:00:00Z | 2.0 | 1 | 60000000 | 102.00000000",
        "2024-03-01T11:00:00Z | 1.5 | 1 | 60000000 | 101.00000000",
        "2024-03-01T12:01:00Z | 3.0 | 2 | 15000000 | 103.00000000",
        "2024-03-01T12:02:00Z | 5.0 | 1 | 45000000 | 105.00000000",
        "2024-03-01T12:05:00Z |  | 1 | 0 | 0.00000000",
    ];
    assert_eq!(
        made.rows("spread_1m", "open_time, spread, quote_count, covered_micros, close_ask").await,
        expected
    );
}

#[tokio::test]
async fn options_without_a_pair_have_no_strike_at_the_money() {
    let row = |expiry: &str,
               strike: &str,
               kind: &str,
               volume: &str,
               price: &str,
               iv: &str,
               interest: &str| {
        let contract = format!("BTC-{expiry}-{strike}-{kind}");
        format!(
            "2023-10-20,07,{contract},BTCUSDT,{kind},{expiry}-{strike},\
             0E-8,0E-8,0E-8,0E-8,{volume},{volume},\
             1,2,3,4,\"\",-1E-8,{price},{iv},0.5,0,0,0,{interest},{interest}\n"
        )
    };
    let csv = [
        row("231027", "28000", "C", "2", "1100", "0.40", "10"),
        row("231027", "28000", "P", "1", "90", "0.42", "4"),
        row("231027", "29000", "C", "2", "450", "0.50", "10"),
        row("231027", "29000", "P", "5", "400", "0.30", "\"\""),
        row("231027", "29050", "C", "0E-8", "405", "0E-8", "0E-8"),
        row("231027", "29050", "P", "0E-8", "405", "0.20", "0E-8"),
        row("231229", "28000", "P", "3", "90", "0.42", "\"\""),
    ];
    let key = "option/daily/EOHSummary/BTCUSDT/BTCUSDT-EOHSummary-2023-10-20.zip";
    let made = Made::new("options_summary_1h", &[(key, csv.concat())]).await;
    let columns = "expiry, time, call_count, put_count, CAST(call_volume AS DOUBLE), \
                   CAST(put_open_interest AS DOUBLE), put_call_volume_ratio, \
                   put_call_open_interest_ratio, CAST(atm_strike AS INT), CAST(forward_price AS \
                   INT), atm_iv";
    let expected = [
        "2023-10-27 | 2023-10-20T07:00:00Z | 3 | 3 | 4.0 | 4.0 | 1.5 | 0.2 | 29000 | 29050 | 0.4",
        "2023-12-29 | 2023-10-20T07:00:00Z | 0 | 1 | 0.0 |  |  |  |  |  | ",
    ];
    assert_eq!(made.rows("options_summary_1h", columns).await, expected);
}

/// Returns an archive of one bar of a day.
fn bar(market: &str, symbol: &str, day: &str) -> (String, String) {
    let open = ms(&format!("{day} 00:00:00"));
    let csv = format!("{open},1,1,1,1,1,{},1,1,1,1,0\n", open + 86_399_999);
    (format!("{market}/daily/klines/{symbol}/1d/{symbol}-1d-{day}.zip"), csv)
}

async fn symbols(bars: &[(&str, &str, &str)]) -> Made {
    let archives: Vec<_> =
        bars.iter().map(|(market, symbol, day)| bar(market, symbol, day)).collect();
    let archives: Vec<_> = archives.iter().map(|(key, csv)| (key.as_str(), csv.clone())).collect();
    Made::new("symbols", &archives).await
}

#[tokio::test]
async fn names_are_split_at_the_longest_quote_asset_but_where_that_is_wrong() {
    let day = "2024-05-01";
    let (plain, tokens) = (
        ["ADAEUR", "BTCAEUR", "ETHFDUSD", "NOQUOTE", "币安人生USDT"],
        ["BTCUPUSDT", "BULLUSDT", "JUPUSDT"],
    );
    let names = plain.iter().chain(&tokens).chain(&["USDCUSDT"]);
    let bars: Vec<_> = names.map(|symbol| ("spot", *symbol, day)).collect();
    let made = symbols(&bars).await;
    let columns = "symbol, base_asset, quote_asset, is_leveraged, base_is_stable, quote_is_stable";
    let expected = [
        "ADAEUR | ADA | EUR | false | false | false",
        "BTCAEUR | BTC | AEUR | false | false | true",
        "BTCUPUSDT | BTCUP | USDT | true | false | true",
        "BULLUSDT | BULL | USDT | true | false | true",
        "ETHFDUSD | ETH | FDUSD | false | false | true",
        "JUPUSDT | JUP | USDT | false | false | true",
        "NOQUOTE |  |  | false | false | false",
        "USDCUSDT | USDC | USDT | false | true | true",
        "币安人生USDT | 币安人生 | USDT | false | false | true",
    ];
    assert_eq!(made.rows("symbols", columns).await, expected);
}

#[tokio::test]
async fn settled_contracts_stay_and_name_the_ones_that_took_their_name() {
    let bars = [
        ("futures/um", "CVCUSDTSETTLED", "2024-05-01"),
        ("futures/um", "ICPUSDT_SETTLED1", "2022-06-10"),
        ("futures/um", "ICPUSDT", "2022-09-27"),
        ("futures/um", "ICPUSDT", "2022-10-01"),
        ("futures/um", "BTCUSDT_260925", "2026-05-01"),
        ("futures/cm", "BTCUSD_PERP_SETTLED2", "2023-05-01"),
        ("futures/cm", "BNBUSD_PERP", "2023-05-01"),
        ("futures/cm", "BNBUSD_250627", "2025-05-01"),
    ];
    let made = symbols(&bars).await;
    let columns = "market, symbol, name, base_asset, contract_type, expiry, is_settled, is_reused, \
                   settled_variants";
    let expected = [
        "futures_cm | BNBUSD_250627 | BNBUSD_250627 | BNB | delivery | 2025-06-27 | false | false \
         | ",
        "futures_cm | BNBUSD_PERP | BNBUSD_PERP | BNB | perpetual |  | false | false | ",
        "futures_cm | BTCUSD_PERP_SETTLED2 | BTCUSD_PERP | BTC | perpetual |  | true | false | \
         BTCUSD_PERP_SETTLED2",
        "futures_um | BTCUSDT_260925 | BTCUSDT_260925 | BTC | delivery | 2026-09-25 | false | \
         false | ",
        "futures_um | CVCUSDTSETTLED | CVCUSDT | CVC | perpetual |  | true | false | \
         CVCUSDTSETTLED",
        "futures_um | ICPUSDT | ICPUSDT | ICP | perpetual |  | false | true | ICPUSDT_SETTLED1",
        "futures_um | ICPUSDT_SETTLED1 | ICPUSDT | ICP | perpetual |  | true | true | \
         ICPUSDT_SETTLED1",
    ];
    assert_eq!(made.rows("symbols", columns).await, expected);
    let days = "SELECT first_day, last_day, archive_count, longest_gap_days FROM gold.symbols \
                WHERE symbol = 'ICPUSDT'";
    assert_eq!(made.lake.rows(days).await, ["2022-09-27 | 2022-10-01 | 2 | 3"]);
}

#[tokio::test]
async fn models_of_inputs_that_a_lake_does_not_have_are_built_without_rows() {
    let made = Made::new(
        "symbols",
        &[(UM_TRADES, format!("1,100,1,100,{},true\n", ms("2024-01-02 00:00:00")))],
    )
    .await;
    let models = [
        "open_interest_daily",
        "liquidations_daily",
        "book_liquidity_1h",
        "spread_1m",
        "options_summary_1h",
    ];
    made.build(&models);
    for model in models {
        assert_eq!(
            made.lake.data_files(&format!("gold/{model}")),
            Vec::<std::path::PathBuf>::new(),
            "{model}"
        );
    }
}
