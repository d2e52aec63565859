//! `--metrics-file` and the logs: what other programs read of a run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::samples::{csv_name, identify, sample_folder, trades, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const DAY: &str = "2026-05-01";

/// Reads the lines of the text format: names with their labels, and values.
fn figures(file: &Path) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

fn good_source() -> TempDir {
    sample_folder(&[identify(&trades_key("BTCUSDT", DAY)), identify(&trades_key("ETHUSDT", DAY))])
}

fn flags<'a>(source: &'a TempDir, file: &'a Path) -> Vec<&'a str> {
    vec![
        "--all",
        "--source",
        source.path().to_str().unwrap(),
        "--metrics-file",
        file.to_str().unwrap(),
    ]
}

#[test]
fn the_figures_of_an_ingest_are_in_the_text_format_of_prometheus() {
    let (lake, source, folder) = (TestLake::new(), good_source(), tempfile::tempdir().unwrap());
    let file = folder.path().join("lakehouse.prom");
    let run = lake.run("ingest", &flags(&source, &file));
    assert_eq!(run.code, Some(0), "{run}");
    let found = figures(&file);
    let summary = |name: &str| found[&format!("lakehouse_run_{name}")];
    assert_eq!(
        (summary("archives{outcome=\"new\"}"), summary("archives{outcome=\"failed\"}")),
        (2.0, 0.0)
    );
    assert_eq!(
        (summary("rejected_rows"), summary("exit_code"), summary("commits")),
        (0.0, 0.0, 1.0)
    );
    assert!(summary("rows") > 0.0 && summary("bytes") > 0.0 && summary("duration_seconds") >= 0.0);
    assert!(summary("requests") >= 4.0, "two archives and two checksums at least: {found:?}");
    assert_eq!(found["lakehouse_last_success_timestamp_seconds"], summary("end_timestamp_seconds"));
    // The collector runs as another user.
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o444, 0o444);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_run_that_fails_keeps_the_time_of_the_last_success() {
    let (lake, source, folder) = (TestLake::new(), good_source(), tempfile::tempdir().unwrap());
    let file = folder.path().join("lakehouse.prom");
    lake.run("ingest", &flags(&source, &file));
    let before = figures(&file);
    let broken = trades_key("ADAUSDT", DAY);
    let path = source.path().join(&broken);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, zip_of(&csv_name(&broken), b"no,row,at,all\n")).unwrap();
    let run = lake.run("ingest", &flags(&source, &file));
    assert_eq!(run.code, Some(1), "{run}");
    let incomplete = figures(&file);
    assert_eq!(incomplete["lakehouse_run_exit_code"], 1.0);
    let success = "lakehouse_last_success_timestamp_seconds";
    assert_eq!(incomplete[success], before[success]);
    assert_eq!(incomplete["lakehouse_run_archives{outcome=\"skipped\"}"], 2.0);
    let nowhere =
        lake.run("refresh", &["--source", "./nowhere", "--metrics-file", file.to_str().unwrap()]);
    assert_eq!(nowhere.code, Some(2), "{nowhere}");
}

#[test]
fn a_refresh_leaves_its_figures_and_a_dry_run_none() {
    let (lake, source, folder) = (TestLake::new(), good_source(), tempfile::tempdir().unwrap());
    let file = folder.path().join("lakehouse.prom");
    lake.run("ingest", &["--all", "--source", source.path().to_str().unwrap()]);
    let fixed = [
        "--full",
        "--source",
        source.path().to_str().unwrap(),
        "--metrics-file",
        file.to_str().unwrap(),
    ];
    let dry = lake.run("refresh", &[&fixed[..], &["--dry-run"]].concat());
    assert!(dry.code == Some(0) && !file.exists(), "{dry}");
    let key = trades_key("BTCUSDT", DAY);
    let corrected = trades(&key, DAY, 1..5);
    fs::remove_file(source.path().join(format!("{key}.CHECKSUM"))).unwrap();
    fs::write(source.path().join(&key), corrected).unwrap();
    let run = lake.run("refresh", &fixed);
    assert_eq!(run.code, Some(0), "{run}");
    let found = figures(&file);
    assert_eq!(
        (found["lakehouse_run_archives{outcome=\"corrected\"}"], found["lakehouse_run_rows"]),
        (1.0, 4.0)
    );
}

#[test]
fn a_metrics_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_done() {
    let (lake, source) = (TestLake::new(), good_source());
    let run = lake.run("ingest", &flags(&source, Path::new("absent/lakehouse.prom")));
    assert_eq!((run.code, lake.path().exists()), (Some(2), false), "{run}");
    assert_eq!(run.stderr, "error: --metrics-file: there is no folder absent; make it first\n");
}

/// Runs with logs as JSON and returns every line of standard error.
fn logs(lake: &TestLake, arguments: &[&str]) -> Vec<Value> {
    let run = lake.run("ingest", &[&["--log-format", "json"], arguments].concat());
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{run}"))
    };
    run.stderr.lines().map(parse).collect()
}

#[test]
fn json_logs_are_all_that_is_on_standard_error() {
    let (lake, source) = (TestLake::new(), good_source());
    let found = logs(&lake, &["--all", "--source", source.path().to_str().unwrap()]);
    let summary = found.last().unwrap();
    assert_eq!(
        (summary["message"].as_str(), summary["new"].as_u64()),
        (Some("summary"), Some(2)),
        "{found:?}"
    );
    let failed = logs(&lake, &["--all", "--source", "./nowhere"]);
    assert_eq!(failed.last().unwrap()["level"], "ERROR", "{failed:?}");
    assert!(
        failed.last().unwrap()["message"].as_str().unwrap().starts_with("cannot use the source")
    );
}

#[test]
fn what_concerns_an_archive_stands_in_a_span_with_its_key() {
    let (lake, source) = (TestLake::new(), good_source());
    let found = logs(&lake, &["-vv", "--all", "--source", source.path().to_str().unwrap()]);
    for message in ["download started", "request", "decoded"] {
        let of_message =
            found.iter().filter(|log| log["message"] == message && log["spans"].is_array());
        let keys = of_message
            .flat_map(|log| log["spans"].as_array().unwrap())
            .filter(|span| span["name"] == "archive");
        let keys: Vec<&str> = keys.map(|span| span["key"].as_str().unwrap()).collect();
        assert!(keys.contains(&trades_key("BTCUSDT", DAY).as_str()), "{message}: {keys:?}");
    }
    let committed = found.iter().find(|log| log["message"] == "committed").unwrap();
    assert_eq!(
        (committed["level"].as_str(), committed["table"].as_str()),
        (Some("INFO"), Some("silver.trades"))
    );
    assert_eq!(committed["spans"][0]["name"], "run");
}
