//! `lakehouse serve` as a process, with all of its protocols, on free ports.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::{ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use arrow_flight::sql::client::FlightSqlServiceClient;
use reqwest::Client as HttpClient;
use tokio_postgres::{Client as PostgresClient, NoTls};
use tonic::transport::{Channel, Endpoint};

use super::process::Background;
use super::test_lake::TestLake;

/// A statement that computes for hours and neither finds a row nor pauses.
pub(crate) const SILENT: &str =
    "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y = 7";

/// An answer that never ends, of which no client reads all.
pub(crate) const ENDLESS: &str = "SELECT value FROM generate_series(1, 1000000000000)";

/// Statements that do more than read.
pub(crate) const WRITES: [&str; 13] = [
    "CREATE TABLE silver.x AS SELECT 1",
    "CREATE VIEW silver.x AS SELECT 1",
    "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
    "INSERT INTO silver.trades SELECT 1",
    "EXPLAIN ANALYZE INSERT INTO silver.trades SELECT 1",
    "UPDATE silver.trades SET id = 1",
    "DELETE FROM silver.trades",
    "DROP TABLE silver.trades",
    "COPY (SELECT 1) TO 'x.parquet'",
    "SET datafusion.runtime.memory_limit = '1T'",
    "RESET datafusion.execution.batch_size",
    "PREPARE x AS SELECT 1",
    "BEGIN",
];

/// Adds the user `ann` with the password `a secret`, and returns the file of users.
pub(crate) fn add_ann(lake: &TestLake) -> String {
    let users = lake.path().with_file_name("users.txt").to_str().unwrap().to_owned();
    let mut add = lake.program("serve", &["add-user", "ann", "--users", &users]);
    let mut add = add.stdin(Stdio::piped()).spawn().unwrap();
    add.stdin.take().unwrap().write_all(b"a secret\n").unwrap();
    assert!(add.wait().unwrap().success());
    users
}

/// Begins a statement over HTTP, and reads nothing but the first bytes of its answer.
pub(crate) fn begin_over_http(address: impl ToSocketAddrs, sql: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    let length = sql.len();
    write!(
        socket,
        "POST /api/sql?max_rows=0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{sql}"
    )
    .unwrap();
    socket.read_exact(&mut [0; 12]).unwrap();
    socket
}

pub(crate) type FlightClient = FlightSqlServiceClient<Channel>;

/// The program as a server, which is killed when it is dropped.
pub(crate) struct Server {
    child: Background,
    /// What it writes to standard error until its end.
    messages: JoinHandle<String>,
    pub(crate) http: SocketAddr,
    pub(crate) postgres: SocketAddr,
    pub(crate) flight: SocketAddr,
}

impl Server {
    pub(crate) fn start(lake: &TestLake, flags: &[&str]) -> Self {
        let any = "127.0.0.1:0";
        let doors = ["--http", any, "--postgres", any, "--flight", any];
        Self::run(lake.program("serve", &[&doors, flags].concat()))
    }

    pub(crate) fn run(mut program: Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let messages = thread::spawn(move || {
            let mut messages = String::new();
            stderr.read_to_string(&mut messages).unwrap();
            messages
        });
        let mut output = BufReader::new(child.stdout.take().unwrap());
        Self {
            http: address(&line(&mut output), "http"),
            postgres: address(&line(&mut output).replace(" port=", ":"), "host="),
            flight: address(&line(&mut output), "grpc"),
            child: Background(child),
            messages,
        }
    }

    /// Returns the addresses of the three protocols.
    pub(crate) const fn addresses(&self) -> [SocketAddr; 3] {
        [self.http, self.postgres, self.flight]
    }

    /// Returns what a path of HTTP is answered with, and its status.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let client = HttpClient::builder().no_proxy().build().unwrap();
        let response = client.get(format!("http://{}{path}", self.http)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub(crate) async fn postgres(&self) -> Result<PostgresClient, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.postgres.port()).user("anybody").dbname("anything");
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub(crate) async fn flight(&self) -> FlightClient {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.flight)).unwrap();
        FlightSqlServiceClient::new(endpoint.connect().await.unwrap())
    }

    /// Returns the memory that it has now, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Asks the server to stop, and returns its exit code and messages.
    pub(crate) fn terminate(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        (code, self.messages.join().unwrap())
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line
}

/// Returns the address in a line that the server prints to copy.
fn address(line: &str, begin: &str) -> SocketAddr {
    assert!(line.contains(begin), "{line}");
    let begin = line.find("127.0.0.1").unwrap();
    let rest = &line[begin..];
    let end = rest.find(['/', '"', ' ', '\n']).unwrap();
    rest[..end].parse().unwrap()
}
