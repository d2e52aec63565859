//! A lake that keeps checksums only: archives go from bronze once their rows are in silver, and are
//! downloaded again by whoever needs their bytes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::archive_server::ArchiveServer;
use crate::support::command::{Run, lakehouse};
use crate::support::s3_server::S3Server;
use crate::support::samples::{identify, trades, trades_key};
use crate::support::test_lake::TestLake;

const DAYS: [&str; 2] = ["2024-01-02", "2024-01-03"];
const COUNT: &str = "SELECT count(*) FROM silver.trades";

fn publish(server: &ArchiveServer, day: &str, ids: std::ops::Range<i64>) -> String {
    let key = trades_key("BTCUSDT", day);
    server.publish(&key, trades(&key, day, ids));
    key
}

fn server() -> ArchiveServer {
    let server = ArchiveServer::start();
    DAYS.iter().for_each(|day| drop(publish(&server, day, 0..20)));
    server
}

fn ingest(lake: &TestLake, server: &ArchiveServer, flags: &[&str]) -> Run {
    let all = ["--all", "--data-type", "trades", "--source", server.url()];
    lake.run("ingest", &[&all[..], flags].concat())
}

/// Runs a command that succeeds.
fn done(lake: &TestLake, command: &str, flags: &[&str]) -> Run {
    let run = lake.run(command, flags);
    assert_eq!(run.code, Some(0), "{run}");
    run
}

fn dropping(server: &ArchiveServer) -> TestLake {
    let lake = TestLake::new();
    let run = ingest(&lake, server, &["--bronze", "checksums"]);
    assert_eq!(run.code, Some(0), "{run}");
    lake
}

