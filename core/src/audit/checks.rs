//! All checks: those of the program and those of a user, and those that cannot be run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Check;
use crate::embedded::AUDIT_FILES;
use crate::gold::ModelError;
use crate::names::table::TableName;

/// The checks that can be run, by their names, and those that cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    checks: BTreeMap<String, Check>,
    broken: Vec<BrokenCheck>,
}

/// A check that cannot be run as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenCheck {
    pub name: String,
    pub error: ModelError,
}

impl Checks {
    /// Reads the checks that the program was built with and those of a user, as pairs of a file and
    /// its text; `tables` are those that a check may read.
    ///
    /// A user's check cannot take the name of one of the program's, whose findings would be closed.
    #[must_use]
    pub fn new(own: &[(String, String)], tables: &BTreeSet<TableName>) -> Self {
        let mut all = Self::default();
        for (file, text) in AUDIT_FILES {
            all.add(&format!("schemas/audit/{file}"), text, tables);
        }
        for (file, text) in own {
            all.add(file, text, tables);
        }
        all
    }

    /// Reads checks from files, without those of the program.
    #[must_use]
    pub fn parse(files: &[(String, String)], tables: &BTreeSet<TableName>) -> Self {
        let mut all = Self::default();
        files.iter().for_each(|(file, text)| all.add(file, text, tables));
        all
    }

    fn add(&mut self, file: &str, text: &str, tables: &BTreeSet<TableName>) {
        match self.read(file, text, tables) {
            Ok(checks) => {
                let named = checks.into_iter().map(|check| (check.name().to_owned(), check));
                self.checks.extend(named);
            }
            Err(error) => self.broken.push(BrokenCheck { name: name_of(file), error }),
        }
    }

    fn read(
        &self,
        file: &str,
        text: &str,
        tables: &BTreeSet<TableName>,
    ) -> Result<Vec<Check>, ModelError> {
        let checks = Check::parse(file, text)?;
        for check in &checks {
            if let Some(other) = self.checks.get(check.name()) {
                let message = format!(
                    "there is a check `{}` in {} already; give the file another name",
                    check.name(),
                    other.statement().file()
                );
                return Err(ModelError::new(file, 1, message));
            }
            if let Some(unknown) = check.inputs().iter().find(|input| !tables.contains(input)) {
                let message = format!("there is no table `{unknown}`");
                return Err(check.statement().inputs_error(message));
            }
        }
        Ok(checks)
    }

    /// Returns the checks that can be run, by their names.
    pub fn iter(&self) -> impl Iterator<Item = &Check> {
        self.checks.values()
    }

    /// Returns the checks that cannot be run.
    #[must_use]
    pub fn broken(&self) -> &[BrokenCheck] {
        &self.broken
    }

    /// Returns a check by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Check> {
        self.checks.get(name)
    }

    /// Returns the checks with a name, or of the file with that name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Check> {
        self.iter().filter(move |check| check.name() == name || check.file_name() == name)
    }

    /// Returns the names of all checks, broken ones included.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let broken = self.broken.iter().map(|check| check.name.as_str());
        self.checks.keys().map(String::as_str).chain(broken).collect()
    }
}

fn name_of(file: &str) -> String {
    let name = Path::new(file).file_stem().and_then(|name| name.to_str());
    name.unwrap_or(file).to_owned()
}
