//! The tree keeps to plain English and to the names of today: no private idioms, no old names of
//! types and files, no Rust line that is too long for a screen.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest line of a Rust file, in characters.
const WIDTH: usize = 100;

/// Where plain English is required.
const PLACES: [&str; 16] = [
    "src",
    "core/src",
    "samples/src",
    "tests",
    "benches",
    "docs",
    "schemas",
    "matrix",
    ".ci",
    ".github",
    "Cargo.toml",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "deny.toml",
];

/// Files with text that is compared with what the words stand for, or that the program made before
/// the words changed.
const EXEMPT: [&str; 2] = ["tests/words.rs", "tests/fixtures"];

/// Idioms that a reader would have to learn, and names that types and files had before. A name
/// with capitals is compared exactly, any other word in any case.
const UNWANTED: [&str; 21] = [
    "told",
    "anew",
    "teller",
    "silver_told",
    "ToldCorrection",
    "RowCompleter",
    "Intake",
    "Patience",
    "faltered",
    "came_through",
    "came through",
    "what became of",
    "what there is to watch",
    "for the eye",
    "behind the batch",
    "once more stops at once",
    "never asked for",
    "tell_as",
    "tell_logs",
    "tells_logs",
    "tell_once",
];

/// One place that does not keep to it.
struct Offence {
    file: PathBuf,
    line: usize,
    what: String,
}

#[test]
fn nothing_is_written_in_private_idioms_or_under_old_names() {
    let mut offences = Vec::new();
    for_each_line(|file, number, line| {
        for word in UNWANTED.iter().filter(|word| contains_word(line, word)) {
            let what = format!("`{word}` in: {}", line.trim());
            offences.push(Offence { file: file.to_owned(), line: number, what });
        }
    });
    assert_none(&offences);
}

#[test]
fn no_line_of_rust_is_longer_than_a_hundred_characters() {
    let mut offences = Vec::new();
    let mut is_snapshot = false;
    for_each_line(|file, number, line| {
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let width = line.chars().count();
        if is_rust && !is_snapshot && width > WIDTH {
            let what = format!("{width} characters");
            offences.push(Offence { file: file.to_owned(), line: number, what });
        }
        // What the program prints is as wide as it is, so snapshots in tests may be wider.
        is_snapshot = if is_snapshot {
            !line.trim_start().starts_with('"')
        } else {
            is_rust && (line.ends_with("@r\"") || line.ends_with("@r#\""))
        };
    });
    assert_none(&offences);
}

#[test]
fn words_are_found_whole_and_in_any_case_and_names_exactly() {
    assert!(contains_word("As Told by", "told"));
    assert!(contains_word("fn told()", "told"));
    assert!(contains_word("the `Intake` of", "Intake"));
    assert!(contains_word("old: what became of it", "what became of"));
    assert!(!contains_word("a threshold", "told") && !contains_word("untold_", "told"));
    assert!(!contains_word("an intake of breath", "Intake"));
}

/// Gives every line of every text file in [`PLACES`] to `check`, with its number from 1.
fn for_each_line(mut check: impl FnMut(&Path, usize, &str)) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<PathBuf> = PLACES.iter().map(|place| root.join(place)).collect();
    let mut files = 0;
    while let Some(path) = waiting.pop() {
        let inside = path.strip_prefix(root).unwrap();
        if EXEMPT.iter().any(|exempt| inside.starts_with(exempt)) {
            continue;
        }
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        // A file that is not text has no words.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        files += 1;
        for (index, line) in text.lines().enumerate() {
            check(inside, index + 1, line);
        }
    }
    assert!(files > 200, "only {files} files were found");
}

/// Returns whether a line has a word or phrase that no letter, digit or underscore extends.
fn contains_word(line: &str, word: &str) -> bool {
    let is_name = word.chars().any(char::is_uppercase);
    let line = if is_name { line.to_owned() } else { line.to_lowercase() };
    let extends = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    };
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !extends(before) && !extends(after)
    })
}

fn assert_none(offences: &[Offence]) {
    let lines: Vec<String> = offences
        .iter()
        .map(|offence| format!("{}:{}: {}", offence.file.display(), offence.line, offence.what))
        .collect();
    assert!(lines.is_empty(), "{} lines:\n{}", lines.len(), lines.join("\n"));
}
