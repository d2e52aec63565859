//! Several processes that ingest into one lake at the same time.

use std::path::Path;
use std::process::Child;

use tempfile::TempDir;

use crate::support::sample_archive::{SampleArchive, content};

#[test]
fn four_processes_with_overlapping_selections_land_each_archive_once() {
    let archive = SampleArchive::new();
    let folder = TempDir::new().unwrap();
    let alone = archive.complete(&folder.path().join("alone"));
    let lake = folder.path().join("shared");
    let everything: &[&str] = &[];
    let selections =
        [everything, &["--data-type", "klines"], &["--market", "spot,futures_um"], everything];
    let processes =
        selections.map(|selection| archive.ingest(&lake).args(selection).spawn().unwrap());
    let ends = processes.map(|mut process: Child| process.wait().unwrap());
    assert!(ends.iter().all(std::process::ExitStatus::success), "{ends:?}");
    assert_eq!(content(&lake), alone);
    for table in [
        "silver/klines",
        "silver/trades",
        "meta/archives",
        "meta/changes",
        "meta/rejects",
        "meta/runs",
        "meta/series",
    ] {
        assert_eq!(declarations(&lake.join(table)), 1, "{table} is made once");
    }
}

/// Counts the commits that create a table: they alone say which protocol it has.
fn declarations(table: &Path) -> usize {
    let log =
        std::fs::read_dir(table.join("_delta_log")).unwrap().map(|entry| entry.unwrap().path());
    let commits = log.filter(|file| file.extension().is_some_and(|ending| ending == "json"));
    commits
        .filter(|commit| std::fs::read_to_string(commit).unwrap().contains("{\"protocol\":"))
        .count()
}

#[test]
fn four_processes_that_correct_the_same_archives_replace_their_rows_once() {
    let archive = SampleArchive::new();
    let folder = TempDir::new().unwrap();
    let (alone, lake) = (folder.path().join("alone"), folder.path().join("shared"));
    archive.complete(&alone);
    archive.complete(&lake);
    for key in archive.keys.iter().filter(|key| key.data_type().as_str() == "trades") {
        archive.publish(key, 2);
    }
    let corrected = archive.complete(&alone);
    let processes = [(); 4].map(|()| archive.ingest(&lake).spawn().unwrap());
    let ends = processes.map(|mut process| process.wait().unwrap());
    assert!(ends.iter().all(std::process::ExitStatus::success), "{ends:?}");
    assert_eq!(content(&lake), corrected);
}
