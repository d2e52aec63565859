//! An archive that is published again: exactly its rows are replaced, in one commit, and both
//! versions stay known.

use lakehouse_core::listing::checksum::Sha256Hex;
use sha2::{Digest, Sha256};

use crate::support::archive_server::{ArchiveServer, Kind};
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;

const DAY: &str = "2024-01-02";
const ALL_TRADES: [&str; 3] = ["--all", "--data-type", "trades"];

fn sum(bytes: &[u8]) -> String {
    let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    sum.parse::<Sha256Hex>().unwrap().to_string()
}

#[tokio::test]
async fn a_changed_archive_replaces_its_rows_and_no_others_in_one_commit() {
    let server = ArchiveServer::start();
    let (changed, other) = (trades_key("BTCUSDT", DAY), trades_key("ETHUSDT", DAY));
    let (old, new) = (trades(&changed, DAY, 0..5), trades(&changed, DAY, 2..9));
    server.publish(&changed, old.clone());
    server.publish(&other, trades(&other, DAY, 100..103));
    let lake = TestLake::new();
    lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!(lake.data_files("silver/trades").len(), 1, "the two share a partition and a file");
    let of_other = format!("SELECT * FROM silver.trades WHERE archive = '{other}' ORDER BY id");
    let (version, untouched) = (lake.versions()["silver/trades"], lake.rows(&of_other).await);
    server.take_seen();

    server.publish(&changed, new.clone());
    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    let archives = &done.summary.archives;
    assert_eq!((archives.new, archives.corrected, archives.skipped), (0, 1, 1), "{}", done.summary);
    assert_eq!((done.summary.is_incomplete(), server.downloads()), (false, 1));
    assert_eq!(lake.versions()["silver/trades"], version + 1, "one commit");
    let ids = format!("SELECT id FROM silver.trades WHERE archive = '{changed}' ORDER BY id");
    assert_eq!(lake.rows(&ids).await, (2..9).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(lake.rows(&of_other).await, untouched);
    let ledger = lake.ledger(&changed, "status, sha256, rows, silver_version").await;
    let superseded = format!("superseded | {} | 5 | {version}", sum(&old));
    assert_eq!(ledger, [superseded, format!("ingested | {} | 7 | {}", sum(&new), version + 1)]);
    assert_eq!(
        lake.ledger(&other, "status, silver_version").await,
        [format!("ingested | {version}")]
    );
}

#[tokio::test]
async fn both_versions_of_a_changed_archive_stay_in_bronze_byte_for_byte() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    let (old, new) = (trades(&key, DAY, 0..5), trades(&key, DAY, 2..9));
    let lake = TestLake::new();
    for bytes in [&old, &new] {
        server.publish(&key, bytes.clone());
        lake.ingest(server.url(), &ALL_TRADES).await;
    }
    let folder = lake.path().join("bronze/spot/trades/BTCUSDT");
    let name = key.rsplit('/').next().unwrap();
    assert_eq!(std::fs::read(folder.join(name)).unwrap(), new);
    let zips = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> =
        zips.filter(|file| file.is_file() && std::fs::read(file).unwrap() == old).collect();
    assert_eq!(kept.len(), 1, "the old one under a name of its own");
}

#[tokio::test]
async fn the_same_bytes_under_a_new_etag_change_nothing_and_are_fetched_once_only() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    server.publish(&key, trades(&key, DAY, 0..5));
    let lake = TestLake::new();
    lake.ingest(server.url(), &ALL_TRADES).await;
    let (version, ledger) =
        (lake.versions()["silver/trades"], lake.ledger(&key, "sha256, rows, silver_version").await);
    server.set_etag(&key, "\"another\"");
    server.take_seen();

    let second = lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!(second.plan.fetch.len(), 1, "the listing says that something changed");
    assert_eq!(
        (second.summary.archives.corrected, second.summary.archives.new),
        (0, 0),
        "{}",
        second.summary
    );
    assert_eq!(lake.versions()["silver/trades"], version);
    assert_eq!(lake.ledger(&key, "sha256, rows, silver_version").await, ledger);
    assert_eq!(lake.ledger(&key, "status, etag").await, ["ingested | another"]);
    server.take_seen();

    let third = lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!((third.plan.fetch.len(), third.summary.archives.skipped), (0, 1));
    assert_eq!(server.count(Kind::Get, ""), 0);
}

#[tokio::test]
async fn a_changed_archive_that_cannot_be_read_leaves_the_rows_of_the_one_before() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    server.publish(&key, trades(&key, DAY, 0..5));
    let lake = TestLake::new();
    lake.ingest(server.url(), &ALL_TRADES).await;
    let version = lake.versions()["silver/trades"];

    server.publish(&key, b"no zip".to_vec());
    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!((done.summary.archives.failed, lake.versions()["silver/trades"]), (1, version));
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "5");
    assert_eq!(lake.ledger(&key, "status, rows").await, ["ingested | 5", "rejected | 0"]);
    assert_eq!(lake.ingest(server.url(), &ALL_TRADES).await.summary.archives.skipped, 1);

    server.publish(&key, trades(&key, DAY, 0..7));
    let done = lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!(
        (done.summary.archives.corrected, done.summary.archives.failed),
        (1, 0),
        "{}",
        done.summary
    );
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "7");
    assert_eq!(lake.ledger(&key, "status, rows").await, ["superseded | 5", "ingested | 7"]);
}

#[tokio::test]
async fn an_archive_that_returns_to_an_earlier_version_replaces_again() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    let lake = TestLake::new();
    for last in [5, 9, 5] {
        server.publish(&key, trades(&key, DAY, 0..last));
        let done = lake.ingest(server.url(), &ALL_TRADES).await;
        assert_eq!(done.summary.archives.failed, 0, "{:?}", done.summary.failures);
        assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, last.to_string());
    }
    assert_eq!(
        lake.ledger(&key, "status, rows").await,
        ["superseded | 5", "superseded | 9", "ingested | 5"]
    );
}

#[tokio::test]
async fn a_forced_download_of_unchanged_bytes_commits_nothing_to_silver() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    server.publish(&key, trades(&key, DAY, 0..5));
    let lake = TestLake::new();
    lake.ingest(server.url(), &ALL_TRADES).await;
    let version = lake.versions()["silver/trades"];
    let forced =
        lake.ingest(server.url(), &[&ALL_TRADES[..], &["--force-redownload"]].concat()).await;
    assert_eq!((forced.plan.fetch.len(), server.downloads()), (1, 2));
    assert_eq!(
        (forced.summary.archives.new, forced.summary.archives.corrected),
        (0, 0),
        "{}",
        forced.summary
    );
    assert_eq!(lake.versions()["silver/trades"], version);
}
