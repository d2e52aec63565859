//! Settings of a connection: what `SET` takes, and what `SHOW` and start-up answer.
//!
//! None of them reaches the engine. Those of which a client must know the truth cannot be changed.

use std::collections::BTreeMap;

/// What is true of every connection, whatever a client sets.
const FIXED: &[(&str, &str)] = &[
    ("client_encoding", "UTF8"),
    ("datestyle", "ISO, MDY"),
    ("default_transaction_read_only", "on"),
    ("integer_datetimes", "on"),
    ("intervalstyle", "postgres"),
    ("is_superuser", "off"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("server_encoding", "UTF8"),
    ("server_version", VERSION),
    ("server_version_num", "160006"),
    ("standard_conforming_strings", "on"),
    ("timezone", "UTC"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "on"),
];

/// The version of PostgreSQL whose features clients may take for granted, with our own.
pub(super) const VERSION: &str = concat!("16.6 (lakehouse ", env!("CARGO_PKG_VERSION"), ")");

/// The schemas in which a table's name alone is looked up.
pub(super) const SEARCH_PATH: &str = "silver, gold, meta";

/// The settings of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    changed: BTreeMap<String, String>,
}

impl Settings {
    /// Takes a value, which only `SHOW` will know.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.changed.insert(name.to_lowercase(), value);
    }

    /// Forgets a value, or all of them.
    pub(super) fn reset(&mut self, name: Option<&str>) {
        match name {
            Some(name) => drop(self.changed.remove(&name.to_lowercase())),
            None => self.changed.clear(),
        }
    }

    /// Returns the names and values of what no client can change.
    pub(super) const fn fixed() -> &'static [(&'static str, &'static str)] {
        FIXED
    }

    /// Returns a setting's value; nothing where there is none of the name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let name = name.to_lowercase();
        if let Some((_, value)) = FIXED.iter().find(|(fixed, _)| *fixed == name) {
            return Some(value);
        }
        let default = match name.as_str() {
            "search_path" => Some(SEARCH_PATH),
            "statement_timeout" | "lock_timeout" => Some("0"),
            "extra_float_digits" => Some("1"),
            "bytea_output" => Some("hex"),
            "application_name" => Some(""),
            _ => None,
        };
        self.changed.get(&name).map(String::as_str).or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn what_is_set_is_shown_unless_it_would_be_untrue() {
        let mut settings = Settings::default();
        settings.set("Extra_Float_Digits", "3".to_owned());
        settings.set("timezone", "Europe/Berlin".to_owned());
        assert_eq!(settings.get("extra_float_digits"), Some("3"));
        assert_eq!(settings.get("TimeZone"), Some("UTC"));
        settings.reset(None);
        assert_eq!(settings.get("extra_float_digits"), Some("1"));
        assert_eq!(settings.get("nothing.such"), None);
    }
}
