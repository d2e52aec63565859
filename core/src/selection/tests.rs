use super::*;
use crate::matrix::Matrix;
use crate::names::period::Period;

fn matrix() -> Matrix {
    Matrix::builtin().unwrap()
}

fn date(text: &str) -> chrono::NaiveDate {
    text.parse::<Period>().unwrap().start()
}

/// Makes a selection of words: markets, data types, symbols and intervals, each separated by
/// commas.
fn selection(markets: &str, data_types: &str, symbols: &str, intervals: &str) -> Selection {
    let words = |text: &str| {
        text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    Selection {
        markets: words(markets).iter().map(|word| word.parse().unwrap()).collect(),
        data_types: words(data_types)
            .iter()
            .map(|word| matrix().data_type(word).unwrap())
            .collect(),
        symbols: SymbolFilter::parse(&words(symbols)).unwrap(),
        intervals: IntervalFilter::Everywhere(words(intervals)),
        ..Selection::default()
    }
}

fn names(targets: &Targets) -> Vec<String> {
    let rows = targets.targets.iter().map(|target| &target.combination);
    rows.map(|row| format!("{} {}", row.market, row.data_type)).collect()
}

fn notes(targets: &Targets) -> Vec<String> {
    targets.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_left_out_means_every_combination() {
    let targets = Selection::default().targets(&matrix()).unwrap();
    assert_eq!(targets.targets.len(), matrix().combinations().len());
    assert!(
        targets
            .targets
            .iter()
            .all(|target| target.intervals.is_none() && !target.frequencies.is_empty())
    );
}

#[test]
fn a_selection_without_symbols_is_refused_unless_everything_was_asked_for() {
    for symbols in ["", "!BTC*"] {
        let wish = selection("spot", "klines", symbols, "");
        let error = wish.check_breadth(false).unwrap_err();
        assert_eq!(error, SelectionError::TooBroad);
        assert!(error.to_string().contains("--symbol") && error.to_string().contains("--all"));
        assert_eq!(wish.check_breadth(true), Ok(()));
    }
    assert_eq!(selection("", "", "BTC*", "").check_breadth(false), Ok(()));
}

#[test]
fn a_combination_that_does_not_exist_is_an_error_only_if_nothing_else_is_asked() {
    let error =
        selection("spot", "metrics", "BTCUSDT", "").targets(&matrix()).unwrap_err().to_string();
    assert!(
        error.contains("spot metrics: does not exist there, only in futures_um, futures_cm"),
        "{error}"
    );

    let targets =
        selection("spot,futures_um", "metrics", "BTCUSDT", "").targets(&matrix()).unwrap();
    assert_eq!(names(&targets), ["futures_um metrics"]);
    assert_eq!(
        notes(&targets),
        ["spot metrics: does not exist there, only in futures_um, futures_cm"]
    );

    let everything = selection("spot", "", "BTCUSDT", "").targets(&matrix()).unwrap();
    assert!(notes(&everything).iter().all(|note| !note.contains("does not exist")));
}

#[test]
fn short_names_of_option_symbols_are_replaced_and_told_once() {
    let targets =
        selection("options", "BVOLIndex,EOHSummary", "BTC", "").targets(&matrix()).unwrap();
    let symbols: Vec<_> = targets.targets.iter().map(|target| target.symbols.clone()).collect();
    let literal = |name: &str| SymbolQuery::Literal(vec![name.parse().unwrap()]);
    assert_eq!(symbols, [literal("BTCBVOLUSDT"), literal("BTCUSDT")]);
    let found = notes(&targets);
    assert!(
        found.contains(&"options BVOLIndex: BTC stands for BTCBVOLUSDT".to_owned()),
        "{found:?}"
    );
    assert!(found.contains(&"options EOHSummary: BTC stands for BTCUSDT".to_owned()), "{found:?}");
}

#[test]
fn globs_ask_the_listing_and_names_do_not() {
    let query = |symbols: &str| {
        let targets = selection("spot", "klines", symbols, "").targets(&matrix()).unwrap();
        matches!(targets.targets[0].symbols, SymbolQuery::Literal(_))
    };
    assert!(query("BTCUSDT,ETHUSDT") && !query("BTC*") && !query("BTCUSDT,ETH*") && !query(""));
}

#[test]
fn an_interval_of_a_data_type_without_intervals_is_ignored_with_a_note() {
    let targets = selection("futures_um,futures_cm", "bookDepth", "BTC*", "100ms")
        .targets(&matrix())
        .unwrap();
    assert_eq!(names(&targets), ["futures_um bookDepth", "futures_cm bookDepth"]);
    assert_eq!(targets.targets[0].intervals, None);
    assert_eq!(
        notes(&targets),
        ["futures_um, futures_cm bookDepth: has no intervals; 100ms is ignored"]
    );
}

#[test]
fn an_interval_that_no_market_has_is_an_error_that_lists_the_valid_ones() {
    for interval in ["100ms", "7m"] {
        let error = selection("spot", "klines", "BTCUSDT", interval)
            .targets(&matrix())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("klines: unknown interval `{interval}`; expected 1s, 1m")),
            "{error}"
        );
        assert!(error.ends_with("1mo"), "{error}");
    }
}

