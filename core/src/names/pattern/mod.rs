//! How keys are spelled: a pattern renders the key of an archive and reads it back.
//!
//! Patterns are data (`matrix/`). They are strict on purpose: what does not fit is reported as
//! unknown rather than guessed at, because a key is an archive's identity. Which patterns there are
//! belongs to [`crate::matrix`].

use std::fmt;

use thiserror::Error;

use super::market::{Frequency, Interval, Symbol};
use super::period::Period;

/// A spelling such as
/// `data/spot/{frequency}/klines/{symbol}/{interval}/{symbol}-{interval}-{period}.zip`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern {
    text: String,
    /// Each a literal or one placeholder.
    folders: Vec<Token>,
    /// The start of the file name, up to the period.
    stem: Vec<Token>,
    /// What follows the period.
    suffix: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(String),
    Frequency,
    Symbol,
    Interval,
    Period,
}

/// What a key says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyParts {
    pub symbol: Symbol,
    pub interval: Option<Interval>,
    pub period: Period,
}

impl KeyPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// Patterns that could not be read back: see [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (folders, file) = text.rsplit_once('/').ok_or(PatternError::NoFolders)?;
        let folders = folders.split('/').map(folder).collect::<Result<Vec<_>, _>>()?;
        let mut stem = tokens(file)?;
        let at =
            stem.iter().position(|token| *token == Token::Period).ok_or(PatternError::NoPeriod)?;
        let suffix = match stem.get(at + 1..) {
            Some([Token::Literal(suffix)]) if suffix.ends_with(".zip") => suffix.clone(),
            _ => return Err(PatternError::NoZip),
        };
        stem.truncate(at);
        check_folders(&folders)?;
        match stem
            .iter()
            .find(|token| !matches!(token, Token::Literal(_)) && !folders.contains(token))
        {
            Some(token) => Err(PatternError::FileOnly { placeholder: token.name().to_owned() }),
            None => Ok(Self { text: text.to_owned(), folders, stem, suffix }),
        }
    }

    /// Returns whether keys have a folder for the interval.
    #[must_use]
    pub fn has_intervals(&self) -> bool {
        self.folders.contains(&Token::Interval)
    }

    /// Returns the key of an archive; an interval that the pattern has no place for is left out.
    #[must_use]
    pub fn render(&self, symbol: &Symbol, interval: Option<Interval>, period: Period) -> String {
        let mut key = self.period_stem(symbol, interval, period.frequency());
        key.push_str(&format!("{period}{}", self.suffix));
        key
    }

    /// Returns the folder, with its slash, whose folders are symbols.
    #[must_use]
    pub fn symbols_prefix(&self, frequency: Frequency) -> String {
        self.prefix(Some(&Token::Symbol), frequency, None, None)
    }

    /// Returns the folder, with its slash, of one symbol.
    #[must_use]
    pub fn symbol_prefix(&self, frequency: Frequency, symbol: &Symbol) -> String {
        self.prefix(Some(&Token::Interval), frequency, Some(symbol), None)
    }

    /// Returns the folder, with its slash, in which the archives of one series lie.
    #[must_use]
    pub fn series_prefix(
        &self,
        frequency: Frequency,
        symbol: &Symbol,
        interval: Option<Interval>,
    ) -> String {
        self.prefix(None, frequency, Some(symbol), interval)
    }

    /// Returns the key of a series' archives up to where the period stands.
    #[must_use]
    pub fn period_stem(
        &self,
        symbol: &Symbol,
        interval: Option<Interval>,
        frequency: Frequency,
    ) -> String {
        let mut key = self.series_prefix(frequency, symbol, interval);
        for token in &self.stem {
            token.render(&mut key, frequency, Some(symbol), interval);
        }
        key
    }

    /// Returns what follows the period: `.zip`.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// A key that this pattern would not have rendered, with the first thing that is wrong with it.
    pub fn read(&self, key: &str) -> Result<KeyParts, OffPattern> {
        let (folders, file) = key.rsplit_once('/').ok_or(OffPattern::UnknownFolder)?;
        if !file.ends_with(".zip") {
            return Err(OffPattern::NotAnArchive);
        }
        let texts = self.read_folders(folders)?;
        let period = self.read_file(file, &texts)?;
        if period.frequency() != texts.frequency {
            return Err(OffPattern::Period {
                found: period.to_string(),
                frequency: texts.frequency,
            });
        }
        let symbol = texts
            .symbol
            .parse()
            .map_err(|_| OffPattern::Symbol { found: texts.symbol.to_owned() })?;
        Ok(KeyParts { symbol, interval: texts.parsed_interval, period })
    }

    fn read_folders<'a>(&self, folders: &'a str) -> Result<Folders<'a>, OffPattern> {
        let mut found = Folders {
            frequency: Frequency::Daily,
            symbol: "",
            interval: "",
            parsed_interval: None,
        };
        let mut texts = folders.split('/');
        for token in &self.folders {
            let text = texts.next().ok_or(OffPattern::Depth)?;
            match token {
                Token::Literal(literal) if literal != text => {
                    return Err(OffPattern::UnknownFolder);
                }
                Token::Literal(_) | Token::Period => {}
                Token::Frequency => {
                    found.frequency = text.parse().map_err(|_| OffPattern::UnknownFolder)?;
                }
                Token::Symbol => found.symbol = text,
                Token::Interval => {
                    found.interval = text;
                    found.parsed_interval = Some(read_interval(text)?);
                }
            }
        }
        if texts.next().is_some() { Err(OffPattern::Depth) } else { Ok(found) }
    }

    fn read_file(&self, file: &str, texts: &Folders<'_>) -> Result<Period, OffPattern> {
        let rest =
            self.stem.iter().try_fold(file, |rest, token| rest.strip_prefix(texts.text(token)));
        let period = rest
            .and_then(|rest| rest.strip_suffix(self.suffix.as_str()))
            .ok_or(OffPattern::FileName)?;
        let found = || OffPattern::Period { found: period.to_owned(), frequency: texts.frequency };
        period.parse().map_err(|_| found())
    }

    fn prefix(
        &self,
        end: Option<&Token>,
        frequency: Frequency,
        symbol: Option<&Symbol>,
        interval: Option<Interval>,
    ) -> String {
        let mut key = String::new();
        for token in self.folders.iter().take_while(|token| Some(*token) != end) {
            token.render(&mut key, frequency, symbol, interval);
            key.push('/');
        }
        key
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// The folders of a key, by what they stand for.
struct Folders<'a> {
    frequency: Frequency,
    symbol: &'a str,
    interval: &'a str,
    parsed_interval: Option<Interval>,
}

