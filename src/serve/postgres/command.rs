//! What a client's text asks for: rows, or one of the commands that clients expect of PostgreSQL
//! and that read nothing.
//!
//! Recognized by the first words alone. Whatever is no such command is a statement, of which the
//! session decides whether it may run.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::copy::CopyFormat;
use super::words::Words;
use crate::serve::tokens::tokens;

/// One command of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// A statement for the session or the catalog.
    Rows(String),
    /// `COPY … TO STDOUT`.
    Copy {
        sql: String,
        format: CopyFormat,
    },
    /// `SET` and its kin: answered, and kept for `SHOW`.
    Set {
        name: String,
        value: String,
    },
    Reset {
        name: Option<String>,
    },
    /// `SHOW` of a setting.
    Show {
        name: String,
    },
    Begin,
    /// `COMMIT` or `ROLLBACK`, with the word that answers it.
    End {
        tag: &'static str,
    },
    Declare {
        name: String,
        sql: String,
    },
    /// Rows of a cursor; nothing for all that are left.
    Fetch {
        name: String,
        rows: Option<usize>,
    },
    /// Nothing for all cursors.
    CloseCursor {
        name: Option<String>,
    },
    Deallocate {
        name: Option<String>,
    },
    /// Another command that changes nothing here, with the word that answers it.
    Ignored {
        tag: &'static str,
    },
}

/// Splits a text into its statements, without comments' semicolons being taken for ends.
pub(super) fn split(text: &str) -> Vec<String> {
    // The parser says what is wrong with a text that has no form.
    let Some(tokens) = tokens(text) else { return vec![text.to_owned()] };
    let mut statements = Vec::new();
    let mut start = 0;
    for (token, bytes) in tokens {
        if token == Token::SemiColon {
            statements.push(&text[start..bytes.start]);
            start = bytes.end;
        }
    }
    statements.push(&text[start..]);
    statements.retain(|statement| !is_blank(statement));
    statements.into_iter().map(str::to_owned).collect()
}

fn is_blank(statement: &str) -> bool {
    let is_blank = |token: &Token| matches!(token, Token::Whitespace(_));
    tokens(statement).is_some_and(|tokens| tokens.iter().all(|(token, _)| is_blank(token)))
}

impl Command {
    /// Reads one statement of a text.
    ///
    /// # Errors
    /// When it begins like a command that is known and goes on otherwise.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(mut words) = Words::of(text) else { return Ok(Self::Rows(text.to_owned())) };
        let Some(first) = words.keyword() else { return Ok(Self::Rows(text.to_owned())) };
        let command = match first {
            Keyword::COPY => return copy(words),
            Keyword::DECLARE => return declare(words),
            Keyword::FETCH => return fetch(words),
            Keyword::SET => return Ok(set(words)),
            Keyword::SHOW => show(words, text),
            Keyword::RESET => reset(words),
            Keyword::BEGIN | Keyword::START => Self::Begin,
            Keyword::COMMIT | Keyword::END => Self::End { tag: "COMMIT" },
            Keyword::ROLLBACK if words.has(Keyword::TO) => Self::Ignored { tag: "ROLLBACK" },
            Keyword::ROLLBACK | Keyword::ABORT => Self::End { tag: "ROLLBACK" },
            Keyword::SAVEPOINT => Self::Ignored { tag: "SAVEPOINT" },
            Keyword::RELEASE => Self::Ignored { tag: "RELEASE" },
            Keyword::DISCARD => Self::Reset { name: None },
            Keyword::CLOSE => Self::CloseCursor { name: words.name_unless_all() },
            Keyword::DEALLOCATE => {
                words.skip(Keyword::PREPARE);
                Self::Deallocate { name: words.name_unless_all() }
            }
            Keyword::LISTEN => Self::Ignored { tag: "LISTEN" },
            Keyword::UNLISTEN => Self::Ignored { tag: "UNLISTEN" },
            _ => Self::Rows(text.to_owned()),
        };
        Ok(command)
    }
}

fn copy(mut words: Words) -> Result<Command, String> {
    let sql = if words.is_at(&Token::LParen) {
        words.parenthesized().ok_or("COPY has an open parenthesis")?
    } else {
        let table = words.until(&[Keyword::TO, Keyword::FROM]);
        match table.split_once('(') {
            Some((table, columns)) => {
                let columns = columns.trim_end().trim_end_matches(')');
                format!("SELECT {columns} FROM {table}")
            }
            None => format!("SELECT * FROM {table}"),
        }
    };
    if !(words.skip(Keyword::TO) && words.skip(Keyword::STDOUT)) {
        return Err("`COPY` is refused: only COPY … TO STDOUT is possible here".to_owned());
    }
    let format = CopyFormat::parse(words)?;
    Ok(Command::Copy { sql, format })
}

fn declare(mut words: Words) -> Result<Command, String> {
    let name = words.name().ok_or("DECLARE needs the name of a cursor")?;
    words.until(&[Keyword::FOR]);
    if !words.skip(Keyword::FOR) {
        return Err("DECLARE needs FOR and a statement".to_owned());
    }
    Ok(Command::Declare { name, sql: words.rest() })
}

fn fetch(mut words: Words) -> Result<Command, String> {
    let mut rows = Some(1);
    if words.skip(Keyword::NEXT) || words.skip(Keyword::FORWARD) {
        rows = Some(1);
    }
    if words.skip(Keyword::ALL) {
        rows = None;
    } else if let Some(number) = words.number() {
        rows = Some(number);
    }
    let _ = words.skip(Keyword::FROM) || words.skip(Keyword::IN);
    let name = words.name().ok_or("only FETCH FORWARD n FROM a cursor is possible here")?;
    Ok(Command::Fetch { name, rows })
}

