//! Samples, and what else may follow the name of a table.

use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::sql::sqlparser::ast::{
    Select, TableFactor, TableSample, TableSampleKind, TableSampleModifier,
};

/// Returns the sample that is taken of a table.
pub(in crate::query::dialect) fn of(table: &TableFactor) -> Option<&TableSample> {
    match table {
        TableFactor::Table { sample: Some(sample), .. }
        | TableFactor::Derived { sample: Some(sample), .. } => match sample {
            TableSampleKind::BeforeTableAlias(sample)
            | TableSampleKind::AfterTableAlias(sample) => Some(sample),
        },
        _ => None,
    }
}

/// `USING SAMPLE` takes a sample of everything that FROM names, so it cannot follow one of several
/// tables.
pub(super) fn check(select: &Select) -> Result<(), DataFusionError> {
    let is_one = matches!(select.from.as_slice(), [one] if one.joins.is_empty());
    let of_all = |table: &TableFactor| {
        of(table).is_some_and(|sample| sample.modifier == TableSampleModifier::Sample)
    };
    let mut tables = select
        .from
        .iter()
        .flat_map(|from| from.joins.iter().map(|join| &join.relation).chain([&from.relation]));
    if !is_one && tables.any(of_all) {
        return plan_err!(
            "a sample of joined tables is not supported: write TABLESAMPLE after one table, or \
             USING SAMPLE after a subquery that joins them"
        );
    }
    Ok(())
}

/// Refuses what the engine would read over without a word.
pub(super) fn refuse_ignored(table: &TableFactor) -> Result<(), DataFusionError> {
    let TableFactor::Table {
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        index_hints,
        ..
    } = table
    else {
        return Ok(());
    };
    if version.is_some() {
        return plan_err!(
            "a table has no version in a statement: read all tables as of one with `--at`"
        );
    }
    let is_plain = with_hints.is_empty()
        && !with_ordinality
        && partitions.is_empty()
        && json_path.is_none()
        && index_hints.is_empty();
    if is_plain {
        return Ok(());
    }
    plan_err!("`{table}` is not supported: name the table, and an alias if you like")
}
