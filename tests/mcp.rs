//! The lake for assistants: what the tools answer, where answers end, and what is refused.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::support::process::Background;
use crate::support::samples::{identify, sample_folder, trades_key};
use crate::support::test_lake::TestLake;

/// The program as an assistant starts it, which is killed when it is dropped.
struct Assistant {
    child: Background,
    /// Nothing once the assistant is gone.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    calls: u64,
}

impl Assistant {
    fn start(lake: &TestLake, flags: &[&str]) -> Self {
        let mut program = lake.program("mcp", flags);
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut assistant = Self { child: Background(child), input, output, calls: 0 };
        let client = json!({ "name": "test", "version": "1" });
        let hello = assistant.request(
            "initialize",
            &json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client }),
        );
        assert_eq!(hello["result"]["serverInfo"]["name"], "lakehouse", "{hello}");
        assistant.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assistant
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Returns the text of a tool's answer, and whether it is an error.
    fn call(&mut self, tool: &str, arguments: &Value) -> (String, bool) {
        let answer = self.request("tools/call", &json!({ "name": tool, "arguments": arguments }));
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str();
        let text = text.unwrap_or_else(|| panic!("{answer}")).to_owned();
        (text, result["isError"] == json!(true))
    }

    fn answer(&mut self, tool: &str, arguments: &Value) -> Value {
        let (text, is_error) = self.call(tool, arguments);
        assert!(!is_error, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn lake_of_trades() -> TestLake {
    let lake = TestLake::new();
    let source = sample_folder(&[identify(&trades_key("BTCUSDT", "2026-05-01"))]);
    let run = lake.run("ingest", &["--all", "--source", source.path().to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{run}");
    lake
}

#[test]
fn an_assistant_finds_the_tables_their_columns_and_rows() {
    let lake = lake_of_trades();
    let mut assistant = Assistant::start(&lake, &[]);
    let tools = assistant.request("tools/list", &json!({}));
    let tools = tools["result"]["tools"].as_array().unwrap();
    let names: Vec<&Value> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["list_tables", "describe_table", "query", "status"]);
    assert!(tools.iter().all(|tool| tool["annotations"]["readOnlyHint"] == json!(true)));

    let tables = assistant.answer("list_tables", &json!({}));
    let trades = tables.as_array().unwrap();
    let trades = trades.iter().find(|table| table["table"] == "silver.trades").unwrap();
    assert!(trades["rows"].as_u64().unwrap() > 0, "{trades}");

    let described = assistant.answer("describe_table", &json!({ "table": "silver.trades" }));
    let columns = described["columns"].as_array().unwrap();
    let price = columns.iter().find(|column| column["name"] == "price").unwrap();
    assert!(price["description"].as_str().is_some_and(|text| !text.is_empty()), "{price}");

    let count = json!({ "sql": "SELECT count(*) AS n, min(price) AS low FROM trades" });
    let answer = assistant.answer("query", &count);
    assert_eq!(answer["rows"][0][0], json!(trades["rows"].to_string()));
    assert_eq!(answer["more"], json!(false));

    let status = assistant.answer("status", &json!({}));
    assert_eq!(status["totals"]["archives"], json!(1), "{status}");
    assert!(status.get("series").is_none());
}

#[test]
fn an_answer_ends_at_its_limits_and_says_so() {
    let lake = lake_of_trades();
    let mut assistant = Assistant::start(&lake, &["--max-rows", "7", "--max-bytes", "1KiB"]);
    let endless = "SELECT value FROM generate_series(1, 1000000000000)";
    let answer = assistant.answer("query", &json!({ "sql": endless, "max_rows": 5 }));
    assert_eq!(answer["rows"].as_array().unwrap().len(), 5);
    assert_eq!(answer["more"], json!(true));
    let answer = assistant.answer("query", &json!({ "sql": endless, "max_rows": 100_000 }));
    assert_eq!(answer["rows"].as_array().unwrap().len(), 7, "no more than the flag allows");

    let mut assistant = Assistant::start(&lake, &["--max-rows", "100000", "--max-bytes", "1KiB"]);
    let answer = assistant.answer("query", &json!({ "sql": endless }));
    let rows = answer["rows"].as_array().unwrap().len();
    assert!((50..500).contains(&rows) && answer["more"] == json!(true), "{rows} rows");
}

#[test]
fn an_assistant_reads_its_errors_and_changes_nothing() {
    let lake = lake_of_trades();
    let versions = lake.versions();
    let mut assistant = Assistant::start(&lake, &["--timeout", "1s"]);
    for (sql, reason) in [
        ("SELECT prise FROM trades", "prise"),
        ("DROP TABLE trades", "only reading is possible"),
        ("COPY trades TO '/tmp/trades.csv'", "only reading is possible"),
        ("SELECT * FROM '/etc/passwd'", "/etc/passwd"),
        ("SELECT sum(a.value) FROM generate_series(1, 100000000000) AS a", "limit"),
    ] {
        let (text, is_error) = assistant.call("query", &json!({ "sql": sql }));
        assert!(is_error && text.contains(reason), "{sql}: {text}");
    }
    let (text, is_error) = assistant.call("describe_table", &json!({ "table": "trade" }));
    assert!(is_error && text.contains("silver.trades"), "{text}");
    let wrong = assistant.request("tools/call", &json!({ "name": "query", "arguments": {} }));
    assert!(wrong["error"]["message"].as_str().unwrap().contains("`sql`"), "{wrong}");
    assert_eq!(lake.versions(), versions);
}

#[test]
fn the_program_ends_when_the_assistant_goes() {
    let lake = TestLake::new();
    let mut assistant = Assistant::start(&lake, &[]);
    let answer = assistant.answer("list_tables", &json!({}));
    assert_eq!(answer, json!([]), "a lake that is not there yet has no tables");
    drop(assistant.input.take());
    assert_eq!(assistant.child.wait().unwrap().code(), Some(0));
}
