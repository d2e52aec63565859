//! Gold on the command line: built behind an ingest, alone, in dry runs, listed and shown; killed
//! and maintained.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::Run;
use crate::support::gold_scene::{HOURS, ROLLING};
use crate::support::samples::{identify, sample_folder};
use crate::support::test_lake::TestLake;

const DAYS: [&str; 2] = ["2024-02-29", "2024-03-01"];

/// Bars of a minute and of an hour.
fn source() -> TempDir {
    let key = |interval: &str, day: &str| {
        identify(&format!("data/spot/daily/klines/BTCUSDT/{interval}/BTCUSDT-{interval}-{day}.zip"))
    };
    sample_folder(&DAYS.map(|day| [key("1m", day), key("1h", day)]).concat())
}

fn ingest(lake: &TestLake, source: &Path, flags: &[&str]) -> Run {
    lake.run("ingest", &[&["--all", "--source", source.to_str().unwrap()], flags].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// Returns what a report in JSON says of a table.
fn of(report: &Value, table: &str) -> Value {
    let models = report["models"].as_array().unwrap();
    models
        .iter()
        .find(|model| model["table"] == table)
        .unwrap_or_else(|| panic!("{report}"))
        .clone()
}

#[tokio::test]
async fn an_ingest_builds_gold_at_its_end_and_says_so() {
    let (source, lake) = (source(), TestLake::new());
    let run = ingest(&lake, source.path(), &["--stage", "silver"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!lake.path().join("gold").exists());
    // What an earlier run left to do is done by the next one, though nothing is to be ingested.
    let run = ingest(&lake, source.path(), &["--format", "json"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(json(&run)["gold"]["built"].as_u64() > Some(0), "{run}");
    assert_eq!(lake.value("SELECT count(*) FROM gold.daily_ohlcv").await, "2");
    let run = ingest(&lake, source.path(), &[]);
    assert!(run.code == Some(0) && !run.stderr.contains("gold:"), "{run}");
}

#[test]
fn a_dry_run_says_what_would_be_built_downstream_too_and_writes_nothing() {
    let (source, lake) = (source(), TestLake::new());
    let models = folder(&[("hours", HOURS), ("rolling", ROLLING)]);
    let config = models.path().join("lakehouse.toml");
    fs::write(&config, "gold_models = \"models\"\n").unwrap();
    let config = config.to_str().unwrap();
    assert_eq!(ingest(&lake, source.path(), &["--stage", "silver"]).code, Some(0));
    let run = lake.run("gold", &["--dry-run", "--config", config, "--format", "json"]);
    assert_eq!(run.code, Some(0), "{run}");
    let report = json(&run);
    assert_eq!(
        (&report["dry_run"], &of(&report, "gold.hours")["partitions"]),
        (&true.into(), &2.into()),
        "{run}"
    );
    assert_eq!(
        of(&report, "gold.rolling")["partitions"],
        4,
        "two days, and two that look back on them"
    );
    assert!(!lake.path().join("gold").exists());

    let run = lake.run("gold", &["rolling", "--config", config]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run}");
    let reported =
        "gold.hours: built 2 partitions (spot 2024-02-29 to 2024-03-01), 2 rows: first build\n";
    assert!(run.stderr.starts_with(reported), "{run}");
    let run = lake.run("gold", &["rolling", "--dry-run", "--config", config]);
    assert_eq!(run.stdout, "gold.hours: up to date\ngold.rolling: up to date\n", "{run}");
}

#[test]
fn models_can_be_listed_and_shown() {
    let lake = TestLake::new();
    let run = lake.run("gold", &["list"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.starts_with("table") && run.stdout.contains("gold.daily_ohlcv"), "{run}");
    let list = json(&lake.run("gold", &["list", "--format", "json"]));
    assert!(
        list.as_array().unwrap().iter().any(|model| model["inputs"][0] == "silver.klines"),
        "{list}"
    );
    for name in ["daily_ohlcv", "gold.daily_ohlcv"] {
        let run = lake.run("gold", &["show", name]);
        assert_eq!(run.code, Some(0), "{run}");
        for reported in
            ["key          market, date, symbol", "vwap ", "SELECT", "looks back   0 days"]
        {
            assert!(run.stdout.contains(reported), "{reported}: {run}");
        }
    }
    for arguments in [&["show", "dayly"][..], &["dayly"]] {
        let run = lake.run("gold", arguments);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(
            run.stderr.contains("no model `dayly`; expected one of ")
                && run.stderr.contains("daily_ohlcv"),
            "{run}"
        );
    }
}

#[test]
fn a_model_that_fails_is_exit_code_1_and_told_with_its_line() {
    let (source, lake) = (source(), TestLake::new());
    let models =
        folder(&[("hours", &HOURS.replace("sum(volume)", "sum(volumes)")), ("rolling", ROLLING)]);
    let config = models.path().join("lakehouse.toml");
    fs::write(&config, "gold_models = \"models\"\n").unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let run = ingest(&lake, source.path(), &config);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(
        run.stderr
            .contains("models/hours.sql, line 10: no column `volumes`: did you mean `volume`?"),
        "{run}"
    );
    assert!(
        run.stderr
            .contains("gold.rolling: skipped: gold.hours, which it reads, could not be built"),
        "{run}"
    );
    let run = lake.run("gold", &config);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("gold.daily_ohlcv: up to date"), "{run}");
    let run = lake.run("query", &[&config[..], &["SELECT * FROM gold.rolling"]].concat());
    assert!(run.stderr.contains("no table `gold.rolling` yet: run `lakehouse gold`"), "{run}");
    let missing = models.path().join("missing.toml");
    fs::write(&missing, "gold_models = \"nowhere\"\n").unwrap();
    let run = lake.run("gold", &["--config", missing.to_str().unwrap()]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("nowhere cannot be read"), "{run}");
}

/// Makes a folder with models in `models/`.
fn folder(models: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("models")).unwrap();
    for (name, text) in models {
        fs::write(folder.path().join(format!("models/{name}.sql")), text).unwrap();
    }
    folder
}

#[tokio::test]
async fn maintenance_of_what_gold_is_made_from_and_of_gold_itself_builds_nothing_anew() {
    let (source, lake) = (source(), TestLake::new());
    assert_eq!(ingest(&lake, source.path(), &["--batch-size", "1"]).code, Some(0));
    assert_eq!(lake.run("gold", &["--full"]).code, Some(0));
    let rows = lake.rows("SELECT * FROM gold.daily_ohlcv ORDER BY date").await;
    let silver = lake.versions()["silver/klines"];
    let run = lake.run("maintain", &["--retention", "0"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(lake.versions()["silver/klines"] > silver, "silver was compacted");
    assert_eq!(lake.data_files("gold/daily_ohlcv").len(), 2, "what was replaced is gone");
    let versions = lake.versions();
    let report = json(&lake.run("gold", &["--format", "json"]));
    assert_eq!(of(&report, "gold.daily_ohlcv")["outcome"], "up_to_date", "{report}");
    assert_eq!(lake.versions(), versions);
    assert_eq!(lake.rows("SELECT * FROM gold.daily_ohlcv ORDER BY date").await, rows);
}

#[test]
fn a_build_that_is_killed_at_any_step_is_completed_by_the_next_one() {
    let (source, lake) = (source(), TestLake::new());
    assert_eq!(ingest(&lake, source.path(), &["--stage", "silver"]).code, Some(0));
    for (step, next) in
        [("files written", "built"), ("before commit", "built"), ("after commit", "up_to_date")]
    {
        let marker = lake.path().join(format!("reached {step}"));
        let step = format!("{step} gold.daily_ohlcv");
        let mut program = lake.program("gold", &["daily_ohlcv"]);
        program.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(crate::kill::kill_at(program, &step, &marker), "never came to `{step}`");
        let report = json(&lake.run("gold", &["daily_ohlcv", "--format", "json"]));
        assert_eq!(of(&report, "gold.daily_ohlcv")["outcome"], next, "killed at `{step}`");
        let rows =
            json(&lake.run("query", &["--format", "json", "SELECT bars FROM gold.daily_ohlcv"]));
        assert_eq!(rows, serde_json::json!([{"bars": 1440}, {"bars": 1440}]), "killed at `{step}`");
        fs::remove_dir_all(lake.path().join("gold")).unwrap();
    }
}

#[test]
fn four_processes_that_build_the_same_table_make_it_once() {
    let (source, lake) = (source(), TestLake::new());
    assert_eq!(ingest(&lake, source.path(), &["--stage", "silver"]).code, Some(0));
    let start = |_| -> std::process::Child {
        let mut program: Command = lake.program("gold", &[]);
        program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let ends = [0; 4].map(start).map(|mut process| process.wait().unwrap());
    assert!(ends.iter().all(std::process::ExitStatus::success), "{ends:?}");
    assert_eq!(lake.versions()["gold/daily_ohlcv"], 1, "one commit behind the table's own");
    assert_eq!(lake.data_files("gold/daily_ohlcv").len(), 2);
}
