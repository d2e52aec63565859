//! Patterns there and back, and what is refused.

use super::*;

const KLINES: &str =
    "data/spot/{frequency}/klines/{symbol}/{interval}/{symbol}-{interval}-{period}.zip";

fn read(key: &str) -> Result<KeyParts, OffPattern> {
    KeyPattern::parse(KLINES).unwrap().read(key)
}

#[test]
fn a_key_is_rendered_and_read_back() {
    let pattern = KeyPattern::parse(KLINES).unwrap();
    let key = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip";
    let parts = pattern.read(key).unwrap();
    assert_eq!(parts.symbol.as_str(), "BTCUSDT");
    assert_eq!(parts.interval, "1h".parse().ok());
    assert_eq!(pattern.render(&parts.symbol, parts.interval, parts.period), key);
    assert_eq!(pattern.to_string(), KLINES);
}

#[test]
fn folders_are_named_for_every_level_of_a_listing() {
    let pattern = KeyPattern::parse(KLINES).unwrap();
    let symbol = "BTCUSDT".parse().unwrap();
    let interval = "1h".parse().ok();
    assert_eq!(pattern.symbols_prefix(Frequency::Daily), "data/spot/daily/klines/");
    assert_eq!(pattern.symbol_prefix(Frequency::Daily, &symbol), "data/spot/daily/klines/BTCUSDT/");
    let series = pattern.series_prefix(Frequency::Monthly, &symbol, interval);
    assert_eq!(series, "data/spot/monthly/klines/BTCUSDT/1h/");
    let stem = pattern.period_stem(&symbol, interval, Frequency::Monthly);
    assert_eq!(stem, "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-");
}

#[test]
fn a_symbol_that_looks_like_a_file_name_is_told_apart_by_its_folder() {
    let parts = read("data/spot/monthly/klines/BTC-1h-2020/1h/BTC-1h-2020-1h-2020-01.zip").unwrap();
    assert_eq!(parts.symbol.as_str(), "BTC-1h-2020");
}

#[test]
fn a_key_off_the_pattern_is_refused_with_the_reason() {
    let cases = [
        ("daily/klines/BTCUSDT/1h/BTCUSDT-1h-2020-01-01.csv", OffPattern::NotAnArchive),
        ("daily/klines/BTCUSDT/1h/ETHUSDT-1h-2020-01-01.zip", OffPattern::FileName),
        ("daily/klines/BTCUSDT/1h/BTCUSDT-2h-2020-01-01.zip", OffPattern::FileName),
        ("daily/klines/BTCUSDT/1h/part-00000-a.zip", OffPattern::FileName),
        ("daily/klines/BTCUSDT/BTCUSDT-1h-2020-01-01.zip", OffPattern::Depth),
        ("daily/klines/BTCUSDT/1h/x/BTCUSDT-1h-2020-01-01.zip", OffPattern::Depth),
        ("daily/trades/BTCUSDT/1h/BTCUSDT-1h-2020-01-01.zip", OffPattern::UnknownFolder),
        ("weekly/klines/BTCUSDT/1h/BTCUSDT-1h-2020-01-01.zip", OffPattern::UnknownFolder),
        ("daily/klines//1h/-1h-2020-01-01.zip", OffPattern::Symbol { found: String::new() }),
        (
            "monthly/klines/BTCUSDT/1M/BTCUSDT-1M-2020-01.zip",
            OffPattern::Interval { found: "1M".into() },
        ),
    ];
    for (key, reason) in cases {
        assert_eq!(read(&format!("data/spot/{key}")), Err(reason), "{key}");
    }
}

#[test]
fn a_date_must_be_written_in_full_and_in_the_form_of_its_frequency() {
    for (frequency, date) in [
        ("monthly", "2020-8"),
        ("monthly", "2020-08-01"),
        ("daily", "2020-08"),
        ("daily", "2023-02-29"),
    ] {
        let key = format!("data/spot/{frequency}/klines/BTCUSDT/1h/BTCUSDT-1h-{date}.zip");
        let frequency = frequency.parse().unwrap();
        assert_eq!(
            read(&key),
            Err(OffPattern::Period { found: date.to_owned(), frequency }),
            "{key}"
        );
    }
    let reason = OffPattern::Period { found: "2020-8".to_owned(), frequency: Frequency::Monthly };
    assert_eq!(
        reason.to_string(),
        "`2020-8` is not the date of a monthly archive; expected YYYY-MM"
    );
}

#[test]
fn a_pattern_that_could_not_be_read_back_is_refused() {
    let cases = [
        ("{symbol}-{period}.zip", PatternError::NoFolders),
        ("{frequency}/{symbol}/{symbol}.zip", PatternError::NoPeriod),
        ("{frequency}/{symbol}/{period}.csv", PatternError::NoZip),
        ("{frequency}/{symbol}/{period}-{symbol}.zip", PatternError::NoZip),
        ("{symbol}/{frequency}/{period}.zip", PatternError::Order),
        ("{symbol}/{period}.zip", PatternError::Order),
        ("{frequency}/{symbol}/{symbol}/{period}.zip", PatternError::Order),
        ("{frequency}/{symbol}/x/{period}.zip", PatternError::BelowSymbol { found: "x".into() }),
        (
            "{frequency}/{symbol}/{interval}-{period}.zip",
            PatternError::FileOnly { placeholder: "interval".into() },
        ),
        ("{frequency}/x{symbol}/{period}.zip", PatternError::Folder { found: "x{symbol}".into() }),
        ("/{frequency}/{symbol}/{period}.zip", PatternError::Folder { found: String::new() }),
        ("{frequency}/{symbol}/{date}.zip", PatternError::Placeholder { found: "date".into() }),
        ("{frequency}/{symbol/{period}.zip", PatternError::Braces),
        ("{frequency}/{symbol}/period}.zip", PatternError::Braces),
    ];
    for (text, reason) in cases {
        assert_eq!(KeyPattern::parse(text), Err(reason), "{text}");
    }
    let unknown = PatternError::Placeholder { found: "date".into() }.to_string();
    assert!(unknown.starts_with("unknown placeholder `{date}`; expected {frequency}"), "{unknown}");
}