#[test]
fn an_interval_that_this_market_lacks_is_left_out_with_a_note() {
    let targets =
        selection("spot,futures_um", "klines", "BTCUSDT", "1s,1M").targets(&matrix()).unwrap();
    let intervals: Vec<_> =
        targets.targets.iter().map(|target| join(target.intervals.iter().flatten())).collect();
    assert_eq!(intervals, ["1s, 1mo", "1mo"]);
    assert_eq!(notes(&targets), ["futures_um klines: has no interval 1s; left out"]);
    assert_eq!(targets.targets[1].frequencies, [Frequency::Monthly], "1mo has no daily archives");

    let error = selection("futures_um", "klines", "BTCUSDT", "1s")
        .targets(&matrix())
        .unwrap_err()
        .to_string();
    assert!(error.contains("futures_um klines: has no interval 1s"), "{error}");
}

#[test]
fn what_exists_at_the_other_frequency_only_is_told() {
    let mut wish = selection("futures_um", "fundingRate,klines", "BTCUSDT", "");
    let targets = wish.targets(&matrix()).unwrap();
    assert!(
        notes(&targets)[0].contains("fundingRate: exists per month only"),
        "{:?}",
        notes(&targets)
    );

    wish.frequency = FrequencyPolicy::Daily;
    let targets = wish.targets(&matrix()).unwrap();
    assert_eq!(names(&targets), ["futures_um klines"]);
    assert_eq!(notes(&targets), ["futures_um fundingRate: has no daily archives; left out"]);

    let mut weekly = selection("spot", "klines", "BTCUSDT", "1h,1w");
    weekly.frequency = FrequencyPolicy::Daily;
    let targets = weekly.targets(&matrix()).unwrap();
    assert_eq!(
        notes(&targets),
        ["spot klines: 1w is published as monthly archives only; left out"]
    );
    assert_eq!(targets.targets[0].intervals_at(Frequency::Daily), ["1h".parse().ok()]);
}

#[test]
fn what_was_never_published_or_withdrawn_is_told_and_still_looked_for() {
    let targets = selection("spot,futures_um", "bookTicker,liquidationSnapshot", "BTC*", "")
        .targets(&matrix())
        .unwrap();
    assert_eq!(
        names(&targets),
        ["spot bookTicker", "futures_um bookTicker", "futures_um liquidationSnapshot"]
    );
    let found = notes(&targets).join("\n");
    assert!(found.contains("spot bookTicker: was never published"), "{found}");
    assert!(found.contains("futures_um bookTicker: its last archive is of 2024-04-30"), "{found}");
    assert!(found.contains("futures_um liquidationSnapshot: was withdrawn"), "{found}");
}

#[test]
fn what_ended_before_the_dates_is_planned_empty_without_an_error() {
    let mut wish = selection("futures_um", "bookTicker", "BTCUSDT", "");
    wish.dates.start = Some(date("2025-01-01"));
    let targets = wish.targets(&matrix()).unwrap();
    assert!(targets.targets.is_empty());
    assert!(notes(&targets)[0].contains("its last archive is of 2024-04-30"));
}

#[test]
fn symbols_per_market_choose_the_markets_unless_those_are_named() {
    let list = |text: &str| SymbolList::parse(&[text]).unwrap();
    let lists = [(Market::Spot, list("BTCUSDT")), (Market::FuturesCm, list("BTCUSD_PERP"))];
    let mut wish = selection("", "klines", "", "");
    wish.symbols = SymbolFilter::PerMarket(lists.into());
    assert_eq!(names(&wish.targets(&matrix()).unwrap()), ["spot klines", "futures_cm klines"]);

    wish.markets = vec![Market::Spot, Market::FuturesUm];
    let targets = wish.targets(&matrix()).unwrap();
    assert_eq!(names(&targets), ["spot klines"]);
    let found = notes(&targets).join("\n");
    assert!(
        found.contains("futures_um: no symbols are given")
            && found.contains("futures_cm: symbols are given"),
        "{found}"
    );
}
