//! Settings: what wins over what, and what configuration files may say.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use chrono::NaiveDate;
use clap::Parser;
use lakehouse::cli::{Cli, Command, Stage};
use lakehouse::settings::{Environment, IngestSettings, Settings, SettingsError};
use lakehouse::source::location::SourceUrl;
use lakehouse_core::names::market::{DataType, Market};
use lakehouse_core::selection::{FrequencyPolicy, IntervalFilter};

use crate::support::command::{Run, lakehouse};
use crate::support::shared::collection_configs;

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 5, 8).unwrap()
}

fn resolve_in(
    environment: Environment,
    arguments: &[&str],
) -> Result<IngestSettings, SettingsError> {
    let cli = Cli::try_parse_from(["lakehouse", "ingest"].iter().chain(arguments)).unwrap();
    let Command::Ingest(flags) = cli.command else { panic!("not an ingest") };
    Settings::resolve(&cli.global, environment)?.ingest(&flags, today())
}

fn resolve(arguments: &[&str]) -> Result<IngestSettings, SettingsError> {
    resolve_in(Environment::default(), arguments)
}

/// Resolves flags together with a configuration file.
fn resolve_with(
    name: &str,
    config: &str,
    arguments: &[&str],
) -> Result<IngestSettings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, config).unwrap();
    let with_config = [&["--config", file.to_str().unwrap()], arguments].concat();
    resolve(&with_config)
}

#[test]
fn what_is_left_out_has_the_documented_defaults() {
    let settings = resolve(&["--symbol", "BTCUSDT"]).unwrap();
    assert_eq!(
        (settings.lake.as_str(), settings.source.expose()),
        ("./lake", "https://data.binance.vision")
    );
    assert_eq!(settings.listing, None, "the public archive knows its own");
    assert_eq!((settings.batch_size, settings.fetch.parallel), (100, 8));
    assert!(settings.fetch.checksum && settings.fetch.resume && !settings.fetch.force);
    assert_eq!((settings.fetch.bandwidth, settings.stage), (None, Stage::Gold));
    assert_eq!(settings.selection.frequency, FrequencyPolicy::Auto);
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let config = "symbols = ['BTCUSDT']\nlake = 'of-file'\nbatch_size = 7\nretries = 1\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lake.toml");
    fs::write(&file, config).unwrap();
    let environment = || Environment {
        lake: Some("of-environment".to_owned()),
        config: Some(file.clone()),
        ..Environment::default()
    };
    let both = resolve_in(environment(), &["--batch-size", "9"]).unwrap();
    assert_eq!(
        (both.lake.as_str(), both.batch_size, both.fetch.retry.retries),
        ("of-environment", 9, 1)
    );
    let all = resolve_in(environment(), &["--lake", "of-flag"]).unwrap();
    assert_eq!((all.lake.as_str(), all.batch_size), ("of-flag", 7));
    let file_only = resolve(&["--config", file.to_str().unwrap()]).unwrap();
    assert_eq!(file_only.lake, "of-file");
    assert!(file_only.notes.iter().any(|note| note.contains("of-file")), "{:?}", file_only.notes);
}

