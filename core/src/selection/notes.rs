//! Remarks on a selection, each reported once however many markets it is true of.
//!
//! A note is information, not an error: what makes a run impossible is a [`super::SelectionError`].

use std::fmt;

use serde::{Serialize, Serializer};

use super::join;
use crate::names::market::{DataType, Market};

/// One remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The markets of which it is true; none where the remark is of no market.
    pub markets: Vec<Market>,
    /// The data types of which it is true; none where the remark is of no data type.
    pub data_types: Vec<DataType>,
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator =
            if self.markets.is_empty() || self.data_types.is_empty() { "" } else { " " };
        let about = format!("{}{separator}{}", join(&self.markets), join(&self.data_types));
        if about.is_empty() { f.pad(&self.text) } else { write!(f, "{about}: {}", self.text) }
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Notes while they are being gathered.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

impl Notes {
    /// Adds a remark on a data type, joined with the same remark on the data type in other markets.
    pub(crate) fn on_data_type(
        &mut self,
        market: Market,
        data_type: &DataType,
        text: impl Into<String>,
    ) {
        let (text, data_types) = (text.into(), vec![data_type.clone()]);
        match self.0.iter_mut().find(|note| note.text == text && note.data_types == data_types) {
            Some(note) if note.markets.contains(&market) => {}
            Some(note) => note.markets.push(market),
            None => self.0.push(Note { markets: vec![market], data_types, text }),
        }
    }

    /// Adds a remark on a market, joined with the same remark on other data types of it.
    pub(crate) fn on_market(
        &mut self,
        market: Market,
        data_type: Option<&DataType>,
        text: impl Into<String>,
    ) {
        let (text, markets) = (text.into(), vec![market]);
        let known = self.0.iter().position(|note| note.text == text && note.markets == markets);
        let at = known.unwrap_or(self.0.len());
        if known.is_none() {
            self.0.push(Note { markets, data_types: Vec::new(), text });
        }
        if let Some((note, data_type)) = self.0.get_mut(at).zip(data_type)
            && !note.data_types.contains(data_type)
        {
            note.data_types.push(data_type.clone());
        }
    }

    /// Adds a remark on data types, whatever the market.
    pub(crate) fn on_data_types(&mut self, data_types: Vec<DataType>, text: impl Into<String>) {
        self.0.push(Note { markets: Vec::new(), data_types, text: text.into() });
    }

    pub(crate) fn into_vec(self) -> Vec<Note> {
        self.0
    }

    pub(crate) fn summary(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}
