//! A configuration file as a tree that knows its lines, whatever its format.
//!
//! JSON and TOML configurations have the same options and deserve the same messages, so both become
//! [`Node`]s before anybody looks at what they say. What options there are belongs to
//! [`super::options`].

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::data_file::DataFileError;
use crate::names::market::NameError;

/// Levels of a JSON file, so that reading it needs little of the stack. Options have three.
const DEEPEST: usize = 32;

/// A value with its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// The keys that lead to it, joined by dots.
    pub(crate) key: String,
    pub(crate) line: usize,
    value: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Number(String),
    Flag(bool),
    List(Vec<Node>),
    Table(Vec<Node>),
    Null,
}

/// A file's tree, to be read option by option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) file: &'a str,
    pub(crate) node: &'a Node,
}

impl<'a> Reader<'a> {
    /// Makes an error that points here.
    pub(crate) fn error(self, message: impl Display) -> DataFileError {
        error(self.file, self.node.line, &self.node.key, message)
    }

    /// Returns the last part of the key.
    pub(crate) fn name(self) -> &'a str {
        self.node.key.rsplit('.').next().unwrap_or_default()
    }

    pub(crate) fn is_table(self) -> bool {
        matches!(self.node.value, Value::Table(_))
    }

    pub(crate) fn is_null(self) -> bool {
        self.node.value == Value::Null
    }

    pub(crate) fn text(self) -> Result<&'a str, DataFileError> {
        match &self.node.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.mistaken("a text")),
        }
    }

    pub(crate) fn flag(self) -> Result<bool, DataFileError> {
        match self.node.value {
            Value::Flag(flag) => Ok(flag),
            _ => Err(self.mistaken("true or false")),
        }
    }

    /// Reads a whole number of at least `least`.
    pub(crate) fn number<T: FromStr + PartialOrd + Display + Copy>(
        self,
        least: T,
    ) -> Result<T, DataFileError> {
        let expected = format!("a whole number from {least}");
        let Value::Number(text) = &self.node.value else { return Err(self.mistaken(&expected)) };
        let number = text.parse().ok().filter(|number| *number >= least);
        number.ok_or_else(|| self.mistaken(&expected))
    }

    /// Reads a name whose type knows the valid ones.
    pub(crate) fn named<T: FromStr<Err = NameError>>(self) -> Result<T, DataFileError> {
        self.text()?.parse().map_err(|problem| self.error(problem))
    }

    pub(crate) fn items(self) -> Result<impl Iterator<Item = Self>, DataFileError> {
        match &self.node.value {
            Value::List(nodes) => Ok(nodes.iter().map(move |node| Self { node, ..self })),
            _ => Err(self.mistaken("a list")),
        }
    }

    pub(crate) fn members(self) -> Result<impl Iterator<Item = Self>, DataFileError> {
        match &self.node.value {
            Value::Table(nodes) => Ok(nodes.iter().map(move |node| Self { node, ..self })),
            _ => Err(self.mistaken("a table")),
        }
    }

    fn mistaken(self, expected: &str) -> DataFileError {
        let found = match &self.node.value {
            Value::Text(text) => format!("the text `{text}`"),
            Value::Number(number) => format!("the number {number}"),
            Value::Flag(flag) => flag.to_string(),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
            Value::Null => "null".to_owned(),
        };
        self.error(format_args!("expected {expected}, found {found}"))
    }
}

/// Reads a JSON file.
///
/// # Errors
///
/// Text that is no JSON, and a key that stands twice in one object.
pub(crate) fn parse_json(file: &str, text: &str) -> Result<Node, DataFileError> {
    let source = Source { file, text };
    let root = serde_json::from_str(text).map_err(|problem| source.json_error(0, "", &problem))?;
    source.json(root, String::new(), 0)
}

/// Reads a TOML file.
///
/// # Errors
///
/// Text that is no TOML.
pub(crate) fn parse_toml(file: &str, text: &str) -> Result<Node, DataFileError> {
    let source = Source { file, text };
    let table = DeTable::parse(text).map_err(|problem| {
        let start = problem.span().map_or(0, |span| span.start);
        error(file, source.line(start), "", problem.message())
    })?;
    let value = Value::Table(source.toml_members(table.into_inner(), ""));
    Ok(Node { key: String::new(), line: 1, value })
}

