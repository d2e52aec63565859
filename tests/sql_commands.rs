//! Parameters, views, files in parts and time limits, as they are typed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use crate::support::command::{Run, lakehouse};

/// Runs a statement in a folder without a lake.
fn query(folder: &Path, arguments: &[&str]) -> Run {
    let mut program = lakehouse(folder);
    program.args(["query", "--format", "csv"]).args(arguments).output().unwrap().into()
}

/// Returns the rows of an answer without their header.
#[track_caller]
fn rows(folder: &Path, arguments: &[&str]) -> String {
    let run = query(folder, arguments);
    assert_eq!(run.code, Some(0), "{arguments:?}: {run}");
    run.stdout.split_once('\n').unwrap().1.trim_end().to_owned()
}

/// Returns the error of a statement.
#[track_caller]
fn error(folder: &Path, arguments: &[&str]) -> String {
    let run = query(folder, arguments);
    assert_eq!(run.code, Some(2), "{arguments:?}: {run}");
    run.stderr
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

const PRICES: &str = "(VALUES
    ('A', DATE '2024-01-01', 1.00000001), ('A', DATE '2024-01-02', 1.00000002),
    ('B', DATE '2024-01-02', 2.5), ('1', DATE '2024-01-03', 3.0), (NULL, NULL, 4.0)
    ) t(symbol, day, price)";

#[test]
fn a_statement_can_begin_with_a_comment() {
    let folder = folder();
    assert_eq!(rows(folder.path(), &["-- what is one?\nSELECT 1"]), "1");
    assert_eq!(rows(folder.path(), &["--\nSELECT 2", "--max-rows", "5"]), "2");
}

#[test]
fn parameters_take_the_type_of_what_they_are_compared_with() {
    let folder = folder();
    let count = |condition: &str, parameters: &[&str]| {
        let sql = format!("SELECT count(*) FROM {PRICES} WHERE {condition}");
        let mut arguments = vec![sql.as_str()];
        for parameter in parameters {
            arguments.extend(["--param", parameter]);
        }
        rows(folder.path(), &arguments)
    };
    assert_eq!(count("symbol = $s", &["s=A"]), "2");
    assert_eq!(count("symbol = $s", &["s=1"]), "1");
    assert_eq!(count("symbol IN ($a, $b)", &["a=A", "b=B"]), "3");
    assert_eq!(count("day >= $from AND day <= $to", &["from=2024-01-02", "to=2024-01-02"]), "2");
    assert_eq!(count("day BETWEEN $from AND $to", &["from=2024-01-02", "to=2024-01-03"]), "3");
    // All digits count, and more than a column has.
    assert_eq!(count("price > $p", &["p=1.000000010000001"]), "4");
    assert_eq!(count("price > $p", &["p=-1"]), "5");
    assert_eq!(count("symbol = $s", &["s=' OR true --"]), "0");
    assert_eq!(count("symbol = $s AND price > $s", &["s=1"]), "1");
}

#[test]
fn parameters_elsewhere_are_what_they_look_like() {
    let folder = folder();
    let answer = |sql: &str, parameter: &str| rows(folder.path(), &[sql, "--param", parameter]);
    assert_eq!(answer("SELECT $x + 1", "x=41"), "42");
    assert_eq!(answer("SELECT upper($x)", "x=it's"), "IT'S");
    assert_eq!(
        answer("SELECT time_bucket($w, TIMESTAMP '2024-01-01 00:44:00')", "w=15 minutes"),
        "2024-01-01T00:30:00"
    );
    let limited = format!("SELECT count(*) FROM (SELECT * FROM {PRICES} LIMIT $n)");
    assert_eq!(answer(&limited, "n=2"), "2");
}

#[test]
fn a_parameter_without_a_fitting_value_is_an_error() {
    let folder = folder();
    let sql = format!("SELECT * FROM {PRICES} WHERE day = $day");
    let said = error(folder.path(), &[&sql]);
    assert!(
        said.contains("no value for the parameter `$day`: give it with --param day=VALUE"),
        "{said}"
    );
    let said = error(folder.path(), &[&sql, "--param", "day=soon"]);
    assert!(said.contains("`soon` of `$day` is compared with date"), "{said}");
    let said = error(folder.path(), &["SELECT 1", "--param", "1=x"]);
    assert!(said.contains("expected NAME=VALUE"), "{said}");
}

