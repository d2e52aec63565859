//! Words that the parser does not read, replaced by words that it does.
//!
//! | written | read by the parser as |
//! |---|---|
//! | `a ASOF [LEFT] JOIN b ON …` | `a GLOBAL INNER|LEFT JOIN b ON …` |
//! | `a ASOF LEFT JOIN b MATCH_CONDITION …` | `a GLOBAL ASOF JOIN b MATCH_CONDITION …` |
//! | `USING SAMPLE 10%` | `SAMPLE (10 PERCENT)` |
//! | `TABLESAMPLE reservoir(10 ROWS)` | `TABLESAMPLE ROW (10 ROWS)` |
//! | `ORDER BY ALL` | `ORDER BY "*all*"` |
//! | `SUMMARIZE t` | `SELECT * FROM (SELECT * FROM t) AS "*summary*"` |
//!
//! `GLOBAL` before JOIN is a word of ClickHouse that means nothing here. Replaced tokens keep their
//! places in the text, so that messages name them.

use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

/// The column that stands for all columns in ORDER BY. No table has it: it is no name of a column.
pub(super) const ALL_COLUMNS: &str = "*all*";

/// The alias of the rows that SUMMARIZE describes.
pub(in crate::query::dialect) const SUMMARY: &str = "*summary*";

/// Reads a text as the tokens that the parser understands.
///
/// # Errors
/// When the text is no SQL, or has words that mean nothing here.
pub(in crate::query::dialect) fn tokens(
    text: &str,
    dialect: &dyn Dialect,
) -> Result<Vec<TokenWithSpan>, DataFusionError> {
    let all = Tokenizer::new(dialect, text).tokenize_with_location().map_err(ParserError::from)?;
    let is_space = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let read = all.into_iter().filter(|token| !is_space(token)).collect();
    let mut source = Source { tokens: read, at: 0 };
    let mut written = Vec::new();
    while source.at < source.tokens.len() {
        source.rewrite(&mut written)?;
    }
    Ok(written)
}

/// The tokens that were typed, without the space between them.
struct Source {
    tokens: Vec<TokenWithSpan>,
    at: usize,
}

impl Source {
    /// Takes the next tokens, and writes those that the parser is to read.
    fn rewrite(&mut self, written: &mut Vec<TokenWithSpan>) -> Result<()> {
        let is_first = written.last().is_none_or(|last| last.token == Token::SemiColon);
        if is_first && self.has(0, &["SUMMARIZE"]) && self.tokens.len() > self.at + 1 {
            return self.summarize(written);
        }
        if self.has(0, &["ASOF"]) && self.asof(written)? {
            return Ok(());
        }
        if self.has(0, &["USING", "SAMPLE"]) || self.has(0, &["TABLESAMPLE"]) {
            return self.sample(written);
        }
        if self.has(0, &["ORDER", "BY", "ALL"]) {
            for _ in 0..2 {
                self.copy(written);
            }
            let span = self.span();
            written.push(TokenWithSpan::new(Token::make_word(ALL_COLUMNS, Some('"')), span));
            self.at += 1;
            return Ok(());
        }
        if self.has(0, &["GLOBAL"]) && self.begins_join(1) {
            return plan_err!("GLOBAL has no meaning here: write the join without it");
        }
        self.copy(written);
        Ok(())
    }

    fn copy(&mut self, written: &mut Vec<TokenWithSpan>) {
        written.extend(self.tokens.get(self.at).cloned());
        self.at += 1;
    }

