//! Embeds the data files, whatever they are called: a new data type or gold table needs no Rust.

#[path = "../build/outside.rs"]
mod outside;

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Name of the constant, folder below the workspace root, extension of the files.
const EMBEDDED: [(&str, &str, &str); 4] = [
    ("MATRIX_FILES", "matrix", "toml"),
    ("SCHEMA_FILES", "schemas", "toml"),
    ("GOLD_FILES", "schemas/gold", "sql"),
    ("AUDIT_FILES", "schemas/audit", "sql"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("not run by cargo")?).join("..");
    let target =
        PathBuf::from(env::var_os("OUT_DIR").ok_or("not run by cargo")?).join("embedded.rs");
    let mut code = String::new();
    for (constant, folder, extension) in EMBEDDED {
        let files = files(&root.join(folder), extension)?;
        writeln!(code, "/// Every `{folder}/*.{extension}`: file name and text, sorted by name.")?;
        writeln!(code, "pub const {constant}: &[(&str, &str)] = &[")?;
        for (name, path) in files {
            writeln!(code, "    ({name:?}, include_str!({:?})),", path.canonicalize()?)?;
        }
        writeln!(code, "];")?;
    }
    fs::write(target, code)?;
    for folder in ["matrix", "schemas"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }
    outside::set_cfgs(&root);
    Ok(())
}

/// Lists a folder's files by name; a folder that does not exist holds none.
fn files(folder: &Path, extension: &str) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", folder.display()).into()),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .ok_or("a file name is not UTF-8")?;
            files.push((name.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}
