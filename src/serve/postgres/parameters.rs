//! Values of `$1`, `$2`, …: from the wire's text or binary form into the statement as literals.
//!
//! So a statement with parameters is the statement that the client would write without them, is
//! planned with its values known, and leaves out the same files.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};
use datafusion::arrow::datatypes::DataType;
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::types::FromSqlText;
use pgwire::types::format::FormatOptions;
use postgres_types::{FromSql, Kind, Type};

use super::error::refused;
use super::numeric;
use crate::query::text_literal;
use crate::serve::parameters::UNKNOWN;
pub(super) use crate::serve::parameters::{count, replace};

/// Returns an expression without a value of a type.
pub(super) fn typed_null(wire: &Type) -> String {
    match sql_type(wire) {
        Some(name) => format!("CAST(NULL AS {name})"),
        None => UNKNOWN.to_owned(),
    }
}

/// Returns the type of a parameter that the planner inferred.
pub(super) fn inferred(data_type: Option<&DataType>) -> Type {
    match data_type {
        None | Some(DataType::Null) => Type::TEXT,
        Some(DataType::Timestamp(_, _)) => Type::TIMESTAMPTZ,
        Some(data_type) if numeric::Numeric::has(data_type) => Type::NUMERIC,
        Some(DataType::Dictionary(_, values)) => inferred(Some(values)),
        Some(data_type) => arrow_pg::datatypes::into_pg_type(data_type).unwrap_or(Type::TEXT),
    }
}

/// The name of a type in a statement; nothing for texts.
fn sql_type(wire: &Type) -> Option<&'static str> {
    Some(match *wire {
        Type::BOOL => "BOOLEAN",
        Type::INT2 => "SMALLINT",
        Type::INT4 => "INT",
        Type::INT8 | Type::OID => "BIGINT",
        Type::NUMERIC => "DECIMAL(38, 10)",
        Type::FLOAT4 => "REAL",
        Type::FLOAT8 => "DOUBLE",
        Type::DATE => "DATE",
        Type::TIMESTAMP => "TIMESTAMP",
        Type::TIMESTAMPTZ => "TIMESTAMP WITH TIME ZONE",
        Type::BYTEA => "BYTEA",
        _ => return None,
    })
}

/// Writes a value as an expression.
///
/// # Errors
/// When the bytes are no value of the type.
pub(super) fn literal(wire: &Type, value: Option<&[u8]>, is_binary: bool) -> PgWireResult<String> {
    let Some(bytes) = value else { return Ok(typed_null(wire)) };
    if let Kind::Array(element) = wire.kind() {
        return array(wire, element, bytes, is_binary);
    }
    if *wire == Type::BYTEA {
        let bytes: Vec<u8> = read(wire, bytes, is_binary)?;
        return Ok(format!("X'{}'", hex::encode(bytes)));
    }
    let text = if is_binary { text_of(wire, bytes)? } else { utf8(bytes)? };
    expression(wire, &text)
}

/// Writes a value in its text form as an expression.
fn expression(wire: &Type, text: &str) -> PgWireResult<String> {
    match *wire {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID | Type::NUMERIC => number(wire, text),
        Type::BOOL => match text.trim().to_lowercase().as_str() {
            "t" | "true" | "on" | "yes" | "1" => Ok("TRUE".to_owned()),
            "f" | "false" | "off" | "no" | "0" => Ok("FALSE".to_owned()),
            _ => Err(no_value(wire)),
        },
        // Some drivers write a zone behind a day, which means nothing.
        Type::DATE => {
            let day = text.trim().split([' ', '+', 'T']).next().unwrap_or(text);
            Ok(format!("CAST({} AS DATE)", text_literal(day)))
        }
        _ => match sql_type(wire) {
            Some(name) => Ok(format!("CAST({} AS {name})", text_literal(text))),
            None => Ok(text_literal(text)),
        },
    }
}

/// A number keeps all its digits, however many a column has.
fn number(wire: &Type, text: &str) -> PgWireResult<String> {
    let text = text.trim();
    let digits = text.trim_start_matches(['-', '+']);
    let is_plain = !digits.is_empty()
        && digits.bytes().all(|sign| sign.is_ascii_digit() || sign == b'.')
        && digits.bytes().filter(|sign| *sign == b'.').count() <= 1;
    if is_plain {
        return Ok(format!("({text})"));
    }
    // 1e-7 and the like.
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => {
            Ok(format!("CAST({} AS DOUBLE)", text_literal(&value.to_string())))
        }
        _ => Err(no_value(wire)),
    }
}

fn array(wire: &Type, element: &Type, bytes: &[u8], is_binary: bool) -> PgWireResult<String> {
    let items: Vec<Option<String>> = if is_binary {
        binary_items(element, bytes).ok_or_else(|| no_value(wire))??
    } else {
        text_items(element, &utf8(bytes)?)?
    };
    let items: Vec<String> =
        items.into_iter().map(|item| item.unwrap_or_else(|| typed_null(element))).collect();
    Ok(format!("make_array({})", items.join(", ")))
}

