//! Completion of the word under the cursor: tables, columns, keywords, commands.
//!
//! Names are read from the lake at each prompt, so that a table that an ingest has just created is
//! offered as well.

use lakehouse_core::names::table::ALL_SCHEMA;

use super::command::{WORDS, formats};
use crate::query::Session;
use crate::storage::lake::{Layer, TableName};

/// Words of the statements that the lake answers.
const KEYWORDS: &str = "\
    ALL AND ANALYZE AS ASC BETWEEN BY CASE CAST COUNT CROSS CURRENT_DATE DATE DESC DESCRIBE \
    DISTINCT ELSE END EXCEPT EXISTS EXPLAIN EXTRACT FALSE FILTER FROM FULL GROUP HAVING ILIKE IN \
    INNER INTERSECT INTERVAL IS JOIN LAST LEFT LIKE LIMIT NOT NULL NULLS OFFSET ON OR ORDER OUTER \
    OVER PARTITION RIGHT ROWS SELECT SHOW TABLES THEN TIMESTAMP TRUE UNION UNNEST USING VALUES \
    WHEN WHERE WINDOW WITH";

/// The lake's tables with their columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    tables: Vec<(TableName, Vec<String>)>,
}

impl Names {
    /// Reads the names; what cannot be read is not offered.
    pub(super) async fn read(session: &Session) -> Self {
        let catalog = session.catalog();
        let mut tables = Vec::new();
        for name in catalog.list().await.unwrap_or_default() {
            if let Ok(Some(table)) = catalog.open(&name).await {
                let columns =
                    table.snapshot().schema().fields().iter().map(|field| field.name().clone());
                tables.push((name, columns.collect()));
            }
        }
        Self { tables }
    }

    /// Returns where the word before the cursor begins, and its completions; `text` ends at the
    /// cursor.
    pub(super) fn complete(&self, text: &str) -> (usize, Vec<String>) {
        let line = text.rsplit('\n').next().unwrap_or_default();
        if line.trim_start().starts_with('\\') {
            return self.complete_command(text, line.trim_start());
        }
        let start = text
            .rfind(|letter: char| !is_word_character(letter))
            .map_or(0, |at| at + character_length(text, at));
        let word = &text[start..];
        let mut found = match word.rsplit_once('.') {
            Some((layer, _)) if is_layer(layer) => self.table_names(),
            Some((qualifier, _)) => {
                let columns = self.columns(text);
                columns.into_iter().map(|column| format!("{qualifier}.{column}")).collect()
            }
            None if word.is_empty() && !expects_table(text, start) => Vec::new(),
            None if expects_table(text, start) => self.short_names(),
            None => [self.columns(text), keywords(word), self.short_names()].concat(),
        };
        found.retain(|name| begins_with(name, word));
        found.sort_unstable();
        found.dedup();
        (start, found)
    }

    fn complete_command(&self, text: &str, line: &str) -> (usize, Vec<String>) {
        let Some((command, word)) = line.split_once(' ') else {
            let found =
                WORDS.iter().filter(|word| word.starts_with(line)).map(|word| (*word).to_owned());
            return (text.len() - line.len(), found.collect());
        };
        let mut found = match command {
            "\\d" if word.contains('.') => self.table_names(),
            "\\d" => self.short_names(),
            "\\format" => formats(),
            _ => Vec::new(),
        };
        found.retain(|name| begins_with(name, word));
        (text.len() - word.len(), found)
    }

    /// Returns all tables with their layers, and those that are joined with what is provisional.
    fn table_names(&self) -> Vec<String> {
        let recent = self.tables.iter().filter(|(name, _)| name.layer == Layer::Recent);
        let joined = recent.map(|(name, _)| format!("{ALL_SCHEMA}.{}", name.name));
        self.tables.iter().map(|(name, _)| name.to_string()).chain(joined).collect()
    }

    /// Returns all tables with their layers, and those of silver also without it.
    fn short_names(&self) -> Vec<String> {
        let silver = self.tables.iter().filter(|(name, _)| name.layer == Layer::Silver);
        self.table_names().into_iter().chain(silver.map(|(name, _)| name.name.clone())).collect()
    }

    /// Returns the columns of the tables that a statement names, or of all if it names none.
    fn columns(&self, text: &str) -> Vec<String> {
        let words: Vec<&str> = text.split(|letter| !is_word_character(letter)).collect();
        let is_named = |name: &TableName| {
            let mut names = vec![name.to_string()];
            if name.layer == Layer::Silver {
                names.extend([name.name.clone(), format!("{ALL_SCHEMA}.{}", name.name)]);
            }
            words.iter().any(|word| names.iter().any(|name| name == word))
        };
        let named: Vec<_> = self.tables.iter().filter(|(name, _)| is_named(name)).collect();
        let tables = if named.is_empty() { self.tables.iter().collect() } else { named };
        tables.into_iter().flat_map(|(_, columns)| columns.clone()).collect()
    }
}

fn is_word_character(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '.'
}

fn character_length(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

fn is_layer(name: &str) -> bool {
    Layer::named(name).is_some() || name == ALL_SCHEMA
}

fn begins_with(name: &str, word: &str) -> bool {
    name.get(..word.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
}

/// Returns whether a table's name is expected at `start`: right after FROM or JOIN.
fn expects_table(text: &str, start: usize) -> bool {
    let before = text[..start].split_whitespace().next_back().unwrap_or_default();
    text[..start].ends_with(char::is_whitespace)
        && ["from", "join"].iter().any(|word| word.eq_ignore_ascii_case(before))
}

/// Returns the keywords in the case in which the user types.
fn keywords(word: &str) -> Vec<String> {
    let small = word.starts_with(|letter: char| letter.is_ascii_lowercase());
    let words = KEYWORDS.split_whitespace();
    words.map(|keyword| if small { keyword.to_lowercase() } else { keyword.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_with_provisional_rows_are_offered_where_there_are_any() {
        let table = |layer, column: &str| {
            (TableName::new(layer, "klines"), vec!["symbol".to_owned(), column.to_owned()])
        };
        let silver = Names { tables: vec![table(Layer::Silver, "open")] };
        assert_eq!(silver.complete("SELECT * FROM all.k"), (14, Vec::new()));
        let both = Names { tables: vec![silver.tables[0].clone(), table(Layer::Recent, "open")] };
        assert_eq!(both.complete("SELECT * FROM all.k"), (14, vec!["all.klines".to_owned()]));
        assert_eq!(both.complete("\\d all.k"), (3, vec!["all.klines".to_owned()]));
        let columns = both.complete("SELECT * FROM all.klines WHERE sym");
        assert_eq!(columns, (31, vec!["symbol".to_owned()]));
    }
}
