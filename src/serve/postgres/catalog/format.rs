//! PostgreSQL's `format`, with which clients write the names of tables.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use datafusion::sql::sqlparser::keywords::RESERVED_FOR_COLUMN_ALIAS;
use datafusion::sql::sqlparser::tokenizer::Token;

/// Writes the arguments after the first where the first has places for them.
///
/// # Errors
/// When it has one that is unknown, or that has no argument.
pub(super) fn format(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let rows = arguments.number_rows;
    let mut texts = Vec::with_capacity(arguments.args.len());
    for argument in &arguments.args {
        let array = cast(&argument.to_array(rows)?, &DataType::Utf8)?;
        texts.push(array.as_string::<i32>().clone());
    }
    let Some((templates, values)) = texts.split_first() else {
        return exec_err!("format needs a text");
    };
    let mut written = Vec::with_capacity(rows);
    for row in 0..rows {
        let values: Vec<_> = values.iter().map(|array| value(array, row)).collect();
        let template = value(templates, row);
        written.push(template.map(|template| fill(template, &values)).transpose()?);
    }
    Ok(ColumnarValue::Array(Arc::new(StringArray::from(written))))
}

fn value(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

fn fill(template: &str, values: &[Option<&str>]) -> Result<String> {
    let mut written = String::new();
    let mut rest = template;
    let mut next = 0;
    while let Some((before, place)) = rest.split_once('%') {
        written.push_str(before);
        let (number, place) = numbered(place);
        let mut signs = place.chars();
        let sign = signs.next();
        rest = signs.as_str();
        if sign == Some('%') {
            written.push('%');
            continue;
        }
        let at = number.unwrap_or(next);
        next = at + 1;
        let value = values.get(at).ok_or_else(|| exec_datafusion_err!("format lacks arguments"))?;
        written.push_str(&fitted(sign, *value)?);
    }
    written.push_str(rest);
    Ok(written)
}

/// Takes the number of an argument, such as `2$`, from what follows a percent sign, and returns its
/// place from 0.
fn numbered(place: &str) -> (Option<usize>, &str) {
    let Some((digits, rest)) = place.split_once('$') else { return (None, place) };
    match digits.parse::<usize>() {
        Ok(number @ 1..) => (Some(number - 1), rest),
        _ => (None, place),
    }
}

fn fitted(sign: Option<char>, value: Option<&str>) -> Result<String> {
    match (sign, value) {
        (Some('s'), value) => Ok(value.unwrap_or_default().to_owned()),
        (Some('I'), Some(name)) => Ok(quoted_name(name)),
        (Some('I'), None) => exec_err!("format: NULL is no name"),
        (Some('L'), Some(text)) => Ok(format!("'{}'", text.replace('\'', "''"))),
        (Some('L'), None) => Ok("NULL".to_owned()),
        _ => exec_err!("format: a percent sign must be followed by s, I, L or another one"),
    }
}

fn quoted_name(name: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    let is_reserved = match Token::make_word(name, None) {
        Token::Word(word) => RESERVED_FOR_COLUMN_ALIAS.contains(&word.keyword),
        _ => false,
    };
    let is_number = name.starts_with(|sign: char| sign.is_ascii_digit());
    if name.is_empty() || !name.chars().all(is_plain) || is_number || is_reserved {
        return format!("\"{}\"", name.replace('"', "\"\""));
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn a_text_is_filled_as_postgresql_fills_it() {
        for (template, values, expected) in [
            ("%I.%I", &[Some("silver"), Some("Klines")][..], "silver.\"Klines\""),
            ("%s-%s", &[Some("a"), None], "a-"),
            ("%2$s %1$s 100%%", &[Some("a"), Some("b")], "b a 100%"),
            ("%L, %L", &[Some("it's"), None], "'it''s', NULL"),
            ("%I %I", &[Some("select"), Some("a\"b")], "\"select\" \"a\"\"b\""),
        ] {
            assert_eq!(fill(template, values).unwrap(), expected);
        }
        for (template, values) in
            [("%s", &[][..]), ("%I", &[None]), ("%d", &[Some("1")]), ("%", &[])]
        {
            assert!(fill(template, values).is_err(), "{template}");
        }
    }
}
