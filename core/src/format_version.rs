//! The format version of a lake, as its file `meta/format.json` says it.
//!
//! What a program does about a version, and where the file is, belongs to whoever opens the lake.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::foreign::shortened;

/// Bytes of the longest file that is read; one that a program writes has a few dozen.
pub const LONGEST_FILE: usize = 64 << 10;

/// Characters of a value that a message quotes.
const LONGEST_VALUE: usize = 40;

/// What is wrong with the file.
#[derive(Debug, Error)]
pub enum FormatFileError {
    #[error("it is empty")]
    Empty,
    #[error("it has more than {LONGEST_FILE} bytes")]
    TooLong,
    #[error("it is not text in UTF-8")]
    NotText,
    #[error("it is no JSON object")]
    NoObject,
    #[error("it is no JSON object with a version")]
    Json(#[source] serde_json::Error),
    #[error("it has no `version`")]
    NoVersion,
    #[error("its `version` is `{found}`, and no whole number from 1 on")]
    NoNumber { found: String },
}

/// The file; fields that later versions add are ignored.
#[derive(Deserialize)]
struct FormatFile {
    version: Option<Value>,
}

/// Reads the version.
///
/// # Errors
///
/// Anything but an object with a version from 1 on.
pub fn parse(bytes: &[u8]) -> Result<u64, FormatFileError> {
    if bytes.len() > LONGEST_FILE {
        return Err(FormatFileError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| FormatFileError::NotText)?;
    // Editors leave a byte-order mark.
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(FormatFileError::Empty);
    }
    // A list of values would be read as one of fields.
    if !text.trim_start().starts_with('{') {
        return Err(FormatFileError::NoObject);
    }
    let file: FormatFile = serde_json::from_str(text).map_err(FormatFileError::Json)?;
    let version = file.version.ok_or(FormatFileError::NoVersion)?;
    version.as_u64().filter(|version| *version > 0).ok_or_else(|| FormatFileError::NoNumber {
        found: shortened(&version.to_string(), LONGEST_VALUE),
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_version_is_read_whatever_else_is_in_the_file() {
        for text in [
            "{\"version\": 1}\n",
            "{\"version\":1}",
            "\u{feff}{\"version\": 1}\r\n",
            "{\"version\": 1, \"since\": {\"program\": \"9.0\"}}",
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), 1, "{text}");
        }
        assert_eq!(parse(b"{\"version\": 18446744073709551615}").unwrap(), u64::MAX);
    }

    #[test]
    fn a_file_without_a_version_is_refused_in_words() {
        for (bytes, words) in [
            (&b""[..], "it is empty"),
            (b" \n", "it is empty"),
            (b"\0\0\0\0", "no JSON object"),
            (b"{\"version\": 1", "no JSON object"),
            (b"[1]", "no JSON object"),
            (b"7", "no JSON object"),
            (b"\xff\xfe", "not text in UTF-8"),
            (b"{}", "it has no `version`"),
            (b"{\"version\": null}", "it has no `version`"),
            (b"{\"version\": \"1\"}", "its `version` is `\"1\"`"),
            (b"{\"version\": -1}", "its `version` is `-1`"),
            (b"{\"version\": 0}", "its `version` is `0`"),
            (b"{\"version\": 1.5}", "its `version` is `1.5`"),
            (b"{\"version\": 18446744073709551616}", "its `version` is `1.8446744073709552e+19`"),
            (b"{\"version\": 1, \"version\": 2}", "no JSON object"),
        ] {
            let error = parse(bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}: {}", String::from_utf8_lossy(bytes));
        }
        assert!(parse(&vec![b' '; 1 << 20]).unwrap_err().to_string().contains("65536 bytes"));
        let long = format!("{{\"version\": \"{}\"}}", "9".repeat(10_000));
        assert!(parse(long.as_bytes()).unwrap_err().to_string().len() < 200);
    }
}
