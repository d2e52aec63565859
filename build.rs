//! Finds out which files outside the checkout the integration tests can read.

#[path = "build/outside.rs"]
mod outside;

use std::error::Error;
use std::{env, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("not run by cargo")?);
    outside::set_cfgs(&root);
    Ok(())
}
