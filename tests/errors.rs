//! Every error that a user can cause, in one snapshot: what happened, where, and what to do, in
//! three lines at most.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use insta::{Settings, assert_snapshot};
use tempfile::TempDir;

use crate::support::archive_server::{ArchiveServer, Listing};
use crate::support::command::{Run, lakehouse};
use crate::support::samples::{identify, sample_folder, trades_key};

const KLINES: &str = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-01.zip";

/// No server listens at this port.
const NOBODY: &str = "http://127.0.0.1:9";

/// Selections that the cases share.
const TRADES: &str =
    "--market spot --data-type trades --symbol BTCUSDT --start 2026-05-01 --end 2026-05-02";
const BARS: &str = "--market spot --data-type klines --symbol BTCUSDT --interval 1h --start \
                    2026-05-01 --end 2026-05-01";

/// What only programmers read.
const FORBIDDEN: [&str; 14] = [
    "(os error",
    "Some(",
    "None",
    "Err(",
    "Error(",
    "Error {",
    "::",
    "panicked",
    "Utf8",
    "Int64",
    "Generic ",
    "DataFusion",
    "called `",
    "Arrow",
];

/// A folder with a lake, a mirror, and what is wrong with both.
fn scene() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mirror = sample_folder(&[identify(KLINES), identify(&trades_key("BTCUSDT", "2026-05-01"))]);
    fs::rename(mirror.keep(), folder.path().join("mirror")).unwrap();
    let ingested = type_line(folder.path(), &format!("ingest {BARS} --source mirror"));
    assert_eq!(ingested.code, Some(0), "{ingested}");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("a-file", b"");
    write("latin.toml", b"lake = '\xe9'\n");
    write("no-toml.toml", b"lake = 'x'\nsymbols = = 3\n");
    write("unknown-key.toml", b"symbols = ['BTCUSDT']\nsymbol = ['ETHUSDT']\n");
    write("wrong-value.toml", b"symbols = ['BTCUSDT']\nbatch_size = 'many'\n");
    write("wrong-interval.toml", b"symbols = ['BTCUSDT']\nintervals = { klines = ['7h'] }\n");
    write("wrong-bandwidth.toml", b"symbols = ['BTCUSDT']\nbandwidth = 'fast'\n");
    write("no-json.json", b"{\n \"symbols\": [\"BTCUSDT\",\n}\n");
    write("no-matrix.toml", b"symbols = ['BTCUSDT']\nmatrix_path = 'absent.toml'\n");
    write("no-models.toml", b"gold_models = 'absent'\n");
    write("taken.toml", b"");
    fs::create_dir(folder.path().join("empty")).unwrap();
    folder
}

/// Types a line into a shell, with the program under its name.
fn type_line(folder: &Path, line: &str) -> Run {
    in_shell(folder, &format!("exec lakehouse {line}"))
}

fn in_shell(folder: &Path, script: &str) -> Run {
    let program = lakehouse(folder);
    let bin = Path::new(program.get_program()).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-euc", script]).current_dir(folder).env_clear();
    shell.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).output().unwrap().into()
}

/// The cases by topic; each line is typed once its words in capitals are filled in.
const CASES: &[(&str, &[&str])] = &[
    (
        "the command line",
        &[
            "nope",
            "query",
            "plan --nope",
            "plan --symbol BTCUSDT --start 2026-13-01",
            "plan --symbol BTCUSDT --start 2026-05-02 --end 2026-05-01",
            "plan --symbol BTCUSDT --last 7",
            "plan --symbol 'BTC USDT'",
            "plan --symbol BTCUSDT --market fututres_um",
            "plan --symbol BTCUSDT --data-type klins",
            "ingest --symbol BTCUSDT --stage iron",
            "plan --last 7d",
            "refresh --every soon",
            "man nope",
            "gold nope",
            "gold show nope",
            "config init taken.toml",
            "config init absent/new.toml",
            "ingest TRADES --metrics-file absent/lakehouse.prom",
            "ingest TRADES --openlineage absent/lineage.jsonl",
        ],
    ),
    (
        "the selection",
        &[
            "plan --source mirror BARS --interval 7h",
            "plan --source mirror --market spot --data-type trades --symbol BTCUSDT --interval 1h",
            "plan --source mirror --market futures_um --data-type klines --symbol BTCUSDT \
             --interval 1s",
            "plan --source mirror --market options --data-type klines --symbol BTCUSDT",
            "plan --source mirror --market spot --data-type klines --symbol BTCUSDTT --interval 1h",
            "plan --source mirror --market spot --data-type klines --symbol 'XYZ*' --interval 1h",
        ],
    ),
    (
        "the configuration file",
        &[
            "plan --config absent.toml",
            "plan --config empty",
            "plan --config latin.toml",
            "plan --config no-toml.toml",
            "plan --config no-json.json",
            "plan --config unknown-key.toml",
            "plan --config wrong-value.toml",
            "plan --config wrong-interval.toml",
            "plan --config wrong-bandwidth.toml",
            "plan --config no-matrix.toml",
            "gold list --config no-models.toml",
        ],
    ),
    (
        "the source",
        &[
            "ingest TRADES --source absent",
            "ingest TRADES --source empty",
            "ingest TRADES --source ftp://host/archive",
            "ingest TRADES --source http://",
            "ingest TRADES --source mirror --listing http://host",
            "ingest TRADES --source NOBODY --retries 0",
            "refresh --source NOBODY --retries 0",
        ],
    ),
    (
        "the lake",
        &[
            "query --lake absent 'SELECT * FROM klines'",
            "query --lake a-file 'SELECT * FROM klines'",
            "ingest BARS --source mirror --lake a-file",
            "ingest BARS --source mirror --lake a-file/lake",
            "query --lake ftp://host/lake 'SELECT 1'",
            "verify --lake a-file",
            "maintain --lake a-file",
            "status --lake a-file",
            "report -o absent/report.html",
            "changes --since soon",
            "maintain --table silver.nope",
            "maintain --lake absent --table silver.nope",
            "maintain --retention forever",
            "verify --start 2026-05-02 --end 2026-05-01",
            "demo --lake .",
        ],
    ),
    (
        "the statement",
        &[
            "query 'SELEC 1'",
            "query 'SELECT * FROM'",
            "query ' '",
            "query 'SELECT 1; SELECT 2'",
            "query 'DROP TABLE klines'",
            "query \"COPY klines TO 'x.csv'\"",
            "query 'SELECT colse FROM klines'",
            "query 'SELECT * FROM kline'",
            "query 'SELECT * FROM trades'",
            "query 'SELECT * FROM gold.nope'",
            "query 'SELECT * FROM \"bars.parquet\"'",
            "query 'SELECT nofunction(close) FROM klines'",
            "query 'SELECT close + symbol FROM klines'",
            "query \"SELECT CAST('x' AS bigint)\"",
            "query 'SELECT symbol, sum(close) FROM klines'",
            "query 'SELECT 9223372036854775807 + 1'",
            "query -f absent.sql",
            "query --at 99 'SELECT count(*) FROM klines'",
            "query --at 2020-01-01 'SELECT count(*) FROM klines'",
            "query --at yesterday 'SELECT count(*) FROM klines'",
            "query --format xml 'SELECT 1'",
            "query -o absent/answer.csv 'SELECT 1'",
            "query -o /dev/full --format csv 'SELECT * FROM klines'",
            "query -o /dev/full --format parquet 'SELECT * FROM klines'",
            "query --format csv \"SELECT named_struct('a', 1) AS s\"",
        ],
    ),
];

