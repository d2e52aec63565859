//! Lakes that exist keep working: one that the first program made, and the format version that
//! later programs look at.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lakehouse_core::gold::Model;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::Run;
use crate::support::delta_log::{actions, comments, newest_metadata};
use crate::support::test_lake::TestLake;

const TABLES: &str = "SELECT table_schema || '.' || table_name FROM information_schema.tables \
                      WHERE table_schema IN ('silver', 'gold') ORDER BY 1";

fn fixture(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lake-1").join(folder)
}

/// Copies the files of a folder into another, over those that are there.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

pub(crate) fn old_lake() -> TestLake {
    let lake = TestLake::new();
    copy_folder(&fixture("lake"), &lake.path());
    lake
}

/// Bars of trades are the one table of the old lake that is built day by day, and it is not built
/// again by its model of today once the log says that it was built by that one.
fn take_bars_for_built_by_todays_model(lake: &TestLake) {
    let model = include_str!("../schemas/gold/trade_bars_1m.sql");
    let model = Model::parse("trade_bars_1m.sql", model).unwrap().fingerprint();
    for entry in fs::read_dir(lake.path().join("gold/trade_bars_1m/_delta_log")).unwrap() {
        let file = entry.unwrap().path();
        let Ok(commit) = fs::read_to_string(&file) else { continue };
        if let Some((before, after)) = commit.split_once("\"model\":\"") {
            let after = &after[after.find('"').unwrap()..];
            fs::write(&file, format!("{before}\"model\":\"{model}{after}")).unwrap();
        }
    }
}

/// A folder with what was published when the lake was made, and afterwards.
pub(crate) fn later_source() -> TempDir {
    let source = tempfile::tempdir().unwrap();
    copy_folder(&fixture("source"), source.path());
    copy_folder(&fixture("later"), source.path());
    source
}

pub(crate) fn done(lake: &TestLake, command: &str, arguments: &[&str]) -> Run {
    let run = lake.run(command, arguments);
    assert_eq!(run.code, Some(0), "{command} {arguments:?}: {run}");
    run
}

/// Returns the rows of every table in silver and gold, sorted.
pub(crate) async fn rows_of_tables(lake: &TestLake) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    for table in lake.rows(TABLES).await {
        let mut rows = lake.rows(&format!("SELECT * FROM {table}")).await;
        rows.sort();
        tables.insert(table, rows);
    }
    tables
}

/// Returns the folders of all tables.
pub(crate) fn table_folders(lake: &TestLake) -> Vec<PathBuf> {
    lake.versions().into_keys().map(|table| lake.path().join(table)).collect()
}

fn format_file(lake: &TestLake) -> PathBuf {
    lake.path().join("meta/format.json")
}

fn written_format(lake: &TestLake) -> Value {
    serde_json::from_str(&fs::read_to_string(format_file(lake)).unwrap()).unwrap()
}

/// Every table and column is described in the log, by the newest metadata.
fn assert_described(lake: &TestLake) {
    for table in table_folders(lake) {
        let metadata = newest_metadata(&table);
        let description = metadata["description"].as_str().unwrap_or_default();
        assert!(!description.is_empty(), "{}: {metadata:#}", table.display());
        for column in comments(&metadata) {
            let comment = column.comment.unwrap_or_default();
            assert!(!comment.is_empty(), "{}: {}", table.display(), column.column);
        }
    }
}

