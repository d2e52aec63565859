//! The gold models made of bars and funding, at the edges: nothing, one row, and gaps of every
//! kind.
//!
//! What they make of whole archives is checked by tests/interop, without the program.

use std::fmt::Write;

use chrono::NaiveDateTime;

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::csv_name;
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const KLINES: [&str; 3] = ["bars", "continuous_1m", "realised_volatility_daily"];

/// A source with a few archives, and the lake that they come into.
struct Scene {
    server: ArchiveServer,
    lake: TestLake,
}

impl Scene {
    fn new() -> Self {
        Self { server: ArchiveServer::start(), lake: TestLake::new() }
    }

    /// Publishes the bars of a day: at each minute of it, such as `23:59`, one that closes at this
    /// price.
    fn publish(&self, folder: &str, symbol: &str, day: &str, minutes: &[(&str, u32)]) {
        let mut csv = String::new();
        for (minute, close) in minutes {
            let time = millis(&format!("{day} {minute}:00"));
            let (high, low, end) = (close + 3, close - 2, time + 59_999);
            let (quote, taker) = (10 * close, 6 * close);
            writeln!(csv, "{time},{close},{high},{low},{close},10,{end},{quote},4,6,{taker},0")
                .unwrap();
        }
        self.put(&format!("data/{folder}/{symbol}/1m/{symbol}-1m-{day}.zip"), &csv);
    }

    fn put(&self, key: &str, csv: &str) {
        self.server.publish(key, zip_of(&csv_name(key), csv.as_bytes()));
    }

    /// Ingests what is published, and brings these gold tables up to date.
    async fn build(&self, models: &[&str]) {
        let done = self.lake.ingest(self.server.url(), &["--all"]).await;
        assert_eq!(
            (done.summary.archives.failed, done.summary.rejected_rows),
            (0, 0),
            "{}",
            done.summary
        );
        self.gold(models);
    }

    fn gold(&self, arguments: &[&str]) {
        let run = self.lake.run("gold", arguments);
        assert_eq!(run.code, Some(0), "{run}");
    }

    async fn number(&self, sql: &str) -> f64 {
        self.lake.value(sql).await.parse().unwrap()
    }

    /// Returns what a statement finds as text; decimals without the zeros at their end.
    async fn rows(&self, sql: &str) -> Vec<String> {
        self.lake.rows(sql).await.iter().map(|row| row.replace(".00000000", "")).collect()
    }
}

fn millis(time: &str) -> i64 {
    NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").unwrap().and_utc().timestamp_millis()
}

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs(),
        "expected {expected}, found {found}"
    );
}

const SPOT: &str = "spot/daily/klines";
const UM: &str = "futures/um/daily/klines";
const CM: &str = "futures/cm/daily/klines";

#[tokio::test]
async fn a_lake_without_bars_has_gold_without_rows() {
    let scene = Scene::new();
    let payment = millis("2024-03-01 00:00:00") + 7;
    let csv =
        format!("calc_time,funding_interval_hours,last_funding_rate\n{payment},8,0.00010000\n");
    scene.put("data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-03.zip", &csv);
    scene.build(&[]).await;

    let paid = "funding_rate_sum, funding_count, min_interval_hours, covered_hours";
    let paid = scene.rows(&format!("SELECT date, {paid} FROM gold.funding_daily")).await;
    assert_eq!(paid, ["2024-03-01 | 0.00010000 | 1 | 8 | 8"]);
    let tables = scene.lake.versions();
    for model in KLINES.iter().chain(&["basis_1h", "bvol_daily", "volatility_daily"]) {
        if tables.contains_key(&format!("gold/{model}")) {
            assert_eq!(
                scene.lake.value(&format!("SELECT count(*) FROM gold.{model}")).await,
                "0",
                "{model}"
            );
        }
    }
}

