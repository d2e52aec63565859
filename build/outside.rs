//! Folders next to the checkout that some tests read. Shared by the build scripts of two packages.

use std::path::Path;

/// The `cfg` that is set where a folder exists, and the folder, below the parent of the checkout.
const FOLDERS: [(&str, &str); 3] = [
    ("real_archives", "shared/archives"),
    ("more_real_archives", "shared/archives-more"),
    ("collection_configs", "shared/collection-configs"),
];

/// Sets a `cfg` for each folder that exists. A test that needs the folder is ignored without it:
/// `#[cfg_attr(not(real_archives), ignore = "…")]`.
pub(crate) fn set_cfgs(checkout: &Path) {
    println!("cargo::rerun-if-changed={}", checkout.join("build").display());
    for (name, folder) in FOLDERS {
        let folder = checkout.join("..").join(folder);
        println!("cargo::rustc-check-cfg=cfg({name})");
        // Only a folder that exists is watched. Cargo takes a missing one as changed, and would
        // build the package again each time.
        if folder.is_dir() {
            println!("cargo::rustc-cfg={name}");
            println!("cargo::rerun-if-changed={}", folder.display());
        }
    }
}
