//! Names of symbols that nothing has: said in words, with the name that was meant, and by the exit
//! code of every command that takes symbols.

use std::path::Path;

use tempfile::TempDir;

use crate::support::command::{Run, lakehouse, run};
use crate::support::samples::{identify, sample_folder, trades_key};

const MEANT: &str = "no symbol is named btcusdt: did you mean BTCUSDT?";

/// Returns a mirror with a day of trades of two symbols.
fn mirror() -> TempDir {
    let keys = ["BTCUSDT", "ETHUSDT"].map(|symbol| identify(&trades_key(symbol, "2026-11-19")));
    sample_folder(&keys)
}

/// Runs a command of spot trades on the lake `lake` in a folder.
fn on_source(folder: &Path, mirror: &TempDir, command: &str, flags: &[&str]) -> Run {
    let mut program = lakehouse(folder);
    program.args([command, "--lake", "lake", "--source"]).arg(mirror.path());
    program.args(["--market", "spot", "--data-type", "trades"]).args(flags);
    program.output().unwrap().into()
}

fn on_lake(folder: &Path, command: &str, flags: &[&str]) -> Run {
    let mut program = lakehouse(folder);
    program.args([command, "--lake", "lake"]).args(flags);
    program.output().unwrap().into()
}

#[track_caller]
fn assert_run(run: &Run, code: i32, text: &str) {
    assert_eq!(run.code, Some(code), "{run}");
    assert!(run.stderr.contains(text), "{run}");
}

#[test]
fn a_plan_of_nothing_but_a_misspelled_name_is_an_error_that_names_the_one_that_is_meant() {
    let (folder, mirror) = (tempfile::tempdir().unwrap(), mirror());
    let plan = |flags: &[&str]| on_source(folder.path(), &mirror, "plan", flags);
    for symbol in ["btcusdt", "BTC-USDT", "btc_usdt", "BTCUSD", "BTUCSDT"] {
        let run = plan(&["--symbol", symbol]);
        assert_run(&run, 2, &format!("no symbol is named {symbol}: did you mean BTCUSDT?"));
    }
    assert_run(&plan(&["--symbol", "btc*"]), 2, "did you mean BTC*?");
    let run = plan(&["--symbol", "btcusdt", "--format", "json"]);
    assert_run(&run, 2, MEANT);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let found = serde_json::json!([{"symbol": "btcusdt", "did_you_mean": ["BTCUSDT"]}]);
    assert_eq!(document["misspelled"], found);
}

#[test]
fn a_name_that_is_like_no_other_or_has_nothing_in_the_dates_is_no_error() {
    let (folder, mirror) = (tempfile::tempdir().unwrap(), mirror());
    let plan = |flags: &[&str]| on_source(folder.path(), &mirror, "plan", flags);
    let old = ["--start", "2026-01-01", "--end", "2026-01-02"];
    for flags in [&["--symbol", "LUNAUSDT"][..], &[&["--symbol", "BTCUSDT"][..], &old].concat()] {
        let run = plan(flags);
        assert_run(&run, 0, "no archive is published for ");
        assert!(!run.stderr.contains("did you mean"), "{run}");
    }
    let run = plan(&[&["--symbol", "BTC*"][..], &old].concat());
    assert_run(&run, 0, "");
    assert!(!run.stderr.contains("did you mean"), "{run}");
    let run = plan(&[&["--symbol", "btcusdt"][..], &old].concat());
    assert_run(&run, 2, MEANT);
}

#[test]
fn a_name_that_one_of_several_markets_has_is_found() {
    let (folder, mirror) = (tempfile::tempdir().unwrap(), mirror());
    let mut program = lakehouse(folder.path());
    program.args(["plan", "--lake", "lake", "--symbol", "BTCUSDT", "--source"]).arg(mirror.path());
    let run = Run::from(program.output().unwrap());
    assert_run(&run, 0, "futures_um klines");
    assert!(!run.stderr.contains("did you mean"), "{run}");
}