    /// Returns whether these words follow, without quotes.
    fn has(&self, ahead: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(index, word)| {
            self.word(ahead + index).is_some_and(|found| found.eq_ignore_ascii_case(word))
        })
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.token(ahead)? {
            Token::Word(word) if word.quote_style.is_none() => Some(&word.value),
            _ => None,
        }
    }

    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|token| &token.token)
    }

    fn span(&self) -> Span {
        self.tokens.get(self.at).map_or_else(Span::empty, |token| token.span)
    }

    fn begins_join(&self, ahead: usize) -> bool {
        ["JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "ASOF", "SEMI", "ANTI", "NATURAL"]
            .iter()
            .any(|word| self.has(ahead, &[word]))
    }

    /// Writes an ASOF join; returns whether there is one.
    fn asof(&mut self, written: &mut Vec<TokenWithSpan>) -> Result<bool> {
        let forms: [(&[&str], bool); 4] = [
            (&["JOIN"], false),
            (&["INNER", "JOIN"], false),
            (&["LEFT", "JOIN"], true),
            (&["LEFT", "OUTER", "JOIN"], true),
        ];
        let Some((words, is_outer)) = forms.into_iter().find(|(words, _)| self.has(1, words))
        else {
            if self.begins_join(1) {
                return plan_err!("an ASOF join is `ASOF JOIN` or `ASOF LEFT JOIN`");
            }
            return Ok(false);
        };
        let join = match (self.has_match_condition(1 + words.len()), is_outer) {
            (true, false) => "ASOF JOIN",
            (true, true) => "GLOBAL ASOF JOIN",
            (false, false) => "GLOBAL INNER JOIN",
            (false, true) => "GLOBAL LEFT JOIN",
        };
        self.write(written, join, 1 + words.len());
        Ok(true)
    }

    /// Writes words for the next `taken` tokens.
    fn write(&mut self, written: &mut Vec<TokenWithSpan>, words: &str, taken: usize) {
        let span = self.span();
        let word = |word| TokenWithSpan::new(Token::make_keyword(word), span);
        written.extend(words.split(' ').map(word));
        self.at += taken;
    }

    /// Returns whether the join whose right side begins here has a MATCH_CONDITION.
    fn has_match_condition(&self, ahead: usize) -> bool {
        let mut depth = 0;
        for token in self.tokens.iter().skip(self.at + ahead) {
            match &token.token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 0 => return false,
                Token::RParen => depth -= 1,
                Token::SemiColon => return false,
                Token::Word(word) if depth == 0 && word.quote_style.is_none() => {
                    match word.keyword {
                        Keyword::MATCH_CONDITION => return true,
                        Keyword::ON | Keyword::USING | Keyword::JOIN | Keyword::WHERE => {
                            return false;
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Writes what SUMMARIZE describes as a subquery.
    fn summarize(&mut self, written: &mut Vec<TokenWithSpan>) -> Result<()> {
        let is_query = ["SELECT", "WITH", "VALUES", "FROM"].iter().any(|word| self.has(1, &[word]));
        let span = self.span();
        let mut push = |token| written.push(TokenWithSpan::new(token, span));
        for word in ["SELECT", "*", "FROM"] {
            push(if word == "*" { Token::Mul } else { Token::make_keyword(word) });
        }
        push(Token::LParen);
        if !is_query {
            for word in ["SELECT", "*", "FROM"] {
                push(if word == "*" { Token::Mul } else { Token::make_keyword(word) });
            }
        }
        self.at += 1;
        while self.token(0).is_some_and(|token| !matches!(token, Token::SemiColon | Token::EOF)) {
            self.rewrite(written)?;
        }
        let mut push = |token| written.push(TokenWithSpan::new(token, span));
        push(Token::RParen);
        push(Token::make_keyword("AS"));
        push(Token::make_word(SUMMARY, Some('"')));
        Ok(())
    }

    /// Writes a sample in the order of words that the parser knows.
    fn sample(&mut self, written: &mut Vec<TokenWithSpan>) -> Result<()> {
        let span = self.span();
        let is_of_all = self.has(0, &["USING"]);
        self.at += if is_of_all { 2 } else { 1 };
        let mut sample = SampleWords::default();
        self.read_amount(&mut sample)?;
        self.read_method_after(&mut sample);
        let keyword = if is_of_all { "SAMPLE" } else { "TABLESAMPLE" };
        let mut push = |token| written.push(TokenWithSpan::new(token, span));
        push(Token::make_keyword(keyword));
        if let Some(method) = &sample.method {
            push(Token::make_keyword(method));
        }
        push(Token::LParen);
        push(Token::Number(sample.amount.clone(), false));
        push(Token::make_keyword(sample.unit(is_of_all)?));
        push(Token::RParen);
        if let Some(seed) = sample.seed {
            for token in [Token::make_keyword("REPEATABLE"), Token::LParen, seed, Token::RParen] {
                push(token);
            }
        }
        Ok(())
    }

    /// Reads `10%`, `(10 ROWS)` or `bernoulli(10 PERCENT)`.
    fn read_amount(&mut self, sample: &mut SampleWords) -> Result<()> {
        sample.method = self.take_method();
        let in_parentheses = self.take(&Token::LParen);
        let Some(Token::Number(amount, _)) = self.token(0).cloned() else {
            return plan_err!(
                "a sample has a size: TABLESAMPLE bernoulli(10 PERCENT), or USING SAMPLE 1000 ROWS"
            );
        };
        sample.amount = amount;
        self.at += 1;
        if self.take(&Token::Mod) || self.take_word("PERCENT") {
            sample.unit = Some("PERCENT");
        } else if self.take_word("ROWS") || self.take_word("ROW") {
            sample.unit = Some("ROWS");
        }
        if in_parentheses && !self.take(&Token::RParen) {
            return plan_err!("the size of a sample is a number of ROWS or PERCENT");
        }
        Ok(())
    }

    /// Reads `(bernoulli)`, `(system, 42)` or `REPEATABLE (42)`.
    fn read_method_after(&mut self, sample: &mut SampleWords) {
        let before = self.at;
        if self.take(&Token::LParen) {
            sample.method = self.take_method().or(sample.method.take());
            if self.take(&Token::Comma) {
                sample.seed = self.token(0).cloned();
                self.at += 1;
            }
            if !self.take(&Token::RParen) {
                self.at = before;
            }
        }
        if (self.has(0, &["REPEATABLE"]) || self.has(0, &["SEED"]))
            && self.token(1) == Some(&Token::LParen)
            && self.token(3) == Some(&Token::RParen)
        {
            sample.seed = self.token(2).cloned();
            self.at += 4;
        }
    }

    fn take_method(&mut self) -> Option<&'static str> {
        let methods = [("BERNOULLI", "BERNOULLI"), ("SYSTEM", "SYSTEM"), ("RESERVOIR", "ROW")];
        let (_, method) = methods.into_iter().find(|(word, _)| self.has(0, &[word]))?;
        self.at += 1;
        Some(method)
    }

    fn take(&mut self, token: &Token) -> bool {
        let is_next = self.token(0) == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.has(0, &[word]);
        self.at += usize::from(is_next);
        is_next
    }
}

/// What was written of a sample.
#[derive(Debug, Default)]
struct SampleWords {
    method: Option<&'static str>,
    amount: String,
    unit: Option<&'static str>,
    seed: Option<Token>,
}

impl SampleWords {
    /// Returns the unit: PostgreSQL's methods take a percentage, DuckDB's number alone is of rows.
    fn unit(&self, is_of_all: bool) -> Result<&'static str> {
        match (self.unit, self.method) {
            (Some(unit), _) => Ok(unit),
            (None, Some("BERNOULLI" | "SYSTEM")) => Ok("PERCENT"),
            (None, Some(_)) => Ok("ROWS"),
            (None, None) if is_of_all => Ok("ROWS"),
            (None, None) => plan_err!(
                "say of what: TABLESAMPLE ({0} PERCENT), or TABLESAMPLE ({0} ROWS)",
                self.amount
            ),
        }
    }
}
