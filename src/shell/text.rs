//! Typed text, split into statements and backslash commands.
//!
//! Of SQL only quotes and comments are known here, to find where a statement ends.

/// One thing that a user can type.
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

/// Returns the end of a text that has no semicolon after it.
pub(super) fn last_entry(text: &str) -> Option<Entry<'_>> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(Entry::Statement)
}

/// Returns where the first semicolon is that is not in quotes or a comment.
fn end_of_statement(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&letter) = text.get(at) {
        at = match letter {
            b';' => return Some(at),
            b'\'' => skip_past(text, at + 1, b"'"),
            b'"' => skip_past(text, at + 1, b"\""),
            b'-' if text[at..].starts_with(b"--") => skip_past(text, at + 2, b"\n"),
            b'/' if text[at..].starts_with(b"/*") => skip_past(text, at + 2, b"*/"),
            _ => at + 1,
        };
    }
    None
}

/// Returns where a quote or comment ends that begins before `from`: after `ending`, or at the end
/// of the text.
fn skip_past(text: &[u8], from: usize, ending: &[u8]) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let found = rest.windows(ending.len()).position(|here| here == ending);
    found.map_or(text.len(), |position| from + position + ending.len())
}
