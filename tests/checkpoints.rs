//! Checkpoints that an ingest writes beside its batches: they make a long log short, and nothing
//! depends on them.

use std::fs;
use std::path::PathBuf;

use lakehouse_core::names::archive::ArchiveKey;

use crate::kill::kill_at;
use crate::support::samples::{identify, sample_folder};
use crate::support::test_lake::TestLake;

const ROWS: &str = "SELECT * FROM silver.klines ORDER BY symbol, open_time";

fn hourly(day: u32) -> ArchiveKey {
    identify(&format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-{day:02}.zip"))
}

fn log(lake: &TestLake) -> PathBuf {
    lake.path().join("silver/klines/_delta_log")
}

fn checkpoints(lake: &TestLake) -> Vec<String> {
    let names = fs::read_dir(log(lake)).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name.ends_with(".checkpoint.parquet")).collect()
}

/// Makes commits that change nothing, as if many runs had been here.
fn lengthen_log(lake: &TestLake, commits: u64) {
    let newest = lake.versions()["silver/klines"];
    for version in newest + 1..=newest + commits {
        let commit = r#"{"commitInfo":{"timestamp":1704067200000,"operation":"WRITE"}}"#;
        fs::write(log(lake).join(format!("{version:020}.json")), format!("{commit}\n")).unwrap();
    }
}

/// A lake with one day, whose log has many commits, and a source with a second day.
async fn lake_with_a_long_log() -> (TestLake, tempfile::TempDir) {
    let lake = TestLake::new();
    let first = sample_folder(&[hourly(1)]);
    lake.ingest(first.path().to_str().unwrap(), &["--all"]).await;
    lengthen_log(&lake, 120);
    (lake, sample_folder(&[hourly(1), hourly(2)]))
}

async fn undisturbed(source: &tempfile::TempDir) -> Vec<String> {
    let lake = TestLake::new();
    lake.ingest(source.path().to_str().unwrap(), &["--all"]).await;
    lake.rows(ROWS).await
}

#[tokio::test]
async fn an_ingest_into_a_table_with_many_commits_writes_a_checkpoint_of_it() {
    let (lake, source) = lake_with_a_long_log().await;
    assert_eq!(checkpoints(&lake), Vec::<String>::new());
    lake.ingest(source.path().to_str().unwrap(), &["--all"]).await;
    let newest = lake.versions()["silver/klines"];
    assert_eq!(checkpoints(&lake), [format!("{newest:020}.checkpoint.parquet")]);
    assert!(log(&lake).join("00000000000000000001.json").exists(), "commits are kept");
    assert_eq!(lake.rows(ROWS).await, undisturbed(&source).await);
    let asked = lake.run("query", &["--format", "csv", "SELECT count(*) AS n FROM silver.klines"]);
    assert_eq!(asked.stdout, "n\n48\n");
}

#[tokio::test]
async fn an_ingest_into_a_table_with_few_commits_writes_no_checkpoint() {
    let lake = TestLake::new();
    let days: Vec<ArchiveKey> = (1..=3).map(hourly).collect();
    let source = sample_folder(&days);
    lake.ingest(source.path().to_str().unwrap(), &["--all", "--batch-size", "1"]).await;
    assert_eq!(checkpoints(&lake), Vec::<String>::new());
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_written_is_a_warning_and_the_rows_land() {
    let (lake, source) = lake_with_a_long_log().await;
    for version in 120..130 {
        let in_the_way = log(&lake).join(format!("{version:020}.checkpoint.parquet"));
        fs::create_dir(&in_the_way).unwrap();
    }
    let ran = lake.run("ingest", &["--all", "--source", source.path().to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("checkpoint"), "{}", ran.stderr);
    assert_eq!(lake.rows(ROWS).await, undisturbed(&source).await);
}

#[tokio::test]
async fn a_run_that_is_killed_before_its_checkpoint_is_completed_by_the_next_one() {
    let (lake, source) = lake_with_a_long_log().await;
    let arguments = ["--all", "-q", "--source", source.path().to_str().unwrap()];
    let markers = tempfile::tempdir().unwrap();
    let marker = markers.path().join("reached");
    let ingest = lake.program("ingest", &arguments);
    assert!(kill_at(ingest, "before checkpoint silver.klines", &marker));
    let again = lake.run("ingest", &arguments);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(lake.rows(ROWS).await, undisturbed(&source).await);
}
