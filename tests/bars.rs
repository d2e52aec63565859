//! Bars of one day in every published length: the shortest add up to each of the others, in SQL.

use crate::support::shared::real_archives;
use crate::support::test_lake::TestLake;

const BARS: &str = "open_time, open, high, low, close, volume, close_time, quote_volume, \
                    trade_count, taker_buy_volume, taker_buy_quote_volume";

/// Selects the bars of one symbol and day.
fn on_day(day: &str) -> String {
    format!("market = 'spot' AND symbol = 'BTCUSDT' AND date = DATE '{day}'")
}

/// Ingests the bars of a day in every length that was published.
async fn lake_of(day: &str) -> TestLake {
    let archives = real_archives();
    let lake = TestLake::new();
    let flags = ["--market", "spot", "--symbol", "BTCUSDT", "--data-type", "klines"];
    let flags = [&flags[..], &["--start", day, "--end", day, "--frequency", "daily"]].concat();
    lake.ingest(archives.path().to_str().unwrap(), &flags).await;
    lake
}

/// Adds the bars of a minute up to bars of a length in seconds.
fn added_up(day: &str, seconds: i64) -> String {
    let day = on_day(day);
    format!(
        "SELECT date_bin(INTERVAL '{seconds} seconds', open_time) AS open_time,
                first_value(open ORDER BY open_time) AS open, max(high) AS high, min(low) AS low,
                last_value(close ORDER BY open_time) AS close, sum(volume) AS volume,
                max(close_time) AS close_time, sum(quote_volume) AS quote_volume,
                sum(trade_count) AS trade_count, sum(taker_buy_volume) AS taker_buy_volume,
                sum(taker_buy_quote_volume) AS taker_buy_quote_volume
         FROM silver.klines WHERE {day} AND bar_interval = '1m' GROUP BY 1"
    )
}

/// Compares the bars of a length with those that the bars of a minute add up to, and returns how
/// many there are.
async fn assert_added_up(lake: &TestLake, day: &str, interval: &str, seconds: i64) -> usize {
    let selected = on_day(day);
    let published = format!(
        "SELECT {BARS} FROM silver.klines WHERE {selected} AND bar_interval = '{interval}' \
         ORDER BY open_time"
    );
    let added = format!("SELECT {BARS} FROM ({}) ORDER BY open_time", added_up(day, seconds));
    let published = lake.rows(&published).await;
    assert_eq!(lake.rows(&added).await, published, "{interval}");
    published.len()
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn the_bars_of_a_minute_add_up_to_every_other_interval_in_every_column() {
    let day = "2023-01-21";
    let lake = lake_of(day).await;
    for (interval, seconds) in [
        ("3m", 180),
        ("5m", 300),
        ("15m", 900),
        ("1h", 3_600),
        ("2h", 7_200),
        ("4h", 14_400),
        ("12h", 43_200),
        ("1d", 86_400),
    ] {
        let bars = assert_added_up(&lake, day, interval, seconds).await;
        assert_eq!(bars, usize::try_from(86_400 / seconds).unwrap(), "{interval}");
    }
    let lengths = format!("SELECT DISTINCT bar_interval FROM silver.klines WHERE {}", on_day(day));
    assert_eq!(lake.rows(&lengths).await.len(), 9, "and no length is left out");
}

#[tokio::test]
#[cfg_attr(not(more_real_archives), ignore = "there is no ../shared/archives-more")]
async fn the_bars_of_a_minute_add_up_on_a_day_with_an_outage_too() {
    let day = "2023-03-24";
    let lake = lake_of(day).await;
    assert_eq!(assert_added_up(&lake, day, "15m", 900).await, 91);
    assert_eq!(assert_added_up(&lake, day, "1h", 3_600).await, 23);
}
