//! Typed text, taken apart into statements and backslash commands.
//!
//! Only as much of SQL is known here as says where a statement ends: quotes and comments.

/// What a user may have typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// SQL without the semicolon that ended it; may be empty.
    Statement(&'a str),
    /// A line that began with a backslash.
    Command(&'a str),
}

/// Returns the first whole entry of a text and what follows it; nothing while its end is still to
/// come.
pub(super) fn next_entry(text: &str) -> Option<(Entry<'_>, &str)> {
    let text = text.trim_start();
    if text.starts_with('\\') {
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        return Some((Entry::Command(line.trim()), rest));
    }
    let end = end_of_statement(text.as_bytes())?;
    Some((Entry::Statement(text[..end].trim()), &text[end + 1..]))
}

/// Returns what stands at the end of a text without a semicolon behind it.
pub(super) fn last_entry(text: &str) -> Option<Entry<'_>> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(Entry::Statement)
}

/// Returns where the first semicolon is that stands in no quotes and no comment.
fn end_of_statement(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&letter) = text.get(at) {
        at = match letter {
            b';' => return Some(at),
            b'\'' => behind(text, at + 1, b"'"),
            b'"' => behind(text, at + 1, b"\""),
            b'-' if text[at..].starts_with(b"--") => behind(text, at + 2, b"\n"),
            b'/' if text[at..].starts_with(b"/*") => behind(text, at + 2, b"*/"),
            _ => at + 1,
        };
    }
    None
}

/// Returns where what begins at `from` ends: behind `ending`, or with the text.
fn behind(text: &[u8], from: usize, ending: &[u8]) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let found = rest.windows(ending.len()).position(|here| here == ending);
    found.map_or(text.len(), |position| from + position + ending.len())
}
