//! The lake over HTTP: what is answered, what is refused, and what clients cannot do to others.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use arrow::array::RecordBatch;
use arrow::ipc::reader::FileReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::support::gold_scene::{GoldScene, hourly};
use crate::support::process::Background;
use crate::support::server::{ENDLESS, SILENT, WRITES, begin_over_http};
use crate::support::statements::{answer, open};
use crate::support::test_lake::TestLake;

/// The program as a server, which is killed when it is dropped.
pub(crate) struct Server {
    child: Background,
    address: String,
    client: Client,
}

impl Server {
    pub(crate) fn start(lake: &TestLake, flags: &[&str]) -> Self {
        Self::run(lake.program("serve", &[&["--http", "127.0.0.1:0"], flags].concat()))
    }

    fn run(mut program: Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{line}");
        Self {
            child: Background(child),
            address,
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn post(&self, path: &str, sql: &str) -> Response {
        self.client.post(self.url(path)).body(sql.to_owned()).send().await.unwrap()
    }

    /// Returns the rows of a statement as JSON.
    pub(crate) async fn rows(&self, sql: &str) -> Value {
        let response = self.post("/api/sql", sql).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{sql}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["rows"].take()
    }

    /// Returns the status and the reason of a statement that is not answered.
    async fn refusal(&self, sql: &str) -> (u16, Value) {
        let response = self.post("/api/sql", sql).await;
        (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }

    fn terminate(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut messages = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut messages).unwrap();
        (self.child.wait().unwrap().code(), messages)
    }
}

#[tokio::test]
async fn a_statement_is_answered_with_every_value_as_a_text() {
    let server = Server::start(&TestLake::new(), &[]);
    let sql = "SELECT 0.1 AS a, NULL AS b, 9007199254740993 AS c, 'x\"y' AS d, true AS e, \
               TIMESTAMP '2024-01-02 03:04:05.000006' AS f";
    let response = server.post("/api/sql", sql).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let row =
        json!(["0.1", null, "9007199254740993", "x\"y", "true", "2024-01-02T03:04:05.000006"]);
    assert_eq!(answer["rows"], json!([row]));
    assert_eq!(answer["columns"][2], json!({"name": "c", "type": "bigint", "numeric": true}));
    assert_eq!(answer["more"], json!(false));
    assert!(answer.get("error").is_none());
}

#[tokio::test]
async fn json_has_the_first_thousand_rows_and_says_whether_there_are_more() {
    let server = Server::start(&TestLake::new(), &[]);
    for (sql, more) in [
        ("SELECT value FROM generate_series(1, 1000)", false),
        ("SELECT value FROM generate_series(1, 1001)", true),
        (ENDLESS, true),
    ] {
        let text = server.post("/api/sql", sql).await.text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["rows"].as_array().unwrap().len(), 1000, "{sql}");
        assert_eq!(answer["rows"][999], json!(["1000"]), "{sql}");
        assert_eq!(answer["more"], json!(more), "{sql}");
    }
}

#[tokio::test]
async fn every_format_has_the_same_rows_as_a_query() {
    let lake = TestLake::new();
    let server = Server::start(&lake, &[]);
    let sql = "SELECT value AS n, value * 0.125 AS d FROM generate_series(1, 20000) ORDER BY n";
    let expected = answer(&open(&lake.path()), sql).await.unwrap();
    let body = async |format: &str| {
        let response = server.post(&format!("/api/sql?format={format}"), sql).await;
        assert_eq!(response.status(), 200, "{format}");
        let name = response.headers()["content-disposition"].to_str().unwrap();
        assert_eq!(name, format!("attachment; filename=\"answer.{format}\""));
        response.bytes().await.unwrap()
    };
    assert_eq!(body("csv").await, expected.as_bytes());
    let arrow = FileReader::try_new(std::io::Cursor::new(body("arrow").await), None).unwrap();
    assert_eq!(csv(arrow.map(Result::unwrap)), expected);
    let parquet = ParquetRecordBatchReaderBuilder::try_new(body("parquet").await).unwrap();
    assert_eq!(csv(parquet.build().unwrap().map(Result::unwrap)), expected);
    assert_eq!(body("ndjson").await.split(|sign| *sign == b'\n').count(), 20_001);
}

fn csv(batches: impl Iterator<Item = RecordBatch>) -> String {
    let mut writer = arrow::csv::Writer::new(Vec::new());
    batches.for_each(|batch| writer.write(&batch).unwrap());
    String::from_utf8(writer.into_inner()).unwrap()
}

#[tokio::test]
async fn a_statement_in_the_address_can_be_shared() {
    let server = Server::start(&TestLake::new(), &[]);
    let response = server.get("/api/sql?format=csv&max_rows=2&sql=VALUES+(1),(2),(3)").await;
    assert_eq!(response.text().await.unwrap(), "column1\n1\n2\n");
    assert_eq!(server.get("/api/sql?format=xml&sql=SELECT+1").await.status(), 400);
    assert_eq!(server.get("/api/sql?sqll=SELECT+1").await.status(), 400);
}

#[tokio::test]
async fn what_writes_is_refused() {
    let server = Server::start(&TestLake::new(), &[]);
    for sql in WRITES {
        let (status, fault) = server.refusal(sql).await;
        let error = fault["error"].as_str().unwrap();
        assert_eq!(status, 403, "{sql}: {error}");
        assert!(error.contains("only reading is possible"), "{sql}: {error}");
    }
    let (status, _) = server.refusal("SELECT * FROM '/etc/passwd'").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_fault_has_its_place_in_the_statement() {
    let server = Server::start(&TestLake::new(), &[]);
    let (status, fault) = server.refusal("SELECT 1,\n  2 )").await;
    assert_eq!((status, &fault["line"]), (400, &json!(2)), "{fault}");
    assert!(fault["column"].is_u64(), "{fault}");
    let (status, fault) = server.refusal("SELECT 1; SELECT 2").await;
    assert_eq!(status, 400);
    assert!(fault["error"].as_str().unwrap().contains("expected one statement"), "{fault}");
}

#[tokio::test]
async fn requests_of_other_pages_are_refused() {
    let server = Server::start(&TestLake::new(), &[]);
    let status = async |method: Method, name: &'static str, value: &str| {
        let request = server.client.request(method, server.url("/api/sql?sql=SELECT+1"));
        request.header(name, value).body("SELECT 1").send().await.unwrap().status().as_u16()
    };
    let own = format!("http://{}", server.address);
    assert_eq!(status(Method::POST, "origin", &own).await, 200);
    assert_eq!(status(Method::POST, "origin", "http://evil.example").await, 403);
    assert_eq!(status(Method::POST, "origin", "null").await, 403);
    assert_eq!(status(Method::GET, "host", "evil.example").await, 403);
    assert_eq!(status(Method::GET, "sec-fetch-site", "cross-site").await, 403);
    let large = server.post("/api/sql", &"x".repeat((1 << 20) + 1)).await;
    assert_eq!(large.status(), 413);
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_is_kept_by_the_browser() {
    let server = Server::start(&TestLake::new(), &[]);
    for path in ["/", "/sql", "/tables"] {
        let response = server.get(path).await;
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let tag = response.headers()["etag"].clone();
        let page = response.text().await.unwrap();
        assert!(page.contains("default-src 'none'"), "{path}");
        assert!(!page.contains("unsafe-inline") && !page.contains("src="), "{path}");
        let again = server.client.get(server.url(path)).header("if-none-match", tag);
        assert_eq!(again.send().await.unwrap().status(), 304, "{path}");
    }
    assert_eq!(server.get("/nothing").await.status(), 404);
}

#[tokio::test]
async fn open_findings_are_counted_for_monitoring_and_for_the_page() {
    let never_audited = Server::start(&TestLake::new(), &[]);
    let counts = never_audited.get("/api/audit.json").await.text().await.unwrap();
    assert_eq!(counts, "null");
    let scene = GoldScene::new();
    scene.publish(&hourly("spot", "BTCUSDT", "2024-03-01"), 7, |lines| {
        let mut cells: Vec<&str> = lines[5].split(',').collect();
        cells[4] = "0";
        lines[5] = cells.join(",");
    });
    scene.ingest().await;
    assert_eq!(scene.lake.run("audit", &["bar_prices"]).code, Some(1));
    let server = Server::start(&scene.lake, &[]);
    let counts = server.get("/api/audit.json").await.text().await.unwrap();
    let counts: Value = serde_json::from_str(&counts).unwrap();
    let expected = json!({"severities": {"error": 1}, "kinds": {"price_order": 1}, "gaps": {}});
    assert_eq!(counts, expected);
    let figures = server.get("/metrics").await.text().await.unwrap();
    assert!(figures.contains("lakehouse_audit_findings{severity=\"error\"} 1"), "{figures}");
    assert!(figures.contains("lakehouse_audit_kinds{kind=\"price_order\"} 1"), "{figures}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_statement() {
    let server = Server::start(&TestLake::new(), &["--max-statements", "1"]);
    let begun = begin_over_http(&server.address, ENDLESS);
    drop(begun);
    // The one place is free again, or this would wait until the limit and fail.
    assert_eq!(server.rows("SELECT 1").await, json!([["1"]]));
    let figures = server.get("/metrics").await.text().await.unwrap();
    assert!(
        figures.contains("lakehouse_statements_total{door=\"http\",outcome=\"unread\"} 1"),
        "{figures}"
    );
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_its_place_no_longer_than_the_limit() {
    let server = Server::start(&TestLake::new(), &["--max-statements", "1", "--timeout", "1s"]);
    let mut begun = begin_over_http(&server.address, ENDLESS);
    // This one may wait for longer than its own limit, but the next does not.
    let _ = server.post("/api/sql", "SELECT 1").await;
    assert_eq!(server.rows("SELECT 2").await, json!([["2"]]));
    let mut rest = Vec::new();
    let _ = begun.read_to_end(&mut rest);
    let end = String::from_utf8_lossy(&rest[rest.len().saturating_sub(400)..]).into_owned();
    assert!(end.contains("the statement was ended after its limit of 1s"), "{end}");
}

#[tokio::test]
async fn statements_that_never_pause_end_at_their_limit_and_others_go_on() {
    let server = Server::start(&TestLake::new(), &["--timeout", "2s", "--max-statements", "4"]);
    let silent = (0..4).map(|_| async {
        let answer = server.post("/api/sql", SILENT).await.text().await.unwrap();
        assert!(answer.contains("the statement was ended after its limit of 2s"), "{answer}");
    });
    let silent = futures::future::join_all(silent);
    let other = async {
        assert_eq!(server.get("/healthz").await.status(), 200);
    };
    tokio::join!(silent, other);
    assert_eq!(server.rows("SELECT 1").await, json!([["1"]]));
    let (code, messages) = server.terminate();
    assert_eq!(code, Some(0), "{messages}");
}

#[tokio::test]
async fn other_clients_are_answered_beside_garbage_and_many_connections() {
    let server = Server::start(&TestLake::new(), &[]);
    let idle: Vec<_> = (0..300).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    let mut garbage = TcpStream::connect(&server.address).unwrap();
    garbage.write_all(&[0xff; 4096]).unwrap();
    let mut half = TcpStream::connect(&server.address).unwrap();
    half.write_all(b"POST /api/sql HTTP/1.1\r\nHost: localhost\r\nContent-Le").unwrap();
    assert_eq!(server.rows("SELECT 1").await, json!([["1"]]));
    drop((idle, half));
}

#[tokio::test]
async fn a_statement_that_exhausts_memory_fails_alone() {
    let server = Server::start(&TestLake::new(), &["--memory", "8MiB"]);
    let sql = "SELECT array_agg(value), count(DISTINCT value) \
               FROM generate_series(1, 50000000)";
    let (status, fault) = server.refusal(sql).await;
    let error = fault["error"].as_str().unwrap();
    assert_eq!(status, 507, "{error}");
    assert!(error.contains("more memory than its limit of 8"), "{error}");
    assert_eq!(server.rows("SELECT 1").await, json!([["1"]]));
}

#[test]
fn a_health_check_says_whether_the_server_is_ready() {
    let lake = TestLake::new();
    let server = Server::start(&lake, &[]);
    let url = server.url("/");
    let healthy = lake.run("serve", &["health", &url]);
    assert_eq!((healthy.code, healthy.stderr.as_str()), (Some(0), ""), "{healthy}");
    drop(server);
    let gone = lake.run("serve", &["health", &url]);
    assert_eq!(gone.code, Some(1), "{gone}");
    assert!(gone.stderr.contains("not ready"), "{gone}");
}

#[tokio::test]
async fn a_server_that_is_to_stop_ends_well_and_has_logged_its_statements() {
    let server = Server::start(&TestLake::new(), &["--log-format", "json"]);
    assert_eq!(server.get("/healthz").await.text().await.unwrap(), "ok\n");
    assert_eq!(server.get("/readyz").await.text().await.unwrap(), "ready\n");
    assert_eq!(server.rows("SELECT 41 + 1").await, json!([["42"]]));
    let (code, messages) = server.terminate();
    assert_eq!(code, Some(0), "{messages}");
    let logged = messages.lines().find(|line| line.contains("SELECT 41 + 1")).unwrap();
    let logged: Value = serde_json::from_str(logged).unwrap();
    let fields = &logged;
    assert_eq!(fields["rows"], json!(1), "{logged}");
    assert_eq!(fields["outcome"], json!("done"), "{logged}");
    assert_eq!(fields["door"], json!("http"), "{logged}");
}

#[test]
fn the_lines_to_copy_are_those_of_the_readme_but_for_ports_that_are_taken() {
    let mut child = TestLake::new().program("serve", &[]).stdout(Stdio::piped()).spawn().unwrap();
    let printed = BufReader::new(child.stdout.take().unwrap()).lines().take(3);
    let printed: Vec<String> = printed.map(|line| without_port(&line.unwrap())).collect();
    let _child = Background(child);
    let readme = include_str!("../README.md");
    let begin = readme.lines().position(|line| line == "http://127.0.0.1:8080/").unwrap();
    let shown: Vec<String> = readme.lines().skip(begin).take(3).map(without_port).collect();
    assert_eq!(printed, shown);
}

/// Returns a line without its longest number.
fn without_port(line: &str) -> String {
    let numbers = line.split(|sign: char| !sign.is_ascii_digit());
    let port = numbers.max_by_key(|number| number.len()).unwrap();
    line.replace(port, "PORT")
}

#[tokio::test]
async fn an_address_that_other_machines_reach_is_refused() {
    let run = TestLake::new().run("serve", &["--http", "0.0.0.0:0"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("anybody could read the lake"), "{run}");
}
