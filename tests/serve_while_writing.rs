//! Reading through a server while other processes ingest, correct and compact: every answer is of
//! one version of the table.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use futures::future::join_all;
use tokio_postgres::SimpleQueryMessage;

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{trades, trades_key};
use crate::support::server::Server;
use crate::support::test_lake::TestLake;

/// How often something is loaded, corrected and compacted.
const ROUNDS: u32 = 4;

/// Clients of each protocol.
const CLIENTS: usize = 2;

const SQL: &str = "SELECT archive, count(*) AS rows, CAST(sum(id) AS BIGINT) AS ids \
                   FROM silver.trades GROUP BY archive";

/// The number of rows of an archive and the sum of their ids.
type Content = (i64, i64);

/// Contents by archive.
type Answer = BTreeMap<String, Content>;

/// The archives at the source, with all contents that each ever had.
struct Archives {
    source: ArchiveServer,
    published: BTreeMap<String, Vec<Content>>,
}

impl Archives {
    fn publish(&mut self, day: u32, ids: std::ops::Range<i64>) {
        let date = format!("2024-01-{:02}", day + 1);
        let key = trades_key("BTCUSDT", &date);
        self.source.publish(&key, trades(&key, &date, ids.clone()));
        let content = (ids.end - ids.start, ids.sum());
        self.published.entry(key).or_default().push(content);
    }

    /// Returns what an answer has that was never published.
    fn wrong(&self, answer: &Answer) -> Option<String> {
        let is_known = |(archive, content): &(&String, &Content)| {
            self.published.get(*archive).is_some_and(|known| known.contains(content))
        };
        let wrong = answer.iter().find(|row| !is_known(row));
        wrong.map(|row| format!("{row:?} was never published"))
    }
}

#[tokio::test]
async fn answers_are_of_one_version_while_others_write() {
    let lake = TestLake::new();
    let mut archives = Archives { source: ArchiveServer::start(), published: BTreeMap::new() };
    archives.publish(0, 0..50);
    let source = archives.source.url().to_owned();
    lake.ingest(&source, &["--all", "--market", "spot", "--data-type", "trades"]).await;
    let server = Server::start(&lake, &[]);
    let is_over = AtomicBool::new(false);
    let read = async |client: usize| {
        let mut answers = vec![answer(&server, client).await];
        while !is_over.load(Ordering::Relaxed) {
            answers.push(answer(&server, client).await);
        }
        answers
    };
    let write = async {
        for round in 0..ROUNDS {
            let ids = i64::from(round) * 100;
            archives.publish(round, ids..ids + 70);
            archives.publish(round + 1, ids + 100..ids + 150);
            run(&lake, "refresh", &["--full", "--source", &source]).await;
            run(&lake, "maintain", &[]).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = tokio::join!(join_all((0..3 * CLIENTS).map(read)), write);
    for answer in answers.iter().flatten() {
        assert_eq!(archives.wrong(answer), None);
    }
    let newest = archives.published.iter();
    let newest: Answer =
        newest.map(|(key, contents)| (key.clone(), *contents.last().unwrap())).collect();
    // What a server knows of a table may be two seconds old.
    for client in 0..3 {
        while answer(&server, client).await != newest {}
    }
}

/// Runs a command of the program to its end, and lets others go on.
async fn run(lake: &TestLake, command: &str, flags: &[&str]) {
    let mut program = lake.program(command, flags);
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn answer(server: &Server, client: usize) -> Answer {
    match client % 3 {
        0 => over_http(server).await,
        1 => over_postgres(server).await,
        _ => over_flight(server).await,
    }
}

async fn over_http(server: &Server) -> Answer {
    let path = format!("/api/sql?format=csv&sql={}", SQL.replace(' ', "+"));
    let (status, csv) = server.get(&path).await;
    assert_eq!(status, 200, "{csv}");
    csv.lines().skip(1).map(|line| row(line.split(','))).collect()
}

async fn over_postgres(server: &Server) -> Answer {
    let client = server.postgres().await.unwrap();
    let mut answer = Answer::new();
    for message in client.simple_query(SQL).await.unwrap() {
        if let SimpleQueryMessage::Row(found) = message {
            answer.extend([row((0..3).map(|column| found.get(column).unwrap()))]);
        }
    }
    answer
}

async fn over_flight(server: &Server) -> Answer {
    let mut client = server.flight().await;
    let info = client.execute(SQL.to_owned(), None).await.unwrap();
    let rows = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let batches: Vec<RecordBatch> = rows.try_collect().await.unwrap();
    let mut answer = Answer::new();
    for batch in &batches {
        let archives = batch.column(0).as_string::<i32>();
        let rows = batch.column(1).as_primitive::<Int64Type>();
        let ids = batch.column(2).as_primitive::<Int64Type>();
        for index in 0..batch.num_rows() {
            let content = (rows.value(index), ids.value(index));
            answer.insert(archives.value(index).to_owned(), content);
        }
    }
    answer
}

/// Reads a row of texts.
fn row<'a>(mut cells: impl Iterator<Item = &'a str>) -> (String, Content) {
    let archive = cells.next().unwrap().to_owned();
    let rows = cells.next().unwrap().parse().unwrap();
    (archive, (rows, cells.next().unwrap().parse().unwrap()))
}
