//! Which tables a check can read, and where checks come from.

use std::collections::BTreeSet;
use std::path::Path;

use lakehouse_core::audit::Checks;
use lakehouse_core::gold::Models;
use lakehouse_core::schema::Schemas;

use super::AuditError;
use crate::gold::{known_tables, read_folder};
use crate::storage::lake::{Layer, TableName};

/// Reads the checks of the program and those in a folder: every `*.sql` file in it is one.
///
/// # Errors
/// When the folder cannot be read; what is wrong with a check is with the check.
pub fn load_checks(
    schemas: &Schemas,
    models: &Models,
    folder: Option<&Path>,
) -> Result<Checks, AuditError> {
    let own = match folder {
        Some(folder) => read_folder(folder).map_err(|source| AuditError::Folder {
            folder: folder.display().to_string(),
            source,
        })?,
        None => Vec::new(),
    };
    let mut tables: BTreeSet<TableName> = known_tables(schemas, models).into_iter().collect();
    tables.insert(TableName::new(Layer::Meta, "archives"));
    Ok(Checks::new(&own, &tables))
}