impl<'a> Folders<'a> {
    fn text(&self, token: &'a Token) -> &'a str {
        match token {
            Token::Literal(literal) => literal,
            Token::Frequency => self.frequency.as_str(),
            Token::Symbol => self.symbol,
            Token::Interval => self.interval,
            Token::Period => "",
        }
    }
}

impl Token {
    fn parse(name: &str) -> Result<Self, PatternError> {
        match name {
            "frequency" => Ok(Self::Frequency),
            "symbol" => Ok(Self::Symbol),
            "interval" => Ok(Self::Interval),
            "period" => Ok(Self::Period),
            _ => Err(PatternError::Placeholder { found: name.to_owned() }),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Literal(literal) => literal,
            Self::Frequency => "frequency",
            Self::Symbol => "symbol",
            Self::Interval => "interval",
            Self::Period => "period",
        }
    }

    fn render(
        &self,
        key: &mut String,
        frequency: Frequency,
        symbol: Option<&Symbol>,
        interval: Option<Interval>,
    ) {
        match self {
            Self::Literal(literal) => key.push_str(literal),
            Self::Frequency => key.push_str(frequency.as_str()),
            Self::Symbol => key.push_str(symbol.map_or("", Symbol::as_str)),
            Self::Interval => {
                key.push_str(&interval.map(|interval| interval.to_string()).unwrap_or_default());
            }
            Self::Period => {}
        }
    }
}

fn folder(text: &str) -> Result<Token, PatternError> {
    match <[Token; 1]>::try_from(tokens(text)?) {
        Ok([token]) => Ok(token),
        Err(_) => Err(PatternError::Folder { found: text.to_owned() }),
    }
}

fn tokens(mut text: &str) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::new();
    while !text.is_empty() {
        let literal = text.find(['{', '}']).unwrap_or(text.len());
        if literal > 0 {
            tokens.push(Token::Literal(text[..literal].to_owned()));
            text = &text[literal..];
            continue;
        }
        let (name, rest) = text
            .strip_prefix('{')
            .and_then(|text| text.split_once('}'))
            .ok_or(PatternError::Braces)?;
        tokens.push(Token::parse(name)?);
        text = rest;
    }
    Ok(tokens)
}

