//! Corrections of the parsed text, before anything is known about tables and types.

use datafusion::common::DataFusionError;
use datafusion::sql::parser::Statement;

/// Changes a statement's tree to what the dialect means by its text.
///
/// # Errors
/// When the text asks for what is not supported.
#[expect(clippy::unnecessary_wraps)]
pub(super) const fn correct(_statement: &mut Statement) -> Result<(), DataFusionError> {
    Ok(())
}