fn set(mut words: Words) -> Command {
    let _ = words.skip(Keyword::SESSION) || words.skip(Keyword::LOCAL);
    if words.skip(Keyword::TRANSACTION) || words.is_keyword(Keyword::CHARACTERISTICS) {
        return Command::Ignored { tag: "SET" };
    }
    if words.skip(Keyword::TIME) {
        words.skip(Keyword::ZONE);
        return Command::Set { name: "timezone".to_owned(), value: words.value() };
    }
    let name = words.dotted_name();
    if !words.skip_token(&Token::Eq) {
        words.skip(Keyword::TO);
    }
    Command::Set { name, value: words.value() }
}

/// `SHOW TABLES` and the like are statements; a name is a setting.
fn show(mut words: Words, text: &str) -> Command {
    if words.skip(Keyword::TRANSACTION) {
        return Command::Show { name: "transaction_isolation".to_owned() };
    }
    if words.skip(Keyword::TIME) {
        return Command::Show { name: "timezone".to_owned() };
    }
    let name = words.dotted_name();
    let is_statement = ["tables", "columns", "functions"].contains(&name.as_str());
    if is_statement || !words.is_at_end() {
        return Command::Rows(text.to_owned());
    }
    Command::Show { name }
}

fn reset(mut words: Words) -> Command {
    if words.skip(Keyword::ALL) {
        return Command::Reset { name: None };
    }
    Command::Reset { name: Some(words.dotted_name()) }
}

#[cfg(test)]
mod tests {
    use super::{Command, split};
    use crate::serve::postgres::copy::CopyFormat;

    fn parse(text: &str) -> Command {
        Command::parse(text).unwrap()
    }

    #[test]
    fn a_text_is_split_where_statements_end_and_nowhere_else() {
        let text = "SELECT ';' ; -- a; b\n SELECT \"x;y\" /* ; */;; ;";
        let expected = ["SELECT ';' ", " -- a; b\n SELECT \"x;y\" /* ; */"];
        assert_eq!(split(text), expected);
        assert_eq!(split("-- ping"), Vec::<String>::new());
        for whole in
            ["SELECT 'it''s', E'\\n'", "SELECT E'\\\\;' AS a\n, 'ü;' AS b", "SELECT U&'\\0061'"]
        {
            assert_eq!(split(whole), [whole]);
            assert_eq!(split(&format!("é\n; {whole};")), ["é\n", &format!(" {whole}")]);
        }
    }

    #[test]
    fn commands_are_recognized_in_the_forms_that_clients_send() {
        let rows = |sql: &str| Command::Rows(sql.to_owned());
        assert_eq!(parse("SELECT 1"), rows("SELECT 1"));
        assert_eq!(parse("(SELECT 1)"), rows("(SELECT 1)"));
        assert_eq!(parse("SHOW TABLES"), rows("SHOW TABLES"));
        assert_eq!(parse("INSERT INTO x VALUES (1)"), rows("INSERT INTO x VALUES (1)"));
        assert_eq!(
            parse("show transaction isolation level"),
            Command::Show { name: "transaction_isolation".to_owned() }
        );
        let set = |name: &str, value: &str| Command::Set {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(parse("SET extra_float_digits = 3"), set("extra_float_digits", "3"));
        assert_eq!(parse("SET SESSION a.b TO 'x'"), set("a.b", "x"));
        assert_eq!(parse("SET TIME ZONE 'UTC'"), set("timezone", "UTC"));
        assert_eq!(parse("BEGIN READ ONLY"), Command::Begin);
        assert_eq!(parse("ROLLBACK"), Command::End { tag: "ROLLBACK" });
        let declared = Command::Declare { name: "C 1".to_owned(), sql: "SELECT 1".to_owned() };
        assert_eq!(parse("DECLARE \"C 1\" NO SCROLL CURSOR FOR SELECT 1"), declared);
        let fetch = |rows| Command::Fetch { name: "c".to_owned(), rows };
        assert_eq!(parse("FETCH FORWARD 10 FROM \"c\""), fetch(Some(10)));
        assert_eq!(parse("FETCH FORWARD ALL FROM c"), fetch(None));
        assert_eq!(parse("CLOSE \"c\""), Command::CloseCursor { name: Some("c".to_owned()) });
    }

    #[test]
    fn a_copy_has_its_statement_and_its_format() {
        let copied = |sql: &str, format| Command::Copy { sql: sql.to_owned(), format };
        let sql = "COPY (SELECT ')' AS x) TO STDOUT WITH BINARY";
        assert_eq!(parse(sql), copied("SELECT ')' AS x", CopyFormat::Binary));
        let sql = "COPY (SELECT 1) TO STDOUT (FORMAT csv, HEADER true)";
        let csv = CopyFormat::Csv { header: true, delimiter: b',', null: String::new() };
        assert_eq!(parse(sql), copied("SELECT 1", csv));
        let text = CopyFormat::Text { header: false, delimiter: b'\t', null: "\\N".to_owned() };
        assert_eq!(parse("COPY gold.x TO STDOUT"), copied("SELECT * FROM gold.x", text));
        let sql = "COPY x FROM STDIN";
        assert!(Command::parse(sql).unwrap_err().contains("TO STDOUT"));
        assert!(Command::parse("COPY (SELECT 1) TO '/tmp/x'").is_err());
        assert!(Command::parse("COPY (SELECT 1) TO PROGRAM 'x'").is_err());
    }
}
