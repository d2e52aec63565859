//! What the archive's bucket says it holds: pages of a listing, and what they amount to.
//!
//! Pages are in the form of S3's first listing protocol, which is what the archive's host speaks.
//! Requesting pages, and trying again when that fails, belongs to the shell.

pub mod checksum;

mod inventory;
mod window;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};
use thiserror::Error;

pub use self::inventory::{Inventory, Published, SeriesListing, inventory};
pub use self::window::{SeriesWindow, expected};
use crate::foreign::shown;

/// Bytes of text in one element; a key has at most 1,024, or three times as many encoded.
const LONGEST_TEXT: usize = 8 * 1024;
/// Entries of a page; a bucket sends at most 1,000.
const MOST_ENTRIES: usize = 20_000;
/// Bytes of an entity tag that are worth keeping; S3's have 32 to 38.
pub const LONGEST_ETAG: usize = 256;

/// One key of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Without its quotes.
    pub etag: Option<String>,
    pub last_modified: Option<DateTime<Utc>>,
}

/// One page of a listing: up to a thousand keys, and the folders of a listing that stops at each
/// slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingPage {
    pub objects: Vec<Listed>,
    /// Each with its slash.
    pub prefixes: Vec<String>,
    /// The marker of the request for the next page, if there is one.
    pub next_marker: Option<String>,
}

/// Levels of the elements that a page is read from: list, object, property.
const DEEPEST: usize = 3;

