//! Servers that are not what they should be: endless, slow, elsewhere, or with something to hide.

use std::path::Path;
use std::time::Duration;

use lakehouse::bronze::{FetchOptions, FetchOutcome};
use lakehouse::source::retry::RetryPolicy;
use lakehouse_core::listing::Published;

use crate::support::archive_server::{ArchiveServer, Fault, Kind, Listing};
use crate::support::fetch_bench::{Bench, KEY, bytes, options, published, stored};
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;

const ALL_TRADES: [&str; 5] = ["--all", "--market", "spot", "--data-type", "trades"];
const DAY: [&str; 4] = ["--start", "2026-11-19", "--end", "2026-11-19"];
/// Clears a screen, names a window, and turns the direction of writing.
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}";

fn listed(size: u64) -> Published {
    Published { size: Some(size), ..published(KEY) }
}

fn once() -> FetchOptions {
    let retry = RetryPolicy { retries: 0, base: Duration::ZERO, longest: Duration::ZERO };
    FetchOptions { retry, ..options() }
}

async fn failure(bench: &Bench, options: FetchOptions, size: u64) -> String {
    match bench.fetcher(options).fetch(&listed(size)).await.outcome {
        FetchOutcome::Failed { error } => error.to_string(),
        other => panic!("not failed: {other:?}"),
    }
}

/// Returns every file below a folder with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up_soon_after_the_listed_size() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    bench.server.script(KEY, vec![Fault::Endless; 5]);
    let text = failure(&bench, options(), 100).await;
    assert!(text.contains("more than 100 bytes come, and 100 are listed"), "{text}");
    assert!(!bench.file().exists());
    let kept: u64 = bench.partials().iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(kept < 1_000_000, "{kept} bytes are left");
}

#[tokio::test]
async fn an_archive_that_announces_far_more_than_is_listed_is_not_begun() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    bench.server.script(KEY, [Fault::Announce(1 << 40)]);
    let text = failure(&bench, once(), 100).await;
    assert!(text.contains("and 100 are listed"), "{text}");
}

#[tokio::test]
async fn a_correction_that_is_larger_than_what_was_listed_lands() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(70_000));
    let archive = stored(bench.fetcher(options()).fetch(&listed(100)).await.outcome);
    assert_eq!(archive.size, 70_000);
}

#[tokio::test]
async fn an_archive_without_an_announced_length_lands() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(70_000));
    bench.server.script(KEY, [Fault::NoLength]);
    assert_eq!(stored(bench.fetcher(options()).fetch(&listed(70_000)).await.outcome).size, 70_000);
}

#[tokio::test]
async fn a_server_that_sends_a_byte_now_and_then_is_given_up() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100_000));
    bench.server.script(KEY, [Fault::Drip]);
    let text = failure(&bench, once(), 100_000).await;
    assert!(text.contains("too slowly"), "{text}");
}

#[tokio::test]
async fn a_redirect_to_a_host_that_nobody_named_is_not_followed() {
    let bench = Bench::new();
    let other = ArchiveServer::start();
    for server in [&bench.server, &other] {
        server.publish(KEY, bytes(100));
    }
    bench.server.script(KEY, [Fault::Redirect(format!("{}/{KEY}", other.url()))]);
    let text = failure(&bench, options(), 100).await;
    assert!(text.contains("redirects to another host") && text.contains("--source"), "{text}");
    assert!(other.take_seen().is_empty());
    assert!(!bench.file().exists());
}

#[tokio::test]
async fn a_redirect_within_the_source_is_followed() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    bench.server.put("elsewhere", bytes(100));
    bench.server.script(KEY, [Fault::Redirect("/elsewhere".to_owned())]);
    assert_eq!(stored(bench.fetch().await).size, 100);
}

