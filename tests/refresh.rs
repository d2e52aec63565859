//! Refresh: everything that a lake tracks is brought up to date, and nothing else is touched or
//! asked for.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::archive_server::{ArchiveServer, Fault, Kind};
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;

/// The last days that are certainly published on the day on which [`TestLake::refresh`] runs.
const RECENT: [&str; 3] = ["2026-11-27", "2026-11-28", "2026-11-29"];
const ALL_TRADES: [&str; 5] = ["--all", "--market", "spot", "--data-type", "trades"];

fn publish(server: &ArchiveServer, symbol: &str, day: &str) -> String {
    publish_ids(server, symbol, day, 0..5)
}

fn publish_ids(
    server: &ArchiveServer,
    symbol: &str,
    day: &str,
    ids: std::ops::Range<i64>,
) -> String {
    let key = trades_key(symbol, day);
    server.publish(&key, trades(&key, day, ids));
    key
}

/// A lake that holds some days of one symbol, and the server that it has them of.
async fn lake_of(days: &[&str]) -> (ArchiveServer, TestLake) {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    for day in days {
        publish(&server, "BTCUSDT", day);
    }
    lake.ingest(server.url(), &ALL_TRADES).await;
    server.take_seen();
    (server, lake)
}

async fn rows_of(lake: &TestLake, key: &str) -> String {
    lake.value(&format!("SELECT count(*) FROM silver.trades WHERE archive = '{key}'")).await
}

#[tokio::test]
async fn with_nothing_new_nothing_is_downloaded_or_committed_and_requests_do_not_grow_with_age() {
    let (server, lake) = lake_of(&RECENT).await;
    server.set_page_size(8);
    let versions = lake.versions();
    let first = lake.refresh(server.url(), &[], false).await;
    let requests = server.take_seen();
    assert_eq!(
        (first.plan.plan.fetch.len(), first.plan.late, first.summary.commits),
        (0, 0, 0),
        "{first:?}"
    );
    assert_eq!(
        requests.iter().map(|seen| seen.kind).collect::<Vec<_>>(),
        [Kind::List; 2],
        "a folder per frequency"
    );
    assert_eq!(lake.versions(), versions);

    for day in 1..=28 {
        publish(&server, "BTCUSDT", &format!("2025-02-{day:02}"));
    }
    let with_older_ones = lake.refresh(server.url(), &[], false).await;
    assert_eq!(
        (with_older_ones.plan.plan.fetch.len(), server.take_seen().len()),
        (0, requests.len())
    );
    lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!(lake.value("SELECT count(*) FROM meta.archives").await, "31");
    let (versions, _) = (lake.versions(), server.take_seen());
    let with_older_ones_held = lake.refresh(server.url(), &[], false).await;
    assert_eq!(
        (with_older_ones_held.plan.plan.fetch.len(), server.take_seen().len()),
        (0, requests.len())
    );
    assert_eq!(lake.versions(), versions);
}

#[tokio::test]
async fn a_new_day_is_fetched_and_nothing_besides() {
    let (server, lake) = lake_of(&RECENT[..2]).await;
    let new = publish(&server, "BTCUSDT", RECENT[2]);
    publish(&server, "ETHUSDT", RECENT[2]);
    let done = lake.refresh(server.url(), &[], false).await;
    assert_eq!(
        (done.summary.archives.new, done.plan.late, server.downloads()),
        (1, 0, 1),
        "{}",
        done.summary
    );
    assert_eq!(rows_of(&lake, &new).await, "5");
    assert_eq!(lake.value("SELECT DISTINCT symbol FROM silver.trades").await, "BTCUSDT");
}

#[tokio::test]
async fn a_late_day_in_the_window_is_fetched_and_told_as_late_and_one_that_lacks_as_missing() {
    let (server, lake) = lake_of(&[RECENT[0], RECENT[2]]).await;
    let done = lake.refresh(server.url(), &[], false).await;
    let days: Vec<_> = done
        .plan
        .missing
        .iter()
        .flat_map(|missing| &missing.ranges)
        .map(ToString::to_string)
        .collect();
    assert!(days.iter().any(|days| days.contains(RECENT[1])), "{days:?}");

    let late = publish(&server, "BTCUSDT", RECENT[1]);
    let done = lake.refresh(server.url(), &[], false).await;
    assert_eq!(
        (done.summary.archives.new, done.plan.late, server.downloads()),
        (1, 1, 1),
        "{}",
        done.summary
    );
    assert_eq!(rows_of(&lake, &late).await, "5");
}

