use std::path::Path;

use super::*;
use crate::matrix::Matrix;
use crate::names::period::Period;
use crate::selection::Targets;

fn today() -> NaiveDate {
    "2026-11-20".parse::<Period>().unwrap().start()
}

/// Reads an existing configuration.
fn existing(name: &str) -> FileOptions {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/collection-configs");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    parse_collection(name, &text).unwrap()
}

fn targets(options: &FileOptions) -> Targets {
    let matrix = Matrix::builtin().unwrap();
    options.selection(&matrix, today()).unwrap().targets(&matrix).unwrap()
}

fn notes(targets: &Targets) -> String {
    targets.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn combinations(targets: &Targets) -> Vec<String> {
    let rows = targets.targets.iter().map(|target| &target.combination);
    rows.map(|row| format!("{}/{}", row.market, row.data_type)).collect()
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn the_basic_configuration_is_two_markets_and_one_day() {
    let options = existing("basic.json");
    let targets = targets(&options);
    let expected = ["spot/klines", "spot/trades", "futures_um/klines", "futures_um/trades"];
    assert_eq!(combinations(&targets), expected);
    assert_eq!(targets.dates.to_string(), "2025-07-15 to 2025-07-15");
    assert_eq!(options.lake.as_deref(), Some("output/data"));
    assert_eq!(options.matrix_path.as_deref(), Some(BUILTIN_MATRIX));
    assert_eq!((notes(&targets).as_str(), options.warnings.len()), ("", 0));
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn four_markets_have_symbols_of_their_own_and_the_archive_wins_where_they_differ() {
    let options = existing("four_markets.json");
    let targets = targets(&options);
    let text = notes(&targets);
    assert!(combinations(&targets).contains(&"futures_cm/fundingRate".to_owned()));
    assert!(text.contains("options BVOLIndex: BTC stands for BTCBVOLUSDT"), "{text}");
    assert!(text.contains("options BVOLIndex: has no intervals; 1h, 1d is ignored"), "{text}");
    assert!(text.contains("futures_um, futures_cm fundingRate: exists per month only"), "{text}");
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn intervals_of_data_types_that_are_not_selected_are_told_and_not_refused() {
    let options = existing("full_market.json");
    let text = notes(&targets(&options));
    assert!(
        text.contains("bookDepth, indexPriceKlines, markPriceKlines: intervals are given"),
        "{text}"
    );
    assert!(
        text.contains("futures_cm liquidationSnapshot: its last archive is of 2024-10-14"),
        "{text}"
    );
    assert_eq!((options.batch_size, options.max_parallel_downloads), (Some(100), Some(8)));
    assert_eq!((options.retries, options.resume), (Some(3), Some(true)));
    assert!(options.warnings[0].contains("--no-sign-request"), "{:?}", options.warnings);
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn a_configuration_from_before_there_were_markets_means_spot() {
    let options = existing("legacy.json");
    assert_eq!(combinations(&targets(&options)), ["spot/klines"]);
    assert!(options.warnings[0].contains("spot is meant"), "{:?}", options.warnings);
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn configurations_without_intervals_or_dates_mean_all_of_them() {
    let options = existing("multi_market_research.json");
    let targets = targets(&options);
    assert_eq!(targets.dates, DateRange::default());
    assert!(targets.targets.iter().all(|target| target.intervals.is_none()));
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn book_depth_of_spot_is_planned_and_told_never_to_have_been_published() {
    let options = existing("spot_only.json");
    let text = notes(&targets(&options));
    assert!(text.contains("spot bookDepth: was never published"), "{text}");
    assert!(text.contains("spot bookDepth: has no intervals; 100ms is ignored"), "{text}");
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn configurations_that_only_tune_select_nothing() {
    for name in [
        "tuning_high_performance.json",
        "tuning_memory_optimized.json",
        "tuning_network_resilient.json",
    ] {
        let options = existing(name);
        assert!(!options.selects(), "{name}");
    }
    let memory = existing("tuning_memory_optimized.json");
    assert_eq!((memory.batch_size, memory.max_parallel_downloads), (Some(20), Some(2)));
    assert_eq!(memory.warnings.len(), 2, "{:?}", memory.warnings);
    let network = existing("tuning_network_resilient.json");
    assert_eq!(
        (network.timeout_seconds, network.retries, network.checksum),
        (Some(900), Some(5), Some(true))
    );
    assert!(network.warnings[0].contains("--part-size=50MB"), "{:?}", network.warnings);
}

fn error(text: &str) -> String {
    let matrix = Matrix::builtin().unwrap();
    let read =
        parse_collection("c.json", text).and_then(|options| options.selection(&matrix, today()));
    read.unwrap_err().to_string()
}

#[test]
fn what_is_unknown_is_named_with_its_line_and_the_valid_names() {
    let table = [
        (
            "{\n\"makrets\": []\n}",
            "c.json, line 2, `makrets`: unknown option `makrets`; expected markets, data_types",
        ),
        (
            "{\"markets\": [\n\"spott\"]}",
            "line 2, `markets`: unknown market `spott`; expected spot, futures_um",
        ),
        (
            "{\"data_types\": [\"klines\",\n\n\"kline\"]}",
            "line 3, `data_types`: unknown data type `kline`; expected klines",
        ),
        ("{\"symbols\": {\"um\":\n[]}}", "`symbols.um`: unknown market `um`"),
        ("{\"symbols\": [\"BTC USDT\"]}", "`symbols`: unknown symbol `BTC USDT`"),
        (
            "{\"intervals\": {\"klines\": [\"1h\",\n\"100ms\"]}}",
            "line 2, `intervals.klines`: unknown interval `100ms`",
        ),
        ("{\"intervals\": {\"klinez\": []}}", "`intervals.klinez`: unknown data type `klinez`"),
        (
            "{\"date_range\": {\"from\": \"2025\"}}",
            "`date_range.from`: unknown option `from`; expected start, end",
        ),
        (
            "{\"date_range\": {\"start\": \"2025-7-1\"}}",
            "unknown date `2025-7-1`; expected YYYY-MM-DD or YYYY-MM",
        ),
        ("{\"batch_size\": 0}", "`batch_size`: expected a whole number from 1, found the number 0"),
        (
            "{\"enable_resume\": \"yes\"}",
            "`enable_resume`: expected true or false, found the text `yes`",
        ),
        (
            "{\"workflow_type\": \"live\"}",
            "unknown workflow type `live`; expected archive_collection",
        ),
        (
            "{\"s5cmd_extra_args\": [\"--retry-count=x\"]}",
            "`--retry-count` expects a whole number, found `x`",
        ),
        (
            "{\"frequency\": \"weekly\"}",
            "unknown frequency `weekly`; expected auto, daily, monthly",
        ),
        (
            "{\"lake\": \"a\", \"output_directory\": \"b\"}",
            "`output_directory`: `lake` says it already",
        ),
        ("[]", "expected a table, found a list"),
    ];
    for (text, expected) in table {
        let found = error(text);
        assert!(found.contains(expected), "{text}\n  {found}\n  {expected}");
    }
}

#[test]
fn numbers_of_an_external_downloader_count_where_the_file_does_not_say_them_itself() {
    let read = |text: &str| parse_collection("c.json", text).unwrap();
    let mapped = read(r#"{"s5cmd_extra_args": ["--numworkers", "4", "-r", "2"]}"#);
    assert_eq!((mapped.max_parallel_downloads, mapped.retries), (Some(4), Some(2)));
    assert!(mapped.warnings.is_empty());
    for text in [
        r#"{"s5cmd_extra_args": ["--numworkers=4"], "max_parallel_downloads": 8}"#,
        r#"{"max_parallel_downloads": 8, "s5cmd_extra_args": ["--numworkers=4"]}"#,
    ] {
        assert_eq!(read(text).max_parallel_downloads, Some(8), "{text}");
    }
}

#[test]
fn toml_and_json_say_the_same_with_the_same_words() {
    let toml = "markets = ['spot']\nbatch_size = 5\nlake = 'l'\n[symbols]\nspot = ['BTC*']\n\
                [intervals]\nklines = ['1M']\n[date_range]\nstart = 2025-07-01\nend = '2025-07'\n";
    let json = r#"{"markets": ["spot"], "batch_size": 5, "lake": "l", "symbols": {"spot": ["BTC*"]},
                   "intervals": {"klines": ["1M"]},
                   "date_range": {"start": "2025-07-01", "end": "2025-07"}}"#;
    let matrix = Matrix::builtin().unwrap();
    let (toml, json) =
        (parse_settings_toml("c", toml).unwrap(), parse_collection("c", json).unwrap());
    assert_eq!(toml.selection(&matrix, today()), json.selection(&matrix, today()));
    assert_eq!((toml.batch_size, &toml.lake), (json.batch_size, &json.lake));
    assert_eq!(targets(&json).targets[0].intervals, Some(vec!["1mo".parse().unwrap()]));
}

#[test]
fn toml_without_markets_means_all_of_them() {
    let options =
        parse_settings_toml("c.toml", "symbols = ['BTCUSDT']\nlast = '7d'\nsource = 'mirror'\n")
            .unwrap();
    assert_eq!((options.markets.as_ref(), options.warnings.len()), (None, 0));
    assert_eq!(options.date_range(today()).to_string(), "2026-11-13 to 2026-11-20");
    let error = parse_settings_toml("c.toml", "a = 1\n").unwrap_err();
    assert_eq!((error.line, error.key.as_str()), (1, "a"));
}
