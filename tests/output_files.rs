//! Files that results are written to: replaced as a whole or left as they are, links followed, mode
//! kept; pipes are written as they are.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::command::lakehouse;
use crate::support::samples::{identify, sample_folder, trades_key};

const ROWS: &str = "SELECT count(*) AS n FROM (VALUES (1), (2)) AS v";

/// Command lines that end with the file that they write.
const WRITERS: [&[&str]; 3] = [
    &["query", "--format", "csv", "SELECT 1 AS one", "-o"],
    &["report", "-o"],
    &["refresh", "-q", "--source", "mirror", "--metrics-file"],
];

fn scene() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mirror = sample_folder(&[identify(&trades_key("BTCUSDT", "2026-05-01"))]);
    fs::rename(mirror.keep(), folder.path().join("mirror")).unwrap();
    run(&folder, &["ingest", "--all", "--source", "mirror"], "-q");
    folder
}

fn run(folder: &TempDir, line: &[&str], last: &str) {
    let output = lakehouse(folder.path()).args(line).arg(last).output().unwrap();
    assert!(output.status.success(), "{line:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_statement_that_is_refused_leaves_the_file_as_it_was() {
    let folder = scene();
    let file = folder.path().join("old.csv");
    for statement in ["SELEC 1", "DROP TABLE silver.trades", "SELECT no_column FROM silver.trades"]
    {
        fs::write(&file, "old").unwrap();
        let query = ["query", "-o", "old.csv", statement];
        let output = lakehouse(folder.path()).args(query).output().unwrap();
        assert_eq!((output.status.code(), read(&file)), (Some(2), "old".to_owned()), "{statement}");
    }
    run(&folder, &["query", "-o", "old.csv"], ROWS);
    assert_eq!(read(&file), "n\n2\n");
}

#[test]
fn the_shell_replaces_a_file_with_its_first_answer_and_adds_the_next_ones() {
    let folder = scene();
    let file = folder.path().join("old.csv");
    for (statements, expected) in [
        ("\\o old.csv\nSELEC 1;\n", "old".to_owned()),
        ("\\o old.csv\nSELECT 1 AS a;\nSELECT 2 AS b;\n", "a\n1\nb\n2\n".to_owned()),
    ] {
        fs::write(&file, "old").unwrap();
        fs::write(folder.path().join("statements"), statements).unwrap();
        let input = fs::File::open(folder.path().join("statements")).unwrap();
        lakehouse(folder.path()).arg("shell").stdin(input).output().unwrap();
        assert_eq!(read(&file), expected, "{statements}");
    }
}

#[test]
fn links_are_followed_and_modes_stay() {
    let folder = scene();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    symlink("target", &link).unwrap();
    for writer in WRITERS {
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
        run(&folder, writer, "link");
        assert!(link.symlink_metadata().unwrap().is_symlink(), "{writer:?}");
        assert_ne!(read(&target), "old", "{writer:?}");
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o640, "{writer:?}");
    }
    fs::remove_file(&target).unwrap();
    run(&folder, WRITERS[0], "link");
    assert_eq!(read(&target), "one\n1\n", "a link to what is not there yet");
}

#[test]
fn a_pipe_is_written_and_stays_a_pipe() {
    let folder = scene();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for writer in WRITERS {
        let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
        run(&folder, writer, "pipe");
        let output = reader.wait_with_output().unwrap();
        assert!(!output.stdout.is_empty(), "{writer:?}");
        assert!(pipe.metadata().unwrap().file_type().is_fifo(), "{writer:?}");
    }
}
