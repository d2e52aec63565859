//! Ingesting again: what is held is left alone, what failed is tried again, and what a source says
//! of an archive that it does not deliver is recorded.

use crate::kill::kill_at;
use crate::support::archive_server::{ArchiveServer, Fault, Kind, checksum_text};
use crate::support::command::Run;
use crate::support::samples::{csv_name, identify, sample_folder, trades, trades_csv, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const DAY: &str = "2024-01-02";
const ALL_TRADES: [&str; 3] = ["--all", "--data-type", "trades"];

fn publish(server: &ArchiveServer, symbol: &str) -> String {
    let key = trades_key(symbol, DAY);
    server.publish(&key, trades(&key, DAY, 0..5));
    key
}

#[tokio::test]
async fn a_second_ingest_of_the_same_selection_downloads_nothing_and_commits_nothing() {
    let folder = sample_folder(&[
        identify("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-02.zip"),
        identify("data/spot/daily/klines/ETHUSDT/1h/ETHUSDT-1h-2024-01-02.zip"),
        identify("data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-01-02.zip"),
        identify(
            "data/futures/cm/monthly/fundingRate/BTCUSD_PERP/BTCUSD_PERP-fundingRate-2024-01.zip",
        ),
    ]);
    let server = ArchiveServer::of_folder(folder.path());
    let lake = TestLake::new();
    let run = lake.run("ingest", &["--all", "--source", server.url()]);
    assert_eq!(run.code, Some(0), "{run}");
    let (versions, archives) =
        (lake.versions(), lake.rows("SELECT * FROM meta.archives ORDER BY archive").await);
    let held = versions.keys().filter(|table| !table.starts_with("gold/")).count();
    assert_eq!(held, 8, "three tables of silver, five of meta: {versions:?}");
    server.take_seen();

    let again = lake.run("ingest", &["--all", "--source", server.url()]);

    assert_eq!(again.code, Some(0), "{again}");
    assert!(
        again.stderr.contains("archives: 0 new, 4 skipped, 0 corrected, 0 not published, 0 failed"),
        "{again}"
    );
    assert_eq!(server.count(Kind::Get, ""), 0, "no archive and no checksum");
    assert_eq!(lake.versions(), versions);
    assert_eq!(lake.rows("SELECT * FROM meta.archives ORDER BY archive").await, archives);
}

#[tokio::test]
async fn a_second_ingest_from_a_folder_reads_nothing_either() {
    let key = identify("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-02.zip");
    let folder = sample_folder(std::slice::from_ref(&key));
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    let versions = lake.versions();
    let again = lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    assert_eq!((again.plan.fetch.len(), again.summary.archives.skipped), (0, 1));
    assert_eq!(lake.versions(), versions);
}

#[tokio::test]
async fn a_run_after_failures_asks_for_just_those_again() {
    let server = ArchiveServer::start();
    let (good, flaky) = (publish(&server, "GOOD"), publish(&server, "FLAKY"));
    server.script(&flaky, std::iter::repeat_n(Fault::Status(503), 20));
    let lake = TestLake::new();

    let first = lake.ingest(server.url(), &[&ALL_TRADES[..], &["--retries", "2"]].concat()).await;
    assert_eq!((first.summary.archives.new, first.summary.archives.failed), (1, 1));
    assert_eq!(lake.ledger(&good, "status").await, ["ingested"]);
    let failed = lake.ledger(&flaky, "status, checksum, silver_version IS NULL, reason").await;
    assert!(
        failed.len() == 1 && failed[0].starts_with("failed | unchecked | true | "),
        "{failed:?}"
    );
    assert!(failed[0].contains("503"), "{failed:?}");
    server.take_seen();

    server.script(&flaky, []);
    let second = lake.ingest(server.url(), &[&ALL_TRADES[..], &["--retries", "20"]].concat()).await;

    assert_eq!((second.summary.archives.new, second.summary.archives.skipped), (1, 1));
    assert_eq!(server.count(Kind::Get, &good), 0, "what was held already");
    assert_eq!(lake.ledger(&flaky, "status, rows, reason").await, ["ingested | 5 | "]);
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "10");
}

/// Ingests by the program, at a time.
fn ingest_at(lake: &TestLake, server: &ArchiveServer, clock: &str) -> Run {
    let flags = [&ALL_TRADES[..], &["--source", server.url(), "--retries", "1"]].concat();
    let mut program = lake.program("ingest", &flags);
    program.env("LAKEHOUSE_TEST_CLOCK", clock).output().unwrap().into()
}

