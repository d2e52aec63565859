//! Parameters `$1`, `$2`, … in the text of a statement.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::tokens::tokens;

/// An expression for a parameter without a value and of which no type is known.
pub(super) const UNKNOWN: &str = "CAST(NULL AS VARCHAR)";

/// Replaces the parameters of a statement; one for which there is nothing stays.
///
/// Returns nothing where the text has no form.
pub(super) fn replace(sql: &str, with: impl Fn(usize) -> Option<String>) -> Option<String> {
    let mut text = String::with_capacity(sql.len());
    let mut copied = 0;
    for (token, bytes) in tokens(sql)? {
        let Token::Placeholder(name) = &token else { continue };
        let number = name.strip_prefix('$').and_then(|name| name.parse::<usize>().ok());
        let value = number.and_then(|number| with(number.checked_sub(1)?));
        let Some(value) = value else { continue };
        text.push_str(&sql[copied..bytes.start]);
        text.push_str(&value);
        copied = bytes.end;
    }
    text.push_str(&sql[copied..]);
    Some(text)
}

/// Returns how many parameters a statement has.
pub(super) fn count(sql: &str) -> usize {
    let most = std::cell::Cell::new(0);
    let _ = replace(sql, |index| {
        most.set(most.get().max(index + 1));
        None
    });
    most.get()
}

/// Writes parameters that have no number, `?`, as `$1`, `$2`, … in their order.
pub(super) fn numbered(sql: &str) -> String {
    // The parser says what is wrong with a text that has no form.
    let Some(tokens) = tokens(sql) else { return sql.to_owned() };
    let mut text = String::with_capacity(sql.len());
    let mut number = 0;
    for (token, bytes) in tokens {
        let written = &sql[bytes];
        // An operator that begins with the sign is no operator of ours: `?||'x'` is a parameter.
        match (&token, written.strip_prefix('?')) {
            (Token::Word(_), _) | (_, None) => text.push_str(written),
            (_, Some(rest)) => {
                number += 1;
                text.push_str(&format!("${number}{rest}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{count, numbered, replace};

    #[test]
    fn parameters_are_replaced_and_what_looks_like_them_is_not() {
        let sql = "SELECT $2, '$1', \"$1\" -- $3\n WHERE x = $1";
        let values = replace(sql, |index| (index == 0).then(|| "7".to_owned())).unwrap();
        assert_eq!(values, "SELECT $2, '$1', \"$1\" -- $3\n WHERE x = 7");
        assert_eq!(count(sql), 2);
        let escaped = "SELECT E'\\\\', U&'\\0061', $1";
        let values = replace(escaped, |_| Some("7".to_owned())).unwrap();
        assert_eq!(values, escaped.replace("$1", "7"));
    }

    #[test]
    fn parameters_without_a_number_are_numbered_in_their_order() {
        let sql = "SELECT ?, '?', \"?\" -- ?\n WHERE x=?-1 AND y = ?||'?'";
        let expected = "SELECT $1, '?', \"?\" -- ?\n WHERE x=$2-1 AND y = $3||'?'";
        assert_eq!(numbered(sql), expected);
        assert_eq!(numbered("SELECT 'it"), "SELECT 'it");
    }
}