#[tokio::test]
async fn one_bar_makes_one_of_each_length_and_offset() {
    let scene = Scene::new();
    scene.publish(SPOT, "BTCUSDT", "2024-02-29", &[("12:34", 100)]);
    scene.build(&KLINES).await;

    let bars = "SELECT bar_interval, offset_minutes, open_time, open, high, low, close, volume,
    vwap, missing_bars
                FROM gold.bars WHERE offset_minutes < 10 OR offset_minutes > 45 ORDER BY 1, 2";
    let price = "100 | 103 | 98 | 100 | 10 | 100.0";
    assert_eq!(
        scene.rows(bars).await,
        [
            ("15m | 0 | 2024-02-29T12:30:00Z", 14),
            ("1d | 0 | 2024-02-29T00:00:00Z", 1_439),
            ("1h | 0 | 2024-02-29T12:00:00Z", 59),
            ("1h | 5 | 2024-02-29T12:05:00Z", 59),
            ("1h | 50 | 2024-02-29T11:50:00Z", 59),
            ("1h | 55 | 2024-02-29T11:55:00Z", 59),
            ("4h | 0 | 2024-02-29T12:00:00Z", 239),
            ("5m | 0 | 2024-02-29T12:30:00Z", 4),
        ]
        .map(|(bar, missing)| format!("{bar} | {price} | {missing}"))
    );
    let minutes = "SELECT open_time, close, is_filled, starts_segment, segment_start, funding_rate
                   FROM gold.continuous_1m";
    assert_eq!(
        scene.rows(minutes).await,
        ["2024-02-29T12:34:00Z | 100 | false | true | 2024-02-29T12:34:00Z | "]
    );
    // The bar opened where it closed, so that only its high and low tell of movement.
    let moved = "SELECT realised_volatility, parkinson_volatility = parkinson_1m_volatility,
    bars, missing_bars
                 FROM gold.realised_volatility_daily";
    assert_eq!(scene.rows(moved).await, ["0.0 | true | 1 | 1439"]);
    let parkinson =
        scene.number("SELECT parkinson_volatility FROM gold.realised_volatility_daily").await;
    assert_near(parkinson, 100.0 * (365.0 / (4.0 * 2_f64.ln())).sqrt() * (103_f64 / 98.0).ln());
}

#[tokio::test]
async fn a_gap_across_midnight_and_month_is_filled_on_both_days() {
    let scene = Scene::new();
    scene.publish(SPOT, "BTCUSDT", "2024-02-29", &[("23:39", 99), ("23:40", 100)]);
    scene.publish(SPOT, "BTCUSDT", "2024-03-01", &[("00:20", 110)]);
    scene.build(&KLINES).await;

    let days = "SELECT date, is_filled, count(*), min(open_time), max(open_time), min(close),
    max(high), sum(volume)
                FROM gold.continuous_1m GROUP BY 1, 2 ORDER BY 1, 2";
    assert_eq!(
        scene.rows(days).await,
        [
            "2024-02-29 | false | 2 | 2024-02-29T23:39:00Z | 2024-02-29T23:40:00Z | 99 | 103 | 20",
            "2024-02-29 | true | 19 | 2024-02-29T23:41:00Z | 2024-02-29T23:59:00Z | 100 | 100 | 0",
            "2024-03-01 | false | 1 | 2024-03-01T00:20:00Z | 2024-03-01T00:20:00Z | 110 | 113 | 10",
            "2024-03-01 | true | 20 | 2024-03-01T00:00:00Z | 2024-03-01T00:19:00Z | 100 | 100 | 0",
        ]
    );
    let segments = "SELECT date, segment_start, sum(CASE WHEN starts_segment THEN 1 ELSE 0 END)
                    FROM gold.continuous_1m GROUP BY 1, 2 ORDER BY 1, 2";
    assert_eq!(
        scene.rows(segments).await,
        ["2024-02-29 | 2024-02-29T23:39:00Z | 1", "2024-03-01 | 2024-03-01T00:00:00Z | 0"],
        "one segment, which goes on"
    );
    let hours = "SELECT date, open_time, close, bars, missing_bars FROM gold.bars
                 WHERE bar_interval = '1h' AND offset_minutes IN (0, 25)
                 ORDER BY offset_minutes, open_time";
    assert_eq!(
        scene.rows(hours).await,
        [
            "2024-02-29 | 2024-02-29T23:00:00Z | 100 | 2 | 58",
            "2024-03-01 | 2024-03-01T00:00:00Z | 110 | 1 | 59",
            "2024-02-29 | 2024-02-29T23:25:00Z | 110 | 3 | 57",
        ],
        "and a bar that began when the day before had none is not there"
    );
    let moved = |day| {
        format!(
            "SELECT realised_variance FROM gold.realised_volatility_daily WHERE date = DATE '{day}'"
        )
    };
    assert_near(scene.number(&moved("2024-02-29")).await, (100_f64 / 99.0).ln().powi(2));
    assert_near(scene.number(&moved("2024-03-01")).await, (110_f64 / 100.0).ln().powi(2));
}

