//! Samples are the same every time and agree with each other.

use super::*;

#[test]
fn every_combination_has_a_sample_whose_rows_all_have_the_same_columns() {
    for combination in EVERY_COMBINATION {
        for period in ["2021-03-04", "2023-10-02", "2026-05-07"] {
            let csv = csv(&any_archive(combination, period));
            let columns: Vec<_> = csv.lines().map(|line| line.split(',').count()).collect();
            assert!(columns.len() >= 4, "{combination:?} {period}");
            assert!(columns.iter().all(|count| *count == columns[0]), "{combination:?}");
            assert!(csv.ends_with('\n') && !csv.contains(",\n") && !csv.contains(",,"));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    for combination in EVERY_COMBINATION {
        let key = any_archive(combination, "2026-05-07");
        let zip = |seed| sample_zip(&key, &SampleOptions::small(seed)).unwrap();
        assert_eq!(zip(3), zip(3), "{key}");
        assert_ne!(zip(3), zip(4), "{key}");
    }
}

#[test]
fn a_month_holds_exactly_the_rows_of_its_days() {
    for combination in EVERY_COMBINATION {
        let month = any_archive(combination, "2024-02");
        let days =
            (1..=29).flat_map(|day| table(&any_archive(combination, &format!("2024-02-{day:02}"))));
        assert!(table(&month).into_iter().eq(days), "{month}");
    }
}

#[test]
fn bars_of_every_interval_add_up_the_minutes() {
    for (market, symbol) in [
        (Market::Spot, "BTCUSDT"),
        (Market::FuturesUm, "ADAUSDT"),
        (Market::FuturesCm, "ETHUSD_PERP"),
    ] {
        let bars = |interval| table(&archive(market, "klines", symbol, Some(interval), "2024-02"));
        let minutes = bars("1m");
        assert_eq!(minutes.len(), 29 * 1_440);
        for (interval, per_bar) in [("5m", 5), ("1h", 60), ("1d", 1_440), ("1mo", 29 * 1_440)] {
            let expected: Vec<_> = minutes.chunks(per_bar).map(aggregate).collect();
            let found: Vec<_> = bars(interval)
                .iter()
                .map(|bar| bar.iter().map(|field| units(field)).collect::<Vec<_>>())
                .collect();
            assert_eq!(expected, found, "{market} {interval}");
        }
    }
}

fn aggregate(minutes: &[Vec<String>]) -> Vec<i128> {
    let column = |at: usize| minutes.iter().map(move |bar| units(&bar[at]));
    let traded = minutes.iter().filter(|bar| bar[8] != "0");
    let prices = |at: usize| traded.clone().map(move |bar| units(&bar[at]));
    let last = minutes.last().unwrap();
    vec![
        units(&minutes[0][0]),
        prices(1).next().unwrap_or(units(&last[1])),
        prices(2).max().unwrap_or(units(&last[2])),
        prices(3).min().unwrap_or(units(&last[3])),
        units(&last[4]),
        column(5).sum(),
        units(&last[6]),
        column(7).sum(),
        column(8).sum(),
        column(9).sum(),
        column(10).sum(),
        0,
    ]
}

#[test]
fn trades_add_up_to_their_orders_and_to_the_bars() {
    for (market, symbol) in [
        (Market::Spot, "BTCUSDT"),
        (Market::FuturesUm, "币安人生USDT"),
        (Market::FuturesCm, "BTCUSD_PERP"),
    ] {
        let trades = table(&archive(market, "trades", symbol, None, "2026-05-07"));
        let orders = table(&archive(market, "aggTrades", symbol, None, "2026-05-07"));
        let bar = &table(&archive(market, "klines", symbol, Some("1d"), "2026-05-07"))[0];
        assert_eq!((trades.len(), orders.len()), (7_200, 5_040));
        let sum =
            |rows: &[Vec<String>], at: usize| rows.iter().map(|row| units(&row[at])).sum::<i128>();
        assert_eq!(units(&bar[5]), sum(&trades, 2), "{market} volume");
        assert_eq!(units(&bar[5]), sum(&orders, 2), "{market} volume of orders");
        assert_eq!(units(&bar[7]), sum(&trades, 3), "{market} worth");
        assert_eq!(bar[8], trades.len().to_string());
        assert_eq!(
            (units(&bar[1]), units(&bar[4])),
            (units(&trades[0][1]), units(&trades[7_199][1]))
        );
        let mut by_order = trades.iter();
        for order in &orders {
            let count = order[4].parse::<usize>().unwrap() - order[3].parse::<usize>().unwrap() + 1;
            let part: Vec<_> = by_order.by_ref().take(count).collect();
            assert!(
                part[0][0] == order[3]
                    && part.iter().all(|row| row[1] == order[1] && row[4] == order[5])
            );
        }
    }
}

#[test]
fn prices_of_all_kinds_agree_in_level() {
    let at = |data_type, interval, column: usize| {
        let key = archive(Market::FuturesUm, data_type, "ETHUSDT", interval, "2024-02-06");
        let rows = table(&key);
        rows.iter().map(|row| units(&row[column])).sum::<i128>() / rows.len() as i128
    };
    let level = at("klines", Some("1h"), 4);
    let others = [
        at("trades", None, 1),
        at("aggTrades", None, 1),
        at("bookTicker", None, 1),
        at("indexPriceKlines", Some("1h"), 4),
        at("markPriceKlines", Some("1h"), 4),
        at("liquidationSnapshot", None, 7),
    ];
    for other in others {
        assert!((level - other).abs() < level / 20, "{level} {other}");
    }
}

#[test]
fn no_minute_is_without_a_trade_unless_trades_are_few() {
    let key = archive(Market::FuturesUm, "klines", "ETHUSDT", Some("1m"), "2024-02-06");
    assert!(table(&key).iter().all(|bar| bar[8] != "0"));
    let options = SampleOptions { trades_per_day: 500, ..SampleOptions::small(11) };
    let sparse = String::from_utf8(sample_csv(&key, &options).unwrap()).unwrap();
    assert_eq!(sparse.lines().count(), 1 + 1_440);
    assert!(sparse.lines().filter(|line| line.contains(",0,0,0,0,0")).count() > 900);
}
