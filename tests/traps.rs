//! What a reader of archives stumbles over, where silver and SQL add something to what the
//! decoder's own tests show: partitions by day, sort order, replacement by archive, exactness in
//! aggregates.

use lakehouse_core::schema::Schemas;

use crate::support::samples::{identify, sample_folder};
use crate::support::shared::real_archives;
use crate::support::test_lake::TestLake;

/// Ingests the real archives of one selection.
async fn lake_of(flags: &[&str]) -> TestLake {
    let folder = real_archives();
    let lake = TestLake::new();
    let done = lake.ingest(folder.path().to_str().unwrap(), flags).await;
    assert_eq!(
        (done.summary.archives.failed, done.summary.rejected_rows),
        (0, 0),
        "{}",
        done.summary
    );
    lake
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn archives_with_and_without_a_header_and_in_either_unit_meet_in_one_table() {
    let flags = ["--symbol", "BTCUSDT", "--data-type", "aggTrades,klines", "--interval", "1h,1m"];
    let lake = lake_of(&flags).await;
    let days = "SELECT market, date, count(*), min(open_time), max(close_time) FROM silver.klines \
                WHERE bar_interval = '1h' AND date IN (DATE '2022-09-07', DATE '2026-05-08') \
                GROUP BY market, date ORDER BY date";
    assert_eq!(
        lake.rows(days).await,
        [
            "spot | 2022-09-07 | 24 | 2022-09-07T00:00:00Z | 2022-09-07T23:59:59.999Z",
            "spot | 2026-05-08 | 24 | 2026-05-08T00:00:00Z | 2026-05-08T23:59:59.999999Z",
        ]
    );
    let headers = "SELECT date, count(*) FROM silver.klines WHERE market = 'futures_um' AND date < \
                   DATE '2023-01-01' GROUP BY date ORDER BY date";
    assert_eq!(lake.rows(headers).await, ["2022-05-06 | 1440", "2022-09-05 | 1440"]);
    let trades = "SELECT market, count(*) FROM silver.agg_trades WHERE date = DATE '2026-09-15' \
                  GROUP BY market";
    let trades = lake.rows(&format!("{trades} ORDER BY market")).await;
    assert_eq!(trades, ["futures_um | 5", "spot | 5"]);
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn a_missing_hour_stays_missing_and_an_odd_close_time_stays_odd() {
    let flags = [
        "--market",
        "spot",
        "--symbol",
        "BTCUSDT",
        "--data-type",
        "klines",
        "--start",
        "2021-02",
        "--end",
        "2021-02",
    ];
    let lake = lake_of(&flags).await;
    let day = "SELECT count(*) FROM silver.klines WHERE date = DATE '2021-02-11'";
    assert_eq!(lake.value(day).await, "23");
    let odd = "SELECT open_time, close_time, volume, trade_count FROM silver.klines WHERE date = \
               DATE '2021-02-11' AND volume = 0";
    assert_eq!(
        lake.value(odd).await,
        "2021-02-11T03:00:00Z | 2021-02-11T03:40:54.773Z | 0.00000000 | 0"
    );
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn rows_that_are_published_twice_are_in_silver_twice_however_often_they_are_ingested() {
    let flags = [
        "--market",
        "futures_um,futures_cm",
        "--data-type",
        "aggTrades,liquidationSnapshot",
        "--all",
    ];
    let lake = lake_of(&flags).await;
    let folder = real_archives();
    lake.ingest(folder.path().to_str().unwrap(), &[&flags[..], &["--force-redownload"]].concat())
        .await;
    let twice = |table: &str, of: &str| {
        format!(
            "SELECT count(*), count(DISTINCT {of}) FROM silver.{table} WHERE date < DATE \
             '2025-01-01' AND date > DATE '2021-01-01'"
        )
    };
    assert_eq!(lake.value(&twice("agg_trades", "agg_trade_id")).await, "12 | 6");
    let liquidations =
        lake.value(&twice("liquidation_snapshot", "concat(time, side, price)")).await;
    assert_eq!(liquidations.split(" | ").next(), Some("14"), "{liquidations}");
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn unsorted_option_summaries_are_sorted_and_their_hours_are_instants() {
    let lake = lake_of(&["--market", "options", "--data-type", "EOHSummary", "--all"]).await;
    let day = "date = DATE '2023-09-19'";
    let hours = format!(
        "SELECT min(time), max(time), count(DISTINCT time) FROM silver.eoh_summary WHERE {day}"
    );
    assert!(
        lake.value(&hours).await.starts_with("2023-09-19T09:00:00Z | "),
        "the feed came back at nine"
    );
    let empty = "SELECT count(*) FROM silver.eoh_summary WHERE openinterest_contracts IS NULL AND \
                 date = DATE ";
    assert_eq!(lake.value(&format!("{empty}'2023-09-22'")).await, "4");
    let sentinel = "SELECT count(*) FROM silver.eoh_summary WHERE best_sell_iv = -0.00000001 AND \
                    date = DATE '2023-10-23'";
    assert_eq!(lake.value(sentinel).await, "316");
    let schemas = Schemas::builtin().unwrap();
    let sorted = schemas.get("eoh_summary").unwrap().sort_columns().join(", ");
    assert_eq!(sorted, "symbol, time, contract");
    let rows = format!("SELECT time, contract FROM silver.eoh_summary WHERE {day}");
    let as_stored = lake.rows(&rows).await;
    assert!(as_stored.is_sorted(), "rows of a file lie in the order of its statistics");
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn ids_that_collide_across_archives_are_told_apart_by_the_archive() {
    let flags = ["--market", "spot", "--symbol", "ZILBTC", "--data-type", "aggTrades"];
    let lake = lake_of(&flags).await;
    let last = "SELECT price, archive FROM silver.agg_trades WHERE agg_trade_id = 12027555";
    let archive = "data/spot/daily/aggTrades/ZILBTC/ZILBTC-aggTrades-2021-02-28.zip";
    assert_eq!(lake.value(last).await, format!("0.00000238 | {archive}"));
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn coin_m_volumes_are_of_the_base_asset_and_empty_ratios_are_null() {
    let lake = lake_of(&["--market", "futures_cm", "--data-type", "klines,metrics", "--all"]).await;
    let volumes = "SELECT count(base_volume), count(taker_buy_base_volume), count(quote_volume), \
                   count(taker_buy_quote_volume) FROM silver.klines";
    assert_eq!(lake.value(volumes).await, "1440 | 1440 | 0 | 0");
    let ratios = "SELECT count(*), count(count_long_short_ratio), count(sum_open_interest_value) \
                  FROM silver.metrics";
    assert_eq!(lake.value(ratios).await, "3 | 0 | 3");
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn sums_of_tiny_and_of_padded_numbers_are_exact() {
    let flags = ["--symbol", "ADABTC,ALGOUSDT,NEARUSDT", "--data-type", "klines"];
    let lake = lake_of(&flags).await;
    let tiny = "SELECT min(low), arrow_typeof(min(low)) FROM silver.klines WHERE symbol = 'ADABTC'";
    assert!(lake.value(tiny).await.ends_with(" | Decimal128(18, 8)"));
    let zeros = "SELECT count(*), sum(quote_volume) FROM silver.klines WHERE symbol = 'ALGOUSDT' \
                 AND date < DATE '2025-01-01' AND trade_count = 0";
    assert_eq!(lake.value(zeros).await, "39 | 0.00000000");
    let whole =
        "SELECT count(*) FROM silver.klines WHERE symbol = 'NEARUSDT' AND volume <> trunc(volume)";
    assert_eq!(lake.value(whole).await, "0");
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn a_month_lies_in_the_partitions_of_its_days_and_levels_of_either_depth_fit() {
    let lake =
        lake_of(&["--market", "futures_um", "--data-type", "bookDepth,fundingRate", "--all"]).await;
    let days = "SELECT count(DISTINCT date), count(*) FROM silver.funding_rate WHERE date = \
                CAST(calc_time AS DATE) AND date < DATE '2026-05-01' AND date >= DATE '2026-04-01'";
    assert_eq!(lake.value(days).await, "30 | 90");
    let levels = "SELECT count(DISTINCT percentage), count(*) FROM silver.book_depth \
                  WHERE symbol = 'BTCUSDT'";
    assert_eq!(lake.value(levels).await, "12 | 32604");
}

#[tokio::test]
#[cfg_attr(not(more_real_archives), ignore = "there is no ../shared/archives-more")]
async fn a_month_adds_to_one_of_its_days_only_the_days_that_are_not_there() {
    let series = ["--market", "spot", "--symbol", "BTCUSDT", "--data-type", "klines"];
    let month = ["--interval", "1h", "--start", "2023-03", "--end", "2023-03"];
    let flags = [&series[..], &month, &["--frequency", "daily"]].concat();
    let lake = lake_of(&flags).await;
    let rows = "SELECT archive, count(*) FROM silver.klines GROUP BY archive ORDER BY archive";
    let day = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2023-03-24.zip";
    assert_eq!(lake.rows(rows).await, [format!("{day} | 23")]);

    let folder = real_archives();
    let flags = [&series[..], &month, &["--frequency", "monthly"]].concat();
    lake.ingest(folder.path().to_str().unwrap(), &flags).await;
    let whole = "SELECT count(*), count(DISTINCT open_time) FROM silver.klines";
    assert_eq!(lake.value(whole).await, "743 | 743");
}

#[tokio::test]
async fn checksum_files_with_and_without_a_newline_vouch_for_their_archives() {
    let keys = [
        "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-02.zip",
        "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-01.zip",
    ];
    let folder = sample_folder(&keys.map(identify));
    let ends = keys.map(|key| {
        std::fs::read(folder.path().join(format!("{key}.CHECKSUM"))).unwrap().ends_with(b"\n")
    });
    assert_eq!(ends, [false, true]);
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    assert_eq!(lake.rows("SELECT checksum FROM meta.archives").await, ["match", "match"]);
}
