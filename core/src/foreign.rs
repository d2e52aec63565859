//! Text from outside, made fit to be shown: what servers, listings, checksum files and archives
//! say.
//!
//! A mirror can be anybody's. Control characters steer a terminal, characters of writing direction
//! make a line read as another one, and a body of megabytes hides what matters. Every text of that
//! kind passes through here where it enters an error, a note or a table of the lake, and so does a
//! URL, which may carry a password. Bytes that are data stay as they are.

/// Characters that are shown of one text.
const LONGEST: usize = 300;

/// Returns text as it may be shown: one line of at most 300 characters, in which whatever steers
/// the terminal or cannot be seen is spelled out, such as `\u{1b}`.
#[must_use]
pub fn shown(text: &str) -> String {
    shortened(text, LONGEST)
}

/// As [`shown`], with another limit on the number of characters.
#[must_use]
pub fn shortened(text: &str, longest: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(2 * longest));
    let mut length = 0;
    for character in text.chars() {
        let escaped = steers(character).then(|| character.escape_unicode());
        length += escaped.as_ref().map_or(1, ExactSizeIterator::len);
        if length > longest {
            shown.push('…');
            break;
        }
        match escaped {
            Some(escaped) => shown.extend(escaped),
            None => shown.push(character),
        }
    }
    shown
}

/// Returns a whole message as it may be written to a terminal or a log: its lines stay, and what
/// steers or opens something is spelled out or left out, wherever it came from.
#[must_use]
pub fn message(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in redacted(text).chars() {
        if steers(character) && !matches!(character, '\n' | '\t') {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns whether a character does something to what is around it in place of being seen.
#[must_use]
pub fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Soft hyphen and the mark of Arabic letters.
            '\u{ad}' | '\u{61c}'
            // Zero width, and the direction of what follows.
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            // Line and paragraph separators, the byte order mark, and tags.
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Returns text in which the user name and password of every URL are `***`.
///
/// A slash or a blank in a password makes the URL invalid, and it is shown in the error that says
/// so; what looks like one is therefore left out to the last `@` of the word.
#[must_use]
pub fn redacted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let word = &after[..after.find(char::is_whitespace).unwrap_or(after.len())];
        let secret = secret_of(word);
        if secret > 0 {
            shown.push_str("***");
        }
        rest = &after[secret..];
    }
    shown.push_str(rest);
    shown
}

/// Returns the bytes before the `@` with which the credentials of a URL end, or 0.
fn secret_of(word: &str) -> usize {
    let authority = &word[..word.find(['/', '?', '#']).unwrap_or(word.len())];
    if let Some(at) = authority.rfind('@') {
        return at;
    }
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let is_port = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    if is_port { 0 } else { word.rfind('@').unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(shown("a\u{1b}[2Jb\u{7}\nc\u{9b}d"), r"a\u{1b}[2Jb\u{7}\u{a}c\u{9b}d");
        assert_eq!(shown("a\u{202e}b\u{2066}c\u{feff}"), r"a\u{202e}b\u{2066}c\u{feff}");
    }

    #[test]
    fn what_is_spelled_out_counts_as_long_as_it_is_shown() {
        let text = "\u{7f}".repeat(100);
        assert_eq!(shortened(&text, 13), r"\u{7f}\u{7f}…");
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcd", 3), "abc…");
    }

    #[test]
    fn a_message_keeps_its_lines_and_nothing_else_that_steers() {
        let text = "error: a\u{1b}[2J\n  because: http://u:p@host\t1";
        assert_eq!(message(text), "error: a\\u{1b}[2J\n  because: http://***@host\t1");
    }

    #[test]
    fn text_of_any_script_stays_as_it_is() {
        for text in ["币安人生USDT", "Zürich", "a b", "עברית", "{\"a\": 1}"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn a_text_of_megabytes_becomes_a_line() {
        let shown = shown(&"\u{1b}".repeat(5_000_000));
        assert!(shown.len() < 3000 && shown.ends_with('…'), "{}", shown.len());
    }

    #[test]
    fn passwords_of_urls_are_left_out_whatever_is_around_them() {
        for (text, expected) in [
            ("http://alice:S3cr3t@host/path", "http://***@host/path"),
            ("--source=https://token@host:8443", "--source=https://***@host:8443"),
            ("a http://u:p@x b s3://k:s@y/z c", "a http://***@x b s3://***@y/z c"),
            ("http://alice:p@ss@host/", "http://***@host/"),
            ("http://alice:pa/ss@host/", "http://***@host/"),
            ("http://host:8080/a@b", "http://host:8080/a@b"),
            ("s3://bucket/lake", "s3://bucket/lake"),
            ("no url: a@b", "no url: a@b"),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }
}
