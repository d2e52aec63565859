//! Folders that are a little odd: names that mean something in URLs, links, pipes, other disks.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

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

fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Replaces a file of a lake or a mirror by a pipe that nobody writes to.
fn replace_by_pipe(path: &Path) {
    std::fs::remove_file(path).unwrap();
    make_pipe(path);
}

/// Runs the program and fails if it waits for something.
fn run_at_once(folder: &Path, arguments: &[&str]) -> Run {
    let mut program = std::process::Command::new("timeout");
    program.current_dir(folder).args(["60", env!("CARGO_BIN_EXE_lakehouse")]).args(arguments);
    program.env_remove("LAKEHOUSE_CONFIG");
    let run = Run::from(program.output().unwrap());
    assert_ne!(run.code, Some(124), "it waits: {arguments:?}: {run}");
    run
}

fn files_named(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_named(&path, ending));
        } else if path.to_str().is_some_and(|path| path.ends_with(ending)) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_pipe_or_a_socket_in_the_place_of_a_folder_of_a_mirror_is_passed_over_at_once() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    put(&mirror, "BTCUSDT");
    let symbols = mirror.join("data/spot/daily/trades");
    make_pipe(&symbols.join("PIPEUSDT"));
    let _socket = std::os::unix::net::UnixListener::bind(symbols.join("SOCKUSDT")).unwrap();
    symlink("LOOPUSDT", symbols.join("LOOPUSDT")).unwrap();
    symlink("/dev/null", symbols.join("NULLUSDT")).unwrap();
    make_pipe(&mirror.join("data/spot/monthly"));
    let names = "BTCUSDT,PIPEUSDT,SOCKUSDT,LOOPUSDT,NULLUSDT";
    let plan = ["plan", "--lake", "lake", "--source", mirror.to_str().unwrap()];
    let selections = [&["--symbol", names][..], &["--all"], &["--symbol", "*USDT"]];
    for selection in selections {
        let flags = ["--market", "spot", "--data-type", "trades,aggTrades"];
        let run = run_at_once(place.path(), &[&plan[..], &flags, selection].concat());
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("1 archive to fetch"), "{run}");
        assert!(!run.stderr.contains("trying again"), "{run}");
    }
    let mirror = place.path().join("other");
    std::fs::create_dir(&mirror).unwrap();
    make_pipe(&mirror.join("data"));
    let run = run_at_once(place.path(), &ingest("lake", mirror.to_str().unwrap(), "BTCUSDT"));
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("no folder `data`"), "{run}");
}

#[test]
fn a_pipe_in_the_place_of_a_checksum_fails_that_archive_alone_and_at_once() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    put(&mirror, "BTCUSDT");
    put(&mirror, "ETHUSDT");
    replace_by_pipe(&mirror.join(format!("{}.CHECKSUM", trades_key("BTCUSDT", "2026-11-19"))));
    let arguments = ingest("lake", mirror.to_str().unwrap(), "BTCUSDT,ETHUSDT");
    let run = run_at_once(place.path(), &arguments);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("it is no regular file"), "{run}");
    assert!(!run.stderr.contains("trying again"), "{run}");
    let rows = done(place.path(), &["query", "--lake", "lake", COUNT, "--format", "csv"]);
    assert!(rows.stdout.ends_with("5\n"), "{rows}");
}

#[test]
fn a_pipe_in_the_place_of_a_file_of_a_lake_is_named_and_never_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    put(&mirror, "BTCUSDT");
    let mirror = mirror.to_str().unwrap();
    let arguments = ingest("lake", mirror, "BTCUSDT");
    let again = [&arguments[..], &["--force-redownload"]].concat();
    let lake = place.path().join("lake");
    for ending in [".zip", ".zip.CHECKSUM"] {
        done(place.path(), &again);
        replace_by_pipe(&files_named(&lake.join("bronze"), ending)[0]);
        let run = run_at_once(place.path(), &["verify", "--deep", "--lake", "lake"]);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stdout.contains("no regular file"), "{run}");
        run_at_once(place.path(), &["maintain", "--repair", "--lake", "lake"]);
        let run = run_at_once(place.path(), &again);
        assert_eq!(run.code, Some(0), "the archive takes the place of the pipe: {run}");
        done(place.path(), &["verify", "--deep", "--lake", "lake"]);
    }
    replace_by_pipe(&files_named(&lake.join("silver/trades/market=spot"), ".parquet")[0]);
    for arguments in [
        &["query", "--lake", "lake", "SELECT sum(price) FROM silver.trades"][..],
        &["verify", "--deep", "--lake", "lake"],
        &["gold", "--lake", "lake", "--full"],
    ] {
        let run = run_at_once(place.path(), arguments);
        assert!(run.code == Some(1) || run.code == Some(2), "{arguments:?}: {run}");
    }
    run_at_once(place.path(), &["maintain", "--lake", "lake"]);
    run_at_once(place.path(), &["maintain", "--repair", "--lake", "lake"]);
    for table in ["archives", "runs"] {
        for file in files_named(&lake.join("meta").join(table), ".parquet") {
            replace_by_pipe(&file);
        }
    }
    for command in ["status", "report"] {
        let run = run_at_once(place.path(), &[command, "--lake", "lake"]);
        assert_eq!(run.code, Some(2), "{command}: {run}");
    }
    let run = run_at_once(place.path(), &arguments);
    assert_eq!(run.code, Some(2), "{run}");
}

#[test]
fn a_pipe_among_gold_models_is_passed_over_and_one_that_a_flag_names_is_read() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("mirror");
    put(&mirror, "BTCUSDT");
    let models = place.path().join("models");
    std::fs::create_dir(&models).unwrap();
    make_pipe(&models.join("some.sql"));
    std::fs::write(place.path().join("models.toml"), "gold_models = \"models\"\n").unwrap();
    let run =
        run_at_once(place.path(), &["gold", "list", "--lake", "lake", "--config", "models.toml"]);
    assert_eq!(run.code, Some(0), "{run}");

    let pipe = place.path().join("pipe.toml");
    make_pipe(&pipe);
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, "symbols = [\"BTCUSDT\"]\nmarkets = [\"spot\"]\n").unwrap()
    });
    let flags = ["plan", "--lake", "lake", "--config", "pipe.toml", "--source"];
    let flags = [&flags[..], &[mirror.to_str().unwrap(), "--data-type", "trades"]].concat();
    let run = run_at_once(place.path(), &flags);
    writer.join().unwrap();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("1 archive to fetch"), "{run}");
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
