//! How many statements a server answers: 1, 8 and 64 clients of a mix, through each protocol, and
//! how soon the first bytes of a large answer come.
//!
//! `cargo bench -p lakehouse --bench serve`; in the development profile, where the engine is not
//! optimised, `cargo bench --profile dev -p lakehouse --bench serve`. The lake has two files for
//! each of `LAKEHOUSE_BENCH_DAYS` days; each line is `LAKEHOUSE_BENCH_STATEMENTS` statements.
//! Where `LAKEHOUSE_BENCH_PYTHON` is a Python with DuckDB, as `benches/peers/run` makes one, DuckDB
//! in a Python server is measured on the same files.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run says why best by stopping")]
#![expect(clippy::print_stdout, reason = "the table is its result")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow_flight::sql::client::FlightSqlServiceClient;
use chrono::Days;
use futures::TryStreamExt;
use futures::future::join_all;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_samples::SampleOptions;
use support::measure::peak;
use support::{Served, day, program, size};
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;
use tonic::transport::{Channel, Endpoint};

/// The protocols; the last is the peer.
const DOORS: [&str; 4] = ["http", "postgres", "flight", PEER];
const PEER: &str = "duckdb";
const CLIENTS: [usize; 3] = [1, 8, 64];

/// How often the first bytes of a large answer are waited for.
const FIRST_BYTES: usize = 20;

fn main() {
    // As the program does, so that its figures are the same.
    lakehouse::system::limit_arenas();
    let folder = tempfile::tempdir().unwrap();
    let days = size("LAKEHOUSE_BENCH_DAYS", 1_000);
    Served::new(&archives(days), &SampleOptions::small(1)).ingest(folder.path());
    let lake = folder.path().to_str().unwrap();
    let statements = size("LAKEHOUSE_BENCH_STATEMENTS", 2_000);
    let runtime = Runtime::new().unwrap();
    println!("door      clients  statements/s  p50 ms  p99 ms  p99 of a point ms  peak MiB");
    for door in DOORS {
        for clients in CLIENTS {
            // Each line has its own server, so that its memory is that of the line.
            let Some(server) = Server::start(lake, door) else { continue };
            let load = Load { days, statements, next: AtomicU32::new(0) };
            measure(&runtime, &server, load, clients);
        }
    }
    let Some(server) = Server::start(lake, "http") else { return };
    let (half, most) = runtime.block_on(first_bytes(&server));
    println!("first bytes of SELECT * FROM silver.trades: p50 {half:.0} ms, p99 {most:.0} ms");
}

/// Runs the statements of a line, and prints it.
fn measure(runtime: &Runtime, server: &Server, load: Load, clients: usize) {
    let statements = load.statements;
    let began = Instant::now();
    let mut latencies = runtime.block_on(load.run(server, clients));
    let rate = f64::from(statements) / began.elapsed().as_secs_f64();
    let (half, most) = percentiles(&mut latencies, |_| true);
    let (_, point) = percentiles(&mut latencies, |kind| kind == 0);
    let (door, peak) = (server.door, server.peak());
    print!("{door:<9} {clients:>7} {rate:>13.0} {half:>7.1} {most:>7.1} ");
    println!("{point:>18.1} {peak:>9}");
}

/// Returns how soon the first bytes of all trades come, of which no more are read.
async fn first_bytes(server: &Server) -> (f64, f64) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/api/sql?format=csv", server.address);
    let mut latencies = Vec::new();
    for _ in 0..FIRST_BYTES {
        let begin = Instant::now();
        let request = client.post(&url).body("SELECT * FROM silver.trades");
        let mut response = request.send().await.unwrap().error_for_status().unwrap();
        assert!(!response.chunk().await.unwrap().unwrap().is_empty());
        latencies.push((0, begin.elapsed()));
    }
    percentiles(&mut latencies, |_| true)
}

/// Bars of five minutes of two symbols, and a day of trades for every ten of theirs.
fn archives(count: u32) -> Vec<ArchiveKey> {
    let matrix = Matrix::builtin().unwrap();
    let days = |count: u32| (0..count).map(|ago| day() - Days::new(ago.into()));
    let bars = |symbol, day| format!("data/spot/daily/klines/{symbol}/5m/{symbol}-5m-{day}.zip");
    let trades = |day| format!("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-{day}.zip");
    let keys = days(count).flat_map(|day| [bars("BTCUSDT", day), bars("ETHUSDT", day)]);
    let keys = keys.chain(days(count.div_ceil(10)).map(trades));
    keys.map(|path| matrix.identify(&path).unwrap()).collect()
}

/// Returns the median and the 99th percentile of some kinds, in milliseconds.
fn percentiles(latencies: &mut [(u32, Duration)], is_wanted: impl Fn(u32) -> bool) -> (f64, f64) {
    latencies.sort_by_key(|(_, latency)| *latency);
    let wanted = latencies.iter().filter(|(kind, _)| is_wanted(*kind));
    let wanted: Vec<f64> = wanted.map(|(_, latency)| latency.as_secs_f64() * 1e3).collect();
    (wanted[wanted.len() / 2], wanted[wanted.len() * 99 / 100])
}

