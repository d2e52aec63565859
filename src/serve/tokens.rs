//! The text of a statement as tokens with their places.

use std::ops::Range;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};

/// Reads the tokens of a text, each with its bytes; nothing where the text has no form at all.
///
/// Statements are cut out of their text by these, never written again from tokens: a token that is
/// written has lost its escapes.
pub(super) fn tokens(text: &str) -> Option<Vec<(Token, Range<usize>)>> {
    let mut tokenizer = Tokenizer::new(&PostgreSqlDialect {}, text).with_unescape(false);
    let located = tokenizer.tokenize_with_location().ok()?;
    let mut tokens = Vec::with_capacity(located.len());
    let mut place = Location { line: 1, column: 1 };
    let mut signs = text.char_indices();
    let mut next = 0;
    // Tokens follow each other, so that the text is walked through once.
    for token in located {
        let start = next;
        while place < token.span.end {
            let Some((at, sign)) = signs.next() else { break };
            next = at + sign.len_utf8();
            place = after(place, sign);
        }
        tokens.push((token.token, start..next));
    }
    Some(tokens)
}

/// Returns the place behind a character, as lines and columns from 1.
const fn after(place: Location, sign: char) -> Location {
    match sign {
        '\n' => Location { line: place.line + 1, column: 1 },
        _ => Location { line: place.line, column: place.column + 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn the_bytes_of_tokens_are_those_of_the_text() {
        let text = "SELECT 'ü''x',\n E'\\n\\'' -- é\n, \"a\"\"b\" /* \n */ FROM t;";
        let tokens = tokens(text).unwrap();
        let cut: Vec<_> = tokens.iter().map(|(_, bytes)| &text[bytes.clone()]).collect();
        assert_eq!(cut.concat(), text);
        assert!(cut.contains(&"'ü''x'") && cut.contains(&"E'\\n\\''"), "{cut:?}");
        assert!(cut.contains(&"\"a\"\"b\"") && cut.contains(&";"), "{cut:?}");
    }
}
