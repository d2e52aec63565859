//! The shell, through a real terminal as a user types, and through a pipe as a script does.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use rexpect::session::PtySession;
use tempfile::TempDir;

use crate::support::command::Run;
use crate::support::samples::{identify, sample_folder};
use crate::support::terminal::in_terminal;
use crate::support::test_lake::TestLake;

/// The sequence that a terminal receives when the editor ends and a program takes over.
const EDITOR_LEAVES: &str = "\x1b[?2004l";
const UP: &str = "\x1b[A";

fn source(days: &[&str]) -> TempDir {
    let key =
        |day: &&str| identify(&format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-{day}.zip"));
    sample_folder(&days.iter().map(key).collect::<Vec<_>>())
}

fn ingest(lake: &TestLake, days: &[&str]) {
    let source = source(days);
    let run = lake.run("ingest", &["--all", "--source", source.path().to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{run}");
}

/// A shell in a terminal of its own.
struct Terminal(PtySession);

impl Terminal {
    fn open(lake: &TestLake, state: &Path) -> Self {
        let mut command = lake.program("shell", &[]);
        command.env("XDG_STATE_HOME", state);
        let mut terminal = Self(in_terminal(command, 200));
        terminal.sees("lakehouse> ");
        terminal
    }

    fn types(&mut self, keys: &str) {
        self.0.send(keys).unwrap();
        self.0.flush().unwrap();
    }

    /// Types a line and the Enter key, and waits until the editor has taken it.
    fn enters(&mut self, line: &str) {
        self.types(&format!("{line}\r"));
        self.sees(EDITOR_LEAVES);
    }

    #[track_caller]
    fn sees(&mut self, text: &str) -> String {
        self.0
            .exp_string(text)
            .unwrap_or_else(|error| panic!("`{text}` is not on the screen: {error}"))
    }

    fn leaves(mut self) {
        self.types("\\q\r");
        self.0.exp_eof().unwrap();
    }
}

#[test]
fn a_tab_completes_columns_tables_and_keywords_of_the_lake() {
    let (lake, state) = (TestLake::new(), tempfile::tempdir().unwrap());
    ingest(&lake, &["2026-05-01"]);
    let mut terminal = Terminal::open(&lake, state.path());
    for (typed, completed) in
        [("SELECT symb\t", "symbol"), (" FROM kli\t", "klines"), (" gro\t", "group")]
    {
        terminal.types(typed);
        terminal.sees(completed);
    }
    terminal.enters(" by symbol;");
    terminal.sees("BTCUSDT");
    terminal.sees("1 row");
    terminal.types("\\for\t c\t");
    terminal.sees("\\format");
    terminal.sees("csv");
    terminal.enters("");
    terminal.enters("SELECT 40 + 2 AS answer;");
    terminal.sees("answer\r\n42\r\n");
    terminal.leaves();
}

#[test]
fn ctrl_c_cancels_a_query_and_clears_a_line_and_never_ends_the_shell() {
    let (lake, state) = (TestLake::new(), tempfile::tempdir().unwrap());
    let mut terminal = Terminal::open(&lake, state.path());
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000) AS a, \
                   generate_series(1, 1000000000) AS b;";
    terminal.enters(endless);
    terminal.0.send_control('c').unwrap();
    terminal.sees("cancelled");
    terminal.sees("lakehouse> ");
    terminal.types("SELECT nonsense");
    terminal.sees("nonsense");
    terminal.0.send_control('c').unwrap();
    terminal.sees("lakehouse> ");
    terminal.enters("SELECT 40 + 2 AS answer;");
    terminal.sees("42");
    terminal.leaves();
}

#[test]
fn statements_of_several_lines_are_remembered_by_the_next_shell() {
    let (lake, state) = (TestLake::new(), tempfile::tempdir().unwrap());
    let mut terminal = Terminal::open(&lake, state.path());
    terminal.types("SELECT 40 +\r");
    terminal.enters("2 AS answer;");
    terminal.sees("42");
    terminal.leaves();
    assert!(state.path().join("lakehouse/history").exists());
    let mut terminal = Terminal::open(&lake, state.path());
    // The line before last: leaving is remembered, too.
    terminal.types(&format!("{UP}{UP}"));
    terminal.sees("2 AS answer;");
    terminal.enters("");
    terminal.sees("42");
    terminal.leaves();
}

#[test]
fn an_error_is_told_and_the_shell_goes_on_with_the_newest_tables() {
    let (lake, state) = (TestLake::new(), tempfile::tempdir().unwrap());
    ingest(&lake, &["2026-05-01"]);
    let mut terminal = Terminal::open(&lake, state.path());
    terminal.enters("SELECT colse FROM klines;");
    terminal.sees("error: no column `colse`: did you mean `close`?");
    terminal.enters("\\d");
    terminal.sees("silver.klines");
    terminal.sees("24");
    ingest(&lake, &["2026-05-01", "2026-05-02"]);
    terminal.enters("SELECT count(*) AS bars FROM klines;");
    terminal.sees("48");
    terminal.enters("\\timing");
    terminal.enters("SELECT 1;");
    terminal.sees(" s\r\n");
    terminal.enters("\\x");
    terminal.sees("unknown command `\\x`; \\? lists the commands");
    terminal.leaves();
}

/// Pipes statements into a shell.
pub(crate) fn pipe(lake: &TestLake, arguments: &[&str], text: &str) -> Run {
    let mut program = lake.program("shell", arguments);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn piped_statements_run_without_a_prompt() {
    let lake = TestLake::new();
    let text = "SELECT 1 AS a; SELECT 'x;y' -- ; no end\n AS b;\n\n\\format ndjson\nSELECT 3 AS c";
    let run = pipe(&lake, &["--format", "csv"], text);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
    assert_eq!(run.stdout, "a\n1\nb\nx;y\n{\"c\":3}\n");
}

#[test]
fn the_first_piped_statement_that_fails_is_the_last_one() {
    let lake = TestLake::new();
    let run = pipe(&lake, &["--format", "csv"], "SELECT 1 AS a;\nSELEC 2;\nSELECT 3 AS c;\n");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), "a\n1\n"), "{run}");
    assert!(
        run.stderr.starts_with("error: SQL syntax: expected an SQL statement, found SELEC"),
        "{run}"
    );
    let unfinished = pipe(&lake, &[], "SELECT 'never ended");
    assert_eq!((unfinished.code, unfinished.stdout.as_str()), (Some(2), ""), "{unfinished}");
}

