//! Real archives and existing configurations, which lie beside the project and are no part of it.

use std::path::{Path, PathBuf};

/// Returns the folder of real archives, laid out like the archive itself.
pub(crate) fn real_archives() -> Option<PathBuf> {
    folder("archives")
}

/// Returns the existing configurations that must keep working.
pub(crate) fn collection_configs() -> Option<Vec<PathBuf>> {
    let folder = folder("collection-configs")?;
    let mut files: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 9, "{folder:?}");
    Some(files)
}

/// Finds a folder beside the project. Whoever has none is told so; where `CI` is set it must be
/// there.
fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "CI needs ../shared/{name} beside the project");
    eprintln!("not tested: there is no ../shared/{name} beside the project");
    None
}
