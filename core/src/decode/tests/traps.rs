//! Everything known of real archives that a reader could stumble over; a name says which.

use super::*;

const DAY: i64 = 86_400_000_000;

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn futures_archives_from_before_the_header_have_none_and_later_ones_have() {
    for (end, header) in [
        ("um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2022-05-06.zip", false),
        ("um/monthly/trades/BTCUSDT/BTCUSDT-trades-2021-06.zip", false),
        ("um/daily/trades/OMGUSDT/OMGUSDT-trades-2021-04-08.zip", false),
        ("um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2020-01-01.zip", false),
        ("um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2022-09-05.zip", true),
        ("cm/daily/klines/BTCUSD_PERP/1m/BTCUSD_PERP-1m-2022-10-24.zip", true),
        ("cm/daily/aggTrades/BTCUSD_PERP/BTCUSD_PERP-aggTrades-2026-05-08.zip", true),
        ("um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2026-04.zip", true),
    ] {
        let archive = real_archive(end);
        assert_eq!(archive.decode().has_header, Some(header), "{end}");
    }
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn spot_times_of_2025_and_later_are_microseconds() {
    let archive = real_archive("spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip");
    let klines = archive.decode();
    assert_eq!(klines.times("open_time")[0], 1_778_198_400_000_000);
    assert!(klines.times("close_time").iter().all(|time| time % 1_000_000 == 999_999));
    let trades =
        real_archive("spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-09-15.zip").decode();
    assert_eq!(trades.times("transact_time")[0], 1_789_430_400_017_025);
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn an_odd_close_time_and_a_missing_hour_are_kept_as_published() {
    let archive = real_archive("spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2021-02.zip");
    let klines = archive.decode();
    assert_eq!(klines.rows(), 28 * 24 - 1);
    assert!(klines.times("close_time").contains(&1_613_014_854_773_000));
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn a_bare_zero_among_padded_numbers_and_whole_volumes_are_decimals() {
    let archive = real_archive("um/monthly/klines/ALGOUSDT/1m/ALGOUSDT-1m-2024-02.zip");
    let klines = archive.decode();
    assert_eq!(klines.decimals("volume").iter().filter(|volume| **volume == Some(0)).count(), 39);
    assert_eq!(klines.decimals("volume")[0], Some(50_635_500_000_000));
    let near = real_archive("um/monthly/klines/NEARUSDT/1m/NEARUSDT-1m-2026-02.zip").decode();
    assert_eq!(near.decimals("volume")[0], Some(9_514_900_000_000));
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn book_depth_has_ten_levels_or_twelve_with_or_without_decimals() {
    let archive = real_archive("um/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2026-01-31.zip");
    let levels = archive.decode().decimals("percentage");
    assert_eq!(levels[..3], [Some(-500), Some(-400), Some(-300)]);
    assert!(levels.contains(&Some(-20)) && levels.contains(&Some(20)));
    let old = decode(
        "book_depth",
        Market::FuturesUm,
        "BTCUSDT",
        b"2023-10-16 00:00:07,-5,1.00000000,2.00000000\n",
    );
    assert_eq!(old.decimals("percentage"), [Some(-500)]);
}

#[test]
#[cfg_attr(not(more_real_archives), ignore = "there is no ../shared/archives-more")]
fn bars_that_were_not_published_are_not_made_up() {
    for (end, rows) in [
        ("spot/daily/klines/ARBUSDT/1m/ARBUSDT-1m-2023-03-23.zip", 540),
        ("spot/daily/klines/SOLUSDT/1m/SOLUSDT-1m-2023-02-14.zip", 1_439),
        ("spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2023-03-24.zip", 1_360),
        ("spot/daily/klines/BTCUSDT/15m/BTCUSDT-15m-2023-03-24.zip", 91),
        ("spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2023-03-24.zip", 23),
        ("spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2023-03.zip", 743),
    ] {
        assert_eq!(real_archive(end).decode().rows(), rows, "{end}");
    }
    let outage = real_archive("spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2023-03-24.zip").decode();
    assert!(outage.times("close_time").contains(&1_679_661_581_646_000));
}

#[test]
#[cfg_attr(not(more_real_archives), ignore = "there is no ../shared/archives-more")]
fn rows_that_are_joined_to_one_line_are_one_reject() {
    let joined = real_archive("spot/daily/trades/KSMUSDT/KSMUSDT-trades-2021-09-16.zip").decode();
    assert_eq!((joined.rows(), joined.reasons()), (0, vec![(1, "", "")]));
    assert_eq!(joined.rejects[0].reason, "expected 7 fields, found 9");
}

#[test]
#[cfg_attr(not(more_real_archives), ignore = "there is no ../shared/archives-more")]
fn a_premium_of_a_bare_zero_is_a_decimal_and_its_count_is_of_samples() {
    let premium = real_archive("1000000BOBUSDT-15m-2025-07-31.zip").decode();
    assert_eq!(premium.rows(), 2);
    assert!(premium.decimals("low").contains(&Some(0)));
    assert!(premium.decimals("close").contains(&Some(0)));
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn rows_that_are_there_twice_are_kept_twice() {
    let archive = real_archive("um/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2022-09.zip");
    assert_eq!(archive.decode().rows(), 12);
    let doubled = real_archive(
        "cm/daily/liquidationSnapshot/BTCUSD_PERP/BTCUSD_PERP-liquidationSnapshot-2024-10-01.zip",
    );
    assert_eq!(doubled.decode().rows(), 14);
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn an_options_summary_has_empty_quotes_exponents_a_sentinel_and_a_text_hour() {
    let archive = real_archive("BTCUSDT-EOHSummary-2023-10-23.zip");
    let summary = archive.decode();
    assert_eq!(summary.rows(), 5_498);
    assert!(summary.decimals("best_buy_iv").iter().all(Option::is_none));
    assert_eq!(summary.decimals("best_sell_iv").iter().filter(|iv| **iv == Some(-1)).count(), 316);
    let first = summary.table().slice(0, 1);
    assert_eq!(first["contract"].as_string::<i32>().value(0), "BTC-231027-33000-C");
    assert_eq!(first["expiry"].as_primitive::<arrow_array::types::Date32Type>().value(0), 19_657);
    assert_eq!(summary.decimals("strike")[0], Some(3_300_000_000_000));
    let times = summary.times("time");
    assert!(
        times.iter().all(|time| time % 3_600_000_000 == 0 && time / DAY == 19_653)
            && !times.is_sorted()
    );
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn coin_m_metrics_have_empty_ratios_and_wide_decimals() {
    let archive = real_archive("cm/daily/metrics/BTCUSD_PERP/BTCUSD_PERP-metrics-2023-06-25.zip");
    let metrics = archive.decode();
    assert_eq!(metrics.decimals("count_long_short_ratio")[0], None);
    assert_eq!(metrics.decimals("sum_open_interest_value")[0], Some(182_650_091_182_600_000_000));
}

#[test]
fn metrics_know_unknown_interest_long_decimals_and_dates_alone() {
    let csv = "2022-03-01 00:05:00,BTCUSDT,0E-8,0E-16,1.234567890123456,\"\",,0.5\n2023-01-21,\
    BTCUSDT,1,2,3,4,5,6\n";
    let metrics = decode("metrics", Market::FuturesUm, "BTCUSDT", csv.as_bytes());
    assert_eq!(metrics.rejects, []);
    assert_eq!(metrics.decimals("sum_open_interest"), [Some(0), Some(10_i128.pow(16))]);
    assert_eq!(
        metrics.decimals("count_toptrader_long_short_ratio")[0],
        Some(12_345_678_901_234_560)
    );
    assert_eq!(metrics.decimals("sum_toptrader_long_short_ratio")[0], None);
    assert_eq!(metrics.times("create_time")[1] % DAY, 0);
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn tiny_prices_are_exact() {
    let archive = real_archive("spot/daily/klines/ADABTC/1m/ADABTC-1m-2021-11-28.zip");
    assert_eq!(archive.decode().decimals("open")[0], Some(2_820));
    let zil = real_archive("spot/daily/aggTrades/ZILBTC/ZILBTC-aggTrades-2021-02-28.zip").decode();
    assert_eq!(zil.decimals("price")[0], Some(238));
    let ids = zil.table()["agg_trade_id"]
        .as_primitive::<arrow_array::types::Int64Type>()
        .values()
        .to_vec();
    assert_eq!(ids.last(), Some(&12_027_555));
}

#[test]
fn twenty_digits_of_a_monthly_volume_are_exact() {
    let row =
        "1704067200000,1,1,1,1,2,1706745599999,118661604939.99255335,5,6,118661604939.99255335,0\n";
    let klines = decode("klines", Market::Spot, "BTCUSDT", row.as_bytes());
    assert_eq!(klines.decimals("quote_volume"), [Some(11_866_160_493_999_255_335)]);
}

#[test]
fn coin_m_volumes_never_become_quote_volumes() {
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,\
    taker_buy_volume,taker_buy_quote_volume,ignore";
    let readme = "open_time,open,high,low,close,volume,close_time,baseAssetVolume,count,\
    takerBuyVolume,takerBuyBaseAssetVolume,ignore";
    for first in [header, readme] {
        let csv = format!(
            "{first}\n1666569600000,1,1,1,1,19431,1666569659999,99.33183109,425,9916,50.69336469,\
            0\n"
        );
        let klines = decode("klines", Market::FuturesCm, "BTCUSD_PERP", csv.as_bytes());
        assert_eq!(klines.decimals("base_volume"), [Some(9_933_183_109)], "{first}");
        assert_eq!(klines.decimals("taker_buy_base_volume"), [Some(5_069_336_469)]);
        assert_eq!(
            (klines.decimals("quote_volume")[0], klines.decimals("taker_buy_quote_volume")[0]),
            (None, None)
        );
    }
}

#[test]
fn placeholders_are_dropped_when_zero_and_rejected_when_not() {
    let row = |volume: &str| {
        format!("1700000000000,-0.00048000,0.1,-0.5,0,{volume},1700000059999,0,12,0,0.00000000,0\n")
    };
    let csv = ["0", "0.000", "0E-8", "1", "0.00000001", ""].map(row).concat();
    for table in ["premium_index_klines", "index_price_klines", "mark_price_klines"] {
        let bars = decode(table, Market::FuturesUm, "BTCUSDT", csv.as_bytes());
        assert_eq!(bars.decimals("open"), [Some(-48_000); 3]);
        assert_eq!(
            bars.reasons(),
            [(4, "volume", "1"), (5, "volume", "0.00000001"), (6, "volume", "")]
        );
    }
}

#[test]
fn a_row_of_another_symbol_is_rejected_and_a_settled_contract_is_the_same_symbol() {
    let row = |symbol: &str| format!("2025-11-02 00:05:00,{symbol},1,1,1,1,1,1\n");
    let csv = ["BTCUSDT", "ETHUSDT", "btcusdt", "BTCUSDT_SETTLED", "BTCUSDTSETTLED2", ""]
        .map(row)
        .concat();
    let rejected = [(2, "symbol", "ETHUSDT"), (3, "symbol", "btcusdt"), (6, "symbol", "")];
    for symbol in ["BTCUSDT", "BTCUSDTSETTLED", "BTCUSDT_SETTLED1"] {
        let metrics = decode("metrics", Market::FuturesUm, symbol, csv.as_bytes());
        assert_eq!((metrics.rows(), metrics.reasons()), (3, rejected.to_vec()), "{symbol}");
    }
    let error = &decode("metrics", Market::FuturesUm, "BTCUSDT", csv.as_bytes()).rejects[0];
    assert_eq!(error.reason, "expected the archive's symbol BTCUSDT");
}

#[test]
fn usd_m_liquidations_have_the_symbol_as_their_second_field() {
    let csv = "time,symbol,side,order_type,time_in_force,original_quantity,price,average_price,\
    order_status,\
               last_fill_quantity,accumulated_fill_quantity\n1690800000000,BTCUSDT,SELL,LIMIT,IOC,\
               1,2,3,FILLED,4,5\n";
    let with_symbol = decode("liquidation_snapshot", Market::FuturesUm, "BTCUSDT", csv.as_bytes());
    let without = decode(
        "liquidation_snapshot",
        Market::FuturesUm,
        "BTCUSDT",
        b"1690800000000,SELL,LIMIT,IOC,1,2,3,FILLED,4,5",
    );
    assert_eq!(with_symbol.batches, without.batches);
    assert_eq!(without.rows(), 1);
}

#[test]
fn exponents_are_numbers_only_where_the_source_writes_them() {
    let decoded =
        decode("trades", Market::Spot, "BTCUSDT", b"1,2E-8,3,4,1502942428322,True,True\n");
    assert_eq!(decoded.reasons(), [(1, "price", "2E-8")]);
    assert_eq!(decoded.rejects[0].reason, "expected a decimal number without an exponent");
}

#[test]
fn a_malformed_expiry_hour_or_date_is_rejected_by_its_own_field() {
    let row = |date: &str, hour: &str, strike: &str| {
        format!("{date},{hour},BTC-C,BTCUSDT,C,{strike}{}\n", ",1".repeat(20))
    };
    let csv = [
        row("2023-10-01", "09", "231229-34000.5"),
        row("2023-02-30", "09", "231229-34000"),
        row("2023-10-01", "24", "231229-34000"),
        row("2023-10-01", "9", "231229-34000"),
        row("2023-10-01", "09", "231329-34000"),
        row("2023-10-01", "09", "231229"),
        row("2023-10-01", "09", "231229-x"),
    ];
    let summary = decode("eoh_summary", Market::Options, "BTCUSDT", csv.concat().as_bytes());
    assert_eq!(summary.decimals("strike"), [Some(3_400_050_000_000)]);
    let columns: Vec<&str> = summary.rejects.iter().map(|reject| reject.column.as_str()).collect();
    assert_eq!(columns, ["date", "hour", "hour", "strike", "strike", "strike"]);
}
