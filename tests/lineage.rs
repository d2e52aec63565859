//! `--openlineage`: the events that a catalogue reads of a run.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::samples::{identify, sample_folder, trades_key};
use crate::support::test_lake::TestLake;

const DAY: &str = "2026-05-01";

fn source() -> TempDir {
    sample_folder(&[identify(&trades_key("BTCUSDT", DAY))])
}

fn events(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ingest(lake: &TestLake, source: &str, file: &Path) -> Option<i32> {
    let file = file.to_str().unwrap();
    lake.run("ingest", &["--all", "--source", source, "--openlineage", file]).code
}

#[test]
fn a_run_appends_its_start_and_its_end_with_the_tables_that_it_wrote() {
    let (lake, source, folder) = (TestLake::new(), source(), tempfile::tempdir().unwrap());
    let file = folder.path().join("lineage.jsonl");
    let location = source.path().to_str().unwrap();
    assert_eq!(ingest(&lake, location, &file), Some(0));
    assert_eq!(ingest(&lake, location, &file), Some(0));
    let found = events(&file);
    let kinds: Vec<&Value> = found.iter().map(|event| &event["eventType"]).collect();
    assert_eq!(kinds, ["START", "COMPLETE", "START", "COMPLETE"]);
    assert_eq!(found[0]["run"]["runId"], found[1]["run"]["runId"]);
    assert_ne!(found[1]["run"]["runId"], found[2]["run"]["runId"]);
    assert_eq!(found[1]["job"]["name"], "ingest");
    assert_eq!(found[1]["inputs"][0]["namespace"], "file");
    assert_eq!(found[1]["inputs"][0]["name"], location);

    let outputs = found[1]["outputs"].as_array().unwrap();
    let trades = outputs.iter().find(|table| is_table(table, "silver/trades")).unwrap();
    assert!(Path::new(trades["name"].as_str().unwrap()).join("_delta_log").is_dir(), "{trades}");
    assert!(trades["facets"]["version"]["datasetVersion"].is_string());
    let written = trades["outputFacets"]["outputStatistics"]["rowCount"].to_string();
    let count = ["SELECT count(*) FROM trades", "--format", "csv"];
    assert_eq!(lake.run("query", &count).stdout.lines().nth(1), Some(written.as_str()));
    assert_eq!(found[3]["outputs"], serde_json::json!([]), "the second run wrote nothing");
}

fn is_table(output: &Value, path: &str) -> bool {
    output["name"].as_str().is_some_and(|name| name.ends_with(path))
}

#[test]
fn a_run_that_fails_says_so_without_the_password_of_its_source() {
    let (lake, folder) = (TestLake::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("lineage.jsonl");
    let source = "http://user:secret@127.0.0.1:1/";
    assert_eq!(ingest(&lake, source, &file), Some(2));
    let found = events(&file);
    assert_eq!(found[1]["eventType"], "FAIL");
    let message = found[1]["run"]["facets"]["errorMessage"]["message"].as_str().unwrap();
    assert!(message.contains("127.0.0.1"), "{message}");
    assert!(!fs::read_to_string(&file).unwrap().contains("secret"));
}

#[test]
fn lineage_that_cannot_be_written_is_a_warning() {
    let (lake, source) = (TestLake::new(), source());
    let location = source.path().to_str().unwrap();
    let run = lake.run("ingest", &["--all", "--source", location, "--openlineage", "/dev/full"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("cannot write the lineage to /dev/full"), "{run}");
}
