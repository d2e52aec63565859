//! Every question of the cookbook has an answer on the lake of the demo. That the answers are right
//! is checked by `tests/interop/run`, which computes them again in Python.

use std::io::Write;
use std::process::Stdio;

use crate::support::command::{Run, lakehouse};

const COOKBOOK: &str = include_str!("../docs/cookbook.md");

#[test]
fn every_question_of_the_cookbook_has_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let demo: Run = lakehouse(folder.path()).arg("demo").output().unwrap().into();
    assert_eq!(demo.code, Some(0), "{demo}");
    let questions = questions();
    assert_eq!(questions.len(), 40);
    // An answer has a header and rows; the line between answers shows which one has none.
    let script: Vec<_> = questions
        .iter()
        .map(|(name, text)| format!("{};\nSELECT '{name}' AS answered;\n", bound(text)))
        .collect();
    let answers = type_into_shell(&folder, &script.concat());
    let mut answers = answers.lines();
    for (name, _) in questions {
        let rows = answers.by_ref().take_while(|line| *line != "answered").count();
        assert!(rows > 1, "{name} has {rows} lines");
        assert_eq!(answers.next(), Some(name));
    }
}

/// Returns the blocks of SQL: the name of the file, and the statement.
fn questions() -> Vec<(&'static str, &'static str)> {
    let blocks = COOKBOOK.split("\n```sql ").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap().split_once('\n').unwrap()).collect()
}

/// Writes values in place of parameters, which the shell does not have.
fn bound(statement: &str) -> String {
    statement.replace("$symbol", "'BTCUSDT'").replace("$day", "DATE '2026-05-07'")
}

fn type_into_shell(folder: &tempfile::TempDir, script: &str) -> String {
    let mut shell = lakehouse(folder.path())
        .args(["shell", "--lake", "lakehouse-demo", "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    let script = script.to_owned();
    let typing = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let run: Run = shell.wait_with_output().unwrap().into();
    assert_eq!(run.code, Some(0), "{run}");
    typing.join().unwrap().unwrap();
    run.stdout
}
