//! A fill is a run like others: a row in `meta.runs`, metrics, lineage and a JSON document.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::fill::{NOW, Scene};
use crate::support::api_server::Refusal;
use crate::support::command::Run;
use crate::support::test_lake::TestLake;

const RUNS: &str = "SELECT outcome, rows, rejected_rows, archives_new FROM meta.runs
                    WHERE command LIKE 'fill%' ORDER BY run";

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/run.schema.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Checks that a document has what the schema requires of it, and fields that it knows.
fn check_document(document: &Value) {
    let schema = schema();
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    assert!(names(&schema["properties"]["command"]["enum"]).contains(&"fill".to_owned()));
    let mut rules = schema["allOf"].as_array().unwrap().iter();
    let of_fill =
        rules.find(|rule| rule["if"]["properties"]["command"]["const"] == "fill").unwrap();
    let required = [names(&schema["required"]), names(&of_fill["then"]["required"])].concat();
    for name in &required {
        assert!(document.get(name).is_some(), "the document lacks {name}: {document}");
    }
    for name in document.as_object().unwrap().keys() {
        assert!(schema["properties"].get(name).is_some(), "the schema lacks {name}");
    }
}

#[tokio::test]
async fn a_fill_is_recorded_with_its_figures_and_the_versions_that_it_wrote() {
    let scene = Scene::new();
    let done = scene.fill(NOW, &["--format", "json"]);
    assert_eq!(done.code, Some(0), "{done}");
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    check_document(&document);
    let table = &document["tables"][0];
    assert_eq!((&table["table"], &table["rows"]), (&"recent.klines".into(), &29.into()));
    assert_eq!((&table["version_before"], &table["version_after"]), (&0.into(), &1.into()));
    assert_eq!(scene.lake.rows(RUNS).await, ["done | 29 | 0 | 0"]);
    let run = scene.lake.value("SELECT run FROM meta.runs WHERE command LIKE 'fill%'").await;
    assert_eq!(document["run"], run);

    // A run that has nothing to do leaves nothing.
    let done = scene.fill(NOW, &["--format", "json"]);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    check_document(&document);
    assert_eq!(document["run"], Value::Null);
    assert_eq!(scene.lake.rows(RUNS).await.len(), 1);

    scene.publish("2026-05-03", "1.5");
    assert_eq!(scene.lake.rows(RUNS).await.len(), 1);
}

#[tokio::test]
async fn a_fill_that_is_refused_or_fails_says_so_where_runs_are_recorded() {
    let scene = Scene::new();
    scene.api.refuse([Refusal { status: 451, retry_after: None, body: "" }]);
    assert_eq!(scene.fill(NOW, &[]).code, Some(2));
    let body = r#"{"code":-1121,"msg":"Invalid symbol."}"#;
    scene.api.refuse([Refusal { status: 400, retry_after: None, body }]);
    let failed = scene.fill(NOW, &["--format", "json"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    let document: Value = serde_json::from_str(&failed.stdout).unwrap();
    check_document(&document);
    assert_eq!(document["failures"][0]["series"], "spot/klines/BTCUSDT/1h");
    let rows = scene.lake.rows(RUNS).await;
    assert!(rows[0].starts_with("stopped: the API does not answer"), "{rows:?}");
    assert_eq!(rows[1], "incomplete | 0 | 0 | 0");
}

#[tokio::test]
async fn metrics_and_lineage_of_a_fill_are_written_to_their_files() {
    let scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("fill.prom");
    let lineage = folder.path().join("lineage.jsonl");
    let files =
        ["--metrics-file", metrics.to_str().unwrap(), "--openlineage", lineage.to_str().unwrap()];
    let done = scene.fill(NOW, &files);
    assert_eq!(done.code, Some(0), "{done}");
    let text = fs::read_to_string(&metrics).unwrap();
    for line in [
        "lakehouse_run_provisional_rows 29",
        "lakehouse_run_rows 0",
        "lakehouse_run_requests 1",
        "lakehouse_run_exit_code 0",
    ] {
        assert!(text.lines().any(|found| found == line), "no `{line}` in {text}");
    }
    let text = fs::read_to_string(&lineage).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["eventType"]).collect();
    assert_eq!(kinds, ["START", "COMPLETE"]);
    assert_eq!(events[1]["job"]["name"], "fill");
    let output = &events[1]["outputs"][0];
    assert!(output["name"].as_str().unwrap().ends_with("recent/klines"), "{output}");
    assert_eq!(output["outputFacets"]["outputStatistics"]["rowCount"], 29);
    scene.api.refuse([Refusal { status: 451, retry_after: None, body: "" }]);
    assert_eq!(scene.fill("2026-05-04T06:00:00Z", &files).code, Some(2));
    let text = fs::read_to_string(&lineage).unwrap();
    assert!(text.lines().last().unwrap().contains("\"eventType\":\"FAIL\""), "{text}");
}

#[tokio::test]
async fn a_refresh_that_fills_has_both_in_its_document() {
    let scene = Scene::new();
    let flags = ["--source", scene.archive.url(), "--api", scene.api.url(), "--fill"];
    let mut command = scene.lake.program("refresh", &flags);
    command.args(["--progress", "never", "--format", "json"]);
    let done: Run = command.env("LAKEHOUSE_TEST_CLOCK", NOW).output().unwrap().into();
    assert_eq!(done.code, Some(0), "{done}");
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&document["fill"]["rows"], &document["rows"]), (&29.into(), &0.into()));
    let tables = document["tables"].as_array().unwrap();
    assert!(tables.iter().any(|table| table["table"] == "recent.klines"), "{document}");
    let outcome = "SELECT outcome, rows FROM meta.runs WHERE command LIKE 'refresh%'";
    assert_eq!(scene.lake.rows(outcome).await, ["done | 29"]);
}

#[test]
fn a_lake_that_holds_nothing_gets_no_row() {
    let lake = TestLake::new();
    let done = lake.run("fill", &["--api", "http://127.0.0.1:1"]);
    assert_eq!(done.code, Some(0), "{done}");
    assert!(!lake.path().exists());
}
