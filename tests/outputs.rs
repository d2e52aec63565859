//! Every command: standard output carries data and nothing else, and a reader that stops early is
//! no failure.

use std::fs;
use std::io::Write;
use std::process::{Child, Stdio};

use clap::CommandFactory;
use lakehouse::cli::Cli;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::{Run, lakehouse};
use crate::support::samples::{identify, sample_folder, trades_key};

/// What a command's standard output is.
#[derive(Clone, Copy, Debug)]
enum Data {
    Json,
    Nothing,
    /// A text that begins like this.
    Text(&'static str),
}

/// Lines that together have every command; `shell` reads its statement from standard input.
const LINES: [(&str, Data); 38] = [
    ("plan --all --source mirror --format json", Data::Json),
    ("plan --all --source mirror", Data::Text("market ")),
    ("ingest --all --source mirror --format json", Data::Json),
    ("ingest --all --source mirror --dry-run", Data::Text("market ")),
    ("ingest --all --source mirror", Data::Nothing),
    ("refresh --source mirror --format json", Data::Json),
    ("refresh --source mirror", Data::Nothing),
    ("fill --dry-run --format json", Data::Json),
    ("gold", Data::Nothing),
    ("gold list --format json", Data::Json),
    ("query --format json SELECT*FROM/**/trades", Data::Json),
    ("query -o trades.csv SELECT*FROM/**/trades", Data::Nothing),
    ("shell --format json", Data::Json),
    ("changes --format json", Data::Json),
    ("status --format json", Data::Json),
    ("status --gaps", Data::Text("")),
    ("report", Data::Text("<!")),
    ("report -o report.html", Data::Nothing),
    ("audit list", Data::Text("check ")),
    ("audit show trade_ids", Data::Text("")),
    ("audit --format json", Data::Json),
    ("audit", Data::Nothing),
    ("verify --format json", Data::Json),
    ("verify --deep", Data::Nothing),
    ("remove --symbol BTCUSDT --dry-run --format json", Data::Json),
    ("remove --symbol BTCUSDT", Data::Nothing),
    ("maintain --format json --dry-run", Data::Json),
    ("maintain --dry-run", Data::Text("")),
    ("maintain --retention 0", Data::Nothing),
    ("matrix --format json", Data::Json),
    ("matrix", Data::Text("market ")),
    ("config show --format json", Data::Json),
    ("config show", Data::Text("setting ")),
    ("config init new.toml", Data::Nothing),
    ("man ingest", Data::Text(".ie ")),
    ("man --output pages", Data::Nothing),
    ("completions bash", Data::Text("_lakehouse()")),
    ("demo --lake demo", Data::Text("")),
];

fn scene() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mirror = sample_folder(&[identify(&trades_key("BTCUSDT", "2026-05-01"))]);
    fs::rename(mirror.keep(), folder.path().join("mirror")).unwrap();
    folder
}

/// Begins a command that tells as much as it can beside its data.
fn begin(folder: &TempDir, line: &str, flags: &[&str]) -> Child {
    let mut command = lakehouse(folder.path());
    command.args(line.split(' ')).args(flags);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn the_lines_have_every_command() {
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        // They run until a signal or the end of their input; their own tests read what they write.
        if ["serve", "mcp"].contains(&name) {
            continue;
        }
        assert!(
            LINES.iter().any(|(line, _)| line.split(' ').next() == Some(name)),
            "add {name} to LINES"
        );
    }
}

#[test]
fn standard_output_carries_data_and_nothing_else() {
    let folder = scene();
    for (line, data) in LINES {
        let mut child = begin(&folder, line, &["-vv", "--progress", "always"]);
        let _ = child.stdin.take().unwrap().write_all(b"SELECT 1 AS a;");
        let run: Run = child.wait_with_output().unwrap().into();
        assert_eq!(run.code, Some(0), "{line}\n{run}");
        match data {
            Data::Json => drop(
                serde_json::from_str::<Value>(&run.stdout)
                    .unwrap_or_else(|error| panic!("{line}: {error}\n{run}")),
            ),
            Data::Nothing => assert_eq!(run.stdout, "", "{line}"),
            Data::Text(beginning) => assert!(run.stdout.starts_with(beginning), "{line}\n{run}"),
        }
        assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains(" INFO "), "{line}\n{run}");
    }
}

#[test]
fn a_reader_that_stops_early_is_no_failure_of_any_command() {
    let folder = scene();
    for (line, _) in LINES {
        let mut child = begin(&folder, line, &["-q"]);
        drop(child.stdout.take());
        let _ = child.stdin.take().unwrap().write_all(b"SELECT 1 AS a;");
        let run: Run = child.wait_with_output().unwrap().into();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{line}\n{run}");
    }
}

#[test]
fn a_long_answer_of_which_one_line_is_read_ends_quietly() {
    let folder = scene();
    for format in ["table", "csv", "tsv", "json", "ndjson", "markdown"] {
        let line = format!(
            "{} query --max-rows 1000000 --format {format} \
             'SELECT value AS a, value AS b FROM generate_series(1, 300000)' | head -1",
            env!("CARGO_BIN_EXE_lakehouse")
        );
        let output = std::process::Command::new("bash")
            .args(["-o", "pipefail", "-c", &line])
            .current_dir(folder.path())
            .output();
        let run: Run = output.unwrap().into();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{format}\n{run}");
    }
}