#[tokio::test]
async fn sixty_missing_minutes_are_filled_and_sixty_one_split_the_series() {
    let scene = Scene::new();
    let filled = [("10:00", 100), ("11:01", 120)];
    let split = [("10:00", 100), ("11:02", 120)];
    scene.publish(SPOT, "BTCUSDT", "2024-02-28", &filled);
    scene.publish(SPOT, "ETHUSDT", "2024-02-28", &split);
    // The same with midnight in between.
    scene.publish(SPOT, "ADAUSDT", "2024-02-29", &[("23:30", 100)]);
    scene.publish(SPOT, "ADAUSDT", "2024-03-01", &[("00:31", 120)]);
    scene.publish(SPOT, "BNBUSDT", "2024-02-29", &[("23:30", 100)]);
    scene.publish(SPOT, "BNBUSDT", "2024-03-01", &[("00:32", 120)]);
    scene.build(&KLINES).await;

    let minutes = "SELECT symbol, count(*), sum(CASE WHEN is_filled THEN 1 ELSE 0 END),
                          sum(CASE WHEN starts_segment THEN 1 ELSE 0 END), max(segment_start)
                   FROM gold.continuous_1m GROUP BY symbol ORDER BY symbol";
    assert_eq!(
        scene.rows(minutes).await,
        [
            "ADAUSDT | 62 | 60 | 1 | 2024-03-01T00:00:00Z",
            "BNBUSDT | 2 | 0 | 2 | 2024-03-01T00:32:00Z",
            "BTCUSDT | 62 | 60 | 1 | 2024-02-28T10:00:00Z",
            "ETHUSDT | 2 | 0 | 2 | 2024-02-28T11:02:00Z",
        ]
    );
    let moved = "SELECT symbol, sum(CASE WHEN realised_variance > 0 THEN 1 ELSE 0 END)
                 FROM gold.realised_volatility_daily GROUP BY symbol ORDER BY symbol";
    assert_eq!(
        scene.rows(moved).await,
        ["ADAUSDT | 1", "BNBUSDT | 0", "BTCUSDT | 1", "ETHUSDT | 0"]
    );
}

#[tokio::test]
async fn a_funding_rate_is_in_force_from_its_hour_for_its_interval() {
    let scene = Scene::new();
    let day = "2024-03-01";
    let minutes =
        ["00:00", "03:59", "07:59", "08:00", "11:59", "12:00"].map(|minute| (minute, 100));
    scene.publish(UM, "BTCUSDT", day, &minutes);
    scene.publish(UM, "BTCUSDT_240329", day, &minutes);
    // Seven milliseconds behind the hour, and nine before it; the second is for four hours.
    let (first, second) = (millis("2024-03-01 00:00:00") + 7, millis("2024-03-01 08:00:00") - 9);
    let csv = format!(
        "calc_time,funding_interval_hours,last_funding_rate\n{first},8,0.0001\n{second},4,-0.0002\n"
    );
    scene.put("data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-03.zip", &csv);
    scene.build(&["continuous_1m", "funding_daily"]).await;

    let rates =
        "SELECT open_time, funding_rate, funding_interval_hours, funding_time, funding_calc_time
                 FROM gold.continuous_1m WHERE symbol = 'BTCUSDT' ORDER BY open_time";
    let first = "0.00010000 | 8 | 2024-03-01T00:00:00Z | 2024-03-01T00:00:00.007Z";
    let second = "-0.00020000 | 4 | 2024-03-01T08:00:00Z | 2024-03-01T07:59:59.991Z";
    let expected = [first, first, first, second, second, " |  |  | "];
    let expected = minutes
        .iter()
        .zip(expected)
        .map(|((minute, _), rate)| format!("{day}T{minute}:00Z | {rate}"));
    assert_eq!(scene.rows(rates).await, expected.collect::<Vec<_>>());
    let other = "SELECT count(*), count(funding_rate) FROM gold.continuous_1m WHERE symbol = \
                 'BTCUSDT_240329'";
    assert_eq!(scene.rows(other).await, ["6 | 0"], "a delivery contract pays no funding");
    let paid = "SELECT funding_rate_sum, funding_count, min_interval_hours, max_interval_hours,
    covered_hours
                FROM gold.funding_daily";
    assert_eq!(scene.rows(paid).await, ["-0.00010000 | 2 | 4 | 8 | 12"]);
    assert_near(scene.number("SELECT funding_rate_mean FROM gold.funding_daily").await, -0.000_05);
    assert_near(
        scene.number("SELECT annualised_rate FROM gold.funding_daily").await,
        -0.0001 / 12.0 * 24.0 * 365.0,
    );
}

