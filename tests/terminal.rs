//! An ingest in a real terminal: what it shows there, and what Ctrl-C does to it.

use lakehouse::failpoint::{PAUSE_AT, PAUSE_FILE};
use rexpect::process::WaitStatus;
use rexpect::session::PtySession;

use crate::support::archive_server::{ArchiveServer, Fault, Kind};
use crate::support::samples::{trades, trades_key};
use crate::support::terminal::in_terminal;
use crate::support::test_lake::TestLake;

const DAYS: [&str; 3] = ["2026-05-01", "2026-05-02", "2026-05-03"];

/// A server with an archive of trades for each of three days, and their keys.
fn published() -> (ArchiveServer, [String; 3]) {
    let server = ArchiveServer::start();
    let keys = DAYS.map(|day| trades_key("BTCUSDT", day));
    for ((key, day), first) in keys.iter().zip(DAYS).zip([0, 5, 10]) {
        server.publish(key, trades(key, day, first..first + 5));
    }
    (server, keys)
}

/// Begins an ingest of every archive, each a batch of its own, in a terminal.
fn ingest(lake: &TestLake, server: &ArchiveServer, variables: &[(&str, &str)]) -> PtySession {
    let mut program =
        lake.program("ingest", &["--all", "--source", server.url(), "--batch-size", "1"]);
    program.args(["--stage", "silver"]).envs(variables.iter().copied());
    in_terminal(program, 120)
}

fn complete(lake: &TestLake, server: &ArchiveServer) {
    let next = lake.run("ingest", &["--all", "--source", server.url(), "--stage", "silver"]);
    assert_eq!(next.code, Some(0), "{next}");
}

#[test]
fn a_terminal_sees_a_bar_for_each_stage_and_the_summary() {
    let (server, _) = published();
    let lake = TestLake::new();
    let mut terminal = ingest(&lake, &server, &[]);
    terminal.exp_string("3/3").unwrap();
    terminal.exp_string("archives: 3 new").unwrap();
    terminal.exp_eof().unwrap();
}

#[tokio::test]
async fn ctrl_c_finishes_what_is_in_flight_and_says_how_to_go_on() {
    let (server, keys) = published();
    server.script(&keys[2], [Fault::StallAfter(10)]);
    let lake = TestLake::new();
    let mut terminal = ingest(&lake, &server, &[]);
    while server.count(Kind::Get, &keys[2]) == 0 {
        std::thread::yield_now();
    }
    terminal.send_control('c').unwrap();
    terminal.exp_string("finishing the current batch; press Ctrl-C again to abort").unwrap();
    terminal.exp_string("stopped; nothing is lost").unwrap();
    terminal.exp_eof().unwrap();
    complete(&lake, &server);
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "15");
}

#[tokio::test]
async fn ctrl_c_twice_ends_the_program_at_once_and_loses_nothing() {
    let (server, _) = published();
    let lake = TestLake::new();
    let marker = lake.path().with_extension("held");
    let held = [(PAUSE_AT, "before commit silver.trades"), (PAUSE_FILE, marker.to_str().unwrap())];
    let mut terminal = ingest(&lake, &server, &held);
    while !marker.exists() {
        std::thread::yield_now();
    }
    terminal.send_control('c').unwrap();
    terminal.exp_string("press Ctrl-C again to abort").unwrap();
    terminal.send_control('c').unwrap();
    let status = terminal.process().wait().unwrap();
    assert!(matches!(status, WaitStatus::Exited(_, 130)), "{status:?}");
    complete(&lake, &server);
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "15");
}