fn filled(line: &str) -> String {
    line.replace("TRADES", TRADES).replace("BARS", BARS).replace("NOBODY", NOBODY)
}

#[test]
fn every_error_says_what_happened_where_and_what_to_do() {
    let folder = scene();
    let mut errors = String::new();
    for (topic, lines) in CASES {
        writeln!(errors, "# {topic}").unwrap();
        for line in *lines {
            let line = filled(line);
            let run = type_line(folder.path(), &line);
            add_case(&mut errors, &format!("lakehouse {line}"), &run);
        }
    }
    hidden(&folder, || assert_snapshot!("errors", errors));
}

#[test]
fn what_a_machine_refuses_is_reported_as_briefly() {
    let folder = scene();
    let server = ArchiveServer::of_folder(&folder.path().join("mirror"));
    let mut errors = String::new();
    server.set_listing(Listing::Off(503));
    let unlisted = format!("ingest {TRADES} --lake two --retries 0 --source {}", server.url());
    add_case(&mut errors, "the listing is down", &type_line(folder.path(), &unlisted));
    server.set_listing(Listing::Page);
    let paged = unlisted.replace("--lake two", "--lake three");
    add_case(&mut errors, "the listing is a web page", &type_line(folder.path(), &paged));
    // A limit on the size of files stands for a disk that is full.
    for blocks in [0, 8] {
        let limited = format!(
            "trap '' XFSZ; ulimit -f {blocks}; \
             exec lakehouse ingest {BARS} --source mirror --lake four"
        );
        add_case(
            &mut errors,
            &format!("the disk takes {blocks} blocks"),
            &in_shell(folder.path(), &limited),
        );
    }
    hidden(&folder, || assert_snapshot!("machine", errors));
}

/// Adds a case, and holds it against the rules for all.
fn add_case(errors: &mut String, title: &str, run: &Run) {
    let error: Vec<&str> =
        run.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect();
    assert!(error.len() <= 3, "{title}\n{run}");
    for word in FORBIDDEN {
        assert!(!run.stderr.contains(word), "`{word}` in {title}\n{run}");
    }
    assert_eq!(run.code == Some(2), !error.is_empty(), "{title}\n{run}");
    let code = run.code.unwrap();
    writeln!(errors, "\n$ {title}\n{}[{code}]", run.stderr).unwrap();
}

/// Hides what differs from run to run and from machine to machine.
fn hidden(folder: &TempDir, check: impl FnOnce()) {
    let mut settings = Settings::clone_current();
    settings.add_filter(&regex_of(folder.path().to_str().unwrap()), "[folder]");
    settings.add_filter(r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:[port]");
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]");
    settings.add_filter(r"[0-9a-f]{32}", "[id]");
    settings.add_filter(r"is from \d{4}-\d\d-\d\dT[\d:.]+Z", "is from [time]");
    settings.add_filter(r"in \d+\.\d s", "in [time] s");
    // The end of what is expected is today.
    settings
        .add_filter(r"of \d+ archives that were requested", "of [n] archives that were requested");
    settings.bind(check);
}

fn regex_of(text: &str) -> String {
    text.replace('.', "\\.")
}