fn error(file: &str, line: usize, key: &str, message: impl Display) -> DataFileError {
    DataFileError { file: file.to_owned(), line, key: key.to_owned(), message: message.to_string() }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl<'a> Source<'a> {
    fn line(self, offset: usize) -> usize {
        self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }

    /// Returns where a slice of the text begins.
    fn offset(self, slice: &str) -> usize {
        slice.as_ptr().addr().saturating_sub(self.text.as_ptr().addr())
    }

    fn json(self, raw: &'a RawValue, key: String, depth: usize) -> Result<Node, DataFileError> {
        let text = raw.get();
        let start = self.offset(text);
        if depth > DEEPEST {
            return Err(error(self.file, self.line(start), &key, "nested too deeply"));
        }
        let problem = |problem: serde_json::Error| self.json_error(start, &key, &problem);
        let value = match text.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text).map_err(problem)?;
                let mut nodes: Vec<Node> = Vec::new();
                for (name, raw) in members {
                    let node = self.json(raw, join(&key, &name), depth + 1)?;
                    if nodes.iter().any(|known| known.key == node.key) {
                        return Err(error(self.file, node.line, &node.key, "given twice"));
                    }
                    nodes.push(node);
                }
                Value::Table(nodes)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(problem)?;
                Value::List(
                    items
                        .into_iter()
                        .map(|raw| self.json(raw, key.clone(), depth + 1))
                        .collect::<Result<_, _>>()?,
                )
            }
            Some(b'"') => Value::Text(serde_json::from_str(text).map_err(problem)?),
            Some(b't' | b'f') => Value::Flag(text == "true"),
            Some(b'n') => Value::Null,
            _ => Value::Number(text.to_owned()),
        };
        Ok(Node { key, line: self.line(start), value })
    }

    fn json_error(self, start: usize, key: &str, problem: &serde_json::Error) -> DataFileError {
        let line = self.line(start) + problem.line().saturating_sub(1);
        let message = problem.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        error(self.file, line, key, message)
    }

    fn toml_members(self, table: DeTable<'_>, parent: &str) -> Vec<Node> {
        let members =
            table.into_iter().map(|(name, value)| self.toml(value, join(parent, name.get_ref())));
        members.collect()
    }

    fn toml(self, spanned: Spanned<DeValue<'_>>, key: String) -> Node {
        let line = self.line(spanned.span().start);
        let value = match spanned.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Datetime(date) => Value::Text(date.to_string()),
            DeValue::Integer(number) => Value::Number(number.to_string()),
            DeValue::Float(number) => Value::Number(number.to_string()),
            DeValue::Boolean(flag) => Value::Flag(flag),
            DeValue::Array(items) => {
                Value::List(items.into_iter().map(|item| self.toml(item, key.clone())).collect())
            }
            DeValue::Table(table) => Value::Table(self.toml_members(table, &key)),
        };
        Node { key, line, value }
    }
}

/// A JSON object's members in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, raw));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(node: &Node) -> Vec<(String, usize)> {
        let mut found = vec![(node.key.clone(), node.line)];
        if let Value::List(nodes) | Value::Table(nodes) = &node.value {
            found.extend(nodes.iter().flat_map(lines));
        }
        found
    }

    #[test]
    fn every_value_of_a_json_file_knows_its_line() {
        let text = "{\n \"a\": [1,\n  \"x\"],\n \"b\": {\"c\":\n true}\n}";
        let node = parse_json("c.json", text).unwrap();
        let expected = [("", 1), ("a", 2), ("a", 2), ("a", 3), ("b", 4), ("b.c", 5)];
        assert_eq!(lines(&node), expected.map(|(key, line)| (key.to_owned(), line)));
    }

    #[test]
    fn every_value_of_a_toml_file_knows_its_line() {
        let node = parse_toml("c.toml", "a = [1,\n 'x']\n[b]\nc = 2025-07-15\n").unwrap();
        let expected = [("", 1), ("a", 1), ("a", 1), ("a", 2), ("b", 3), ("b.c", 4)];
        assert_eq!(lines(&node), expected.map(|(key, line)| (key.to_owned(), line)));
    }

    #[test]
    fn a_file_that_is_nested_too_deeply_is_refused_at_the_line_where_it_becomes_so() {
        for (open, close) in [("[\n", "]"), ("{\"a\":\n", "}")] {
            let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            let error = parse_json("c.json", &text).unwrap_err();
            assert_eq!((error.line, error.message.as_str()), (34, "nested too deeply"));
            let text = format!("{}1{}", open.repeat(32), close.repeat(32));
            assert!(parse_json("c.json", &text).is_ok());
        }
        assert!(parse_toml("c.toml", &format!("a = {}", "[".repeat(100_000))).is_err());
    }

    #[test]
    fn text_that_cannot_be_parsed_is_found_by_line() {
        let json = parse_json("c.json", "{\n \"a\": 1,\n \"b\" 2\n}").unwrap_err();
        assert_eq!((json.line, json.message.as_str()), (3, "expected `:`"));
        assert_eq!(parse_json("c.json", "").unwrap_err().line, 1);
        assert_eq!(parse_toml("c.toml", "a = 1\nb = = 2\n").unwrap_err().line, 2);
    }

    #[test]
    fn a_json_key_that_stands_twice_is_refused_where_it_stands() {
        let error =
            parse_json("c.json", "{\n \"a\": {\n  \"b\": 1,\n  \"b\": 2\n }\n}").unwrap_err();
        assert_eq!(error.to_string(), "c.json, line 4, `a.b`: given twice");
    }

    #[test]
    fn a_value_of_the_wrong_kind_says_what_it_is_and_what_it_should_be() {
        let node = parse_json("c.json", "{\"a\": \"eight\"}").unwrap();
        let member = Reader { file: "c.json", node: &node }.members().unwrap().next().unwrap();
        let error = member.number(1_u32).unwrap_err().to_string();
        assert_eq!(
            error,
            "c.json, line 1, `a`: expected a whole number from 1, found the text `eight`"
        );
    }
}
