//! `COPY … TO STDOUT`: rows as lines of text, as CSV, or in the binary format of PostgreSQL.

use bytes::{BufMut, Bytes, BytesMut};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;
use pgwire::messages::data::DataRow;

use super::words::Words;

/// How rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CopyFormat {
    Text { header: bool, delimiter: u8, null: String },
    Csv { header: bool, delimiter: u8, null: String },
    Binary,
}

/// What the binary format begins with: its signature, no flags, no extension.
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with: a row of -1 columns.
const BINARY_END: &[u8] = &[0xff, 0xff];

impl CopyFormat {
    /// Reads what follows `STDOUT`, in the form of today or of long ago.
    ///
    /// # Errors
    /// When an option is not known.
    pub(super) fn parse(mut words: Words) -> Result<Self, String> {
        words.skip(Keyword::WITH);
        let mut format = "text".to_owned();
        let mut header = false;
        let mut delimiter = None;
        let mut null = None;
        words.skip_token(&Token::LParen);
        while !words.is_at_end() {
            if words.skip_token(&Token::Comma) || words.skip_token(&Token::RParen) {
                continue;
            }
            match words.name().unwrap_or_default().as_str() {
                "format" => format = words.option(),
                name @ ("binary" | "csv") => name.clone_into(&mut format),
                "header" => header = words.flag(),
                "delimiter" => delimiter = words.option().bytes().next(),
                "null" => null = Some(words.option()),
                other => return Err(format!("COPY has no option `{other}` here")),
            }
        }
        match format.as_str() {
            "text" => {
                let delimiter = delimiter.unwrap_or(b'\t');
                Ok(Self::Text { header, delimiter, null: null.unwrap_or_else(|| "\\N".to_owned()) })
            }
            "csv" => {
                let delimiter = delimiter.unwrap_or(b',');
                Ok(Self::Csv { header, delimiter, null: null.unwrap_or_default() })
            }
            "binary" => Ok(Self::Binary),
            other => Err(format!("COPY has no format `{other}`: text, csv or binary")),
        }
    }

    pub(super) const fn is_binary(&self) -> bool {
        matches!(self, Self::Binary)
    }

    /// Returns what comes before the first row.
    pub(super) fn begin<'a>(&self, columns: impl Iterator<Item = &'a str>) -> Option<Bytes> {
        match self {
            Self::Binary => Some(Bytes::from_static(BINARY_HEADER)),
            Self::Text { header: true, .. } | Self::Csv { header: true, .. } => {
                Some(self.line(columns.map(|name| Some(name.as_bytes()))))
            }
            Self::Text { .. } | Self::Csv { .. } => None,
        }
    }

    /// Returns a row, whose values are in the text or binary form.
    pub(super) fn row(&self, row: &DataRow) -> Bytes {
        if self.is_binary() {
            let mut bytes = BytesMut::with_capacity(row.data.len() + 2);
            bytes.put_i16(row.field_count);
            bytes.put_slice(&row.data);
            return bytes.freeze();
        }
        self.line(Values(&row.data))
    }

    /// Returns what comes after the last row.
    pub(super) const fn end(&self) -> Option<Bytes> {
        match self {
            Self::Binary => Some(Bytes::from_static(BINARY_END)),
            Self::Text { .. } | Self::Csv { .. } => None,
        }
    }

    fn line<'a>(&self, values: impl Iterator<Item = Option<&'a [u8]>>) -> Bytes {
        let mut line = BytesMut::new();
        for (index, value) in values.enumerate() {
            match self {
                Self::Text { delimiter, null, .. } => {
                    separate(&mut line, index, *delimiter);
                    match value {
                        Some(value) => put_text(&mut line, value, *delimiter),
                        None => line.put_slice(null.as_bytes()),
                    }
                }
                Self::Csv { delimiter, null, .. } => {
                    separate(&mut line, index, *delimiter);
                    match value {
                        Some(value) => put_csv(&mut line, value, *delimiter, null),
                        None => line.put_slice(null.as_bytes()),
                    }
                }
                Self::Binary => {}
            }
        }
        line.put_u8(b'\n');
        line.freeze()
    }
}

fn separate(line: &mut BytesMut, index: usize, delimiter: u8) {
    if index > 0 {
        line.put_u8(delimiter);
    }
}

fn put_text(line: &mut BytesMut, value: &[u8], delimiter: u8) {
    for byte in value {
        let escaped = match *byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            byte if byte == delimiter => byte,
            byte => {
                line.put_u8(byte);
                continue;
            }
        };
        line.put_slice(&[b'\\', escaped]);
    }
}

fn put_csv(line: &mut BytesMut, value: &[u8], delimiter: u8, null: &str) {
    let is_special = |byte: &u8| [b'"', b'\n', b'\r', delimiter].contains(byte);
    if !value.iter().any(is_special) && value != null.as_bytes() {
        return line.put_slice(value);
    }
    line.put_u8(b'"');
    for byte in value {
        if *byte == b'"' {
            line.put_u8(b'"');
        }
        line.put_u8(*byte);
    }
    line.put_u8(b'"');
}

/// The values of a row, each after its length; a length below zero is no value.
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.0 = rest;
            return Some(None);
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use pgwire::messages::data::DataRow;

    use super::CopyFormat;

    fn row() -> DataRow {
        let mut data = BytesMut::new();
        for value in [Some("a\tb\\"), None, Some(""), Some("x,\"y\"\n")] {
            let length = value.map_or(-1, |value| value.len() as i32);
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(value.unwrap_or_default().as_bytes());
        }
        DataRow::new(data, 4)
    }

    #[test]
    fn no_value_and_an_empty_text_differ_in_every_format() {
        let text = CopyFormat::Text { header: false, delimiter: b'\t', null: "\\N".to_owned() };
        assert_eq!(text.row(&row()), "a\\tb\\\\\t\\N\t\tx,\"y\"\\n\n");
        let csv = CopyFormat::Csv { header: false, delimiter: b',', null: String::new() };
        assert_eq!(csv.row(&row()), "a\tb\\,,\"\",\"x,\"\"y\"\"\n\"\n");
    }
}