#[tokio::test]
async fn contracts_of_coin_m_are_averaged_by_what_they_are_worth() {
    let scene = Scene::new();
    // The eighth column counts base asset: ten contracts are worth 2 ether at this price, or 20
    // bitcoin.
    let row =
        |base: u32| format!("1709210040000,50,51,49,50,10,1709210099999,{base},4,6,{base},0\n");
    for (symbol, base) in [("ETHUSD_PERP", 2), ("BTCUSD_240329", 20)] {
        scene.put(&format!("data/{CM}/{symbol}/1m/{symbol}-1m-2024-02-29.zip"), &row(base));
    }
    scene.build(&["bars", "continuous_1m"]).await;

    for table in ["gold.bars", "gold.continuous_1m"] {
        let prices = format!(
            "SELECT DISTINCT symbol, volume, quote_volume, base_volume, vwap FROM {table} ORDER BY \
             1"
        );
        assert_eq!(
            scene.rows(&prices).await,
            ["BTCUSD_240329 | 10 |  | 20 | 50.0", "ETHUSD_PERP | 10 |  | 2 | 50.0"],
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_mark_price_without_an_index_has_no_basis() {
    let scene = Scene::new();
    let bar = |close: &str| {
        format!("1709210040000,{close},{close},{close},{close},0,1709210099999,0,60,0,0,0\n")
    };
    let put = |kind: &str, symbol: &str, close: &str| {
        scene.put(
            &format!("data/futures/cm/daily/{kind}/{symbol}/1m/{symbol}-1m-2024-02-29.zip"),
            &bar(close),
        );
    };
    put("markPriceKlines", "BTCUSD_PERP", "101");
    put("markPriceKlines", "BTCUSD_240329", "99.5");
    put("markPriceKlines", "ETHUSD_PERP", "50");
    put("indexPriceKlines", "BTCUSD", "100");
    scene.build(&["basis_1h"]).await;
    let hours = "SELECT symbol, open_time, mark_close, index_close, basis_mean_bps,
    basis_close_bps, minutes,
                        premium_mean_bps, premium_minutes FROM gold.basis_1h ORDER BY symbol";
    assert_eq!(
        scene.rows(hours).await,
        [
            "BTCUSD_240329 | 2024-02-29T12:00:00Z | 99.50000000 | 100 | -50.0 | -50.0 | 1 |  | ",
            "BTCUSD_PERP | 2024-02-29T12:00:00Z | 101 | 100 | 100.0 | 100.0 | 1 |  | ",
            "ETHUSD_PERP | 2024-02-29T12:00:00Z | 50 |  |  |  | 0 |  | ",
        ]
    );
    put("premiumIndexKlines", "ETHUSD_PERP", "-0.00048000");
    scene.build(&["basis_1h"]).await;
    let premium = "SELECT premium_mean_bps, premium_min_bps, premium_minutes FROM gold.basis_1h
                   WHERE symbol = 'ETHUSD_PERP'";
    assert_eq!(scene.rows(premium).await, ["-4.8 | -4.8 | 1"]);
}

#[tokio::test]
async fn a_corrected_day_restates_its_neighbours_as_a_full_build_does() {
    let scene = Scene::new();
    let days = ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"];
    for day in days {
        scene.publish(SPOT, "BTCUSDT", day, &[("00:10", 100), ("12:00", 110), ("23:50", 105)]);
    }
    scene.build(&KLINES).await;
    let filled =
        "SELECT count(*) FROM gold.continuous_1m WHERE date = DATE '2024-02-29' AND is_filled";
    assert_eq!(scene.lake.value(filled).await, "19", "ten minutes after midnight and nine before");

    scene.publish(SPOT, "BTCUSDT", "2024-03-01", &[("02:00", 101), ("23:59", 107)]);
    scene.publish(SPOT, "BTCUSDT", "2024-02-29", &[("00:10", 100), ("23:52", 106)]);
    scene.build(&KLINES).await;
    assert_eq!(scene.lake.value(filled).await, "10", "nothing follows within the hour any more");
    for model in KLINES {
        let all = format!("SELECT * FROM gold.{model} ORDER BY symbol, date, {}", order(model));
        let incremental = scene.rows(&all).await;
        scene.gold(&[model, "--full"]);
        assert_eq!(incremental, scene.rows(&all).await, "{model}");
    }
}

fn order(model: &str) -> &str {
    match model {
        "bars" => "bar_interval, offset_minutes, open_time",
        "continuous_1m" => "open_time",
        _ => "market",
    }
}