#[test]
fn whoever_names_a_source_does_not_get_the_listing_of_another() {
    let environment = Environment {
        source: Some("http://a".to_owned()),
        listing: Some("http://list.a".to_owned()),
        ..Environment::default()
    };
    let same = resolve_in(environment.clone(), &["--all"]).unwrap();
    assert_eq!(
        (same.source.expose(), same.listing.as_ref().map(SourceUrl::expose)),
        ("http://a", Some("http://list.a"))
    );
    let other = resolve_in(environment.clone(), &["--all", "--source", "./mirror"]).unwrap();
    assert_eq!((other.source.expose(), other.listing), ("./mirror", None));
    let listing = resolve_in(environment, &["--all", "--listing", "http://b"]).unwrap();
    assert_eq!(
        (listing.source.expose(), listing.listing.as_ref().map(SourceUrl::expose)),
        ("http://a", Some("http://b"))
    );
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn every_existing_configuration_is_accepted_and_those_for_tuning_combine_with_flags() {
    for file in collection_configs() {
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut arguments = vec!["--config", file.to_str().unwrap()];
        if name.starts_with("tuning_") {
            let alone = resolve(&arguments);
            assert!(matches!(alone, Err(SettingsError::TooBroad)), "{name}");
            arguments.extend(["--symbol", "BTCUSDT"]);
        }
        let settings = resolve(&arguments).unwrap_or_else(|error| panic!("{name}: {error}"));
        settings
            .selection
            .targets(&settings.matrix)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
#[cfg_attr(not(collection_configs), ignore = "there is no ../shared/collection-configs")]
fn options_of_an_external_downloader_are_mapped_or_named_in_a_warning() {
    let configs = collection_configs();
    let config =
        configs.iter().find(|file| file.ends_with("tuning_network_resilient.json")).unwrap();
    let settings = resolve(&["--config", config.to_str().unwrap(), "--all"]).unwrap();
    assert_eq!(
        (settings.timeouts.idle, settings.fetch.retry.retries),
        (Duration::from_secs(900), 5)
    );
    assert!(
        settings.warnings.iter().any(|warning| warning.contains("--part-size=50MB")),
        "{:?}",
        settings.warnings
    );
}

#[test]
fn the_output_directory_of_an_existing_configuration_is_the_lake() {
    let config = r#"{"symbols": ["BTCUSDT"], "output_directory": "output/data"}"#;
    assert_eq!(resolve_with("c.json", config, &[]).unwrap().lake, "output/data");
    assert_eq!(resolve_with("c.json", config, &["--lake", "elsewhere"]).unwrap().lake, "elsewhere");
}

#[test]
fn the_format_of_a_file_without_a_telling_name_is_seen_from_its_content() {
    assert_eq!(
        resolve_with("config", "\u{feff} {\"symbols\": [\"A\"], \"batch_size\": 3}", &[])
            .unwrap()
            .batch_size,
        3
    );
    assert_eq!(
        resolve_with("config", "symbols = ['A']\nbatch_size = 4", &[]).unwrap().batch_size,
        4
    );
}

#[test]
fn a_flag_replaces_what_the_file_says_of_the_same_thing_and_nothing_else() {
    let config = "markets = ['spot', 'futures_um']\nsymbols = ['BTCUSDT']\n\
                  data_types = ['klines', 'trades']\n\
                  [intervals]\nklines = ['1h']\n[date_range]\nstart = '2024-01'\nend = '2024-03'\n";
    let flags = [
        "--market",
        "spot",
        "--data-type",
        "premiumIndexKlines",
        "--interval",
        "1d,1M",
        "--end",
        "2024-02",
    ];
    let selection = resolve_with("c.toml", config, &flags).unwrap().selection;
    assert_eq!(
        (selection.markets, selection.data_types),
        (vec![Market::Spot], vec![DataType::new("premiumIndex")])
    );
    assert_eq!(
        selection.intervals,
        IntervalFilter::Everywhere(vec!["1d".to_owned(), "1mo".to_owned()])
    );
    assert_eq!(selection.dates.to_string(), "2024-01-01 to 2024-02-29");
    assert!(selection.symbols.matches(Market::Spot, &"BTCUSDT".parse().unwrap()));
    let last = resolve_with("c.toml", config, &["--last", "2d"]).unwrap().selection;
    assert_eq!(last.dates.to_string(), "2026-05-06 to 2026-05-08");
}

#[test]
fn dates_that_end_before_they_start_are_refused() {
    let error = resolve(&["--symbol", "A", "--start", "2024-03", "--end", "2024-02"]).unwrap_err();
    assert_eq!(error.to_string(), "the dates end on 2024-02-29, before they start on 2024-03-01");
}

#[test]
fn flags_that_exclude_symbols_do_not_make_a_selection_narrow() {
    assert!(matches!(resolve(&["--symbol", "!BTC*"]), Err(SettingsError::TooBroad)));
    assert!(resolve(&["--symbol", "!BTC*", "--all"]).is_ok());
    assert!(resolve_with("c.toml", "data_types = ['fundingRate']", &[]).is_ok());
    assert!(
        resolve_with("c.toml", "data_types = ['fundingRate']", &["--symbol", "!BTC*"]).is_err()
    );
}

#[test]
fn the_matrix_of_existing_configurations_is_the_built_in_one_whether_or_not_there_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.json");
    fs::write(
        &config,
        r#"{"matrix_path": "enhanced_binance_archive_matrix.json", "symbols": ["A"]}"#,
    )
    .unwrap();
    let absent = resolve(&["--config", config.to_str().unwrap()]).unwrap();
    assert!(!absent.notes.iter().any(|note| note.contains("built-in")), "{:?}", absent.notes);
    fs::write(folder.path().join("enhanced_binance_archive_matrix.json"), "{}").unwrap();
    let present = resolve(&["--config", config.to_str().unwrap()]).unwrap();
    assert!(
        present.notes.iter().any(|note| note.contains("the built-in matrix is used")),
        "{:?}",
        present.notes
    );
    assert_eq!(absent.matrix, present.matrix);
}

#[test]
fn a_matrix_file_lies_beside_the_configuration_and_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    fs::write(&config, "matrix_path = 'own.toml'\nsymbols = ['A']\n").unwrap();
    let absent = resolve(&["--config", config.to_str().unwrap()]).unwrap_err().to_string();
    assert_eq!(absent, "the matrix file own.toml cannot be read");
    fs::write(folder.path().join("own.toml"), "[[nonsense]]\n").unwrap();
    let wrong = resolve(&["--config", config.to_str().unwrap()]).unwrap_err().to_string();
    assert!(wrong.contains("own.toml, line 1, `nonsense`"), "{wrong}");
}

#[test]
fn a_bandwidth_is_a_size_in_flag_and_file() {
    assert_eq!(
        resolve(&["--all", "--bandwidth", "20MiB"]).unwrap().fetch.bandwidth,
        Some(20 * 1024 * 1024)
    );
    assert_eq!(
        resolve_with("c.toml", "bandwidth = '1kB'", &["--all"]).unwrap().fetch.bandwidth,
        Some(1000)
    );
    let error = resolve_with("c.toml", "bandwidth = 'fast'", &["--all"]).unwrap_err().to_string();
    assert!(
        error.contains("`bandwidth`: invalid value `fast`; expected bytes per second"),
        "{error}"
    );
}

#[test]
fn a_variable_that_is_no_text_is_an_error_that_names_it_and_a_path_may_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let odd = OsString::from_vec(b"lake\xff".to_vec());
    for variable in ["LAKEHOUSE_LAKE", "LAKEHOUSE_SOURCE", "LAKEHOUSE_LISTING"] {
        let mut program = lakehouse(folder.path());
        let run = Run::from(program.env(variable, &odd).arg("status").output().unwrap());
        assert_eq!(run.code, Some(2), "{run}");
        let words = format!("the environment variable {variable} is not text in UTF-8: `lake");
        assert!(run.stderr.contains(&words), "{run}");
    }
    let config = folder.path().join(OsString::from_vec(b"\xff.toml".to_vec()));
    fs::write(&config, "lake = \"elsewhere\"\n").unwrap();
    let mut program = lakehouse(folder.path());
    let run = program.env("LAKEHOUSE_CONFIG", &config).args(["config", "show"]).output().unwrap();
    let run = Run::from(run);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("elsewhere"), "{run}");
}
