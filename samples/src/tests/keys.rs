//! Which archives a sample consists of.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::period::Period;

use super::*;

fn demo() -> Vec<ArchiveKey> {
    let first_day = NaiveDate::from_ymd_opt(2026, 5, 7).unwrap();
    sample_keys(&Matrix::builtin().unwrap(), &KeyOptions::two_days_from(first_day))
}

fn periods(keys: &[ArchiveKey], market: Market, data_type: &str) -> BTreeSet<String> {
    let of_type =
        keys.iter().filter(|key| key.market() == market && key.data_type().as_str() == data_type);
    of_type.map(|key| key.period().to_string()).collect()
}

fn set<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
    texts.map(str::to_owned).into()
}

#[test]
fn the_keys_of_a_sample_cover_every_combination_and_all_have_a_sample() {
    let matrix = Matrix::builtin().unwrap();
    let mut by_combination = BTreeMap::new();
    for key in demo() {
        assert_eq!(matrix.identify(key.path()).as_ref(), Ok(&key));
        assert!(!sample_csv(&key, &SampleOptions::small(1)).unwrap().is_empty());
        by_combination.entry((key.market(), key.data_type().clone())).or_insert(key);
    }
    assert_eq!(by_combination.len(), matrix.combinations().len());
}

#[test]
fn a_sample_has_two_days_a_month_where_there_are_no_days_and_the_last_days_of_what_has_ended() {
    let keys = demo();
    assert_eq!(periods(&keys, Market::Spot, "klines"), set(["2026-05-07", "2026-05-08"]));
    assert_eq!(periods(&keys, Market::FuturesUm, "fundingRate"), set(["2026-05"]));
    assert_eq!(periods(&keys, Market::Options, "EOHSummary"), set(["2023-10-22", "2023-10-23"]));
    assert_eq!(
        periods(&keys, Market::FuturesUm, "liquidationSnapshot"),
        set(["2023-07-30", "2023-07-31"])
    );
    assert_eq!(periods(&keys, Market::Spot, "bookDepth"), set(["2026-05-07", "2026-05-08"]));
}

#[test]
fn a_sample_has_the_forms_of_symbols_that_the_markets_have() {
    let symbols: BTreeSet<String> =
        demo().iter().map(|key| format!("{} {}", key.market(), key.symbol())).collect();
    for symbol in [
        "spot 币安人生USDT",
        "futures_um BTCUSDT_260626",
        "futures_cm BTCUSD_PERP",
        "futures_cm BTCUSD",
        "options BTCBVOLUSDT",
    ] {
        assert!(symbols.contains(symbol), "{symbol} is not among {symbols:?}");
    }
}

#[test]
fn small_archives_are_each_of_another_series() {
    let day = NaiveDate::from_ymd_opt(2026, 5, 7).unwrap();
    let keys = small_archives(&Matrix::builtin().unwrap(), day, 3_134);
    let series: BTreeSet<_> = keys.iter().map(ArchiveKey::series).collect();
    assert_eq!((keys.len(), series.len()), (3_134, 3_134));
    assert!(keys.iter().all(|key| key.period() == Period::day(day)));
}
