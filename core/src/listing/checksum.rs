//! What a published checksum file says.
//!
//! Spot files end without a newline and futures files with one; other tools that write mirrors add
//! carriage returns and binary marks. Computing the sum of an archive's bytes belongs to whoever
//! holds the bytes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::foreign::shortened;

/// A SHA-256 sum, printed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Hex([u8; 32]);

impl Sha256Hex {
    /// Wraps the sum that a hasher computed.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the sum's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Hex({self})")
    }
}

impl FromStr for Sha256Hex {
    type Err = ChecksumError;

    /// Parses 64 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let mut bytes = [0; 32];
        let decoded = hex::decode_to_slice(text, &mut bytes);
        decoded.map_err(|_| ChecksumError::NoSum { found: shorten(text) })?;
        Ok(Self(bytes))
    }
}

/// Reads the sum of `file_name` from the text of its checksum file.
///
/// # Errors
///
/// Anything but one line with a sum and that name; the archive has then no usable checksum.
pub fn parse_checksum(text: &[u8], file_name: &str) -> Result<Sha256Hex, ChecksumError> {
    let text = std::str::from_utf8(text).map_err(|_| ChecksumError::NoText)?;
    // Editors and shells of Windows begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(ChecksumError::Empty);
    }
    if text.starts_with('<') {
        return Err(ChecksumError::Markup { found: shorten(text) });
    }
    if text.lines().nth(1).is_some() {
        return Err(ChecksumError::Lines);
    }
    let (sum, name) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let sum = sum.parse()?;
    let name = name.trim_start().trim_start_matches('*');
    if name == file_name {
        return Ok(sum);
    }
    Err(ChecksumError::WrongFile { found: shorten(name), expected: file_name.to_owned() })
}

/// Why a checksum file gives no sum.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChecksumError {
    #[error("the checksum file is empty")]
    Empty,
    #[error("the checksum file is not text")]
    NoText,
    #[error("the checksum file is a web page or an error document: `{found}`")]
    Markup { found: String },
    #[error("the checksum file has more than one line")]
    Lines,
    #[error("`{found}` is no SHA-256 sum; expected 64 hexadecimal digits")]
    NoSum { found: String },
    #[error("the checksum is that of `{found}`; expected `{expected}`")]
    WrongFile { found: String, expected: String },
}

/// Keeps messages to a line, whatever a server sent.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    shortened(text.lines().next().unwrap_or_default(), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const NAME: &str = "BTCUSDT-1h-2026-05-08.zip";

    fn parse(text: &str) -> Result<Sha256Hex, ChecksumError> {
        parse_checksum(text.as_bytes(), NAME)
    }

    #[test]
    fn every_spelling_that_is_met_gives_the_same_sum() {
        for text in [
            format!("{SUM}  {NAME}"),
            format!("{SUM}  {NAME}\n"),
            format!("{SUM}  {NAME}\r\n"),
            format!("{SUM} *{NAME}\n"),
            format!("{SUM}\t{NAME}\n\n"),
            format!("{}  {NAME}", SUM.to_uppercase()),
            format!("\u{feff}{SUM}  {NAME}\r\n"),
        ] {
            assert_eq!(parse(&text).unwrap().to_string(), SUM, "{text:?}");
        }
    }

    #[test]
    fn a_sum_of_another_file_is_not_taken() {
        let error = parse(&format!("{SUM}  BTCUSDT-1h-2026-05-09.zip\n")).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the checksum is that of `BTCUSDT-1h-2026-05-09.zip`; expected `{NAME}`")
        );
        assert!(matches!(parse(SUM), Err(ChecksumError::WrongFile { .. })));
        assert!(matches!(parse(&format!("{SUM}  x/{NAME}")), Err(ChecksumError::WrongFile { .. })));
    }

    #[test]
    fn what_is_no_checksum_file_is_named_as_what_it_is() {
        assert_eq!(parse(""), Err(ChecksumError::Empty));
        assert_eq!(parse("\r\n"), Err(ChecksumError::Empty));
        assert_eq!(parse_checksum(&[0xff, 0xfe], NAME), Err(ChecksumError::NoText));
        assert_eq!(parse(&format!("{SUM}  {NAME}\n{SUM}  other.zip\n")), Err(ChecksumError::Lines));
        let page = "<!DOCTYPE html>\n<html><body>Not found</body></html>";
        assert_eq!(parse(page), Err(ChecksumError::Markup { found: "<!DOCTYPE html>".to_owned() }));
        for sum in [&SUM[1..], &format!("{SUM}0"), &SUM.replace('9', "g"), &SUM.replace("9f", "é")]
        {
            assert!(
                matches!(parse(&format!("{sum}  {NAME}")), Err(ChecksumError::NoSum { .. })),
                "{sum}"
            );
        }
    }

    #[test]
    fn an_error_shows_nothing_that_steers_a_terminal() {
        for text in [format!("\u{1b}[2J{SUM}  {NAME}"), format!("{SUM}  \u{202e}{NAME}")] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(!error.contains(['\u{1b}', '\u{202e}']) && error.contains("\\u{"), "{error}");
        }
    }

    #[test]
    fn an_error_does_not_repeat_a_whole_page() {
        let error = parse(&format!("<html>{}", "x".repeat(10_000))).unwrap_err().to_string();
        assert!(error.len() < 200 && error.contains('…'), "{error}");
    }

    #[test]
    fn bytes_and_text_are_the_same_sum() {
        let sum: Sha256Hex = SUM.parse().unwrap();
        assert_eq!(Sha256Hex::from_bytes(*sum.as_bytes()), sum);
        assert_eq!(sum.as_bytes()[0], 0x9f);
    }
}