#[test]
fn answers_go_to_a_file_until_they_are_to_go_to_the_screen_again() {
    let (lake, folder) = (TestLake::new(), tempfile::tempdir().unwrap());
    let (csv, parquet) = (folder.path().join("two.csv"), folder.path().join("one.parquet"));
    let text = format!(
        "\\o {}\nSELECT 1 AS a;\nSELECT 2 AS a;\n\\o\n\\o {}\nSELECT 3 AS a;\nSELECT 4 AS a;\n",
        csv.display(),
        parquet.display()
    );
    let run = pipe(&lake, &["--format", "ndjson"], &text);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "{\"a\":4}\n"), "{run}");
    assert_eq!(fs::read_to_string(csv).unwrap(), "a\n1\na\n2\n");
    assert_eq!(&fs::read(parquet).unwrap()[..4], b"PAR1");
}

#[test]
fn tables_and_their_columns_are_described() {
    let lake = TestLake::new();
    assert_eq!(pipe(&lake, &[], "\\d\n").stdout, "the lake has no tables yet\n");
    ingest(&lake, &["2026-05-01"]);
    let run = pipe(&lake, &[], "\\d klines\n\\d;\n");
    assert_eq!(run.code, Some(0), "{run}");
    for line in [
        "open_time               timestamp(6) UTC",
        "partitioned by: market, date",
        "sorted by: symbol, bar_interval, open_time",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{run}");
    }
    assert!(
        run.stdout.lines().any(|line| line.split_whitespace().take(2).eq(["silver.klines", "24"])),
        "{run}"
    );
    let unknown = pipe(&lake, &[], "\\d silver.nope\n");
    assert!(unknown.stderr.starts_with("error: no table `silver.nope`: the lake has"), "{unknown}");
}