#[tokio::test]
async fn the_program_tells_of_late_archives() {
    let (server, lake) = lake_of(&["2024-01-05"]).await;
    let late = publish(&server, "BTCUSDT", "2024-01-04");
    let run = lake.run("refresh", &["--source", server.url()]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("1 archive came late"), "{run}");
    assert!(run.stderr.contains("archives: 1 new, 1 skipped, 0 corrected"), "{run}");
    assert_eq!(rows_of(&lake, &late).await, "5");
}

#[tokio::test]
async fn a_correction_in_the_window_replaces_its_rows() {
    let (server, lake) = lake_of(&RECENT).await;
    let key = publish_ids(&server, "BTCUSDT", RECENT[0], 0..9);
    let done = lake.refresh(server.url(), &[], false).await;
    let archives = &done.summary.archives;
    assert_eq!((archives.new, archives.corrected, archives.skipped), (0, 1, 2), "{}", done.summary);
    assert_eq!(rows_of(&lake, &key).await, "9");
    assert_eq!(lake.ledger(&key, "status, rows").await, ["superseded | 5", "ingested | 9"]);
}

#[tokio::test]
async fn a_correction_of_a_day_before_the_window_is_seen_by_a_full_refresh() {
    let (server, lake) = lake_of(&["2026-03-04", RECENT[2]]).await;
    let key = publish_ids(&server, "BTCUSDT", "2026-03-04", 0..9);
    let done = lake.refresh(server.url(), &[], false).await;
    assert_eq!((done.summary.archives.corrected, server.downloads()), (0, 0), "{}", done.summary);
    let done = lake.refresh(server.url(), &[], true).await;
    assert_eq!((done.summary.archives.corrected, server.downloads()), (1, 1), "{}", done.summary);
    assert_eq!(rows_of(&lake, &key).await, "9");
}

#[tokio::test]
async fn a_symbol_that_is_no_longer_published_keeps_its_rows_and_causes_no_error() {
    let (server, lake) = lake_of(&["2024-01-03", "2024-01-04"]).await;
    for key in server.keys() {
        server.remove(&key);
    }
    let new = publish(&server, "ETHUSDT", "2024-01-05");
    lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!(rows_of(&lake, &new).await, "5");
    lake.gold_with(|_| {}).await;
    let versions = lake.versions();
    for flags in [&[][..], &["--full"]] {
        let run = lake.run("refresh", &[&["--source", server.url()], flags].concat());
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stderr.contains("0 corrected, 0 not published, 0 failed"), "{run}");
        assert!(
            !run.stderr.contains("BTCUSDT"),
            "no longer being published is nothing to tell: {run}"
        );
    }
    assert_eq!(lake.versions(), versions);
    assert_eq!(
        lake.value("SELECT count(*) FROM silver.trades WHERE symbol = 'BTCUSDT'").await,
        "10"
    );
}

#[tokio::test]
async fn a_new_symbol_is_picked_up_if_the_configuration_matches_it() {
    let (server, lake) = lake_of(&["2024-01-05"]).await;
    let new = publish(&server, "BTCFDUSD", "2024-01-05");
    publish(&server, "ETHUSDT", "2024-01-05");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lake.toml");
    let text = "markets = [\"spot\"]\ndata_types = [\"trades\"]\nsymbols = [\"BTC*\"]\n";
    std::fs::write(&config, text).unwrap();

    let flags = ["--source", server.url(), "--config", config.to_str().unwrap()];
    let run = lake.run("refresh", &flags);

    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!((rows_of(&lake, &new).await.as_str(), server.downloads()), ("5", 1));
    let symbols = "SELECT DISTINCT symbol FROM silver.trades ORDER BY symbol";
    assert_eq!(lake.rows(symbols).await, ["BTCFDUSD", "BTCUSDT"]);
    let next = lake.run("refresh", &["--source", server.url()]);
    assert!(next.stderr.contains("archives: 0 new, 2 skipped"), "tracked without the file: {next}");
}

#[test]
fn a_refresh_of_an_empty_lake_without_a_selection_does_nothing() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    publish(&server, "BTCUSDT", RECENT[0]);
    let run = lake.run("refresh", &["--source", server.url()]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("archives: 0 new, 0 skipped"), "{run}");
    assert_eq!((server.take_seen().len(), lake.versions().len()), (0, 0));
}