#[tokio::test]
async fn what_a_server_says_never_steers_the_terminal_nor_enters_a_table() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", "2026-11-19");
    server.publish(&key, trades(&key, "2026-11-19", 0..5));
    server.script(&key, [Fault::Says(400, ESCAPES.to_owned())]);
    server.put(&format!("data/spot/daily/trades/BTCUSDT/{ESCAPES}.zip"), "x");
    let lake = TestLake::new();
    let flags = [&ALL_TRADES[..], &DAY, &["--source", server.url(), "--retries", "0"]].concat();
    let run = lake.run("ingest", &flags);
    let status = lake.run("status", &[]);
    let reasons = lake.run("query", &["SELECT reason FROM meta.archives"]);
    let shown = format!("{run}{status}{reasons}");
    assert!(shown.contains(r"\u{1b}[2J"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    let stored = lake.rows("SELECT reason FROM meta.archives").await;
    assert!(stored.iter().all(|reason| !reason.contains('\u{1b}')), "{stored:?}");
}

#[tokio::test]
async fn a_listing_without_an_end_or_of_great_depth_costs_a_page_and_the_days_are_found() {
    let depth = 1_000_000;
    let deep = format!(
        "<ListBucketResult>{}{}</ListBucketResult>",
        "<a>".repeat(depth),
        "</a>".repeat(depth)
    );
    for listing in [Listing::Endless, Listing::Fixed(deep)] {
        let server = ArchiveServer::start();
        let key = trades_key("BTCUSDT", "2026-11-19");
        server.publish(&key, trades(&key, "2026-11-19", 0..5));
        server.set_listing(listing);
        let lake = TestLake::new();
        let trades = ["--market", "spot", "--data-type", "trades", "--symbol", "BTCUSDT"];
        let flags = [&trades[..], &DAY, &["--frequency", "daily", "--retries", "1"]].concat();
        let done = lake.ingest(server.url(), &flags).await;
        assert_eq!(done.summary.archives.new, 1);
        assert!(server.count(Kind::List, "") <= 4, "{}", server.count(Kind::List, ""));
    }
}

#[test]
fn a_password_in_the_source_is_sent_to_it_and_stands_nowhere() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", "2026-11-19");
    server.publish(&key, trades(&key, "2026-11-19", 0..5));
    let second = trades_key("ETHUSDT", "2026-11-19");
    server.publish(&second, trades(&second, "2026-11-19", 0..5_000));
    server.script(&second, vec![Fault::CutAfter(500); 2]);
    let source = server.url().replace("http://", "http://alice:S3cr3tPw@");
    let lake = TestLake::new();
    let flags = [&ALL_TRADES[..], &DAY, &["--source", &source, "--retries", "1", "-vv"]].concat();
    let mut shown = vec![lake.run("ingest", &flags)];
    assert!(server.take_seen().iter().all(|seen| {
        seen.authorization.as_deref().is_some_and(|value| value.starts_with("Basic "))
    }));
    shown.push(lake.run("status", &[]));
    shown.push(lake.run("report", &[]));
    shown.push(lake.run("config", &["show", "--source", &source]));
    let gone = "http://alice:S3cr3tPw@127.0.0.1:9";
    let flags = [&ALL_TRADES[..], &DAY, &["--source", gone, "--retries", "0"]].concat();
    shown.push(lake.run("plan", &flags));
    shown.push(
        lake.run("plan", &[&ALL_TRADES[..], &["--source", "http://alice:S3cr3tPw@"]].concat()),
    );
    for run in &shown {
        assert!(!run.to_string().contains("S3cr3tPw"), "{run}");
    }
    for (name, content) in files(&lake.path()) {
        assert!(!content.windows(8).any(|window| window == b"S3cr3tPw"), "{name}");
    }
    let commands = lake.run("query", &["SELECT command FROM meta.runs", "--format", "csv"]);
    assert!(commands.stdout.contains("http://***@127.0.0.1"), "{commands}");
    assert!(!commands.to_string().contains("S3cr3tPw"), "{commands}");
}

#[test]
fn a_source_that_cannot_be_reached_is_given_up_after_a_few_tries() {
    let folder = tempfile::tempdir().unwrap();
    let month = ["--start", "2026-01-01", "--end", "2026-10-31", "--symbol", "BTCUSDT,ETHUSDT"];
    let flags = ["--market", "spot", "--data-type", "trades", "--source", "http://127.0.0.1:9"];
    let mut program = crate::support::command::lakehouse(folder.path());
    program.args(["plan", "-v"]).args(flags).args(month);
    let run: crate::support::command::Run = program.output().unwrap().into();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("cannot connect to 127.0.0.1:9"), "{run}");
    assert!(run.stderr.contains("trying again in"), "what is waited for is said: {run}");
    let tries = run.stderr.matches("trying again").count();
    assert!(tries <= 20, "{tries} tries: {run}");
}

#[test]
fn a_dead_proxy_is_named_and_not_the_source() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, proxy) in
        [("http_proxy", "http://127.0.0.1:9"), ("ALL_PROXY", "socks5h://127.0.0.1:9")]
    {
        let mut program = crate::support::command::lakehouse(folder.path());
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
            program.env_remove(name);
        }
        program.env(variable, proxy).args(["plan", "--retries", "0", "--symbol", "BTCUSDT"]);
        program.args([
            "--market",
            "spot",
            "--data-type",
            "trades",
            "--source",
            "http://archive.test",
        ]);
        let run: crate::support::command::Run = program.args(DAY).output().unwrap().into();
        let named = format!("the proxy {proxy} ({variable})");
        assert!(run.code == Some(2) && run.stderr.contains(&named), "{run}");
    }
}

#[test]
fn a_disk_that_is_too_small_is_found_out_before_the_first_download() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", "2026-11-19");
    server.publish(&key, trades(&key, "2026-11-19", 0..5));
    let page = |size: u64| {
        format!(
            "<ListBucketResult><IsTruncated>false</IsTruncated>\
             <Contents><Key>{key}</Key><Size>{size}</Size></Contents></ListBucketResult>"
        )
    };
    server.set_listing(Listing::Fixed(page(1 << 60)));
    let lake = TestLake::new();
    let trades = ["--market", "spot", "--data-type", "trades", "--symbol", "BTCUSDT"];
    let daily = ["--frequency", "daily", "--source", server.url()];
    let flags = [&trades[..], &DAY, &daily].concat();
    let run = lake.run("ingest", &flags);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("1.0 EiB") && run.stderr.contains("--force"), "{run}");
    assert_eq!(server.downloads(), 0);
    let run = lake.run("ingest", &[&flags[..], &["--force"]].concat());
    assert_eq!(run.code, Some(0), "{run}");
}
