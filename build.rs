//! Finds out what the program says of itself with `--version`, and which files outside the checkout
//! the integration tests can read.

#[path = "build/outside.rs"]
mod outside;

use std::error::Error;
use std::{env, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("not run by cargo")?);
    outside::set_cfgs(&root);
    describe_build();
    Ok(())
}

/// Sets the commit, which whoever builds a release knows, and the features of the package.
fn describe_build() {
    println!("cargo::rerun-if-env-changed=LAKEHOUSE_COMMIT");
    let commit = env::var_os("LAKEHOUSE_COMMIT").unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=LAKEHOUSE_COMMIT={}", commit.display());
    let mut features: Vec<String> =
        env::vars_os().filter_map(|(name, _)| feature(name.to_str()?)).collect();
    features.sort_unstable();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(" ") };
    println!("cargo::rustc-env=LAKEHOUSE_FEATURES={features}");
}

/// Returns the feature that cargo names in a variable.
fn feature(variable: &str) -> Option<String> {
    let name = variable.strip_prefix("CARGO_FEATURE_")?;
    (name != "DEFAULT").then(|| name.to_lowercase().replace('_', "-"))
}
