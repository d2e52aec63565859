//! Real archives and existing configurations, which lie next to the checkout and are no part of it.
//!
//! `build/` sets a `cfg` for each that exists. Without it, the tests that need it are ignored.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Folders of real archives. The first exists where the `cfg` `real_archives` is set.
const ARCHIVES: [&str; 2] = ["archives", "archives-more"];

/// Copies all real archives into one folder with the layout of the public archive.
pub(crate) fn real_archives() -> TempDir {
    let all = TempDir::new().unwrap();
    for name in ARCHIVES {
        let folder = folder(name).join("data");
        if folder.is_dir() {
            copy(&folder, &all.path().join("data"));
        }
    }
    all
}

/// Returns the existing configurations that must keep working.
pub(crate) fn collection_configs() -> Vec<PathBuf> {
    let folder = folder("collection-configs");
    let mut files: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 9, "{folder:?}");
    files
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name)
}

/// Copies a folder into another, which may have files of its own.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            assert!(!target.exists(), "{} is there twice", target.display());
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