/// Returns the names of the files of trades in bronze.
fn bronze(lake: &TestLake) -> Vec<String> {
    let folder = lake.path().join("bronze/spot/trades/BTCUSDT");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn checksums() -> Vec<String> {
    DAYS.map(|day| format!("BTCUSDT-trades-{day}.zip.CHECKSUM")).to_vec()
}

/// Writes a data file of silver again from another one, so that its rows are not those of its
/// archive.
fn damage(lake: &TestLake) {
    let files: Vec<PathBuf> = lake.data_files("silver/trades");
    let of = |day: &str| files.iter().find(|file| is_of(file, day)).unwrap();
    let other = std::fs::read(of(DAYS[1])).unwrap();
    std::fs::write(of(DAYS[0]), other).unwrap();
}

fn is_of(file: &Path, day: &str) -> bool {
    file.to_str().unwrap().contains(day)
}

fn verified(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[tokio::test]
async fn archives_go_once_they_are_in_silver_and_verification_counts_them() {
    let server = server();
    let lake = dropping(&server);
    assert_eq!(bronze(&lake), checksums());
    assert_eq!(lake.value(COUNT).await, "40");

    let run = done(&lake, "verify", &["--format", "json"]);
    assert_eq!(verified(&run)["dropped"], 2, "{run}");
    assert!(run.stderr.contains("2 of them without their bytes"), "{run}");
    server.take_seen();
    let again = ingest(&lake, &server, &["--bronze", "checksums"]);
    assert_eq!((again.code, server.downloads()), (Some(0), 0), "{again}");
}

#[tokio::test]
async fn deep_verification_downloads_dropped_archives_again_and_leaves_nothing_behind() {
    let server = server();
    let lake = dropping(&server);
    server.take_seen();
    let deep = ["--deep", "--source", server.url()];
    done(&lake, "verify", &deep);
    assert_eq!(server.downloads(), 2);
    assert_eq!(bronze(&lake), checksums());

    server.remove(&trades_key("BTCUSDT", DAYS[0]));
    publish(&server, DAYS[1], 5..9);
    let run = lake.run("verify", &deep);
    assert_eq!(run.code, Some(1), "{run}");
    let found: Vec<String> = run.stdout.lines().skip(1).map(str::to_owned).collect();
    assert_eq!(found.len(), 2, "{run}");
    assert!(found.iter().all(|line| line.contains("  source ")), "{run}");
    for part in ["the source does not have it any more", "`lakehouse refresh` loads"] {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
}

#[tokio::test]
async fn repair_lands_dropped_archives_again_from_the_source() {
    let server = server();
    let lake = dropping(&server);
    damage(&lake);
    let run = lake.run("verify", &["--deep", "--source", server.url()]);
    assert_eq!(run.code, Some(1), "{run}");

    let repaired = done(&lake, "maintain", &["--repair", "--deep", "--source", server.url()]);
    assert!(repaired.stderr.contains("silver.trades"), "{repaired}");
    done(&lake, "verify", &["--deep", "--source", server.url()]);
    assert_eq!(lake.value(COUNT).await, "40");
}

#[tokio::test]
async fn a_corrected_archive_is_loaded_and_dropped_like_the_first() {
    let server = server();
    let lake = dropping(&server);
    publish(&server, DAYS[1], 5..9);
    let run = ingest(&lake, &server, &["--bronze", "checksums"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(lake.value(COUNT).await, "24");
    assert_eq!(bronze(&lake), checksums());
    let run = done(&lake, "verify", &["--deep", "--source", server.url(), "--format", "json"]);
    assert_eq!(verified(&run)["dropped"], 3, "two versions of one, and the other: {run}");
}

#[tokio::test]
async fn maintenance_drops_what_an_earlier_ingest_kept() {
    let server = server();
    let lake = TestLake::new();
    assert_eq!(ingest(&lake, &server, &[]).code, Some(0));
    let kept = bronze(&lake);
    assert_eq!(kept.len(), 4);
    done(&lake, "maintain", &[]);
    assert_eq!(bronze(&lake), kept);

    let dry = done(&lake, "maintain", &["--bronze", "checksums", "--dry-run"]);
    assert!(dry.stdout.contains("bronze: would drop 2 archives"), "{dry}");
    assert_eq!(bronze(&lake), kept);
    let run = done(&lake, "maintain", &["--bronze", "checksums"]);
    assert!(run.stderr.contains("bronze: dropped 2 archives"), "{run}");
    assert_eq!(bronze(&lake), checksums());
    done(&lake, "verify", &[]);
    let idle = done(&lake, "maintain", &["--bronze", "checksums"]);
    assert!(!idle.stderr.contains("bronze: dropped"), "{idle}");
}

#[tokio::test]
async fn what_did_not_land_or_has_no_checksum_is_kept() {
    let server = ArchiveServer::start();
    let rejected = trades_key("BTCUSDT", DAYS[0]);
    server.publish(&rejected, b"no zip".to_vec());
    let unchecked = trades_key("BTCUSDT", DAYS[1]);
    server.put(&unchecked, trades(&unchecked, DAYS[1], 0..5));
    let lake = TestLake::new();
    let run = ingest(&lake, &server, &["--bronze", "checksums"]);
    assert_eq!(run.code, Some(1), "{run}");
    for key in [&rejected, &unchecked] {
        let file = lake.path().join("bronze").join(identify(key).bronze_path());
        assert!(file.is_file(), "{key}");
    }
    done(&lake, "maintain", &["--bronze", "checksums"]);
    assert!(lake.path().join("bronze").join(identify(&unchecked).bronze_path()).is_file());
}

#[tokio::test]
async fn bytes_that_a_lake_should_have_are_lost_and_not_dropped() {
    let server = server();
    let lake = TestLake::new();
    assert_eq!(ingest(&lake, &server, &[]).code, Some(0));
    let key = identify(&trades_key("BTCUSDT", DAYS[0]));
    std::fs::remove_file(lake.path().join("bronze").join(key.bronze_path())).unwrap();
    let run = lake.run("verify", &[]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("missing"), "{run}");
}

#[tokio::test]
async fn a_lost_checksum_of_a_dropped_archive_is_found() {
    let server = server();
    let lake = dropping(&server);
    let file = lake.path().join("bronze/spot/trades/BTCUSDT").join(&checksums()[0]);
    std::fs::remove_file(file).unwrap();
    assert_eq!(lake.run("verify", &[]).code, Some(1));
}

#[tokio::test]
async fn an_ingest_into_bronze_alone_refuses_to_drop_what_it_loads() {
    let run = ingest(&TestLake::new(), &server(), &["--bronze", "checksums", "--stage", "bronze"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("until they are in silver"), "{run}");
}

#[tokio::test]
async fn a_lake_in_a_bucket_drops_its_archives_likewise() {
    let server = server();
    let bucket = S3Server::start();
    let location = bucket.lake("dropping");
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut program = lakehouse(folder.path());
        bucket.admit(&mut program);
        program.args(arguments).args(["--lake", &location, "--source", server.url()]);
        Run::from(program.output().unwrap())
    };
    let ingested = run(&["ingest", "--all", "--data-type", "trades", "--bronze", "checksums"]);
    assert_eq!(ingested.code, Some(0), "{ingested}");
    let keys = bucket.keys("");
    let zips = keys.iter().filter(|key| key.contains("bronze/") && key.ends_with(".zip"));
    assert_eq!(zips.count(), 0, "{keys:?}");
    let verified = run(&["verify", "--deep"]);
    assert_eq!(verified.code, Some(0), "{verified}");
}
