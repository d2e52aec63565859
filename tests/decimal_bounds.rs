//! Bounds of decimals are in no log, because many readers take them for floating point and lose
//! rows: new tables have none, and maintenance takes them out of tables that older programs made.

use std::path::Path;

use serde_json::Value;

use crate::support::delta_log::{active_files, comments, newest_metadata};
use crate::support::process::{Kill, Running, finish};
use crate::support::samples::{identify, sample_folder};
use crate::support::test_lake::TestLake;
use crate::upgrade::{done, later_source, old_lake, rows_of_tables, table_folders};

fn decimals(table: &Path) -> Vec<String> {
    let columns = comments(&newest_metadata(table)).into_iter();
    let decimals = columns.filter(|column| column.data_type.starts_with("decimal"));
    decimals.map(|column| column.column).collect()
}

fn statistics(add: &Value) -> Value {
    serde_json::from_str(add["stats"].as_str().unwrap()).unwrap()
}

/// Counts the files of a table of which the log has a bound of a decimal.
fn files_with_bounds(table: &Path) -> usize {
    let decimals = decimals(table);
    let has_bounds = |add: &Value| {
        let known = statistics(add);
        decimals.iter().any(|column| {
            !known["minValues"][column].is_null() || !known["maxValues"][column].is_null()
        })
    };
    active_files(table).values().filter(|add| has_bounds(add)).count()
}

fn files_with_bounds_in(lake: &TestLake) -> usize {
    table_folders(lake).iter().map(|table| files_with_bounds(table)).sum()
}

#[test]
fn new_tables_have_no_bounds_of_decimals_in_their_logs_also_after_compaction() {
    let hourly = |symbol: &str| {
        identify(&format!("data/spot/daily/klines/{symbol}/1h/{symbol}-1h-2024-01-02.zip"))
    };
    let source = sample_folder(&[hourly("ADAUSDT"), hourly("BTCUSDT")]);
    let lake = TestLake::new();
    let source = source.path().to_str().unwrap();
    done(&lake, "ingest", &["--all", "--batch-size", "1", "--source", source]);
    let check = || {
        assert_eq!(files_with_bounds_in(&lake), 0);
        for table in table_folders(&lake) {
            let metadata = newest_metadata(&table);
            let indexed = metadata["configuration"]["delta.dataSkippingStatsColumns"].as_str();
            for column in decimals(&table) {
                let is_indexed = indexed.unwrap().split(',').any(|indexed| indexed == column);
                assert!(!is_indexed, "{}: {column}", table.display());
                for add in active_files(&table).values() {
                    let nulls = &statistics(add)["nullCount"][&column];
                    assert!(nulls.is_u64(), "{}: {column}: {add}", table.display());
                }
            }
        }
        active_files(&lake.path().join("silver/klines")).len()
    };
    assert_eq!(check(), 2);
    done(&lake, "maintain", &[]);
    assert_eq!(check(), 1);
}

#[tokio::test]
async fn maintenance_takes_them_out_of_a_lake_of_the_first_program_and_changes_nothing_else() {
    let lake = old_lake();
    let rows = rows_of_tables(&lake).await;
    let trades = lake.path().join("silver/trades");
    let before = active_files(&trades);
    assert_eq!((files_with_bounds(&trades), before.len()), (1, 1), "the lake has what is to go");
    let versions = lake.versions();
    let planned = done(&lake, "maintain", &["--dry-run"]);
    let expected = "silver.trades: would remove bounds of decimals of 1 file from the log\n";
    assert!(planned.stdout.contains(expected), "{planned}");
    assert_eq!(lake.versions(), versions);

    let run = done(&lake, "maintain", &[]);

    let expected = "silver.trades: removed bounds of decimals of 1 file from the log\n";
    assert!(run.stderr.contains(expected), "{run}");
    assert_eq!(files_with_bounds_in(&lake), 0);
    let after = active_files(&trades);
    for (path, mut old) in before {
        let mut new = after[&path].clone();
        assert_eq!(new["dataChange"], false, "readers of changes skip it");
        let (mut old_statistics, new_statistics) = (statistics(&old), statistics(&new));
        for column in decimals(&trades) {
            for side in ["minValues", "maxValues"] {
                old_statistics[side].as_object_mut().unwrap().remove(&column);
            }
        }
        assert_eq!(new_statistics, old_statistics);
        for part in ["stats", "dataChange"] {
            old[part].take();
            new[part].take();
        }
        assert_eq!(new, old);
    }
    assert_eq!(rows_of_tables(&lake).await, rows);
    let versions = lake.versions();
    let again = done(&lake, "maintain", &[]);
    assert!(!again.stderr.contains("bounds"), "{again}");
    assert_eq!(lake.versions(), versions);
    done(&lake, "verify", &["--deep"]);
}

#[tokio::test]
async fn maintenance_that_is_killed_after_any_commit_is_completed_by_the_next() {
    let lake = old_lake();
    let rows = rows_of_tables(&lake).await;
    let folder = tempfile::tempdir().unwrap();
    let killed_at = |step: &str| {
        let maintain = lake.program("maintain", &[]);
        let kill = Kill::At(format!("{step} silver.trades"));
        let ends = finish(vec![Running::start(maintain, kill, folder.path(), "maintain")]);
        assert!(ends[0].killed || ends[0].code == Some(0), "{ends:?}");
        ends[0].killed
    };
    assert!(killed_at("before commit"));
    let mut kills = 0;
    while killed_at("after commit") {
        kills += 1;
        assert_eq!(rows_of_tables(&lake).await, rows, "after {kills} kills");
    }
    assert_eq!(kills, 2, "one commit has descriptions, one has statistics");
    assert_eq!(files_with_bounds_in(&lake), 0);
    assert_eq!(rows_of_tables(&lake).await, rows);
    done(&lake, "verify", &["--deep"]);
}

#[tokio::test]
async fn two_maintenances_beside_a_refresh_lose_nothing() {
    let (lake, undisturbed, source) = (old_lake(), old_lake(), later_source());
    let refresh = ["--full", "--source", source.path().to_str().unwrap()];
    assert!(matches!(undisturbed.run("refresh", &refresh).code, Some(0 | 1)));
    let folder = tempfile::tempdir().unwrap();
    let start = |name: &str, command: &str, arguments: &[&str]| {
        let program = lake.program(command, arguments);
        Running::start(program, Kill::Never, folder.path(), name)
    };
    let ends = finish(vec![
        start("one", "maintain", &[]),
        start("refresh", "refresh", &refresh),
        start("two", "maintain", &[]),
    ]);
    assert!(ends.iter().all(|end| matches!(end.code, Some(0 | 1))), "{ends:?}");
    done(&lake, "maintain", &[]);
    assert_eq!(files_with_bounds_in(&lake), 0);
    let (found, expected) = (rows_of_tables(&lake).await, rows_of_tables(&undisturbed).await);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (table, expected) in expected {
        assert_eq!(found[&table], expected, "{table}");
    }
    done(&lake, "verify", &["--deep"]);
}
