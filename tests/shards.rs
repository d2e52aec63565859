//! Processes that fill one lake side by side, each with its part of the series.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::archive_server::{ArchiveServer, Kind};
use crate::support::command::Run;
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;

const SYMBOLS: usize = 12;

fn server() -> ArchiveServer {
    let server = ArchiveServer::start();
    for number in 0..SYMBOLS {
        let key = trades_key(&format!("S{number}USDT"), "2024-01-02");
        server.publish(&key, trades(&key, "2024-01-02", 0..3));
    }
    server
}

/// Returns the symbols that the lake holds.
async fn symbols(lake: &TestLake) -> BTreeSet<String> {
    lake.rows("SELECT DISTINCT symbol FROM silver.trades").await.into_iter().collect()
}

#[tokio::test]
async fn shards_load_every_series_once_and_leave_gold_to_a_run_of_its_own() {
    let (server, lake) = (server(), TestLake::new());
    let trades = ["--all", "--data-type", "trades", "--source", server.url()];
    let mut loaded = 0;
    for shard in ["1/3", "2/3", "3/3"] {
        let run = lake.run("ingest", &[&trades[..], &["--shard", shard]].concat());
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stderr.contains("gold and audits are left"), "{run}");
        let now = symbols(&lake).await.len();
        assert!(loaded < now, "{shard}: {run}");
        loaded = now;
    }
    assert_eq!((loaded, server.downloads()), (SYMBOLS, SYMBOLS));
    assert!(!lake.path().join("gold").exists());

    let mut verified = 0;
    for shard in ["1/3", "2/3", "3/3"] {
        let run = lake.run("verify", &["--shard", shard, "--format", "json"]);
        assert_eq!(run.code, Some(0), "{run}");
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        verified += report["archives"].as_u64().unwrap();
    }
    assert_eq!(verified, SYMBOLS as u64);
}

#[tokio::test]
async fn a_refresh_lists_and_loads_its_own_series() {
    let (server, lake) = (server(), TestLake::new());
    let trades_only = ["--all", "--data-type", "trades", "--source", server.url()];
    assert_eq!(lake.run("ingest", &trades_only).code, Some(0));
    for number in 0..SYMBOLS {
        let key = trades_key(&format!("S{number}USDT"), "2024-01-03");
        server.publish(&key, trades(&key, "2024-01-03", 3..6));
    }
    let newer = "SELECT symbol FROM silver.trades WHERE date = '2024-01-03' GROUP BY symbol";
    let mut all = BTreeSet::new();
    for shard in ["1/2", "2/2"] {
        server.take_seen();
        let run = lake.run("refresh", &["--shard", shard, "--source", server.url()]);
        assert_eq!(run.code, Some(0), "{run}");
        let now: BTreeSet<String> = lake.rows(newer).await.into_iter().collect();
        let new = now.len() - all.len();
        assert!(new > 0 && new < SYMBOLS, "{shard}: {run}");
        let listed = server.take_seen().into_iter();
        let listed: BTreeSet<String> = listed
            .filter(|seen| seen.kind == Kind::List && seen.key.contains("/daily/trades/S"))
            .map(|seen| seen.key)
            .collect();
        assert_eq!(listed.len(), new, "{listed:?}");
        all = now;
    }
    assert_eq!(all.len(), SYMBOLS);
}

#[tokio::test]
async fn a_job_of_several_processes_says_which_shard_each_is() {
    let (server, lake) = (server(), TestLake::new());
    let trades = ["--all", "--data-type", "trades", "--source", server.url()];
    let by_flag = lake.run("ingest", &[&trades[..], &["--shard", "2/3"]].concat());
    assert_eq!(by_flag.code, Some(0), "{by_flag}");
    let expected = symbols(&lake).await;
    let lake = TestLake::new();
    let ingest = |index: &str| {
        let mut program = lake.program("ingest", &trades);
        program.env("JOB_COMPLETION_INDEX", index).env("JOB_COMPLETION_COUNT", "3");
        Run::from(program.output().unwrap())
    };
    let run = ingest("1");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(symbols(&lake).await, expected);
    let run = ingest("3");
    assert!(run.code == Some(2) && run.stderr.contains("JOB_COMPLETION_COUNT"), "{run}");
    let run = lake.run("ingest", &[&trades[..], &["--shard", "0/3"]].concat());
    assert!(run.code == Some(2) && run.stderr.contains("1/4"), "{run}");
}