#[tokio::test]
async fn a_lake_of_the_first_program_is_read_and_nothing_in_it_changes() {
    let lake = old_lake();
    let versions = lake.versions();
    let archives = "SELECT status, count(*), sum(rows) FROM meta.archives GROUP BY 1 ORDER BY 1";
    let statuses = ["ingested | 6 | 107", "rejected | 1 | 0", "superseded | 1 | 24"];
    assert_eq!(lake.rows(archives).await, statuses);
    // Four days: three have 24 hours with 2676 trades and a volume of 1788 together, and the
    // corrected one has 23 hours with 2553 trades and a volume of 1664.5.
    let klines = "SELECT count(*), sum(trade_count), sum(volume) FROM silver.klines";
    assert_eq!(lake.rows(klines).await, ["95 | 10581 | 7028.50000000"]);
    // Ten trades were published, with the ids 4000 to 4009, and one was rejected.
    assert_eq!(lake.rows("SELECT count(*), sum(id) FROM silver.trades").await, ["9 | 36036"]);
    let bars = "SELECT count(*), sum(row_count) FROM gold.trade_bars_1m";
    assert_eq!(lake.rows(bars).await, ["9 | 9"]);
    assert_eq!(lake.value("SELECT count(*) FROM meta.changes").await, "1");
    assert_eq!(lake.value("SELECT count(*) FROM meta.rejects").await, "1");
    let status = done(&lake, "status", &["--format", "json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["format_version"], 1, "{status:#}");
    assert!(done(&lake, "status", &[]).stdout.ends_with("format version of the lake: 1\n"));
    assert_eq!(lake.versions(), versions);
    assert!(!format_file(&lake).exists());
}

#[tokio::test]
async fn a_refreshed_lake_of_the_first_program_has_the_rows_of_one_that_is_made_now() {
    let (lake, fresh, source) = (old_lake(), TestLake::new(), later_source());
    let source = source.path().to_str().unwrap();
    let ingested = fresh.run("ingest", &["--all", "--source", source]);
    // One archive is cut short, and one row is rejected.
    assert_eq!(ingested.code, Some(1), "{ingested}");
    // The month lacks hours of a day, which is known once it has been read.
    assert_eq!(fresh.run("refresh", &["--full", "--source", source]).code, Some(0));
    let refreshed = lake.run("refresh", &["--full", "--source", source]);
    assert!(matches!(refreshed.code, Some(0 | 1)), "{refreshed}");
    assert_eq!(lake.value("SELECT count(*) FROM meta.changes").await, "2", "{refreshed}");
    let (found, expected) = (rows_of_tables(&lake).await, rows_of_tables(&fresh).await);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(expected["silver.klines"].len() > 100, "there are rows to compare");
    for (table, expected) in expected {
        assert_eq!(found[&table], expected, "{table}");
    }
    assert_eq!(written_format(&lake)["version"], 1);
    done(&lake, "verify", &["--deep"]);
}

#[tokio::test]
async fn maintenance_describes_the_tables_of_a_lake_of_the_first_program() {
    let lake = old_lake();
    let before = rows_of_tables(&lake).await;
    done(&lake, "maintain", &["--dry-run"]);
    assert!(!format_file(&lake).exists(), "a dry run writes nothing");
    let run = done(&lake, "maintain", &[]);
    assert!(run.stderr.contains("silver.klines: wrote descriptions"), "{run}");
    assert_described(&lake);
    assert_eq!(written_format(&lake), serde_json::json!({"version": 1}));
    let again = done(&lake, "maintain", &[]);
    assert!(!again.stderr.contains("descriptions"), "{again}");
    let rebuilt = done(&lake, "maintain", &["--rebuild-ledger"]);
    assert!(rebuilt.stderr.contains("meta.archives rebuilt"), "{rebuilt}");
    assert_eq!(rows_of_tables(&lake).await, before);
    done(&lake, "verify", &["--deep"]);
}

#[tokio::test]
async fn descriptions_alone_never_rebuild_gold() {
    let lake = old_lake();
    take_bars_for_built_by_todays_model(&lake);
    let of_older_models = lake.versions();
    done(&lake, "gold", &[]);
    let before = lake.versions();
    let unchanged = "gold/trade_bars_1m";
    assert_eq!(before[unchanged], of_older_models[unchanged], "its model is as it was");
    done(&lake, "gold", &[]);
    assert_eq!(lake.versions(), before, "tables without comments are up to date");
    done(&lake, "maintain", &[]);
    let described = lake.versions();
    done(&lake, "gold", &[]);
    assert_eq!(lake.versions(), described, "and so are tables with comments");
    for table in table_folders(&lake) {
        let kinds = actions(&table, "commitInfo");
        let described = kinds.iter().filter(|info| info["operation"] == "UPDATE TABLE METADATA");
        // A table whose model has changed since may have been described when it was rebuilt.
        let name = table.strip_prefix(lake.path()).unwrap().to_str().unwrap().to_owned();
        let is_rebuilt = before[&name] != of_older_models[&name];
        let described = described.count();
        assert!(described == 1 || (described == 0 && is_rebuilt), "{}", table.display());
        assert!(newest_metadata(&table)["description"].is_string(), "{}", table.display());
        assert_eq!(actions(&table, "protocol").len(), 1, "{}", table.display());
    }
}

#[tokio::test]
async fn an_increment_of_gold_leaves_an_undescribed_table_undescribed() {
    let (lake, source) = (old_lake(), later_source());
    let source = source.path().to_str().unwrap();
    take_bars_for_built_by_todays_model(&lake);
    let refreshed = lake.run("refresh", &["--full", "--source", source]);
    assert!(matches!(refreshed.code, Some(0 | 1)), "{refreshed}");
    let bars = lake.path().join("gold/trade_bars_1m");
    assert_eq!(actions(&bars, "metaData").len(), 1, "an older program would rebuild the table");
    assert!(newest_metadata(&lake.path().join("silver/klines"))["description"].is_string());
    assert!(newest_metadata(&lake.path().join("meta/archives"))["description"].is_string());
}

#[tokio::test]
async fn a_ledger_gets_the_columns_of_later_programs_with_its_next_row() {
    let (lake, source) = (old_lake(), later_source());
    let columns = "SELECT column_name FROM information_schema.columns \
                   WHERE table_name = 'archives' AND column_name IN ('rival', 'checksum_tag') \
                   ORDER BY ordinal_position";
    assert_eq!(lake.rows(columns).await, ["rival"]);
    let refreshed = lake.run("refresh", &["--full", "--source", source.path().to_str().unwrap()]);
    assert!(matches!(refreshed.code, Some(0 | 1)), "{refreshed}");
    assert_eq!(lake.rows(columns).await, ["rival", "checksum_tag"]);
    assert_eq!(lake.value("SELECT count(checksum_tag) FROM meta.archives").await, "0");
    done(&lake, "maintain", &["--retention", "0"]);
    done(&lake, "maintain", &["--rebuild-ledger"]);
    done(&lake, "verify", &["--deep"]);
}

#[tokio::test]
async fn a_new_lake_has_descriptions_its_version_and_the_protocol_that_all_readers_know() {
    let (lake, source) = (TestLake::new(), later_source());
    let run = lake.run("ingest", &["--all", "--source", source.path().to_str().unwrap()]);
    assert_eq!(run.code, Some(1), "{run}");
    assert_described(&lake);
    assert_eq!(written_format(&lake), serde_json::json!({"version": 1}));
    for table in table_folders(&lake) {
        let protocols = actions(&table, "protocol");
        assert_eq!(protocols.len(), 1, "{}", table.display());
        assert_eq!(protocols[0]["minReaderVersion"], 1, "{}", table.display());
        assert_eq!(protocols[0]["minWriterVersion"], 2, "{}", table.display());
        // The ledger says later which silver tables it is about, and nothing else.
        let metadata = actions(&table, "metaData");
        let unchanged = |later: &Value| {
            ["description", "schemaString"].iter().all(|part| later[part] == metadata[0][part])
        };
        assert!(metadata.iter().all(unchanged), "{}", table.display());
        let is_ledger = table.ends_with("meta/archives");
        assert!(metadata.len() == 1 || is_ledger, "{}", table.display());
    }
}

/// Every command that opens a lake.
fn commands(source: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["query", "SELECT count(*) FROM silver.klines"],
        vec!["query", "SELECT 1"],
        vec!["status"],
        vec!["status", "--format", "json"],
        vec!["changes"],
        vec!["report", "-o", "report.html"],
        vec!["plan", "--all", "--source", source],
        vec!["ingest", "--all", "--source", source],
        vec!["ingest", "--all", "--source", source, "--stage", "bronze"],
        vec!["refresh", "--source", source],
        vec!["gold"],
        vec!["gold", "--dry-run"],
        vec!["maintain"],
        vec!["maintain", "--dry-run"],
        vec!["maintain", "--rebuild-ledger"],
        vec!["verify"],
        vec!["verify", "--deep"],
    ]
}

#[test]
fn a_lake_of_a_newer_format_is_refused_by_every_command_and_stays_as_it_is() {
    let (lake, source) = (old_lake(), later_source());
    fs::write(format_file(&lake), "{\"version\": 7, \"note\": \"of a later program\"}").unwrap();
    let versions = lake.versions();
    for command in commands(source.path().to_str().unwrap()) {
        let run = lake.run(command[0], &command[1..]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{command:?}: {run}");
        let expected = "has format version 7, and this program knows versions up to 1: use a newer \
                        version of lakehouse";
        assert!(run.stderr.contains(expected), "{command:?}: {run}");
    }
    assert_eq!(lake.versions(), versions);
}

#[test]
fn a_damaged_format_file_is_an_error_that_names_the_file() {
    let (lake, source) = (old_lake(), later_source());
    let contents = ["", "2", "[1]", "{\"version\": \"one\"}", "{\"version\": -1}", "{}", "\0\0\0"];
    for content in contents {
        fs::write(format_file(&lake), content).unwrap();
        for command in commands(source.path().to_str().unwrap()) {
            let run = lake.run(command[0], &command[1..]);
            assert_eq!(run.code, Some(2), "{command:?}: {run}");
            assert!(run.stderr.contains("meta/format.json is damaged"), "{command:?}: {run}");
        }
    }
}

#[tokio::test]
async fn a_format_file_that_is_there_is_left_alone() {
    let (lake, source) = (old_lake(), later_source());
    let content = "{\"version\": 1, \"made_by\": \"another program\"}";
    fs::write(format_file(&lake), content).unwrap();
    let run = lake.run("ingest", &["--all", "--source", source.path().to_str().unwrap()]);
    assert!(matches!(run.code, Some(0 | 1)), "{run}");
    assert_eq!(fs::read_to_string(format_file(&lake)).unwrap(), content);
}