/// Reads an array of one dimension.
fn binary_items(element: &Type, bytes: &[u8]) -> Option<PgWireResult<Vec<Option<String>>>> {
    let int = |at: usize| Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if int(0)? == 0 {
        return Some(Ok(Vec::new()));
    }
    if int(0)? != 1 {
        return None;
    }
    let count = usize::try_from(int(12)?).ok()?;
    let mut items = Vec::new();
    let mut at = 20;
    for _ in 0..count {
        let length = int(at)?;
        at += 4;
        let Ok(length) = usize::try_from(length) else {
            items.push(None);
            continue;
        };
        match literal(element, Some(bytes.get(at..at + length)?), true) {
            Ok(item) => items.push(Some(item)),
            Err(error) => return Some(Err(error)),
        }
        at += length;
    }
    Some(Ok(items))
}

/// Reads `{a,"b c",NULL}`.
fn text_items(element: &Type, text: &str) -> PgWireResult<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let inner = inner.ok_or_else(|| no_value(element))?;
    let mut items = Vec::new();
    let mut signs = inner.chars().peekable();
    while signs.peek().is_some() {
        let mut item = String::new();
        let is_quoted = signs.next_if_eq(&'"').is_some();
        while let Some(sign) = signs.next() {
            match sign {
                '\\' => item.extend(signs.next()),
                '"' if is_quoted => {}
                ',' if !is_quoted || item_ended(inner, &signs) => break,
                sign => item.push(sign),
            }
        }
        let is_null = !is_quoted && item.eq_ignore_ascii_case("null");
        items.push(if is_null { None } else { Some(expression(element, &item)?) });
    }
    Ok(items)
}

/// Returns whether the comma that was just read follows the quote that ends an item.
fn item_ended(text: &str, rest: &std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let left: usize = rest.clone().map(char::len_utf8).sum();
    let before = &text[..text.len() - left - 1];
    before.ends_with('"') && !before.ends_with("\\\"")
}

/// Returns the text form of a value in its binary form.
fn text_of(wire: &Type, bytes: &[u8]) -> PgWireResult<String> {
    let text = match *wire {
        Type::BOOL => read::<bool>(wire, bytes, true)?.to_string(),
        Type::INT2 => read::<i16>(wire, bytes, true)?.to_string(),
        Type::INT4 => read::<i32>(wire, bytes, true)?.to_string(),
        Type::INT8 => read::<i64>(wire, bytes, true)?.to_string(),
        Type::OID => read::<u32>(wire, bytes, true)?.to_string(),
        Type::FLOAT4 => read::<f32>(wire, bytes, true)?.to_string(),
        Type::FLOAT8 => read::<f64>(wire, bytes, true)?.to_string(),
        Type::NUMERIC => numeric::read(bytes).ok_or_else(|| no_value(wire))?,
        Type::DATE => read::<NaiveDate>(wire, bytes, true)?.to_string(),
        Type::TIMESTAMP => read::<NaiveDateTime>(wire, bytes, true)?.to_string(),
        Type::TIMESTAMPTZ => read::<DateTime<FixedOffset>>(wire, bytes, true)?.to_rfc3339(),
        _ => utf8(bytes)?,
    };
    Ok(text)
}

fn read<T: for<'a> FromSql<'a> + for<'a> FromSqlText<'a>>(
    wire: &Type,
    bytes: &[u8],
    is_binary: bool,
) -> PgWireResult<T> {
    let value = if is_binary {
        T::from_sql(wire, bytes)
    } else {
        T::from_sql_text(wire, bytes, &FormatOptions::default())
    };
    value.map_err(|_| no_value(wire))
}

fn utf8(bytes: &[u8]) -> PgWireResult<String> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned).map_err(|_| refused("22021", "a parameter is no text in UTF-8"))
}

fn no_value(wire: &Type) -> PgWireError {
    refused("22P02", format!("a parameter is no value of the type {}", wire.name()))
}

#[cfg(test)]
mod tests {
    use postgres_types::Type;

    use super::literal;

    #[test]
    fn a_value_cannot_leave_its_literal() {
        let text = |wire: &Type, value: &str| literal(wire, Some(value.as_bytes()), false).ok();
        assert_eq!(text(&Type::TEXT, "a' OR '1'='1").unwrap(), "'a'' OR ''1''=''1'");
        assert_eq!(text(&Type::INT8, "-5").unwrap(), "(-5)");
        assert_eq!(text(&Type::NUMERIC, "0.10").unwrap(), "(0.10)");
        assert_eq!(text(&Type::INT4, "1) OR (1=1"), None);
        assert_eq!(text(&Type::NUMERIC, "NaN"), None);
        assert_eq!(text(&Type::DATE, "x'y").unwrap(), "CAST('x''y' AS DATE)");
        assert_eq!(text(&Type::DATE, "2024-02-29 +00").unwrap(), "CAST('2024-02-29' AS DATE)");
        let array = text(&Type::TEXT_ARRAY, "{a,\"b,\\\"c\",NULL}").unwrap();
        assert_eq!(array, "make_array('a', 'b,\"c', CAST(NULL AS VARCHAR))");
    }
}
