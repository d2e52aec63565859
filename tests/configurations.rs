//! Existing configurations run unchanged on a source of one's own; a difference between them and
//! the archive is reported once.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::command::{Run, run};
use crate::support::samples::{identify, sample_folder};
use crate::support::shared::collection_configs;
use crate::support::test_lake::TestLake;

const DAY: &str = "2025-07-15";

/// Makes the archives of one day that the configurations ask for, in every market.
fn archives() -> TempDir {
    let mut keys = vec![
        "data/option/daily/BVOLIndex/BTCBVOLUSDT/BTCBVOLUSDT-BVOLIndex-2025-07-15.zip".to_owned(),
    ];
    keys.push(
        "data/option/daily/BVOLIndex/ETHBVOLUSDT/ETHBVOLUSDT-BVOLIndex-2025-07-15.zip".to_owned(),
    );
    let coins = ["BTCUSDT", "ETHUSDT", "ADAUSDT"];
    for (market, symbols) in [
        ("spot", &coins[..]),
        ("futures/um", &coins),
        ("futures/cm", &["BTCUSD_PERP", "ETHUSD_PERP"]),
    ] {
        for symbol in symbols {
            for interval in ["1m", "5m", "1h", "1d"] {
                keys.push(format!(
                    "data/{market}/daily/klines/{symbol}/{interval}/{symbol}-{interval}-{DAY}.zip"
                ));
            }
            keys.push(format!("data/{market}/daily/trades/{symbol}/{symbol}-trades-{DAY}.zip"));
            if market != "spot" {
                keys.push(format!(
                    "data/{market}/monthly/fundingRate/{symbol}/{symbol}-fundingRate-2025-07.zip"
                ));
            }
        }
    }
    sample_folder(&keys.iter().map(|key| identify(key)).collect::<Vec<_>>())
}

fn config(name: &str) -> PathBuf {
    let found = collection_configs().into_iter().find(|file| file.ends_with(name));
    found.unwrap_or_else(|| panic!("{name}"))
}

fn ingest(lake: &TestLake, config: &Path, source: &Path, flags: &[&str]) -> Run {
    let fixed = ["--config", config.to_str().unwrap(), "--source", source.to_str().unwrap()];
    lake.run("ingest", &[&fixed[..], flags].concat())
}

#[track_caller]
fn assert_reported_once(run: &Run, what: &str) {
    assert_eq!(run.stderr.matches(what).count(), 1, "`{what}` in {run}");
}

#[tokio::test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
async fn every_existing_configuration_ingests_what_it_asks_for() {
    let source = archives();
    let one_symbol = ["--market", "spot", "--symbol", "BTCUSDT", "--data-type", "trades"];
    for config in collection_configs() {
        let name = config.file_stem().unwrap().to_str().unwrap();
        let (archives, flags) = match name {
            "basic" => (12, &[][..]),
            "four_markets" => (24, &[][..]),
            "full_market" => (47, &[][..]),
            "legacy" => (4, &[][..]),
            "multi_market_research" => (29, &[][..]),
            "spot_only" => (6, &[][..]),
            _ => (1, &one_symbol[..]),
        };
        let lake = TestLake::new();
        let run = ingest(&lake, &config, source.path(), flags);
        assert_eq!(run.code, Some(0), "{name}: {run}");
        assert!(
            run.stderr.contains(&format!("archives: {archives} new, 0 skipped, 0 corrected,")),
            "{name}: {run}"
        );
        let ledger = "SELECT status, count(*) FROM meta.archives GROUP BY status";
        assert_eq!(lake.value(ledger).await, format!("ingested | {archives}"), "{name}");
    }
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn what_the_archive_has_otherwise_than_a_configuration_says_is_reported_once() {
    let config = config("full_market.json");
    let run = ingest(&TestLake::new(), &config, archives().path(), &[]);
    for message in [
        "options BVOLIndex: BTC stands for BTCBVOLUSDT",
        "options BVOLIndex: ETH stands for ETHBVOLUSDT",
        "options BVOLIndex: has no intervals; 1h, 1d is ignored",
        "fundingRate: exists per month only",
        "futures_um liquidationSnapshot: was withdrawn from the public archive",
        "futures_cm liquidationSnapshot: its last archive is of 2024-10-14",
        "--no-sign-request in `s5cmd_extra_args` has no meaning here and is ignored",
    ] {
        assert_reported_once(&run, message);
    }
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn an_interval_of_a_data_type_without_any_is_ignored_with_a_note() {
    let config = config("spot_only.json");
    let run = ingest(&TestLake::new(), &config, archives().path(), &[]);
    assert_reported_once(&run, "spot bookDepth: has no intervals; 100ms is ignored");
    assert_reported_once(&run, "spot bookDepth: was never published on the public archive");
}

#[tokio::test]
async fn option_symbols_of_existing_configurations_stand_for_those_of_each_data_type() {
    let folder = sample_folder(&[
        identify("data/option/daily/EOHSummary/BTCUSDT/BTCUSDT-EOHSummary-2023-10-20.zip"),
        identify("data/option/daily/BVOLIndex/BTCBVOLUSDT/BTCBVOLUSDT-BVOLIndex-2023-10-20.zip"),
    ]);
    let lake = TestLake::new();
    let source = folder.path().to_str().unwrap();
    let run = lake.run("ingest", &["--market", "options", "--symbol", "BTC", "--source", source]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_reported_once(&run, "options BVOLIndex: BTC stands for BTCBVOLUSDT");
    assert_reported_once(&run, "options EOHSummary: BTC stands for BTCUSDT");
    assert_eq!(
        lake.rows("SELECT symbol FROM meta.archives ORDER BY symbol").await,
        ["BTCBVOLUSDT", "BTCUSDT"]
    );
}

#[test]
fn a_name_in_a_configuration_that_means_nothing_is_refused_with_the_valid_ones() {
    let folder = tempfile::tempdir().unwrap();
    for (text, named, valid) in [
        (
            r#"{"symbols": ["A"], "data_types": ["klins"]}"#,
            "unknown data type `klins`",
            "BVOLIndex, EOHSummary",
        ),
        (
            r#"{"symbols": ["A"], "markets": ["sopt"]}"#,
            "unknown market `sopt`",
            "spot, futures_um, futures_cm, options",
        ),
        (r#"{"symbols": ["A"], "batchsize": 7}"#, "unknown option `batchsize`", "batch_size"),
        (
            r#"{"markets": ["spot"], "symbols": ["A"],
                "data_types": ["klines"], "intervals": {"klines": ["7m"]}}"#,
            "7m",
            "1m, 3m, 5m",
        ),
    ] {
        let file = folder.path().join("own.json");
        std::fs::write(&file, text).unwrap();
        let refused = run(&["ingest", "--config", file.to_str().unwrap(), "--source", "."]);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{text}: {refused}");
        let message = &refused.stderr;
        assert!(
            message.contains("own.json") && message.contains(named) && message.contains(valid),
            "{text}: {message}"
        );
    }
}

#[test]
fn a_matrix_file_that_is_missing_is_an_error_unless_it_means_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.json");
    std::fs::write(&file, r#"{"symbols": ["A"], "matrix_path": "mine.toml"}"#).unwrap();
    let refused = run(&["ingest", "--config", file.to_str().unwrap(), "--source", "."]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused}");
    assert!(refused.stderr.contains("mine.toml"), "{refused}");
}
