//! What EXPLAIN adds for the lake's tables: how many of each table's files the plan reads.
//!
//! The engine shows the files that are left but not those that were ruled out, which is what a user
//! wants to know. Counting on the finished plan covers files skipped by partitions, statistics,
//! limits and counts alike.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;

use super::planned::for_each_file;
use super::provider::TableScan;

/// Returns the plan that an EXPLAIN is about.
pub(super) fn explained(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    match plan {
        LogicalPlan::Explain(explain) => Some(&explain.plan),
        LogicalPlan::Analyze(analyze) => Some(&analyze.input),
        _ => None,
    }
}

/// Makes the extra row of an EXPLAIN: a line per table that the plan names.
pub(super) fn files_read(
    logical: &LogicalPlan,
    physical: &Arc<dyn ExecutionPlan>,
    answer: &SchemaRef,
) -> Result<Option<RecordBatch>> {
    let tables = tables(logical)?;
    if tables.is_empty() {
        return Ok(None);
    }
    let read = scanned_files(physical)?;
    let lines: Vec<String> = tables.values().map(|table| describe(table, &read)).collect();
    let row: [&str; 2] = ["files_read", &lines.join("\n")];
    let columns = row.map(|text| Arc::new(StringArray::from(vec![text])) as _);
    Ok(Some(RecordBatch::try_new(Arc::clone(answer), columns.into())?))
}

fn describe(table: &TableScan, read: &HashSet<Path>) -> String {
    let snapshot = table.snapshot();
    let of_table = || snapshot.files().iter().filter(|file| read.contains(&file.path()));
    let total = snapshot.files().len();
    let (files, bytes) = (of_table().count(), of_table().map(|file| file.size()).sum());
    let all = snapshot.files().total_size();
    let (name, version) = (table.name(), snapshot.version());
    let (bytes, all) = (bytesize::ByteSize(bytes), bytesize::ByteSize(all));
    format!("{name} at version {version}: {files} of {total} files, {bytes} of {all}")
}

fn tables(plan: &LogicalPlan) -> Result<BTreeMap<String, TableScan>> {
    let mut tables = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
            && let Some(table) =
                (provider.as_ref() as &dyn std::any::Any).downcast_ref::<TableScan>()
        {
            tables.insert(table.name().to_string(), table.clone());
        }
        Ok::<_, DataFusionError>(TreeNodeRecursion::Continue)
    })?;
    Ok(tables)
}

fn scanned_files(plan: &Arc<dyn ExecutionPlan>) -> Result<HashSet<Path>> {
    let mut files = HashSet::new();
    for_each_file(plan, |file| {
        files.insert(file.object_meta.location.clone());
    })?;
    Ok(files)
}
