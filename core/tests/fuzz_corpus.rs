//! The fuzz targets with every file of their corpora, so that what fuzzing found once stays mended.
#![allow(clippy::expect_used, clippy::unwrap_used, unreachable_pub)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use fuzz::TARGETS;

/// Corpora that `tests/fuzz.rs` reads.
const OF_THE_PROGRAM: [&str; 3] = ["arguments", "commit", "partial"];

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_corpus_entry_is_handled_without_a_panic() {
    let mut failed = Vec::new();
    for (name, target) in TARGETS {
        for file in files(&corpora().join(name)) {
            let bytes = fs::read(&file).unwrap();
            if catch_unwind(|| target(&bytes)).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let folders = files(&corpora());
    let folders: BTreeSet<&str> =
        folders.iter().map(|folder| folder.file_name().unwrap().to_str().unwrap()).collect();
    let targets = TARGETS.iter().map(|(name, _)| *name).chain(OF_THE_PROGRAM).collect();
    assert_eq!(folders, targets);
    assert!(files(&corpora()).iter().all(|folder| !files(folder).is_empty()));
}