#[tokio::test]
async fn bytes_that_never_match_their_checksum_are_quarantined_and_kept_apart() {
    let server = ArchiveServer::start();
    let (good, bad) = (publish(&server, "GOOD"), publish(&server, "BAD"));
    server.put(&format!("{bad}.CHECKSUM"), format!("{:064}  BAD-trades-{DAY}.zip", 1));
    let lake = TestLake::new();

    let run = ingest_at(&lake, &server, "2026-12-01T00:00:00Z");

    assert_eq!(run.code, Some(1), "{run}");
    let ledger = lake.ledger(&bad, "status, checksum, reason").await;
    assert!(
        ledger.len() == 1 && ledger[0].starts_with("quarantined | mismatch | the bytes have"),
        "{ledger:?}"
    );
    let rows = "SELECT archive, count(*) FROM silver.trades GROUP BY archive";
    assert_eq!(lake.rows(rows).await, [format!("{good} | 5")]);
    server.take_seen();
    assert_eq!(lake.ingest(server.url(), &ALL_TRADES).await.summary.archives.skipped, 2);
    assert_eq!(server.downloads(), 0, "until archive or checksum change");

    let right = checksum_text(&bad, &trades(&bad, DAY, 0..5));
    server.put_at(&format!("{bad}.CHECKSUM"), right, "2027-01-01T00:00:00Z");
    lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!(lake.ledger(&bad, "status, checksum, rows").await, ["ingested | match | 5"]);
}

#[tokio::test]
async fn an_archive_leaves_quarantine_on_another_day_though_the_source_says_the_same_of_it() {
    let server = ArchiveServer::start();
    let key = publish(&server, "BTCUSDT");
    server.script(&key, [Fault::Corrupt, Fault::Corrupt]);
    let lake = TestLake::new();
    assert_eq!(ingest_at(&lake, &server, "2026-12-01T06:00:00Z").code, Some(1));
    let state = "status, checksum, rows";
    assert_eq!(lake.ledger(&key, state).await, ["quarantined | mismatch | 0"]);

    server.take_seen();
    let run = ingest_at(&lake, &server, "2026-12-01T23:00:00Z");
    assert_eq!((run.code, server.downloads()), (Some(0), 0), "once a day: {run}");
    let run = ingest_at(&lake, &server, "2026-12-02T01:00:00Z");
    assert_eq!((run.code, server.downloads()), (Some(0), 1), "{run}");
    assert_eq!(lake.ledger(&key, state).await, ["ingested | match | 5"]);
}

#[tokio::test]
async fn a_checksum_that_is_put_right_is_seen_though_the_clock_of_the_failed_run_was_ahead() {
    let server = ArchiveServer::start();
    let key = publish(&server, "BTCUSDT");
    server.put(&format!("{key}.CHECKSUM"), format!("{:064}  BTCUSDT-trades-{DAY}.zip", 1));
    let lake = TestLake::new();
    assert_eq!(ingest_at(&lake, &server, "2031-01-01T06:00:00Z").code, Some(1));

    let right = checksum_text(&key, &trades(&key, DAY, 0..5));
    server.put_at(&format!("{key}.CHECKSUM"), right, "2026-12-02T00:00:00Z");
    let run = ingest_at(&lake, &server, "2031-01-01T06:00:01Z");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(lake.ledger(&key, "status, checksum").await, ["ingested | match"]);
}

#[tokio::test]
async fn an_archive_without_a_checksum_lands_and_the_absence_is_recorded() {
    let server = ArchiveServer::start();
    let key = publish(&server, "BTCUSDT");
    server.remove(&format!("{key}.CHECKSUM"));
    let lake = TestLake::new();
    let run = lake.run("ingest", &[&ALL_TRADES[..], &["--source", server.url()]].concat());
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(lake.ledger(&key, "status, checksum, rows").await, ["ingested | absent | 5"]);
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "5");
}

