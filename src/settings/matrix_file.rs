//! Which matrix is used: the built-in one, or a file of the user's.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lakehouse_core::config::options::BUILTIN_MATRIX;
use lakehouse_core::matrix::Matrix;

use super::SettingsError;

/// Loads the matrix that a configuration file names, and a note if it is not the one that is used.
pub(super) fn load(
    config: Option<&Path>,
    path: Option<&str>,
) -> Result<(Matrix, Option<String>), SettingsError> {
    let Some(path) = path else { return Ok((Matrix::builtin()?, None)) };
    let found = find(config, Path::new(path));
    if Path::new(path).file_name().is_some_and(|name| name == BUILTIN_MATRIX) {
        let note = found.is_ok().then(|| {
            format!(
                "{path} is not read, because it contradicts the archive in places; \
                 the built-in matrix is used instead"
            )
        });
        return Ok((Matrix::builtin()?, note));
    }
    let (file, text) = found?;
    Ok((Matrix::parse(&file.display().to_string(), &text)?, None))
}

/// Reads a file that is named relative to the configuration file, or else to the working directory.
fn find(config: Option<&Path>, path: &Path) -> Result<(PathBuf, String), SettingsError> {
    let relative_to_config = config.and_then(Path::parent).map(|folder| folder.join(path));
    if let Some(file) = relative_to_config {
        match fs::read_to_string(&file) {
            Ok(text) => return Ok((file, text)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(SettingsError::unreadable("matrix file", &file, error)),
        }
    }
    let text = fs::read_to_string(path)
        .map_err(|error| SettingsError::unreadable("matrix file", path, error))?;
    Ok((path.to_owned(), text))
}
