//! Files that users write: configurations, matrices and gold models.

use chrono::NaiveDate;
use lakehouse_core::config::data_file::DataFileError;
use lakehouse_core::config::options::{FileOptions, parse_collection, parse_settings_toml};
use lakehouse_core::gold::Model;
use lakehouse_core::matrix::Matrix;

use super::MATRIX;

/// The name by which errors call the file.
const FILE: &str = "file";

/// A configuration in JSON.
pub fn collection(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    options(&text, parse_collection(FILE, &text));
}

/// A configuration in TOML.
pub fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    options(&text, parse_settings_toml(FILE, &text));
}

/// A matrix of a user, in TOML: it knows every combination that it lists.
pub fn matrix(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Matrix::parse(FILE, &text) {
        Ok(matrix) => {
            for combination in matrix.combinations() {
                let found = matrix.get(combination.market, &combination.data_type);
                assert_eq!(found, Some(combination));
                assert!(matrix.data_type(combination.data_type.as_str()).is_ok());
            }
        }
        Err(error) => check_error(&text, &error),
    }
}

/// A gold model: the header describes the table, and the statement follows.
pub fn model(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(model) = Model::parse("model.sql", &text) else { return };
    assert!(!model.select().is_empty());
    assert!(!model.fingerprint().is_empty());
    assert!(model.sort_columns().iter().all(|column| model.key().contains(column)));
}

/// Uses the options as the program does.
fn options(text: &str, parsed: Result<FileOptions, DataFileError>) {
    let options = match parsed {
        Ok(options) => options,
        Err(error) => return check_error(text, &error),
    };
    let today = NaiveDate::from_ymd_opt(2026, 5, 8).expect("the day exists");
    assert!(options.lines.values().all(|line| is_line(text, *line)));
    match options.selection(&MATRIX, today) {
        Ok(selection) => drop(selection.targets(&MATRIX)),
        Err(error) => check_error(text, &error),
    }
}

/// An error points at a line of the file and says something.
fn check_error(text: &str, error: &DataFileError) {
    assert!(is_line(text, error.line), "{error}");
    assert!(!error.message.is_empty());
}

fn is_line(text: &str, line: usize) -> bool {
    (1..=text.matches('\n').count() + 1).contains(&line)
}