#[tokio::test]
async fn a_dry_run_shows_the_plan_and_does_nothing() {
    let (server, lake) = lake_of(&["2024-01-05"]).await;
    publish(&server, "BTCUSDT", "2024-01-06");
    let versions = lake.versions();
    let run = lake.run("refresh", &["--source", server.url(), "--dry-run"]);
    assert_eq!((run.code, server.downloads()), (Some(0), 0), "{run}");
    assert!(run.stdout.contains("1 archive to fetch") && run.stdout.contains("1 skipped"), "{run}");
    assert_eq!(lake.versions(), versions);
}

#[tokio::test]
async fn refreshes_that_overlap_land_each_archive_once() {
    let (server, lake) = lake_of(&["2024-01-03", "2024-01-04"]).await;
    let corrected = publish_ids(&server, "BTCUSDT", "2024-01-04", 0..9);
    let new = ["2024-01-05", "2024-01-06"].map(|day| publish(&server, "BTCUSDT", day));
    let start = || {
        let mut program = lake.program("refresh", &["--source", server.url(), "--batch-size", "1"]);
        program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let ends = [start(), start(), start()].map(|mut refresh| refresh.wait().unwrap());
    assert!(ends.iter().all(std::process::ExitStatus::success), "{ends:?}");
    let expected = ["5", "9", "5", "5"];
    assert_eq!(
        lake.rows("SELECT count(*) FROM silver.trades GROUP BY archive ORDER BY archive").await,
        expected
    );
    assert_eq!(lake.ledger(&corrected, "status, rows").await, ["superseded | 5", "ingested | 9"]);
    for key in new {
        assert_eq!(lake.ledger(&key, "status, rows").await, ["ingested | 5"]);
    }
}

#[tokio::test]
async fn a_refresh_that_repeats_itself_ends_well_when_it_is_asked_to() {
    for signal in ["-TERM", "-INT"] {
        let (server, lake) = lake_of(&["2024-01-05"]).await;
        publish(&server, "BTCUSDT", "2024-01-06");
        let mut program = lake.program("refresh", &["--source", server.url(), "--every", "1h"]);
        let mut repeating = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut reported = BufReader::new(repeating.stderr.take().unwrap()).lines();
        let round =
            reported.by_ref().map(Result::unwrap).find(|line| line.starts_with("archives: "));
        assert!(round.is_some_and(|line| line.starts_with("archives: 1 new, 1 skipped")));

        send(signal, repeating.id());

        let rest: Vec<String> = reported.map(Result::unwrap).collect();
        assert_eq!(repeating.wait().unwrap().code(), Some(0), "{signal}: {rest:?}");
        assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "10");
    }
}

#[tokio::test]
async fn a_refresh_that_is_interrupted_keeps_what_has_landed_and_can_go_on() {
    let (server, lake) = lake_of(&["2024-01-05"]).await;
    let new =
        ["2024-01-06", "2024-01-07", "2024-01-08"].map(|day| publish(&server, "BTCUSDT", day));
    server.script(&new[1], [Fault::StallAfter(10)]);
    let version = lake.versions()["silver/trades"];
    let mut program =
        lake.program("refresh", &["--source", server.url(), "--every", "1h", "--batch-size", "1"]);
    let mut repeating = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while lake.versions()["silver/trades"] == version || server.count(Kind::Get, &new[1]) == 0 {
        assert_eq!(repeating.try_wait().unwrap(), None);
        std::thread::yield_now();
    }

    send("-INT", repeating.id());

    let reported: Vec<String> =
        BufReader::new(repeating.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
    assert_eq!(repeating.wait().unwrap().code(), Some(0), "{reported:?}");
    assert!(
        reported.iter().any(|line| line.starts_with("stopped; nothing is lost")),
        "{reported:?}"
    );
    assert_eq!(
        lake.rows("SELECT archive, count(*) FROM silver.trades GROUP BY archive").await.len(),
        2
    );
    assert_eq!(lake.ledger(&new[0], "status, rows").await, ["ingested | 5"]);
    assert_eq!(
        lake.value("SELECT outcome FROM meta.runs WHERE command LIKE '%--every%'").await,
        "interrupted"
    );
    let next = lake.run("refresh", &["--source", server.url()]);
    assert!(next.stderr.contains("archives: 2 new, 2 skipped"), "{next}");
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "20");
}

fn send(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}
