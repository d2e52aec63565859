//! Every command of the README and of `docs/` is typed, page by page and in its order, against a
//! mirror of generated archives.
//!
//! The files that a page shows are written first: the opening line of their block names them. The
//! README's Python is run by `tests/interop/run`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lakehouse_core::matrix::Matrix;
use lakehouse_samples::{KeyOptions, sample_keys};
use tempfile::TempDir;

use crate::support::command::Run;
use crate::support::samples::sample_folder;

const README: &str = include_str!("../README.md");
const CONFIGURATION: &str = include_str!("../docs/configuration.md");

/// Rows of hourly bars by market, as the ledger counts them.
const HOURLY_BARS: &str = "lakehouse query --format csv \"SELECT market, sum(rows) AS rows \
                           FROM meta.archives WHERE bar_interval = '1h' \
                           GROUP BY market ORDER BY market\"";

/// Commands of the README that a test cannot type: they build the program again or reach the
/// network.
const NOT_RUN: [&str; 3] = [
    "cargo test --workspace",
    "cargo install --locked --path .",
    "pip install deltalake polars duckdb pyarrow",
];

/// The data types that the commands ask for.
const DATA_TYPES: [&str; 3] = ["klines", "aggTrades", "fundingRate"];

#[test]
fn every_command_of_the_readme_works_in_its_order() {
    let folder = folder_with_mirror();
    assert_eq!(write_shown_files(README, folder.path()), 2);
    let commands = commands(README);
    assert!(commands.len() > 10, "{commands:?}");
    type_all(&commands, folder.path());
    assert!(
        folder.path().join("bars.parquet").exists()
            && folder.path().join("lakehouse.bash").exists()
    );
    let rows = type_command(HOURLY_BARS, folder.path());
    // Two symbols and seven days of spot.
    assert_eq!(rows.stdout, "market,rows\nspot,336\n", "{rows}");
}

#[test]
fn the_first_commands_print_what_the_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let first_block = blocks(README, "sh").remove(0).1.replace("cargo run -- ", "lakehouse ");
    let mut commands = first_block.lines();
    type_command(commands.next().unwrap(), folder.path());
    let mut printed = String::new();
    for command in commands {
        let run = type_command(command, folder.path());
        printed.push_str(&run.stdout);
        printed.push_str(&run.stderr);
    }
    assert_eq!(printed.trim_end(), blocks(README, "text").remove(0).1);
}

#[test]
fn the_configurations_that_are_shown_load_what_they_select() {
    let folder = folder_with_mirror();
    assert_eq!(write_shown_files(CONFIGURATION, folder.path()), 2);
    type_all(&commands(CONFIGURATION), folder.path());
    let rows = type_command(HOURLY_BARS, folder.path());
    // Two symbols and two days of each market.
    assert_eq!(rows.stdout, "market,rows\nfutures_um,96\nspot,96\n", "{rows}");
}

#[test]
fn every_command_of_every_page_of_the_documentation_works_in_its_order() {
    let pages = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    for page in pages
        .map(|page| page.unwrap().path())
        .filter(|page| page.extension().is_some_and(|is| is == "md"))
    {
        let text = fs::read_to_string(&page).unwrap();
        let folder = folder_with_mirror();
        write_shown_files(&text, folder.path());
        type_all(&commands(&text), folder.path());
    }
}

fn folder_with_mirror() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::rename(mirror().keep(), folder.path().join("mirror")).unwrap();
    folder
}

/// Returns the commands of all blocks of the shell, without those that are not run.
fn commands(page: &str) -> Vec<String> {
    let lines = blocks(page, "sh")
        .into_iter()
        .flat_map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines
        .filter(|line| !NOT_RUN.contains(&line.as_str()))
        .map(|line| line.replace("cargo run -- ", "lakehouse "))
        .collect()
}

/// Types commands that must work without a warning.
fn type_all(commands: &[String], folder: &Path) {
    for command in commands {
        let run = type_command(command, folder);
        assert_eq!(
            (run.code, run.stderr.contains("warning")),
            (Some(0), false),
            "{command}\n{run}"
        );
    }
}

/// Types a line into a shell whose only settings are the default lake and the mirror.
fn type_command(line: &str, folder: &Path) -> Run {
    let first_words = line.split(" | ").map(|command| command.split(' ').next().unwrap());
    assert!(
        first_words.clone().all(|word| ["lakehouse", "echo", "cp"].contains(&word)),
        "not known to be run: {line}"
    );
    let program = PathBuf::from(env!("CARGO_BIN_EXE_lakehouse"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell.args(["-euc", line]).current_dir(folder).env_clear();
    shell.env("PATH", path).env("LAKEHOUSE_SOURCE", "mirror").output().unwrap().into()
}

/// Writes the files that a page shows under their names: "```toml lakehouse.toml"; returns how many
/// there are.
fn write_shown_files(page: &str, folder: &Path) -> usize {
    let files: Vec<_> =
        ["toml", "json", "sql"].into_iter().flat_map(|language| blocks(page, language)).collect();
    for (name, text) in &files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    files.len()
}

/// Returns the blocks of a language: the name after the language, and the text.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<(&'a str, &'a str)> {
    let fences = page.split("\n```").skip(1).step_by(2);
    let blocks = fences.filter_map(|block| block.split_once('\n'));
    let of_language = |(opening, text): (&'a str, &'a str)| {
        let (found, name) = opening.split_once(' ').unwrap_or((opening, ""));
        (found == language).then_some((name, text))
    };
    blocks.filter_map(of_language).collect()
}

/// Makes the archives of the days that the README uses.
fn mirror() -> TempDir {
    let intervals = ["1h", "1d"].map(|text| text.parse().unwrap()).to_vec();
    let first_day = "2026-05-01".parse().unwrap();
    let mut keys =
        sample_keys(&Matrix::builtin().unwrap(), &KeyOptions { first_day, days: 7, intervals });
    keys.retain(|key| DATA_TYPES.contains(&key.data_type().as_str()));
    sample_folder(&keys)
}
