//! SIGKILL at every named step of an ingest or a compaction, and at random moments: running again
//! makes the lake what an undisturbed run makes it. Repairs are killed at every step in
//! [`crate::repair`], and at random moments here.

mod damage;
mod marathon;
pub(crate) mod work;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use lakehouse::failpoint::{PAUSE_AT, PAUSE_FILE};
use marathon::Place;
use tempfile::TempDir;
use work::{COMPACTION, CORRECTION, INGEST, REMOVAL};

use crate::support::s3_server::S3Server;
use crate::support::sample_archive::{SampleArchive, content};
use crate::support::scale::{scaled, seed};

/// Starts a command, waits until it is held at a step, and kills it there; says whether it came so
/// far.
pub(crate) fn kill_at(command: Command, step: &str, marker: &Path) -> bool {
    let Some(mut child) = hold_at(command, step, marker) else { return false };
    kill(&mut child);
    true
}

/// Starts a command, and waits until it is held at a step; it goes on when the marker is removed.
/// Nothing if it does not come so far.
pub(crate) fn hold_at(mut command: Command, step: &str, marker: &Path) -> Option<Child> {
    let mut child = command.env(PAUSE_AT, step).env(PAUSE_FILE, marker).spawn().unwrap();
    while !marker.exists() {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        std::thread::yield_now();
    }
    Some(child)
}

