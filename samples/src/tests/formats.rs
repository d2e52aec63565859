//! Samples have the published form of their market and era, oddities included.

use std::collections::BTreeMap;

use super::*;

#[test]
fn spot_has_no_header_and_changes_to_microseconds_in_2025() {
    let old = first_line(Market::Spot, "klines", Some("1d"), "2024-12-31");
    let new = first_line(Market::Spot, "klines", Some("1d"), "2025-01-01");
    assert!(old.starts_with("1735603200000,") && old.contains(",1735689599999,"), "{old}");
    assert!(new.starts_with("1735689600000000,") && new.contains(",1735775999999999,"), "{new}");
    let trade = first_line(Market::Spot, "trades", None, "2025-01-01");
    assert_eq!(trade.split(',').nth(4).unwrap().len(), 16, "{trade}");
    assert!(
        trade.ends_with(",True") && trade.split(',').nth(1).unwrap().ends_with("000000"),
        "{trade}"
    );
}

#[test]
fn futures_have_headers_from_2022_on() {
    let is_header = |data_type, interval, period| {
        first_line(Market::FuturesUm, data_type, interval, period)
            .starts_with(|c: char| c.is_ascii_lowercase())
    };
    assert!(
        !is_header("klines", Some("1h"), "2022-05-31")
            && is_header("klines", Some("1h"), "2022-06-01")
    );
    for data_type in ["trades", "aggTrades"] {
        assert!(
            !is_header(data_type, None, "2022-08-10") && is_header(data_type, None, "2022-08-11")
        );
    }
    let header = first_line(Market::FuturesCm, "trades", None, "2026-05-07");
    assert_eq!(header, "id,price,qty,base_qty,time,is_buyer_maker");
}

#[test]
fn old_futures_trades_are_padded_with_quantities_in_cents_and_new_ones_trimmed_and_exact() {
    let rows = |period| table(&archive(Market::FuturesUm, "trades", "BTCUSDT", None, period));
    for row in rows("2022-08-10") {
        assert!(
            row[2].split_once('.').unwrap().1.len() == 3
                && row[3].split_once('.').unwrap().1.len() == 2,
            "{row:?}"
        );
        assert!(
            (units(&row[1]) * units(&row[2]) / 100_000_000 - units(&row[3])).abs() <= 500_000,
            "{row:?}"
        );
    }
    for row in rows("2022-08-11") {
        assert_eq!(units(&row[1]) * units(&row[2]) / 100_000_000, units(&row[3]), "{row:?}");
        assert!(row[1].ends_with(".0") || !row[1].ends_with('0'), "{row:?}");
    }
}

#[test]
fn coin_margined_futures_count_contracts() {
    let bars =
        table(&archive(Market::FuturesCm, "klines", "BTCUSD_PERP", Some("1h"), "2026-05-07"));
    let trades = table(&archive(Market::FuturesCm, "aggTrades", "BTCUSD_PERP", None, "2026-05-07"));
    assert!(
        bars.iter()
            .all(|bar| !bar[5].contains('.') && bar[7].split_once('.').unwrap().1.len() == 8)
    );
    assert!(trades.iter().all(|trade| trade[2].ends_with(".0")));
    let hundred_dollars = units(&bars[0][5]) * 100 / (units(&bars[0][4]) / 100_000_000);
    assert!((hundred_dollars - units(&bars[0][7])).abs() < hundred_dollars / 50);
}

#[test]
fn book_depth_has_twelve_levels_from_2026_on() {
    for (period, levels) in [
        ("2025-12-31", "-5 -4 -3 -2 -1 1 2 3 4 5"),
        ("2026-01-01", "-5.00 -4.00 -3.00 -2.00 -1.00 -0.20 0.20 1.00 2.00 3.00 4.00 5.00"),
    ] {
        let rows = table(&archive(Market::FuturesUm, "bookDepth", "BTCUSDT", None, period));
        let count = levels.split(' ').count();
        assert_eq!(rows.len(), 288 * count);
        for snapshot in rows.chunks(count) {
            assert_eq!(
                snapshot.iter().map(|row| row[1].as_str()).collect::<Vec<_>>().join(" "),
                levels
            );
            assert!(snapshot.iter().all(|row| row[0] == snapshot[0][0]));
        }
    }
}

