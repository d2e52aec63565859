//! The demo, as a stranger types it: tables of everything, commands that work, and nothing new the
//! second time.

use std::fs;
use std::path::Path;
use std::process::Command;

use lakehouse_core::matrix::Matrix;
use tempfile::TempDir;

use crate::support::command::{Run, lakehouse};

const LAKE: &str = "my lake";

/// A folder in which the demo ran once.
struct Demo {
    folder: TempDir,
    first: Run,
}

impl Demo {
    fn run() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let first = demo(folder.path());
        assert_eq!(first.code, Some(0), "{first}");
        Self { folder, first }
    }

    /// Runs a statement and returns the lines of its answer, each split into values.
    fn query(&self, statement: &str) -> Vec<Vec<String>> {
        let mut command = lakehouse(self.folder.path());
        let run: Run = command
            .args(["query", "--lake", LAKE, "--format", "csv", statement])
            .output()
            .unwrap()
            .into();
        assert_eq!(run.code, Some(0), "{run}");
        run.stdout
            .lines()
            .skip(1)
            .map(|line| line.split(',').map(str::to_owned).collect())
            .collect()
    }
}

fn demo(folder: &Path) -> Run {
    lakehouse(folder).args(["demo", "--lake", LAKE]).output().unwrap().into()
}

#[test]
fn the_demo_fills_every_combination_and_what_it_prints_can_be_typed() {
    let demo_lake = Demo::run();
    every_combination_has_rows(&demo_lake);
    printed_commands_work(&demo_lake);
    a_second_run_brings_nothing_new(&demo_lake);
}

fn every_combination_has_rows(demo: &Demo) {
    let landed = demo.query(
        "SELECT market, data_type, sum(rows) FROM meta.archives WHERE status = 'ingested' GROUP BY \
         market, data_type",
    );
    let matrix = Matrix::builtin().unwrap();
    assert_eq!(matrix.combinations().len(), 29);
    for combination in matrix.combinations() {
        let (market, data_type) =
            (combination.market.to_string(), combination.data_type.to_string());
        let row = landed.iter().find(|row| row[0] == market && row[1] == data_type);
        let row = row
            .unwrap_or_else(|| panic!("{market} {data_type} is not in meta.archives: {landed:?}"));
        let table = format!("silver.{}", combination.schema);
        let counted =
            demo.query(&format!("SELECT count(*) FROM {table} WHERE market = '{market}'"));
        assert_eq!(counted[0][0], row[2], "{table} {market}");
        assert_ne!(counted[0][0], "0", "{table} {market}");
        let words = |line: &str| {
            line.split(|letter: char| "│| ".contains(letter)).map(str::to_owned).collect::<Vec<_>>()
        };
        let reported = demo.first.stdout.lines().map(words).any(|words| {
            let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
            words.len() == 4 && words[0] == table && words[1] == market && words[3] == counted[0][0]
        });
        assert!(reported, "{table} {market} {}: {}", counted[0][0], demo.first.stdout);
    }
    let failed = demo.query("SELECT archive, status FROM meta.archives WHERE status <> 'ingested'");
    assert!(failed.is_empty(), "{failed:?}");
}

fn printed_commands_work(demo: &Demo) {
    let printed = demo.first.stdout.split_once("What to type next:").unwrap().1;
    let commands: Vec<&str> =
        printed.lines().filter(|line| line.contains(" query --lake ")).collect();
    assert!(commands.len() >= 3, "{printed}");
    for line in commands {
        let run: Run = Command::new("sh")
            .args(["-c", line])
            .current_dir(demo.folder.path())
            .output()
            .unwrap()
            .into();
        assert_eq!(run.code, Some(0), "{line}\n{run}");
    }
    assert!(demo.folder.path().join("funding.parquet").is_file());
}

fn a_second_run_brings_nothing_new(demo_lake: &Demo) {
    let runs = demo_lake.query("SELECT count(*) FROM meta.runs");
    let second = demo(demo_lake.folder.path());
    assert_eq!(second.code, Some(0), "{second}");
    assert!(second.stdout.starts_with("Nothing was new: all "), "{second}");
    assert!(second.stderr.contains("archives: 0 new, "), "{second}");
    assert!(second.stderr.contains("0 rows, 0 rejected, 0 B in "), "{second}");
    let after = |run: &Run| run.stdout.split_once('\n').unwrap().1.to_owned();
    assert_eq!(after(&second), after(&demo_lake.first));
    assert_eq!(demo_lake.query("SELECT count(*) FROM meta.runs"), runs);
}

#[test]
fn made_up_data_do_not_go_into_a_lake_of_other_data() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(LAKE)).unwrap();
    fs::write(folder.path().join(LAKE).join("notes.txt"), "mine").unwrap();
    let run = demo(folder.path());
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run}");
    assert!(run.stderr.contains("my lake is not empty") && run.stderr.contains("--lake"), "{run}");
    assert_eq!(fs::read_dir(folder.path().join(LAKE)).unwrap().count(), 1);
}

#[test]
fn settings_that_lead_to_a_real_lake_do_not_concern_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lakehouse-demo"), "in the way").unwrap();
    let run: Run =
        lakehouse(folder.path()).arg("demo").env("LAKEHOUSE_LAKE", "real").output().unwrap().into();
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run}");
    assert!(run.stderr.contains("./lakehouse-demo"), "{run}");
    assert!(!folder.path().join("real").exists());
}
