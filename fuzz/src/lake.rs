//! What lies in a lake besides tables: the file with its format version.

use lakehouse_core::format_version::parse;

/// Characters of the longest message, which quotes a part of the input at most.
const LONGEST_MESSAGE: usize = 200;

/// A format file: its version is a number in it, or the message says what is wrong.
pub fn format(bytes: &[u8]) {
    match parse(bytes) {
        Ok(version) => {
            assert!(version > 0);
            let text = String::from_utf8(bytes.to_vec()).expect("a version was found in text");
            assert!(text.contains("version") || text.contains('\\'));
            let again = format!("{{\"version\": {version}}}");
            assert_eq!(parse(again.as_bytes()).ok(), Some(version));
        }
        Err(error) => assert!(error.to_string().chars().count() <= LONGEST_MESSAGE),
    }
}