#[test]
fn metrics_are_out_of_order_and_have_the_decimals_of_their_time() {
    let rows = table(&archive(Market::FuturesUm, "metrics", "BTCUSDT", None, "2025-11-02"));
    assert_eq!(rows.len(), 288);
    assert!(!rows.is_sorted_by(|a, b| a[0] <= b[0]));
    assert!(rows.iter().all(|row| row[2].split_once('.').unwrap().1.len() == 16));
    assert_eq!(rows.iter().filter(|row| row[0].starts_with("2025-11-03 00:00:0")).count(), 1);
    let coin = table(&archive(Market::FuturesCm, "metrics", "BTCUSD_PERP", None, "2023-06-25"));
    assert!(coin.iter().all(|row| row[4..7].iter().all(|field| field == "\"\"")));
    assert!(coin.iter().any(|row| row[2].ends_with(".00000000")));
}

#[test]
fn liquidations_come_twice_and_have_a_symbol_on_usd_margined_futures_only() {
    for (market, columns) in [(Market::FuturesUm, 11), (Market::FuturesCm, 10)] {
        let symbol = if market == Market::FuturesUm { "BTCUSDT" } else { "BTCUSD_PERP" };
        let rows = table(&archive(market, "liquidationSnapshot", symbol, None, "2023-07-31"));
        assert!(rows.iter().all(|row| row.len() == columns));
        assert!(rows.chunks(2).all(|pair| pair[0] == pair[1]) && rows.len() >= 8);
    }
}

#[test]
fn option_summaries_have_the_oddities_of_the_published_ones() {
    let options = SampleOptions { option_contracts: 200, ..SampleOptions::small(5) };
    let key = archive(Market::Options, "EOHSummary", "BTCUSDT", None, "2023-10-08");
    let csv = String::from_utf8(sample_csv(&key, &options).unwrap()).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 26 && row[16] == "\"\"" && row[1].len() == 2));
    assert!(!rows.is_sorted_by(|a, b| a[1] <= b[1]));
    for odd in [",-1E-8,", ",0E-8,", "E-7,", ",\"\",\"\"\n"] {
        assert!(csv.contains(odd), "{odd}");
    }
    let mut keys = BTreeMap::new();
    rows.iter().for_each(|row| *keys.entry((row[0], row[1], row[2])).or_insert(0) += 1);
    assert_eq!(keys.len(), rows.len());
    assert!(rows.iter().all(|row| row[2] == format!("BTC-{}-{}", row[5], row[4])));
    assert_eq!(rows.len(), 24 * 200);
    let fridays = ["231013", "231020", "231110", "240105", "240405"];
    assert!(rows.iter().all(|row| fridays.contains(&&row[5][..6])));
}

#[test]
fn index_values_and_funding_are_late_by_milliseconds() {
    let late = |key: &ArchiveKey| -> Vec<i64> {
        table(key).iter().map(|row| row[0].parse::<i64>().unwrap() % 1_000).collect()
    };
    let values = late(&archive(Market::Options, "BVOLIndex", "BTCBVOLUSDT", None, "2025-04-30"));
    assert_eq!(values.len(), 1_440);
    assert!(
        values.contains(&0)
            && values.iter().all(|late| *late <= 32)
            && values.iter().any(|late| *late > 0)
    );
    let rates = late(&archive(Market::FuturesUm, "fundingRate", "BTCUSDT", None, "2026-04"));
    assert_eq!(rates.len(), 90);
    assert!(
        rates.contains(&0)
            && rates.iter().all(|late| *late <= 13)
            && rates.iter().any(|late| *late > 0)
    );
}

