//! Reading through a server while other processes ingest, correct and compact: every answer is that
//! of one version of the table.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use futures::future::join_all;
use lakehouse::query::{At, SessionOptions};

use crate::support::archive_server::ArchiveServer;
use crate::support::figures;
use crate::support::load::{LoadClient, lines};
use crate::support::samples::{trades, trades_key};
use crate::support::scale::scaled;
use crate::support::server::Server;
use crate::support::statements::{answer, open_with};
use crate::support::test_lake::TestLake;

/// Clients of each protocol.
const CLIENTS: usize = 2;

/// Days that have an archive; each is corrected again and again.
const DAYS: u32 = 20;

/// What the clients run by turns. The first has the rows and the sum of the ids of each archive.
const STATEMENTS: [&str; 4] = [
    "SELECT archive, count(*) AS rows, CAST(sum(id) AS BIGINT) AS ids FROM silver.trades \
     GROUP BY archive",
    "SELECT id FROM silver.trades WHERE symbol = 'BTCUSDT' AND date = DATE '2024-01-02'",
    "SELECT CAST(min(id) AS BIGINT) AS first, CAST(max(id) AS BIGINT) AS last FROM silver.trades \
     WHERE date >= DATE '2024-01-02'",
    "SELECT count(*) AS rows FROM silver.trades",
];

/// The number of a statement, and its sorted rows.
type Answer = (usize, Vec<String>);

/// The archives at the source, with the first statement's row of each content that they ever had.
struct Archives {
    source: ArchiveServer,
    published: BTreeMap<String, Vec<String>>,
}

impl Archives {
    fn publish(&mut self, day: u32, ids: Range<i64>) {
        let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        let date = (first + Days::new((day % DAYS).into())).to_string();
        let key = trades_key("BTCUSDT", &date);
        self.source.publish(&key, trades(&key, &date, ids.clone()));
        let row = format!("{key},{},{}", ids.end - ids.start, ids.sum::<i64>());
        self.published.entry(key).or_default().push(row);
    }

    /// Returns whether every row of the first statement was published.
    fn have(&self, rows: &[String]) -> bool {
        rows.iter().all(|row| self.published.values().any(|known| known.contains(row)))
    }

    /// Returns the first statement's rows of what is published now.
    fn newest(&self) -> Vec<String> {
        self.published.values().map(|rows| rows.last().unwrap().clone()).collect()
    }
}

#[tokio::test]
async fn answers_are_those_of_a_version_while_others_write() {
    let (rounds, time) = scaled((4, Duration::ZERO), (0, Duration::from_secs(30 * 60)));
    let lake = TestLake::new();
    let mut archives = Archives { source: ArchiveServer::start(), published: BTreeMap::new() };
    archives.publish(0, 0..50);
    let source = archives.source.url().to_owned();
    lake.ingest(&source, &["--all", "--market", "spot", "--data-type", "trades"]).await;
    let server = Server::start(&lake, &[]);
    let answers = RefCell::new(BTreeSet::new());
    let count = Cell::new(0_usize);
    let is_over = Cell::new(false);
    let read = async |number: usize| {
        let mut client = LoadClient::connect(&server, number).await;
        while !is_over.get() {
            let statement = count.replace(count.get() + 1) % STATEMENTS.len();
            let rows = client.rows(STATEMENTS[statement]).await;
            answers.borrow_mut().insert((statement, rows));
        }
    };
    let write = async {
        let begin = Instant::now();
        for round in 0.. {
            if round >= rounds && begin.elapsed() >= time {
                break;
            }
            let ids = i64::from(round) * 200;
            archives.publish(round, ids..ids + 70);
            archives.publish(round + 1, ids + 100..ids + 150);
            run(&lake, "refresh", &["--full", "--source", &source]).await;
            run(&lake, "maintain", &[]).await;
        }
        is_over.set(true);
    };
    tokio::join!(join_all((0..3 * CLIENTS).map(read)), write);
    let answers = answers.into_inner();
    figures::print(&format!("{} statements, {} different answers", count.get(), answers.len()));
    let known = answers_of_versions(&lake).await;
    for answer in &answers {
        assert!(known.contains(answer), "{}: {:?}", STATEMENTS[answer.0], answer.1);
        assert!(answer.0 > 0 || archives.have(&answer.1), "never published: {:?}", answer.1);
    }
    // What a server knows of a table may be two seconds old.
    for number in 0..3 {
        let mut client = LoadClient::connect(&server, number).await;
        while client.rows(STATEMENTS[0]).await != archives.newest() {}
    }
}

/// Runs a command of the program to its end, and lets others go on.
async fn run(lake: &TestLake, command: &str, flags: &[&str]) {
    let mut program = lake.program(command, flags);
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Returns what `query --at` answers of every version.
async fn answers_of_versions(lake: &TestLake) -> BTreeSet<Answer> {
    let commits = std::fs::read_dir(lake.path().join("silver/trades/_delta_log")).unwrap();
    let names = commits.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut answers = BTreeSet::new();
    for name in names {
        let Some(version) = name.strip_suffix(".json") else { continue };
        let at = At::Version(version.parse().unwrap());
        let session = open_with(&lake.path(), SessionOptions { at, ..SessionOptions::default() });
        for (statement, sql) in STATEMENTS.iter().enumerate() {
            let mut rows = lines(&answer(&session, sql).await.unwrap());
            rows.sort();
            answers.insert((statement, rows));
        }
    }
    answers
}
