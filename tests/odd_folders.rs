//! Folders that are a little odd: names that mean something in URLs, links, pipes, other disks.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use lakehouse_core::listing::Published;

use crate::support::archive_server::{Fault, checksum_text};
use crate::support::command::{Run, lakehouse};
use crate::support::fetch_bench::{Bench, KEY, bytes, options, published, stored};
use crate::support::samples::{trades, trades_key};

const COUNT: &str = "SELECT count(*) FROM silver.trades";

/// Puts an archive of five trades into a mirror.
fn put(mirror: &Path, symbol: &str) {
    let key = trades_key(symbol, "2026-11-19");
    let path = mirror.join(&key);
    let zip = trades(&key, "2026-11-19", 0..5);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(mirror.join(format!("{key}.CHECKSUM")), checksum_text(&key, &zip)).unwrap();
    std::fs::write(path, zip).unwrap();
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    lakehouse(folder).args(arguments).output().unwrap().into()
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> Run {
    let run = run(folder, arguments);
    assert_eq!(run.code, Some(0), "{arguments:?}: {run}");
    run
}

fn ingest<'a>(lake: &'a str, mirror: &'a str, symbol: &'a str) -> Vec<&'a str> {
    let selection = ["--market", "spot", "--data-type", "trades", "--symbol", symbol];
    [&["ingest", "--lake", lake, "--source", mirror][..], &selection].concat()
}

#[test]
fn a_lake_is_in_the_folder_of_its_name_whatever_that_means_in_a_url() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    put(&mirror, "BTCUSDT");
    put(&mirror, "ETHUSDT");
    let mirror = mirror.to_str().unwrap();
    let names = ["lake%20x", "a%2Fb", "back\\slash", "100%", "lake#1", "q?x=1&y", "My Lake", "Zü"];
    for name in names {
        let folder = place.path().join(format!("in-{}", name.len()));
        std::fs::create_dir_all(&folder).unwrap();
        done(&folder, &ingest(name, mirror, "BTCUSDT"));
        done(&folder, &ingest(name, mirror, "ETHUSDT"));
        let rows = done(&folder, &["query", "--lake", name, COUNT, "--format", "csv"]);
        assert!(rows.stdout.ends_with("10\n"), "{name}: {rows}");
        done(&folder, &["verify", "--deep", "--lake", name]);
        done(&folder, &["maintain", "--lake", name]);
        let found = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(found.collect::<Vec<_>>(), [name], "nothing else is there");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn a_lake_that_is_not_there_is_not_another_one() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    put(&mirror, "BTCUSDT");
    done(place.path(), &ingest("lake x", mirror.to_str().unwrap(), "BTCUSDT"));
    let other = run(place.path(), &["query", "--lake", "lake%20x", COUNT]);
    assert_eq!(other.code, Some(2), "{other}");
}

#[test]
fn links_pipes_and_odd_names_in_a_mirror_or_a_lake_stop_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    put(&mirror, "BTCUSDT");
    let symbol = mirror.join("data/spot/daily/trades/BTCUSDT");
    let symbols = symbol.parent().unwrap();
    symlink("..", symbol.join("circle")).unwrap();
    symlink("itself", symbol.join("itself")).unwrap();
    symlink("/nowhere/at/all.zip", symbol.join("BTCUSDT-trades-2026-11-20.zip")).unwrap();
    std::fs::write(symbol.join(std::ffi::OsStr::from_bytes(b"caf\xe9.zip")), "x").unwrap();
    let pipe = symbol.join("BTCUSDT-trades-2026-11-21.zip");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    symlink(&symbol, symbols.join("LINKUSDT")).unwrap();
    symlink(symbols, symbols.join("LOOPUSDT")).unwrap();

    let lake = place.path().join("lake/silver/trades");
    std::fs::create_dir_all(&lake).unwrap();
    symlink("..", lake.join("circle")).unwrap();
    symlink("/nowhere", lake.join("nowhere")).unwrap();
    std::fs::write(lake.join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "x").unwrap();

    let mirror = mirror.to_str().unwrap();
    let all = ["--all", "--market", "spot", "--data-type", "trades"];
    done(place.path(), &[&["ingest", "--lake", "lake", "--source", mirror][..], &all].concat());
    let rows = done(place.path(), &["query", "--lake", "lake", COUNT, "--format", "csv"]);
    assert!(rows.stdout.ends_with("5\n"), "{rows}");
    done(place.path(), &["verify", "--deep", "--lake", "lake"]);
    done(place.path(), &["maintain", "--lake", "lake"]);
}

#[tokio::test]
async fn a_link_that_was_planted_where_a_download_grows_is_not_written_through() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(2_000_000));
    bench.server.script(KEY, [Fault::CutAfter(1_500_000)]);
    bench.server.script(KEY, vec![Fault::Status(500); 4]);
    let listed = Published { size: Some(2_000_000), ..published(KEY) };
    drop(bench.fetcher(options()).fetch(&listed).await);
    let part = bench.part().unwrap();
    let victim = bench.lake.path().join("victim");
    for kind in ["symbolic", "hard"] {
        std::fs::write(&victim, "precious").unwrap();
        let _ = std::fs::remove_file(&part);
        match kind {
            "symbolic" => symlink(&victim, &part).unwrap(),
            _ => std::fs::hard_link(&victim, &part).unwrap(),
        }
        let note = part.with_extension("part.json");
        let _ = std::fs::remove_file(&note);
        symlink(&victim, &note).unwrap();
        stored(bench.fetcher(options()).fetch(&listed).await.outcome);
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious", "{kind}");
        assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(2_000_000));
        std::fs::remove_file(bench.file()).unwrap();
    }
}
