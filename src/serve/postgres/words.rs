//! The words of a command, read from left to right.

use std::ops::Range;

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::serve::tokens::tokens;

/// What is left of a command.
#[derive(Debug)]
pub(super) struct Words {
    text: String,
    /// With their bytes, in reverse order, so that the next one is the last.
    tokens: Vec<(Token, Range<usize>)>,
}

impl Words {
    /// Reads a text; nothing where it has no form at all.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut tokens = tokens(text)?;
        tokens.reverse();
        let mut words = Self { text: text.to_owned(), tokens };
        words.skip_blanks();
        Some(words)
    }

    fn next(&self) -> Option<&Token> {
        self.tokens.last().map(|(token, _)| token)
    }

    /// Returns the place in the text where what is left begins.
    fn place(&self) -> usize {
        self.tokens.last().map_or(self.text.len(), |(_, bytes)| bytes.start)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.next(), Some(Token::Whitespace(_))) {
            self.tokens.pop();
        }
    }

    fn take(&mut self) -> Option<Token> {
        let (token, _) = self.tokens.pop()?;
        self.skip_blanks();
        Some(token)
    }

    pub(super) fn is_at(&self, token: &Token) -> bool {
        self.next() == Some(token)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn is_keyword(&self, keyword: Keyword) -> bool {
        matches!(self.next(), Some(Token::Word(word)) if word.keyword == keyword)
    }

    /// Returns whether a keyword is somewhere in what is left.
    pub(super) fn has(&self, keyword: Keyword) -> bool {
        let is = |token: &Token| matches!(token, Token::Word(word) if word.keyword == keyword);
        self.tokens.iter().any(|(token, _)| is(token))
    }

    /// Takes the next keyword.
    pub(super) fn keyword(&mut self) -> Option<Keyword> {
        let keyword = match self.next()? {
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
        let Token::Word(word) = self.next()? else { return None };
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
        let Token::Number(digits, _) = self.next()? else { return None };
        let number = digits.parse().ok()?;
        self.take();
        Some(number)
    }

    /// Takes all that is left as the value of a setting.
    pub(super) fn value(&mut self) -> String {
        let mut value = String::new();
        while let Some((token, _)) = self.tokens.pop() {
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
            Some(Token::EscapedStringLiteral(text)) => text,
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
        let start = self.place();
        let is_end =
            |token: &Token| matches!(token, Token::Word(word) if ends.contains(&word.keyword));
        while self.next().is_some_and(|token| !is_end(token)) {
            self.tokens.pop();
        }
        self.text[start..self.place()].trim().to_owned()
    }

    /// Takes what is between a parenthesis, which is next, and its partner.
    pub(super) fn parenthesized(&mut self) -> Option<String> {
        let mut depth = 0_usize;
        let start = self.place() + 1;
        while let Some((token, bytes)) = self.tokens.pop() {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                self.skip_blanks();
                return self.text.get(start..bytes.start).map(|text| text.trim().to_owned());
            }
        }
        None
    }

    /// Takes all that is left, as text.
    pub(super) fn rest(self) -> String {
        self.text[self.place()..].trim().to_owned()
    }
}