#[tokio::test]
async fn an_archive_that_is_listed_and_not_there_is_not_published_and_no_failure() {
    let server = ArchiveServer::start();
    let (good, gone) = (publish(&server, "GOOD"), publish(&server, "GONE"));
    server.script(&gone, [Fault::Status(404)]);
    server.script(&format!("{gone}.CHECKSUM"), [Fault::Status(404)]);
    let lake = TestLake::new();

    let run = lake.run("ingest", &[&ALL_TRADES[..], &["--source", server.url()]].concat());

    assert_eq!(run.code, Some(0), "{run}");
    assert!(
        run.stderr.contains("archives: 1 new, 0 skipped, 0 corrected, 1 not published, 0 failed"),
        "{run}"
    );
    assert_eq!(lake.ledger(&gone, "status, rows").await, ["not_published | 0"]);
    assert_eq!(lake.ledger(&good, "status, rows").await, ["ingested | 5"]);
    lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!(lake.ledger(&gone, "status, rows").await, ["ingested | 5"], "once it is there");
}

#[tokio::test]
async fn keys_that_fit_no_pattern_are_reported_and_not_touched() {
    let server = ArchiveServer::start();
    let good = publish(&server, "BTCUSDT");
    let folder = "data/spot/daily/trades/BTCUSDT/";
    let unknown =
        ["BTCUSDT-trades-2020-8-01.zip", "part-00000-1c7e-c000.zip", "BTCUSDT-trades-2020-8.zip"];
    for name in unknown {
        server
            .publish(&format!("{folder}{name}"), zip_of("a.csv", trades_csv(DAY, 0..1).as_bytes()));
    }
    let lake = TestLake::new();

    let plan = lake.run("plan", &[&ALL_TRADES[..], &["--source", server.url()]].concat());
    let run = lake.run("ingest", &[&ALL_TRADES[..], &["--source", server.url()]].concat());

    assert_eq!((plan.code, run.code), (Some(0), Some(0)), "{run}");
    for reported in [&plan.stdout, &run.stderr] {
        assert!(
            reported.contains("published, and no archive of a known kind: 3 keys"),
            "{reported}"
        );
        assert!(
            unknown.iter().all(|name| reported.contains(&format!("{folder}{name}"))),
            "{reported}"
        );
    }
    assert_eq!(server.downloads(), 1);
    assert_eq!(lake.rows("SELECT archive FROM meta.archives").await, [good]);
}

#[tokio::test]
async fn a_symbol_that_is_not_ascii_goes_all_the_way() {
    let server = ArchiveServer::start();
    let key = trades_key("币安人生USDT", DAY);
    server.publish(&key, zip_of(&csv_name(&key), trades_csv(DAY, 0..5).as_bytes()));
    let lake = TestLake::new();

    let run = lake.run(
        "ingest",
        &["--symbol", "币安人生USDT", "--data-type", "trades", "--source", server.url()],
    );

    assert_eq!(run.code, Some(0), "{run}");
    let sql = "SELECT symbol, archive, count(*) FROM silver.trades WHERE symbol = '币安人生USDT' \
               GROUP BY symbol, archive";
    assert_eq!(lake.rows(sql).await, [format!("币安人生USDT | {key} | 5")]);
    assert!(
        lake.path()
            .join("bronze/spot/trades/币安人生USDT")
            .join(key.rsplit('/').next().unwrap())
            .is_file()
    );
    let query = lake.run("query", &["SELECT DISTINCT symbol FROM trades", "--format", "csv"]);
    assert_eq!((query.code, query.stdout.as_str()), (Some(0), "symbol\n币安人生USDT\n"), "{query}");
}

#[tokio::test]
async fn rows_of_a_run_that_died_land_once_where_the_next_run_dies_after_it_recorded_its_own() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    let flags = ["--all", "--stage", "silver", "--source", server.url()];
    for (symbol, step) in
        [("AAAUSDT", "after commit silver.trades"), ("BBBUSDT", "after commit meta.archives")]
    {
        publish(&server, symbol);
        let marker = lake.path().with_file_name(format!("reached-{symbol}"));
        assert!(kill_at(lake.program("ingest", &flags), step, &marker), "never came to {step}");
    }

    let run = lake.run("ingest", &flags);

    assert_eq!(run.code, Some(0), "{run}");
    let rows = "SELECT symbol, count(*) FROM silver.trades GROUP BY symbol ORDER BY symbol";
    assert_eq!(lake.rows(rows).await, ["AAAUSDT | 5", "BBBUSDT | 5"]);
    let verified = lake.run("verify", &["--deep"]);
    assert_eq!(verified.code, Some(0), "{verified}");
}
