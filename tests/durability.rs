//! Content is on the disk before its name, and the name before a commit is reported.

use lakehouse_core::matrix::Matrix;
use lakehouse_samples::small_archives;

use crate::support::command::{Run, lakehouse};
use crate::support::samples::sample_folder;

#[test]
fn each_commit_is_synced_then_named_and_then_its_folder_is_synced() {
    let matrix = Matrix::builtin().unwrap();
    let key = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip";
    let mirror = sample_folder(&[matrix.identify(key).unwrap()]);
    let place = tempfile::tempdir().unwrap();
    let mut program = lakehouse(place.path());
    program.env("RUST_LOG", "lakehouse::storage=trace").env("NO_COLOR", "1");
    program.args(["ingest", "--all", "--market", "spot", "--data-type", "klines", "--source"]);
    let run: Run = program.arg(mirror.path()).output().unwrap().into();
    assert_eq!(run.code, Some(0), "{run}");

    let mut commits = 0;
    let lines: Vec<&str> = run.stderr.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some((_, rest)) = line.split_once(" named file=") else { continue };
        let file = rest.split_whitespace().next().unwrap();
        if !file.contains("_delta_log/") {
            continue;
        }
        commits += 1;
        let synced = format!("content synced file={file}");
        assert!(lines[..at].iter().any(|line| line.contains(&synced)), "{file}: {run}");
        let folder = file.rsplit_once('/').unwrap().0;
        let synced = format!("folder synced folder={folder}");
        assert!(lines[at..].iter().any(|line| line.contains(&synced)), "{file}: {run}");
    }
    assert!(commits >= 4, "{commits} commits: {run}");
    for made in ["lake", "lake/silver", "lake/silver/klines"] {
        let parent = place.path().join(made);
        let parent = parent.parent().unwrap().canonicalize().unwrap();
        let synced = format!("folder synced folder={}", parent.display());
        assert!(lines.iter().any(|line| line.ends_with(&synced)), "{made}: {run}");
    }
}

#[test]
fn archives_that_arrive_together_are_synced_together_before_and_after_they_are_named() {
    let matrix = Matrix::builtin().unwrap();
    let day = "2026-05-08".parse().unwrap();
    let keys = small_archives(&matrix, day, 60);
    let mirror = sample_folder(&keys);
    let place = tempfile::tempdir().unwrap();
    let mut program = lakehouse(place.path());
    let log = "lakehouse::storage=trace,lakehouse::bronze=trace";
    program.env("RUST_LOG", log).env("NO_COLOR", "1");
    program.args(["ingest", "--all", "--stage", "silver", "--source"]);
    let run: Run = program.arg(mirror.path()).output().unwrap().into();
    assert_eq!(run.code, Some(0), "{run}");

    let lines: Vec<&str> = run.stderr.lines().collect();
    let is_archive_named = |line: &str| line.contains(" named file=") && line.contains("/bronze/");
    let mut named = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_archive_named(line)) {
        named += 1;
        let file = line.split_once("file=").unwrap().1;
        let content = format!("content synced file={file}");
        let is_content_synced =
            |line: &&str| line.ends_with(&content) || line.ends_with("file system synced");
        assert!(lines[..at].iter().any(is_content_synced), "{file}: {run}");
        let folder = file.rsplit_once('/').unwrap().0;
        let folder = format!("folder synced folder={folder}");
        let is_name_synced =
            |line: &&str| line.ends_with(&folder) || line.ends_with("file system synced");
        assert!(lines[at..].iter().any(is_name_synced), "{file}: {run}");
    }
    assert_eq!(named, keys.len(), "{run}");
}
