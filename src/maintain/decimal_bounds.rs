//! Bounds of decimals, taken out of the logs of tables that older programs or other writers have
//! written to.

use deltalake::kernel::Add;

use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::table::WritableTable;

/// Files that one commit describes, so that no commit grows with the table.
const FILES: usize = 10_000;

/// Takes the bounds of decimals out of the log; returns of how many files.
///
/// # Errors
/// When the table cannot be read or written; files that are done stay done.
pub(super) async fn remove_decimal_bounds(
    table: &mut WritableTable,
    context: &CommitContext,
) -> Result<usize, TableError> {
    let mut done = 0;
    // Counted first: a writer that goes on adding such bounds would keep this going for ever.
    for _ in 0..count_decimal_bounds(table)?.div_ceil(FILES) {
        let mut files = 0;
        let landed = commit(table, context, async |table: &WritableTable| {
            let amended: Vec<Add> = table.without_decimal_bounds()?.take(FILES).collect();
            files = amended.len();
            let change = || Change { amended, data_change: false, ..Change::default() };
            Ok::<_, TableError>((files > 0).then(change))
        });
        if landed.await? == Committed::Unneeded {
            break;
        }
        done += files;
    }
    Ok(done)
}

/// Returns of how many files the log has bounds of decimals.
///
/// # Errors
/// When the table cannot be read.
pub(super) fn count_decimal_bounds(table: &WritableTable) -> Result<usize, TableError> {
    Ok(table.without_decimal_bounds()?.count())
}