#[test]
fn the_shell_takes_parameters_too() {
    let folder = folder();
    let mut program = lakehouse(folder.path());
    let mut child = program
        .args(["shell", "--format", "csv", "--param", "x=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let script = "SELECT $x + 1;\n\\set x it is\nSELECT upper($x);\n";
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let run: Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("\n2\n") && run.stdout.contains("\nIT IS\n"), "{run}");
}

/// A folder with a configuration and views.
fn with_views(views: &[(&str, &str)]) -> TempDir {
    let folder = folder();
    fs::create_dir(folder.path().join("views")).unwrap();
    fs::write(folder.path().join("lakehouse.toml"), "views = \"views\"\n").unwrap();
    for (name, text) in views {
        fs::write(folder.path().join("views").join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_view_is_read_like_a_table() {
    let folder = with_views(&[
        (
            "prices.sql",
            "-- Prices of two days.\nSELECT * FROM (VALUES ('A', 1), ('B', 2)) t(s, p);\n",
        ),
        ("dear.sql", "SELECT s, p * 10 AS p FROM prices WHERE p > 1"),
        ("notes.txt", "no view"),
    ]);
    let answer = |sql: &str| rows(folder.path(), &[sql, "--config", "lakehouse.toml"]);
    assert_eq!(answer("SELECT * FROM views.prices ORDER BY s"), "A,1\nB,2");
    assert_eq!(answer("SELECT * FROM dear"), "B,20");
    // A name of the statement itself does not change what a view reads.
    assert_eq!(
        answer("WITH prices AS (SELECT 1 AS p) SELECT d.p, q.p FROM dear d, prices q"),
        "20,1"
    );
    let listed = answer(
        "SELECT table_schema, table_name FROM information_schema.tables
                         WHERE table_schema = 'views' ORDER BY 2",
    );
    assert_eq!(listed, "views,dear\nviews,prices");
}

#[test]
fn an_error_in_a_view_names_its_file_and_line() {
    let folder = with_views(&[
        ("torn.sql", "SELECT 1\nFROM (VALUES (1)\nWHERE"),
        ("wrong.sql", "SELECT\n  nope\nFROM (VALUES (1)) t(x)"),
        ("above.sql", "SELECT * FROM wrong"),
        ("a.sql", "SELECT * FROM b"),
        ("b.sql", "SELECT * FROM views.a"),
        ("writes.sql", "DROP TABLE klines"),
    ]);
    let said = |sql: &str| error(folder.path(), &[sql, "--config", "lakehouse.toml"]);
    let cases = [
        ("SELECT * FROM torn", "views/torn.sql:3"),
        ("SELECT * FROM wrong", "views/wrong.sql:2"),
        ("SELECT * FROM above", "views/wrong.sql:2"),
        ("SELECT * FROM a", "it reads itself: a → b → a"),
        ("SELECT * FROM writes", "is refused: only reading"),
    ];
    for (sql, expected) in cases {
        let text = said(sql);
        assert!(text.contains(expected), "{sql}: {text}");
    }
    fs::write(folder.path().join("views/Not A Name.sql"), "SELECT 1").unwrap();
    assert!(said("SELECT 1").contains("needs another name"));
}

#[test]
fn an_answer_is_written_in_parts() {
    let folder = folder();
    let sql = format!("SELECT * FROM {PRICES} ORDER BY price DESC");
    let out = folder.path().join("out");
    let flags = ["-o", "out", "--partition-by", "symbol"];
    let run = query(folder.path(), &[&[sql.as_str()], &flags[..]].concat());
    assert_eq!(run.code, Some(0), "{run}");
    let mut folders: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let expected = ["symbol=1", "symbol=A", "symbol=B", "symbol=__HIVE_DEFAULT_PARTITION__"];
    assert_eq!(folders, expected);
    let of_a = fs::read_to_string(out.join("symbol=A/part-0.csv")).unwrap();
    assert_eq!(of_a, "day,price\n2024-01-02,1.00000002\n2024-01-01,1.00000001\n");
    let said = error(folder.path(), &[&[sql.as_str()], &flags[..]].concat());
    assert!(said.contains("it exists and is not empty"), "{said}");
    let nowhere = ["-o", "other", "--partition-by", "symbool"];
    let said = error(folder.path(), &[&[sql.as_str()], &nowhere[..]].concat());
    assert!(said.contains("did you mean `symbol`?"), "{said}");
    assert!(!folder.path().join("other").exists());
}

#[test]
fn parts_are_parquet_by_default_and_named_by_all_columns() {
    let folder = folder();
    let sql = "SELECT 'a/b' AS x, 1 AS y, 2 AS z";
    let mut program = lakehouse(folder.path());
    program.args(["query", sql, "-o", "deep/out", "--partition-by", "x,y"]);
    let run: Run = program.output().unwrap().into();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(folder.path().join("deep/out/x=a%2Fb/y=1/part-0.parquet").is_file());
    let left = fs::read_dir(folder.path().join("deep")).unwrap().count();
    assert_eq!(left, 1, "something temporary is left");
}

#[test]
fn a_statement_that_takes_too_long_is_ended() {
    let folder = folder();
    let endless =
        "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100000000) b
                   WHERE a.value % 7 = b.value % 11";
    let said = error(folder.path(), &[endless, "--timeout", "1s"]);
    assert!(said.contains("after its limit of 1s"), "{said}");
    let said = error(folder.path(), &[endless, "--timeout", "1s", "-o", "rows.csv"]);
    assert!(said.contains("after its limit of 1s"), "{said}");
    assert!(!folder.path().join("rows.csv").exists());
    // A join that finds nothing never comes back to the engine by itself.
    let silent = "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y = 7";
    let said = error(folder.path(), &[silent, "--timeout", "1s"]);
    assert!(said.contains("after its limit of 1s"), "{said}");
    assert_eq!(rows(folder.path(), &["SELECT 1", "--timeout", "1m"]), "1");
}