#[test]
fn price_bars_count_samples_and_leave_the_rest_zero() {
    let bars = |data_type| {
        table(&archive(Market::FuturesUm, data_type, "BTCUSDT", Some("5m"), "2026-05-07"))
    };
    for (data_type, samples) in
        [("markPriceKlines", "300"), ("indexPriceKlines", "300"), ("premiumIndex", "60")]
    {
        let bars = bars(data_type);
        assert_eq!(bars.len(), 288);
        assert!(
            bars.iter()
                .all(|bar| bar[8] == samples && [5, 7, 9, 10, 11].iter().all(|at| bar[*at] == "0"))
        );
        assert!(bars.iter().all(|bar| units_signed(&bar[3]) <= units_signed(&bar[2])));
    }
    assert!(bars("premiumIndex").iter().any(|bar| bar[1].starts_with("-0.000")));
}

fn units_signed(text: &str) -> i128 {
    text.strip_prefix('-').map_or_else(|| units(text), |text| -units(text))
}

#[test]
fn checksums_end_with_a_newline_except_on_spot() {
    let key = archive(Market::Spot, "trades", "BTCUSDT", None, "2026-05-07");
    let checksum = String::from_utf8(sample_checksum(&key, b"abc")).unwrap();
    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(checksum, format!("{sum}  BTCUSDT-trades-2026-05-07.zip"));
    let key = archive(Market::FuturesUm, "trades", "BTCUSDT", None, "2026-05-07");
    assert!(sample_checksum(&key, b"abc").ends_with(b".zip\n"));
}

#[test]
fn a_zip_has_one_entry_named_like_itself() {
    let key = archive(Market::Spot, "klines", "币安人生USDT", Some("1h"), "2026-05-07");
    let bytes = sample_zip(&key, &SampleOptions::small(11)).unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    assert_eq!(zip.len(), 1);
    let mut entry = zip.by_index(0).unwrap();
    assert_eq!(entry.name().unwrap(), "币安人生USDT-1h-2026-05-07.csv");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
    assert_eq!(text, csv(&key));
}

#[test]
fn what_has_no_sample_is_an_error_that_names_the_archive() {
    let unknown = archive(Market::Spot, "news", "BTCUSDT", None, "2026-05-07");
    let error = sample_csv(&unknown, &SampleOptions::default()).unwrap_err().to_string();
    assert!(error.contains("BTCUSDT-news-2026-05-07.zip") && error.contains("`news`"), "{error}");
    let seconds =
        archive(Market::FuturesUm, "markPriceKlines", "BTCUSDT", Some("1s"), "2026-05-07");
    assert!(
        sample_csv(&seconds, &SampleOptions::default())
            .unwrap_err()
            .to_string()
            .contains("a minute or more")
    );
}

#[test]
fn a_bar_without_trades_stands_at_the_last_price_with_the_zeros_of_its_market() {
    let options = SampleOptions { trades_per_day: 200, ..SampleOptions::small(11) };
    for (market, symbol, zeros) in [
        (Market::Spot, "BTCUSDT", ["0.00000000", "0.00000000", "0", "0.00000000", "0.00000000"]),
        (Market::FuturesUm, "BTCUSDT", ["0", "0", "0", "0", "0"]),
        (Market::FuturesCm, "BTCUSD_PERP", ["0", "0.00000000", "0", "0", "0.00000000"]),
    ] {
        let csv =
            sample_csv(&archive(market, "klines", symbol, Some("1m"), "2024-02-06"), &options)
                .unwrap();
        let bars: Vec<Vec<String>> = String::from_utf8(csv)
            .unwrap()
            .lines()
            .map(|line| line.split(',').map(str::to_owned).collect())
            .collect();
        let still = bars.windows(2).filter(|pair| pair[1][8] == "0");
        for (before, bar) in still.map(|pair| (&pair[0], &pair[1])) {
            assert!(
                before[4] == "close" || bar[1..5].iter().all(|price| *price == before[4]),
                "{before:?} {bar:?}"
            );
            assert_eq!([5, 7, 8, 9, 10].map(|at| bar[at].as_str()), zeros);
        }
    }
}
