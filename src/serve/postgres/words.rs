//! The words of a command, read from left to right.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// What is left of a command.
#[derive(Debug)]
pub(super) struct Words {
    /// In reverse order, so that the next one is the last.
    tokens: Vec<Token>,
}

impl Words {
    /// Reads a text; nothing where it has no form at all.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut tokens =
            Tokenizer::new(&PostgreSqlDialect {}, text).with_unescape(false).tokenize().ok()?;
        tokens.reverse();
        let mut words = Self { tokens };
        words.skip_blanks();
        Some(words)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.tokens.last(), Some(Token::Whitespace(_))) {
            self.tokens.pop();
        }
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.pop();
        self.skip_blanks();
        token
    }

    pub(super) fn is_at(&self, token: &Token) -> bool {
        self.tokens.last() == Some(token)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn is_keyword(&self, keyword: Keyword) -> bool {
        matches!(self.tokens.last(), Some(Token::Word(word)) if word.keyword == keyword)
    }

    /// Returns whether a keyword is somewhere in what is left.
    pub(super) fn has(&self, keyword: Keyword) -> bool {
        let is = |token: &Token| matches!(token, Token::Word(word) if word.keyword == keyword);
        self.tokens.iter().any(is)
    }

    /// Takes the next keyword.
    pub(super) fn keyword(&mut self) -> Option<Keyword> {
        let keyword = match self.tokens.last()? {
            Token::Word(word) => word.keyword,
            _ => return None,
        };
        self.take();
        Some(keyword)
    }

    /// Takes this keyword, and returns whether it was there.
    pub(super) fn skip(&mut self, keyword: Keyword) -> bool {
        let is_next = self.is_keyword(keyword);
        if is_next {
            self.take();
        }
        is_next
    }

    pub(super) fn skip_token(&mut self, token: &Token) -> bool {
        let is_next = self.is_at(token);
        if is_next {
            self.take();
        }
        is_next
    }

    /// Takes a name; one that is not quoted is in small letters.
    pub(super) fn name(&mut self) -> Option<String> {
        let Token::Word(word) = self.tokens.last()? else { return None };
        let name = match word.quote_style {
            Some(_) => word.value.replace("\"\"", "\""),
            None => word.value.to_lowercase(),
        };
        self.take();
        Some(name)
    }

    /// Takes a name, or nothing for the word `ALL`.
    pub(super) fn name_unless_all(&mut self) -> Option<String> {
        if self.skip(Keyword::ALL) {
            return None;
        }
        self.name()
    }

    /// Takes a name that may have parts.
    pub(super) fn dotted_name(&mut self) -> String {
        let mut name = self.name().unwrap_or_default();
        while self.skip_token(&Token::Period) {
            name = format!("{name}.{}", self.name().unwrap_or_default());
        }
        name
    }

    pub(super) fn number(&mut self) -> Option<usize> {
        let Token::Number(digits, _) = self.tokens.last()? else { return None };
        let number = digits.parse().ok()?;
        self.take();
        Some(number)
    }

    /// Takes all that is left as the value of a setting.
    pub(super) fn value(&mut self) -> String {
        let mut value = String::new();
        while let Some(token) = self.tokens.pop() {
            match token {
                Token::SingleQuotedString(text) => value.push_str(&text.replace("''", "'")),
                Token::Word(word) => value.push_str(&word.value),
                token => value.push_str(&token.to_string()),
            }
        }
        value.trim().to_owned()
    }

    /// Takes the value of an option: a text or a word.
    pub(super) fn option(&mut self) -> String {
        self.skip(Keyword::AS);
        match self.take() {
            Some(Token::SingleQuotedString(text)) => text.replace("''", "'"),
            Some(Token::EscapedStringLiteral(text)) if text == "\\t" => "\t".to_owned(),
            Some(Token::Word(word)) => word.value.to_lowercase(),
            Some(token) => token.to_string(),
            None => String::new(),
        }
    }

    /// Takes the value of an option that may be on without one.
    pub(super) fn flag(&mut self) -> bool {
        if self.is_at_end() || self.is_at(&Token::Comma) || self.is_at(&Token::RParen) {
            return true;
        }
        !["false", "off", "0"].contains(&self.option().as_str())
    }

    /// Takes what is before the first of some keywords, as text.
    pub(super) fn until(&mut self, ends: &[Keyword]) -> String {
        let mut text = String::new();
        while let Some(token) = self.tokens.last() {
            if matches!(token, Token::Word(word) if ends.contains(&word.keyword)) {
                break;
            }
            text.push_str(&token.to_string());
            self.tokens.pop();
        }
        text.trim().to_owned()
    }

    /// Takes what is between a parenthesis and its partner.
    pub(super) fn parenthesized(&mut self) -> Option<String> {
        let mut depth = 0_usize;
        let mut text = String::new();
        while let Some(token) = self.tokens.pop() {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.skip_blanks();
                return Some(text.get(1..).unwrap_or_default().trim().to_owned());
            }
            text.push_str(&token.to_string());
        }
        None
    }

    /// Takes all that is left, as text.
    pub(super) fn rest(mut self) -> String {
        self.tokens.reverse();
        self.tokens.iter().map(Token::to_string).collect::<String>().trim().to_owned()
    }
}
