//! In which order an archive writes its fields, how it may call them, and what becomes of each.
//!
//! One data type has several layouts: markets differ, and so do eras. Which one a file has is
//! decided by its own first line (see [`crate::decode`]), never by its date.

use crate::names::market::Market;

/// One way in which archives of a data type are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The markets whose archives may be written so.
    pub markets: Vec<Market>,
    /// The fields, in the order of a file that has no header.
    pub fields: Vec<LayoutField>,
}

/// A field of an archive's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutField {
    /// The name in the archive's own header.
    pub name: String,
    /// Other names that headers are known to use.
    pub spellings: Vec<String>,
    pub reading: Reading,
}

/// What becomes of a field; columns are positions in the table's list of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A value of the column's own type; a time is milliseconds or microseconds since 1970.
    Value(usize),
    /// A time as text, `YYYY-MM-DD HH:MM:SS`, or the date alone.
    DateTime(usize),
    /// The day of a time whose hour stands in another field.
    Date(usize),
    /// The hour of a time whose day stands in another field.
    Hour(usize),
    /// Two values in one: `231229-34000`.
    ExpiryStrike { expiry: usize, strike: usize },
    /// The archive's own symbol: compared with it, and dropped.
    Symbol,
    /// A placeholder: dropped where it is 0, and rejected where it is not.
    Zero,
    /// Dropped, whatever it is.
    Dropped,
}

impl Reading {
    /// Returns the columns that the field fills.
    pub fn columns(self) -> impl Iterator<Item = usize> {
        let (first, second) = match self {
            Self::Value(column) | Self::DateTime(column) | Self::Date(column) => {
                (Some(column), None)
            }
            Self::ExpiryStrike { expiry, strike } => (Some(expiry), Some(strike)),
            Self::Hour(_) | Self::Symbol | Self::Zero | Self::Dropped => (None, None),
        };
        first.into_iter().chain(second)
    }
}

impl Layout {
    /// Returns, for each name of a header, the field that it names, if the header names every field
    /// once.
    ///
    /// Upper and lower case, `_`, `-` and spaces make no difference: `isBuyerMaker` is
    /// `is_buyer_maker`.
    #[must_use]
    pub fn match_header(&self, names: &[String]) -> Option<Vec<usize>> {
        if names.len() != self.fields.len() {
            return None;
        }
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let name = folded(name);
            let index = self.fields.iter().position(|field| field.is_called(&name))?;
            if found.contains(&index) {
                return None;
            }
            found.push(index);
        }
        Some(found)
    }

    /// Returns the layout's own header, to show what was expected.
    #[must_use]
    pub fn header(&self) -> String {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        names.join(",")
    }
}

impl LayoutField {
    /// Returns every name of the field in the form in which names are compared.
    pub(crate) fn folded_names(&self) -> impl Iterator<Item = String> {
        [&self.name].into_iter().chain(&self.spellings).map(|name| folded(name))
    }

    fn is_called(&self, folded: &str) -> bool {
        self.folded_names().any(|name| name == folded)
    }
}

/// Takes from a name what its spellings differ in.
fn folded(name: &str) -> String {
    name.trim()
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
