//! Commits that were cut where a line ends, and repairs of torn commits that run at the same time.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::kill::{hold_at, kill_at};
use crate::repair::{DAYS, RIGHT, ROWS, ask, done, ingest, lake_of_days, newest_commit, repaired};
use crate::support::samples::{csv_name, trades, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const TABLES: [&str; 2] = ["silver/trades", "meta/archives"];

fn first_commit(lake: &TestLake, table: &str) -> PathBuf {
    newest_commit(lake, table).with_file_name(format!("{:020}.json", 0))
}

#[tokio::test]
async fn a_newest_commit_that_ends_with_a_whole_line_is_torn_if_it_lacks_actions() {
    for table in TABLES {
        let (lake, server) = lake_of_days().await;
        let torn = newest_commit(&lake, table);
        let text = fs::read_to_string(&torn).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() > 1, "{text}");
        for kept in 1..lines.len() {
            fs::write(&torn, lines[..kept].join("\n") + "\n").unwrap();
            let refused = ingest(&lake, &server);
            assert_eq!(refused.code, Some(2), "{table}: {refused}");
            let words = format!("it has {kept} of its {} actions", lines.len());
            assert!(refused.stderr.contains(&words), "{table}: {refused}");
            assert!(refused.stderr.contains("maintain --repair"), "{table}: {refused}");
        }
        repaired(&lake);
        assert_eq!(ask(&lake, &[], ROWS), RIGHT, "{table}");
        done(ingest(&lake, &server));
        assert_eq!(ask(&lake, &[], ROWS), RIGHT, "{table}, after an ingest");
        assert_eq!(server.downloads(), DAYS.len(), "bronze has the bytes");
    }
}

#[tokio::test]
async fn rows_of_a_torn_commit_are_not_queried_by_its_number_either() {
    let (lake, _server) = lake_of_days().await;
    let torn = newest_commit(&lake, "silver/trades");
    let text = fs::read_to_string(&torn).unwrap();
    fs::write(&torn, text.lines().next().unwrap()).unwrap();
    let version: u64 = torn.file_stem().unwrap().to_str().unwrap().parse().unwrap();

    for flags in [vec![], vec!["--at".to_owned(), version.to_string()]] {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let refused = lake.run("query", &[&flags[..], &[ROWS]].concat());
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.stderr.contains("of its"), "{refused}");
    }
}

#[tokio::test]
async fn commits_that_do_not_say_how_many_actions_they_have_are_read() {
    let (lake, server) = lake_of_days().await;
    for table in TABLES {
        for commit in fs::read_dir(lake.path().join(table).join("_delta_log")).unwrap() {
            forget_actions(&commit.unwrap().path());
        }
    }
    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
    done(ingest(&lake, &server));
    let repair = done(lake.run("maintain", &["--repair"]));
    assert!(repair.stderr.contains("nothing to repair"), "{repair}");
    done(lake.run("verify", &["--deep"]));
}

/// Makes a commit one of an older program.
fn forget_actions(commit: &Path) {
    let text = fs::read_to_string(commit).unwrap();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let info = lines[0]["commitInfo"].as_object_mut().unwrap();
    assert!(info.remove("lakehouseActions").is_some(), "{text}");
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(commit, lines.join("\n")).unwrap();
}

#[tokio::test]
async fn a_repair_that_comes_late_takes_nothing_away_that_was_committed_meanwhile() {
    for table in TABLES {
        for (name, torn) in
            [("newest", newest_commit as fn(&TestLake, &str) -> PathBuf), ("first", first_commit)]
        {
            let (lake, server) = lake_of_days().await;
            fs::write(torn(&lake, table), "").unwrap();
            let marker = lake.path().with_file_name("reached");
            let step = format!("damaged file copied {}", table.replace('/', "."));
            let late = hold_at(lake.program("maintain", &["--repair"]), &step, &marker);
            let late = late.unwrap_or_else(|| panic!("never came to `{step}`"));

            done(lake.run("maintain", &["--repair"]));
            let key = trades_key("BTCUSDT", "2024-01-06");
            server.publish(&key, trades(&key, "2024-01-06", 0..20));
            done(ingest(&lake, &server));
            fs::remove_file(&marker).unwrap();
            let late = late.wait_with_output().unwrap();

            assert!(late.status.success(), "{table}, {name}: {late:?}");
            let rows = "100 rows and 100 of them different";
            assert_eq!(ask(&lake, &[], ROWS), rows, "{table}, {name}");
            repaired(&lake);
            done(ingest(&lake, &server));
            assert_eq!(ask(&lake, &[], ROWS), rows, "{table}, {name}, after all");
        }
    }
}

