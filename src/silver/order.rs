//! The order of rows in data files: checked batch by batch, and made where it is missing.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::kernels::cmp::{eq, gt};
use arrow::compute::kernels::sort::{LexicographicalComparator, SortColumn};
use arrow::compute::{SortOptions, and, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::error::ArrowError;

/// Returns whether rows are sorted, and none of them belongs before the last row of what they are
/// to follow.
pub(super) fn follows(
    before: Option<&RecordBatch>,
    rows: &RecordBatch,
    columns: &[String],
) -> Result<bool, ArrowError> {
    if rows.num_rows() == 0 {
        return Ok(true);
    }
    if let Some(before) = before.filter(|before| before.num_rows() > 0) {
        let last = before.slice(before.num_rows() - 1, 1);
        let border = concat_batches(&rows.schema(), [&last, &rows.slice(0, 1)])?;
        if !is_sorted(&border, columns)? {
            return Ok(false);
        }
    }
    is_sorted(rows, columns)
}

/// Joins batches and sorts their rows ascending by the columns, NULLs last; rows that are equal
/// keep their order.
pub(crate) fn sorted(
    batches: Vec<RecordBatch>,
    columns: &[String],
) -> Result<RecordBatch, ArrowError> {
    let Some(first) = batches.first() else {
        return Err(ArrowError::ComputeError("no rows to sort".to_owned()));
    };
    let rows = concat_batches(&first.schema(), &batches)?;
    // Their rows are in memory twice by now, and soon once more, in order.
    drop(batches);
    let mut sort = sort_by(&rows, columns)?;
    let count = u32::try_from(rows.num_rows())
        .map_err(|_| ArrowError::ComputeError("too many rows".to_owned()))?;
    // The sort is not stable by itself. The position as the last column makes it so, and with it
    // the order of rows that an archive repeats.
    let position: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..count));
    sort.push(SortColumn { values: position, options: None });
    take_record_batch(&rows, &lexsort_to_indices(&sort, None)?)
}

/// Returns a copy of the last row, which does not hold on to the memory of the others.
pub(super) fn last_row(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let last = u32::try_from(rows.num_rows().saturating_sub(1)).unwrap_or(u32::MAX);
    take_record_batch(rows, &UInt32Array::from_iter_values((rows.num_rows() > 0).then_some(last)))
}

fn is_sorted(rows: &RecordBatch, columns: &[String]) -> Result<bool, ArrowError> {
    let mut sort = sort_by(rows, columns)?;
    // The rows of one archive mostly have one symbol and one interval.
    sort.retain(|column| !is_constant(&column.values));
    if sort.iter().all(|column| column.values.null_count() == 0) {
        return never_falls(&sort);
    }
    // NULLs come last, which the comparison of whole columns does not know.
    let comparator = LexicographicalComparator::try_new(&sort)?;
    Ok((1..rows.num_rows()).all(|row| comparator.compare(row - 1, row).is_le()))
}

/// Compares whole columns without NULLs, each with itself a row later; one counts where all before
/// it are equal.
fn never_falls(columns: &[SortColumn]) -> Result<bool, ArrowError> {
    let mut tied: Option<BooleanArray> = None;
    for SortColumn { values, .. } in columns {
        let pairs = values.len().saturating_sub(1);
        let row = values.slice(0, pairs);
        let next = values.slice(values.len() - pairs, pairs);
        // A later column decides only between rows that are equal in all columns before it.
        if among(gt(&row, &next)?, tied.as_ref())?.true_count() > 0 {
            return Ok(false);
        }
        let equal = among(eq(&row, &next)?, tied.as_ref())?;
        if equal.true_count() == 0 {
            return Ok(true);
        }
        tied = Some(equal);
    }
    Ok(true)
}

/// Restricts pairs of rows to those that are tied so far; at first all of them are.
fn among(pairs: BooleanArray, tied: Option<&BooleanArray>) -> Result<BooleanArray, ArrowError> {
    match tied {
        Some(tied) => and(&pairs, tied),
        None => Ok(pairs),
    }
}

fn is_constant(column: &ArrayRef) -> bool {
    column.null_count() == 0
        && column.as_any_dictionary_opt().is_some_and(|dictionary| dictionary.values().len() == 1)
}

fn sort_by(rows: &RecordBatch, columns: &[String]) -> Result<Vec<SortColumn>, ArrowError> {
    let options = Some(SortOptions { descending: false, nulls_first: false });
    let mut sort = Vec::with_capacity(columns.len());
    for name in columns {
        let Some(values) = rows.column_by_name(name).cloned() else {
            return Err(ArrowError::SchemaError(format!("no column `{name}` to sort by")));
        };
        sort.push(SortColumn { values, options });
    }
    Ok(sort)
}