/// Frequency, symbol and interval must stand in this order: listings go from one to the next.
fn check_folders(folders: &[Token]) -> Result<(), PatternError> {
    let placeholders: Vec<&Token> =
        folders.iter().filter(|token| !matches!(token, Token::Literal(_))).collect();
    match placeholders[..] {
        [Token::Frequency, Token::Symbol] | [Token::Frequency, Token::Symbol, Token::Interval] => {}
        _ => return Err(PatternError::Order),
    }
    let symbol = folders.iter().position(|token| *token == Token::Symbol).unwrap_or_default();
    let below = folders[symbol..].iter().find(|token| matches!(token, Token::Literal(_)));
    below.map_or(Ok(()), |token| Err(PatternError::BelowSymbol { found: token.name().to_owned() }))
}

/// Accepts no other spelling than the archive's own, so that one archive has one key.
fn read_interval(text: &str) -> Result<Interval, OffPattern> {
    let interval = text.parse().ok().filter(|_| !text.ends_with('M'));
    interval.ok_or_else(|| OffPattern::Interval { found: text.to_owned() })
}

/// Why a key fits no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OffPattern {
    #[error("outside the folders of every known market and data type")]
    UnknownFolder,
    #[error("not a zip")]
    NotAnArchive,
    #[error("too few or too many folders for its data type")]
    Depth,
    #[error("`{found}` is no symbol")]
    Symbol { found: String },
    #[error("`{found}` is no interval")]
    Interval { found: String },
    #[error("the file name disagrees with its folders")]
    FileName,
    #[error("`{found}` is not the date of a {frequency} archive; expected \
    {}", date_form(*frequency))]
    Period { found: String, frequency: Frequency },
}

const fn date_form(frequency: Frequency) -> &'static str {
    match frequency {
        Frequency::Daily => "YYYY-MM-DD",
        Frequency::Monthly => "YYYY-MM",
    }
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    #[error("no folders; expected folders and a file name, separated by `/`")]
    NoFolders,
    #[error("braces do not match")]
    Braces,
    #[error(
        "unknown placeholder `{{{found}}}`; expected {{frequency}}, {{symbol}}, {{interval}} or \
        {{period}}"
    )]
    Placeholder { found: String },
    #[error("folder `{found}` is neither a name nor one placeholder")]
    Folder { found: String },
    #[error(
        "the folders must hold {{frequency}}, {{symbol}} and possibly {{interval}}, once each and \
        in this order"
    )]
    Order,
    #[error("folder `{found}` below {{symbol}}; expected only {{interval}} there")]
    BelowSymbol { found: String },
    #[error("no {{period}} in the file name")]
    NoPeriod,
    #[error("{{period}} must be followed by text that ends in `.zip`, and nothing else")]
    NoZip,
    #[error("{{{placeholder}}} is in the file name but in no folder")]
    FileOnly { placeholder: String },
}

#[cfg(test)]
mod tests;