/// Lets a process go on that is held at a step, however often it comes there, and returns how it
/// ended.
pub(crate) fn let_go(mut child: Child, marker: &Path) -> ExitStatus {
    loop {
        let _ = std::fs::remove_file(marker);
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::yield_now();
    }
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn lake_in(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

#[test]
fn a_run_that_is_killed_at_any_step_is_completed_by_the_next_one() {
    let archive = SampleArchive::new();
    let folder = TempDir::new().unwrap();
    let undisturbed = archive.complete(&lake_in(&folder, "undisturbed"));
    for (number, step) in INGEST.iter().enumerate() {
        let lake = lake_in(&folder, &format!("killed-{number}"));
        let marker = folder.path().join(format!("reached-{number}"));
        assert!(kill_at(archive.ingest(&lake), step, &marker), "never came to `{step}`");
        assert_eq!(archive.complete(&lake), undisturbed, "killed at `{step}`");
    }
}

#[test]
fn a_correction_that_is_killed_at_any_step_is_completed_by_the_next_run() {
    let archive = SampleArchive::new();
    let folder = TempDir::new().unwrap();
    let mut lakes = Vec::new();
    for number in 0..=CORRECTION.len() {
        let lake = lake_in(&folder, &format!("lake-{number}"));
        archive.complete(&lake);
        lakes.push(lake);
    }
    for data_type in ["klines", "trades"] {
        let mut keys = archive.keys.iter();
        let corrected = keys.find(|key| key.data_type().as_str() == data_type).unwrap();
        archive.publish(corrected, 2);
    }
    let undisturbed = archive.complete(&lakes[CORRECTION.len()]);
    for (number, (step, lake)) in CORRECTION.iter().zip(&lakes).enumerate() {
        let marker = folder.path().join(format!("reached-{number}"));
        assert!(kill_at(archive.ingest(lake), step, &marker), "never came to `{step}`");
        assert_eq!(archive.complete(lake), undisturbed, "killed at `{step}`");
    }
}

#[test]
fn a_removal_that_is_killed_at_any_step_is_completed_by_the_next_one() {
    let archive = SampleArchive::new();
    let folder = TempDir::new().unwrap();
    let remove = |lake: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakehouse"));
        command.args(["remove", "--market", "spot", "--all", "--bronze", "-q", "--lake"]);
        command.arg(lake).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let undisturbed = lake_in(&folder, "undisturbed");
    let before = archive.complete(&undisturbed);
    assert!(remove(&undisturbed).status().unwrap().success());
    let undisturbed = archive.complete(&undisturbed);
    assert_ne!(undisturbed, before);
    for (number, step) in REMOVAL.iter().enumerate() {
        let lake = lake_in(&folder, &format!("killed-{number}"));
        archive.complete(&lake);
        let marker = folder.path().join(format!("reached-{number}"));
        assert!(kill_at(remove(&lake), step, &marker), "never came to `{step}`");
        assert!(remove(&lake).status().unwrap().success(), "after a kill at `{step}`");
        assert_eq!(content(&lake), undisturbed, "killed at `{step}`");
        // A run that finds the lake as it is now has nothing to load.
        assert_eq!(archive.complete(&lake), undisturbed, "killed at `{step}`");
        let spot = lake.join("bronze/data/spot");
        assert_eq!(files_below(&spot), 0, "killed at `{step}`");
    }
}

fn files_below(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[test]
fn a_compaction_that_is_killed_at_any_step_changes_no_row_and_is_done_by_the_next_one() {
    let archive = SampleArchive::new();
    let folder = TempDir::new().unwrap();
    let maintain = |lake: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakehouse"));
        command
            .args(["maintain", "-q", "--lake"])
            .arg(lake)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    for (number, step) in COMPACTION.iter().enumerate() {
        let lake = lake_in(&folder, &format!("lake-{number}"));
        assert!(
            archive.ingest_singly(&lake).args(["--market", "spot"]).status().unwrap().success()
        );
        let undisturbed = content(&lake);
        let marker = folder.path().join(format!("reached-{number}"));
        assert!(kill_at(maintain(&lake), step, &marker), "never came to `{step}`");
        assert_eq!(content(&lake), undisturbed, "killed at `{step}`");
        assert!(maintain(&lake).status().unwrap().success(), "after a kill at `{step}`");
        assert_eq!(content(&lake), undisturbed, "completed after a kill at `{step}`");
        let marker = folder.path().join(format!("reached-again-{number}"));
        assert!(
            !kill_at(maintain(&lake), "files merged silver.klines", &marker),
            "something was left to compact"
        );
    }
}

#[test]
fn a_vacuum_that_is_killed_has_deleted_nothing_that_is_needed_and_the_next_one_goes_on() {
    let archive = SampleArchive::new();
    let folder = TempDir::new().unwrap();
    let lake = lake_in(&folder, "lake");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakehouse"));
        command
            .args(arguments)
            .arg("-q")
            .arg("--lake")
            .arg(&lake)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    assert!(archive.ingest_singly(&lake).args(["--market", "spot"]).status().unwrap().success());
    let undisturbed = content(&lake);
    assert!(run(&["maintain"]).status().unwrap().success());
    let compacted = files_of(&lake, "silver/klines");

    let vacuum = ["maintain", "--retention", "0"];
    let marker = folder.path().join("reached");
    assert!(kill_at(run(&vacuum), "file deleted silver.klines", &marker), "nothing was deleted");
    let killed = files_of(&lake, "silver/klines");
    assert!(killed < compacted, "{compacted} files, {killed} after the kill");
    assert_eq!(content(&lake), undisturbed);
    assert!(run(&["verify", "--deep"]).status().unwrap().success());

    assert!(run(&vacuum).status().unwrap().success());
    let left = run(&["maintain", "--retention", "0", "--dry-run"])
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(
        !String::from_utf8_lossy(&left.stdout).contains("silver.klines: would delete"),
        "{left:?}"
    );
    assert_eq!(content(&lake), undisturbed);
    assert!(run(&["verify", "--deep"]).status().unwrap().success());
}

/// Counts the data files that lie in a table's folder.
fn files_of(lake: &Path, table: &str) -> usize {
    let partitions = std::fs::read_dir(lake.join(table).join("market=spot")).unwrap();
    partitions.map(|partition| std::fs::read_dir(partition.unwrap().path()).unwrap().count()).sum()
}

#[test]
fn runs_that_are_killed_at_random_moments_lose_and_double_nothing() {
    marathon::run(Place::Folder, kills(), seed(1));
}

#[test]
fn runs_on_lakes_in_a_bucket_that_are_killed_at_random_moments_lose_and_double_nothing() {
    marathon::run(Place::Bucket(S3Server::start()), kills(), seed(1));
}

/// Half of the kills, in folders or in a bucket: a hundred in all, or a thousand in the long form.
fn kills() -> usize {
    scaled(50, 500)
}