/// Reads one page.
///
/// # Errors
///
/// An error document, with the server's code and message; anything else that is no complete page.
pub fn parse_page(xml: &[u8]) -> Result<ListingPage, ListingError> {
    let mut reader = Reader::from_reader(xml);
    let mut document = ListingDocument::default();
    loop {
        let event = reader.read_event().map_err(|error| not_xml(&error))?;
        match event {
            Event::Start(start) => {
                document.start(&String::from_utf8_lossy(start.local_name().as_ref()))?;
            }
            Event::Text(text) => {
                document.push_text(&text.decode().map_err(|error| not_xml(&error))?)?;
            }
            Event::CData(text) => {
                document.push_text(&text.decode().map_err(|error| not_xml(&error))?)?;
            }
            Event::GeneralRef(reference) => document.push_text(&entity(&reference)?)?,
            Event::End(_) => document.end()?,
            Event::Eof => return document.into_page(),
            Event::Empty(_)
            | Event::Decl(_)
            | Event::Comment(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

/// Why a body is no page of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListingError {
    #[error("the listing was refused: {code}: {message}")]
    Refused { code: String, message: String },
    #[error("not a listing but a document of `{root}`; is this the address of a bucket's listing?")]
    Foreign { root: String },
    #[error("the listing is no XML: {reason}")]
    Xml { reason: String },
    #[error("the listing is cut short")]
    CutShort,
    #[error("the listing says `{value}` for {element}; expected {expected}")]
    Value { element: String, value: String, expected: &'static str },
    #[error("the listing has an object without a {element}")]
    Missing { element: &'static str },
    #[error("the listing says that it goes on, but not from where")]
    NoMarker,
}

/// The document as far as it was read.
#[derive(Debug, Default)]
struct ListingDocument {
    /// Names of the open elements, outermost first.
    open: Vec<String>,
    /// Whether a whole document was read.
    complete: bool,
    /// Text of the innermost element.
    text: String,
    page: ListingPage,
    object: PartialObject,
    truncated: bool,
    next_marker: Option<String>,
    url_encoded: bool,
    code: String,
    message: String,
}

#[derive(Debug, Default)]
struct PartialObject {
    key: Option<String>,
    size: Option<u64>,
    etag: Option<String>,
    last_modified: Option<DateTime<Utc>>,
}

impl ListingDocument {
    fn start(&mut self, name: &str) -> Result<(), ListingError> {
        if self.open.is_empty() && !matches!(name, "ListBucketResult" | "Error") {
            return Err(ListingError::Foreign { root: shown(name) });
        }
        self.open.push(name.to_owned());
        self.text.clear();
        Ok(())
    }

    fn push_text(&mut self, text: &str) -> Result<(), ListingError> {
        if self.text.len() + text.len() > LONGEST_TEXT {
            let reason = format!("an element has more than {LONGEST_TEXT} bytes of text");
            return Err(ListingError::Xml { reason });
        }
        self.text.push_str(text);
        Ok(())
    }

    fn check_entries(&self) -> Result<(), ListingError> {
        if self.page.objects.len() + self.page.prefixes.len() > MOST_ENTRIES {
            let reason = format!("a page has more than {MOST_ENTRIES} entries");
            return Err(ListingError::Xml { reason });
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ListingError> {
        // Nothing below has a meaning, and each level would cost time at every end.
        if self.open.len() > DEEPEST {
            self.open.pop();
            self.text.clear();
            return Ok(());
        }
        let open = std::mem::take(&mut self.open);
        let path: Vec<&str> = open.iter().map(String::as_str).collect();
        let text = std::mem::take(&mut self.text);
        match path[..] {
            ["Error"] => return Err(self.refusal()),
            ["Error", "Code"] => self.code = text,
            ["Error", "Message"] => self.message = text,
            ["ListBucketResult"] => self.complete = true,
            ["ListBucketResult", "IsTruncated"] => self.truncated = truncated(&text)?,
            ["ListBucketResult", "NextMarker"] => self.next_marker = Some(text),
            ["ListBucketResult", "EncodingType"] => self.url_encoded = text == "url",
            ["ListBucketResult", "CommonPrefixes", "Prefix"] => {
                self.page.prefixes.push(text);
                self.check_entries()?;
            }
            ["ListBucketResult", "Contents"] => self.push_object()?,
            ["ListBucketResult", "Contents", element] => self.object.set(element, text)?,
            _ => {}
        }
        self.open = open;
        self.open.pop();
        Ok(())
    }

    fn refusal(&self) -> ListingError {
        ListingError::Refused { code: shown(&self.code), message: shown(&self.message) }
    }

    fn push_object(&mut self) -> Result<(), ListingError> {
        let PartialObject { key, size, etag, last_modified } = std::mem::take(&mut self.object);
        let key = key.ok_or(ListingError::Missing { element: "Key" })?;
        let size = size.ok_or(ListingError::Missing { element: "Size" })?;
        self.page.objects.push(Listed { key, size, etag, last_modified });
        self.check_entries()
    }

    fn into_page(mut self) -> Result<ListingPage, ListingError> {
        if !self.complete {
            return Err(ListingError::CutShort);
        }
        if self.url_encoded {
            let keys = self.page.objects.iter_mut().map(|object| &mut object.key);
            for text in keys.chain(&mut self.page.prefixes).chain(&mut self.next_marker) {
                *text = url_decode(text)?;
            }
        }
        if self.truncated {
            let marker = self.next_marker.take().filter(|marker| !marker.is_empty());
            self.page.next_marker =
                Some(marker.or_else(|| last(&self.page)).ok_or(ListingError::NoMarker)?);
        }
        Ok(self.page)
    }
}

impl PartialObject {
    fn set(&mut self, element: &str, text: String) -> Result<(), ListingError> {
        match element {
            "Key" => self.key = Some(text),
            "Size" => {
                self.size =
                    Some(text.parse().map_err(|_| value(element, &text, "a number of bytes"))?);
            }
            "ETag" => {
                let etag = text.trim_matches('"');
                self.etag = (etag.len() <= LONGEST_ETAG).then(|| etag.to_owned());
            }
            "LastModified" => {
                let time = DateTime::parse_from_rfc3339(&text);
                let time = time.map_err(|_| {
                    value(element, &text, "a time such as 2026-05-08T06:49:00.000Z")
                })?;
                self.last_modified = Some(time.to_utc());
            }
            _ => {}
        }
        Ok(())
    }
}

fn truncated(text: &str) -> Result<bool, ListingError> {
    text.parse().map_err(|_| value("IsTruncated", text, "true or false"))
}

/// Servers give a marker only to listings that stop at slashes; for the others it is the last thing
/// listed.
fn last(page: &ListingPage) -> Option<String> {
    let key = page.objects.last().map(|object| object.key.as_str());
    key.max(page.prefixes.last().map(String::as_str)).map(str::to_owned)
}

fn entity(reference: &BytesRef<'_>) -> Result<Cow<'static, str>, ListingError> {
    let name = reference.decode().map_err(|error| not_xml(&error))?;
    let character = reference.resolve_char_ref().map_err(|error| not_xml(&error))?;
    if let Some(character) = character {
        return Ok(character.to_string().into());
    }
    let text = resolve_xml_entity(&name).map(Cow::from);
    text.ok_or_else(|| ListingError::Xml { reason: shown(&format!("unknown entity `&{name};`")) })
}

/// Undoes the encoding that a listing declares with `EncodingType`, in which a plus is a space.
fn url_decode(text: &str) -> Result<String, ListingError> {
    let invalid = || value("Key", text, "percent-encoded UTF-8");
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().ok_or_else(invalid)?, bytes.next().ok_or_else(invalid)?];
                let digit = |byte: u8| {
                    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
                };
                digit(digits[0])
                    .zip(digit(digits[1]))
                    .map(|(high, low)| high << 4 | low)
                    .ok_or_else(invalid)?
            }
            _ => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| invalid())
}

fn value(element: &str, value: &str, expected: &'static str) -> ListingError {
    ListingError::Value { element: element.to_owned(), value: shown(value), expected }
}

fn not_xml(error: &impl ToString) -> ListingError {
    ListingError::Xml { reason: shown(&error.to_string()) }
}

#[cfg(test)]
mod tests;
