//! The command line: what it accepts, what it refuses, and what goes to which output.

use std::fs;
use std::process::Stdio;

use clap::CommandFactory;
use insta::assert_snapshot;
use lakehouse::cli::Cli;

use crate::support::command::{lakehouse, run};

#[test]
fn the_definition_of_the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_explains_itself() {
    for command in Cli::command().get_subcommands().map(|command| command.get_name().to_owned()) {
        let command = command.as_str();
        let run = run(&[command, "--help"]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{command}");
        assert!(run.stdout.contains(&format!("Usage: lakehouse {command}")), "{command}");
    }
}

#[test]
fn the_matrix_is_a_table_with_a_line_for_each_combination() {
    let run = run(&["matrix"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 29);
    assert!(lines[0].starts_with("market      data type"), "{}", lines[0]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let spot_klines = lines.iter().find(|line| line.starts_with("spot        klines ")).unwrap();
    assert_eq!(words(spot_klines)[..4], ["spot", "klines", "silver.klines", "active"]);
    assert!(run.stdout.contains("silver.book_depth            never "));
}

#[test]
fn the_matrix_as_json_has_status_intervals_and_pattern_of_each_combination() {
    let run = run(&["matrix", "--format", "json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(rows.len(), 29);
    let row = |market: &str, data_type: &str| {
        let found =
            rows.iter().find(|row| row["market"] == market && row["data_type"] == data_type);
        found.unwrap_or_else(|| panic!("{market} {data_type}"))
    };
    let funding = row("futures_um", "fundingRate");
    assert_eq!(
        (funding["daily"].is_null(), funding["monthly"].as_array().unwrap().len()),
        (true, 0)
    );
    let options = row("options", "EOHSummary");
    assert_eq!(
        (options["status"].as_str(), options["until"].as_str()),
        (Some("ended"), Some("2023-10-23"))
    );
    assert_eq!(options["symbol_aliases"]["BTC"], "BTCUSDT");
    assert_eq!(row("spot", "klines")["monthly"].as_array().unwrap().last().unwrap(), "1mo");
    assert!(
        row("futures_cm", "premiumIndex")["pattern"]
            .as_str()
            .unwrap()
            .contains("/premiumIndexKlines/")
    );
}

#[test]
fn completions_name_the_commands_and_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let run = run(&["completions", shell]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(
            run.stdout.contains("ingest") && run.stdout.contains("max-parallel-downloads"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = lakehouse(folder.path());
    let mut child =
        command.arg("matrix").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_value_that_means_nothing_is_refused_with_the_valid_ones() {
    assert_snapshot!(run(&["plan", "--market", "fututres_um"]), @r"
    exit code: 2
    --- stdout
    --- stderr
    error: invalid value 'fututres_um' for '--market <MARKET>': unknown market `fututres_um`; expected spot, futures_um, futures_cm, options
    ");
    assert_snapshot!(run(&["plan", "--symbol", "BTCUSDT", "--data-type", "klins"]), @r"
    exit code: 2
    --- stdout
    --- stderr
    error: --data-type: unknown data type `klins`; expected klines, trades, aggTrades, bookDepth, bookTicker, fundingRate, premiumIndex, metrics, indexPriceKlines, markPriceKlines, liquidationSnapshot, BVOLIndex, EOHSummary
    ");
    assert_snapshot!(run(&["ingest", "--stage", "iron"]), @r"
    exit code: 2
    --- stdout
    --- stderr
    error: invalid value 'iron' for '--stage <STAGE>'
      [possible values: bronze, silver, gold]
      tip: a similar value exists: 'bronze'
    ");
}

#[test]
fn each_flag_says_what_it_expects() {
    let expected = [
        ("--interval", "1x", "expected a bar length such as 1s"),
        ("--start", "2024-3-1", "expected YYYY-MM-DD or YYYY-MM"),
        ("--last", "7", "expected days or weeks such as 7d or 2w"),
        ("--frequency", "hourly", "expected auto, daily, monthly"),
        ("--symbol", "BTC USDT", "expected a folder name of the archive such as BTCUSDT"),
        ("--batch-size", "0", "expected a whole number from 1"),
        ("--max-parallel-downloads", "many", "expected a whole number from 1"),
        ("--retries", "-1", "expected a whole number from 0"),
        ("--bandwidth", "fast", "expected bytes per second such as 20MiB"),
        ("--lake", "", "expected a text that is not empty"),
        ("--progress", "sometimes", "auto, always, never"),
        ("--format", "xml", "text, json"),
    ];
    for (flag, value, expectation) in expected {
        let run = run(&["plan", &format!("{flag}={value}")]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{flag}");
        assert!(
            run.stderr.contains(flag) && run.stderr.contains(expectation),
            "{flag}: {}",
            run.stderr
        );
    }
}

#[test]
fn an_interval_that_no_market_has_is_refused_with_those_there_are() {
    let run = run(&["plan", "--symbol", "BTCUSDT", "--data-type", "klines", "--interval", "7h"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("klines: unknown interval `7h`; expected 1s, 1m, 3m"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_selection_without_symbols_is_refused_with_a_hint() {
    let selection = ["ingest", "--market", "spot", "--data-type", "klines", "--last", "7d"];
    assert_snapshot!(run(&selection), @r"
    exit code: 2
    --- stdout
    --- stderr
    error: no symbols are selected, which could be the whole archive: many terabytes
    hint: name some with --symbol 'BTC*', use a configuration file with --config, or select everything with --all
    ");
}

#[test]
fn a_configuration_that_cannot_be_read_is_named_with_the_reason() {
    assert_snapshot!(run(&["matrix", "--config", "absent.toml"]), @r"
    exit code: 2
    --- stdout
    --- stderr
    error: the configuration file absent.toml cannot be read
      because: No such file or directory
    ");
}

#[test]
fn an_option_that_is_not_known_is_named_with_its_line_and_the_valid_ones() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lake.toml"), "symbols = ['BTCUSDT']\nmax_paralel = 4\n").unwrap();
    let output = lakehouse(folder.path()).args(["plan", "--config", "lake.toml"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr.starts_with("error: lake.toml, line 2, `max_paralel`: unknown option `max_paralel`"),
        "{stderr}"
    );
    assert!(stderr.contains("max_parallel_downloads"), "{stderr}");
}

#[test]
fn a_filter_of_logs_that_cannot_be_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = lakehouse(folder.path()).arg("matrix").env("RUST_LOG", "a=b=c").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("RUST_LOG cannot be read as a filter of logs: `a=b=c`"), "{stderr}");
}

#[test]
fn a_statement_that_is_empty_is_refused() {
    let run = run(&["query", "  "]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(2), "error: the statement is empty\n"));
}