/// The program, serving through one door, or the peer.
struct Server {
    child: Child,
    door: &'static str,
    address: String,
}

impl Server {
    /// Starts it; nothing for the peer where it is not installed.
    fn start(lake: &str, door: &'static str) -> Option<Self> {
        let mut program = if door == PEER {
            let mut python = Command::new(std::env::var_os("LAKEHOUSE_BENCH_PYTHON")?);
            python.args([concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/serve.py"), lake]);
            python
        } else {
            let mut program = program();
            let door = format!("--{door}");
            program.args(["--lake", lake, "serve", &door, "127.0.0.1:0", "--timeout", "1h"]);
            program
        };
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let line = line.replace(" port=", ":");
        let begin = line.find("127.0.0.1").unwrap();
        let end = line[begin..].find(['/', '"', ' ', '\n']).unwrap();
        Some(Self { child, door, address: line[begin..begin + end].to_owned() })
    }

    fn peak(&self) -> u64 {
        peak(&format!("/proc/{}", self.child.id())).unwrap_or_default() / 1024
    }

    async fn connect(&self) -> Client {
        match self.door {
            "http" | PEER => {
                let url = format!("http://{}/api/sql?format=csv", self.address);
                Client::Http(reqwest::Client::builder().no_proxy().build().unwrap(), url)
            }
            "postgres" => {
                let mut config = tokio_postgres::Config::new();
                let port = self.address.rsplit(':').next().unwrap().parse().unwrap();
                config.host("127.0.0.1").port(port).user("lake").dbname("lake");
                let (client, connection) = config.connect(NoTls).await.unwrap();
                tokio::spawn(connection);
                Client::Postgres(client)
            }
            _ => {
                let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
                let channel = endpoint.connect().await.unwrap();
                Client::Flight(Box::new(FlightSqlServiceClient::new(channel)))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

enum Client {
    Http(reqwest::Client, String),
    Postgres(tokio_postgres::Client),
    Flight(Box<FlightSqlServiceClient<Channel>>),
}

impl Client {
    /// Runs a statement to its last row.
    async fn run(&mut self, sql: String) {
        match self {
            Self::Http(client, url) => {
                let response = client.post(url.as_str()).body(sql).send().await.unwrap();
                let response = response.error_for_status().unwrap();
                assert!(response.bytes().await.unwrap().len() > 1);
            }
            Self::Postgres(client) => {
                assert!(!client.simple_query(&sql).await.unwrap().is_empty());
            }
            Self::Flight(client) => {
                let info = client.execute(sql, None).await.unwrap();
                let ticket = info.endpoint[0].ticket.clone().unwrap();
                let rows = client.do_get(ticket).await.unwrap();
                let batches: Vec<RecordBatch> = rows.try_collect().await.unwrap();
                assert!(!batches.is_empty());
            }
        }
    }
}

/// The statements of one line, which its clients share.
struct Load {
    days: u32,
    statements: u32,
    next: AtomicU32,
}

impl Load {
    /// Returns how long each statement took, and of which kind it was.
    async fn run(self, server: &Server, clients: usize) -> Vec<(u32, Duration)> {
        let load = Arc::new(self);
        let mut running = Vec::with_capacity(clients);
        for _ in 0..clients {
            let mut client = server.connect().await;
            let load = Arc::clone(&load);
            running.push(tokio::spawn(async move {
                let mut latencies = Vec::new();
                while let Some((kind, sql)) = load.statement() {
                    let begin = Instant::now();
                    client.run(sql).await;
                    latencies.push((kind, begin.elapsed()));
                }
                latencies
            }));
        }
        join_all(running).await.into_iter().flat_map(Result::unwrap).collect()
    }

    /// Returns the next statement: a point, the candles of a day, a month day by day, or a count.
    fn statement(&self) -> Option<(u32, String)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.statements {
            return None;
        }
        let symbol = if number.is_multiple_of(2) { "BTCUSDT" } else { "ETHUSDT" };
        let ago = number.wrapping_mul(2_654_435_761) % self.days;
        let date = day() - Days::new(ago.into());
        let of = format!("FROM silver.klines WHERE market = 'spot' AND symbol = '{symbol}'");
        let kind = number / 2 % 4;
        let sql = match kind {
            0 => format!(
                "SELECT close {of} AND date = DATE '{date}' \
                 AND open_time = TIMESTAMP '{date} 12:00'"
            ),
            1 => format!(
                "SELECT open_time, open, high, low, close, volume {of} AND date = DATE '{date}' \
                 ORDER BY open_time"
            ),
            2 => format!(
                "SELECT date, max(high), min(low), sum(volume) {of} AND date > DATE '{date}' - 30 \
                 AND date <= DATE '{date}' GROUP BY date ORDER BY date"
            ),
            _ => "SELECT count(*) FROM silver.klines".to_owned(),
        };
        Some((kind, sql))
    }
}
