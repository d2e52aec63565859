//! Whether a listing comes to an end.
//!
//! A server may say for ever that there is one more page. Whoever follows pages checks each here.

use lakehouse_core::listing::ListingPage;

use super::SourceError;

/// Pages of one folder; a series has some thousand keys, a thousand on each.
const MOST_PAGES: usize = 20_000;
/// Keys and folders of one folder.
const MOST_KEYS: usize = 1_000_000;

/// Whether a listing comes to an end: each page must bring something after what came before.
pub(super) struct Progress<'a> {
    prefix: &'a str,
    last: Option<String>,
    pages: usize,
    keys: usize,
}

impl<'a> Progress<'a> {
    pub(super) const fn new(prefix: &'a str) -> Self {
        Self { prefix, last: None, pages: 0, keys: 0 }
    }

    /// Takes a page into account.
    pub(super) fn check(&mut self, page: &ListingPage) -> Result<(), SourceError> {
        self.pages += 1;
        self.keys += page.objects.len() + page.prefixes.len();
        let key = page.objects.iter().map(|object| object.key.as_str()).max();
        let last = key.max(page.prefixes.iter().map(String::as_str).max());
        if page.next_marker.is_some() && last <= self.last.as_deref() {
            return Err(self.endless("a page of it brings nothing new and says that it goes on"));
        }
        if self.pages > MOST_PAGES || self.keys > MOST_KEYS {
            return Err(self.endless("it does not come to an end"));
        }
        self.last = last.map(str::to_owned).max(self.last.take());
        Ok(())
    }

    fn endless(&self, reason: &str) -> SourceError {
        let keys = self.keys;
        let what = format!("listing of {}", self.prefix);
        SourceError::fatal(&what, format!("given up after {keys} entries: {reason}"))
    }
}
