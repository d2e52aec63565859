//! Where a source is, as it may be shown: without what it takes to get in.
//!
//! A URL may carry a user name and a password. They are sent with each request and written nowhere:
//! not in tables, notes, errors, logs or settings that are shown.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use lakehouse_core::foreign::redacted;
use percent_encoding::percent_decode_str;
use reqwest::{RequestBuilder, Url};
use serde::{Serialize, Serializer};

/// The location of a source or a listing as a user gave it; it prints without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrl(String);

impl SourceUrl {
    /// Returns the location with everything that is in it, for requests alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SourceUrl {
    fn from(location: &str) -> Self {
        Self(location.to_owned())
    }
}

impl FromStr for SourceUrl {
    type Err = Infallible;

    fn from_str(location: &str) -> Result<Self, Infallible> {
        Ok(location.into())
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceUrl({self})")
    }
}

impl Serialize for SourceUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The user name and password of a base, apart from the base itself.
#[derive(Clone)]
pub(super) struct Credentials {
    user: String,
    password: Option<String>,
}

impl Credentials {
    /// Takes the credentials out of a URL.
    pub(super) fn take_from(url: &mut Url) -> Option<Self> {
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let taken = Self { user: plain(url.username()), password: url.password().map(plain) };
        // Only URLs that cannot have any refuse to have none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Some(taken)
    }

    /// Adds credentials, if there are any, to a request.
    pub(super) fn sign(credentials: Option<&Self>, request: RequestBuilder) -> RequestBuilder {
        match credentials {
            Some(Self { user, password }) => request.basic_auth(user, password.as_ref()),
            None => request,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}
