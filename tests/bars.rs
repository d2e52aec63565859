//! Bars of one day in every published length: the shortest add up to each of the others, in SQL.

use crate::support::shared::real_archives;
use crate::support::test_lake::TestLake;

/// A day of a symbol, all of whose published lengths of bars are there.
const DAY: &str = "market = 'spot' AND symbol = 'BTCUSDT' AND date = DATE '2023-01-21'";

/// Adds the bars of a minute up to bars of a length in seconds.
fn added_up(seconds: i64) -> String {
    format!(
        "SELECT date_bin(INTERVAL '{seconds} seconds', open_time) AS open_time,
                first_value(open ORDER BY open_time) AS open, max(high) AS high, min(low) AS low,
                last_value(close ORDER BY open_time) AS close, sum(volume) AS volume,
                max(close_time) AS close_time, sum(quote_volume) AS quote_volume,
                sum(trade_count) AS trade_count, sum(taker_buy_volume) AS taker_buy_volume,
                sum(taker_buy_quote_volume) AS taker_buy_quote_volume
         FROM silver.klines WHERE {DAY} AND bar_interval = '1m' GROUP BY 1"
    )
}

#[tokio::test]
async fn the_bars_of_a_minute_add_up_to_every_other_interval_in_every_column() {
    let Some(folder) = real_archives() else { return };
    let lake = TestLake::new();
    let day =
        ["--market", "spot", "--symbol", "BTCUSDT", "--start", "2023-01-21", "--end", "2023-01-21"];
    lake.ingest(folder.to_str().unwrap(), &day).await;

    let bars = "open_time, open, high, low, close, volume, close_time, quote_volume, trade_count, taker_buy_volume, \
                taker_buy_quote_volume";
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
        let published =
            format!("SELECT {bars} FROM silver.klines WHERE {DAY} AND bar_interval = '{interval}'");
        let published = lake.rows(&format!("{published} ORDER BY open_time")).await;
        let added = lake
            .rows(&format!("SELECT {bars} FROM ({}) ORDER BY open_time", added_up(seconds)))
            .await;
        assert_eq!(published.len(), usize::try_from(86_400 / seconds).unwrap(), "{interval}");
        assert_eq!(added, published, "{interval}");
    }
    let lengths = format!("SELECT DISTINCT bar_interval FROM silver.klines WHERE {DAY}");
    assert_eq!(lake.rows(&lengths).await.len(), 9, "and no length is left out");
}