#[test]
fn an_ingest_lands_what_is_found_and_says_which_name_is_not() {
    let (folder, mirror) = (tempfile::tempdir().unwrap(), mirror());
    let ingest = |flags: &[&str]| on_source(folder.path(), &mirror, "ingest", flags);
    assert_run(&ingest(&["--symbol", "btcusdt"]), 2, MEANT);
    assert!(!folder.path().join("lake").exists(), "nothing is written");

    let run = ingest(&["--symbol", "ETHUSDT,btcusdt", "--stage", "silver", "--format", "json"]);
    assert_run(&run, 1, MEANT);
    let summary: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&summary["archives"]["new"], &summary["warnings"][0]), (&1.into(), &MEANT.into()));
}

#[test]
fn names_in_configuration_files_are_looked_at_too() {
    let (folder, mirror) = (tempfile::tempdir().unwrap(), mirror());
    let files = [
        ("some.toml", "symbols = [\"btcusdt\"]\n"),
        ("each.toml", "[symbols]\nspot = [\"btcusdt\"]\n"),
        ("some.json", "{\"symbols\": [\"btcusdt\"], \"data_types\": [\"trades\"]}"),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
        let run = on_source(folder.path(), &mirror, "plan", &["--config", name]);
        assert_run(&run, 2, MEANT);
    }
}

#[test]
fn commands_on_a_lake_that_holds_the_symbol_name_it() {
    let (folder, mirror) = (tempfile::tempdir().unwrap(), mirror());
    let refresh = |symbols: &str| -> Run {
        let selection = "markets = [\"spot\"]\ndata_types = [\"trades\"]\n";
        let file = folder.path().join("some.toml");
        std::fs::write(file, format!("{selection}symbols = [{symbols:?}]\n")).unwrap();
        let mut program = lakehouse(folder.path());
        program.args(["refresh", "--lake", "lake", "--config", "some.toml", "--source"]);
        program.arg(mirror.path()).output().unwrap().into()
    };
    assert_run(&refresh("btcusdt"), 2, MEANT);
    let flags = ["--symbol", "BTCUSDT", "--stage", "silver"];
    assert_run(&on_source(folder.path(), &mirror, "ingest", &flags), 0, "");
    assert_run(&refresh("btcusdt"), 1, MEANT);
    assert_run(&refresh("BTC*"), 0, "");

    for command in ["status", "verify", "report"] {
        let on_lake = |symbols: &str, code, text: &str| {
            let run = on_lake(folder.path(), command, &["--symbol", symbols]);
            assert_run(&run, code, text);
        };
        on_lake("BTCUSDT", 0, "");
        on_lake("btcusdt", 2, MEANT);
        on_lake("BTCUSDT,btcusdt", 1, MEANT);
        on_lake("btc*", 2, "did you mean BTC*?");
        on_lake("LUNAUSDT", 0, "");
    }
    let page = folder.path().join("page.html");
    let run = on_lake(folder.path(), "report", &["--symbol", "btcusdt", "-o", "page.html"]);
    assert_run(&run, 2, MEANT);
    assert!(!page.exists(), "no page without anything on it is left");
}

#[test]
fn markets_data_types_and_intervals_in_another_case_are_refused_with_the_valid_ones() {
    let cases = [
        (["--market", "SPOT"], "unknown market `SPOT`; expected spot, "),
        (["--data-type", "Klines"], "unknown data type `Klines`; expected klines, "),
        (["--interval", "1H"], "unknown interval `1H`; expected a bar length such as 1s, 1m, 1h"),
    ];
    for (flags, text) in cases {
        assert_run(&run(&[&["plan", "--symbol", "BTCUSDT"][..], &flags].concat()), 2, text);
        assert_run(&run(&[&["status"][..], &flags].concat()), 2, text);
    }
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        ("markets = [\"SPOT\"]", "unknown market `SPOT`"),
        ("data_types = [\"Klines\"]", "unknown data type `Klines`"),
        ("intervals = [\"1H\"]", "unknown interval `1H`"),
    ];
    for (line, text) in lines {
        std::fs::write(folder.path().join("some.toml"), format!("symbols = [\"B*\"]\n{line}\n"))
            .unwrap();
        let mut program = lakehouse(folder.path());
        let run = program.args(["plan", "--config", "some.toml"]).output().unwrap();
        assert_run(&run.into(), 2, text);
    }
}
