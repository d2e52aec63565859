//! An answer in the order of some of its columns, for files that are divided by them.

use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{LogicalPlan, SortExpr, ident};

use super::error::QueryError;
use super::session::Session;

impl Session {
    /// Runs one statement that reads; rows come sorted by columns of the answer, and for equal
    /// values in the order that the statement says.
    ///
    /// # Errors
    /// Like [`Session::sql`], and when there is no such column.
    pub(crate) async fn sql_sorted(
        &self,
        text: &str,
        columns: &[String],
    ) -> Result<SendableRecordBatchStream, QueryError> {
        let query = Box::pin(self.plan(text)).await?;
        let known: Vec<String> = query.schema().columns().into_iter().map(|c| c.name).collect();
        if let Some(unknown) = columns.iter().find(|column| !known.contains(column)) {
            return Err(QueryError::UnknownColumn { name: unknown.clone(), columns: known });
        }
        let by = columns.iter().map(|column| ident(column.as_str()).sort(true, true));
        let by = by.chain(order_of(query.logical_plan())).collect();
        let sorted = query.sort(by).map_err(|error| self.meaning(error))?;
        Box::pin(self.run(sorted)).await.map_err(|error| self.meaning(error))
    }
}

/// Returns the order in which a plan gives its rows, as far as it is one of columns of the answer.
fn order_of(plan: &LogicalPlan) -> Vec<SortExpr> {
    match plan {
        LogicalPlan::Limit(limit) => order_of(&limit.input),
        LogicalPlan::Sort(sort) => sort.expr.clone(),
        _ => Vec::new(),
    }
}