#[tokio::test]
async fn a_table_whose_first_commit_is_torn_is_created_again_and_loaded() {
    for table in TABLES {
        let (lake, server) = lake_of_days().await;
        let torn = first_commit(&lake, table);
        let text = fs::read_to_string(&torn).unwrap();
        fs::write(&torn, text.lines().next().unwrap()).unwrap();

        repaired(&lake);

        assert_eq!(ask(&lake, &[], ROWS), RIGHT, "{table}");
        done(ingest(&lake, &server));
        assert_eq!(ask(&lake, &[], ROWS), RIGHT, "{table}, after an ingest");
        assert_eq!(server.downloads(), DAYS.len(), "bronze has the bytes");
    }
}

#[tokio::test]
async fn a_repair_of_the_ledger_that_dies_before_the_rebuild_is_completed_by_the_next_one() {
    let (lake, server) = lake_of_days().await;
    fs::write(newest_commit(&lake, "meta/archives"), "").unwrap();
    let marker = lake.path().with_file_name("reached");
    let repair = lake.program("maintain", &["--repair"]);
    assert!(kill_at(repair, "damaged file set aside meta.archives", &marker));
    // What the version before held may have been deleted by maintenance.
    for file in lake.data_files("meta/archives") {
        fs::remove_file(file).unwrap();
    }

    repaired(&lake);

    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
    done(ingest(&lake, &server));
    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
    assert_eq!(server.downloads(), DAYS.len(), "bronze has the bytes");
}

#[tokio::test]
async fn rejects_of_a_torn_commit_are_reported_and_found_again_in_bronze() {
    let (lake, server) = lake_of_days().await;
    let key = trades_key("BTCUSDT", "2024-01-06");
    let row = |id: u64, price: &str| format!("{id},{price},2,3,1704499200000,True,True\n");
    let csv = row(1, "1.5") + &row(2, "x") + &row(3, "y");
    server.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    assert_eq!(ingest(&lake, &server).code, Some(1), "done, with rejected rows");
    let rejects = "SELECT count(*) || ' of ' || count(DISTINCT line) FROM meta.rejects";
    assert_eq!(ask(&lake, &[], rejects), "2 of 2");
    let torn = newest_commit(&lake, "meta/rejects");
    let text = fs::read_to_string(&torn).unwrap();
    fs::write(&torn, text.lines().next().unwrap()).unwrap();

    let refused = lake.run("verify", &[]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("meta.rejects"), "{refused}");
    let planned = done(lake.run("maintain", &["--repair", "--dry-run"]));
    assert!(planned.stdout.contains("meta.rejects: would set aside"), "{planned}");
    done(lake.run("maintain", &["--repair", "--table", "meta.rejects"]));
    assert_eq!(ask(&lake, &[], rejects), "0 of 0");
    let found = lake.run("verify", &[]);
    assert_eq!(found.code, Some(1), "{found}");
    assert!(found.stdout.contains("none of them in meta.rejects"), "{found}");
    assert!(found.stderr.contains("lakehouse maintain --repair"), "{found}");
    let run = repaired(&lake);

    assert!(run.stderr.contains(&key), "{run}");
    assert_eq!(ask(&lake, &[], rejects), "2 of 2");
    assert_eq!(ask(&lake, &[], ROWS), "81 rows and 81 of them different");
}
