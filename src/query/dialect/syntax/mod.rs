//! Corrections of the parsed text, before anything is known about tables and types.
//!
//! Words that the parser does not read are replaced before it runs (`tokens`); the tree that it
//! makes is changed to what the dialect means (`correct`). Relations that need the columns of their
//! tables are planned in `relations`.

mod asof;
mod calls;
mod distinct_from;
mod equal_names;
mod ignored;
mod named_windows;
mod order_by_all;
mod sample;
mod set_operations;
mod subtracted_date;
mod tokens;
mod using;

use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, Select, Statement as SqlStatement, TableFactor, VisitMut, VisitorMut,
};

pub(super) use asof::AsofJoin;
pub(crate) use calls::function_call;
pub(super) use equal_names::WRITTEN_AS;
pub(super) use sample::of as sample_of;
pub(super) use set_operations::{derived, operation_of_copies};
pub(super) use tokens::{SUMMARY, tokens};

/// Changes a statement's tree to what the dialect means by its text.
///
/// # Errors
/// When the text asks for what is not supported.
pub(super) fn correct(statement: &mut Statement) -> Result<(), DataFusionError> {
    match statement {
        Statement::Statement(statement) => correct_tree(statement),
        Statement::Explain(explain) => correct(&mut explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => Ok(()),
    }
}

fn correct_tree(statement: &mut SqlStatement) -> Result<(), DataFusionError> {
    equal_names::separate(statement);
    match statement.visit(&mut Corrector) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Visits the tree from its root, so that what is changed is visited after it was changed.
struct Corrector;

impl VisitorMut for Corrector {
    type Break = DataFusionError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<DataFusionError> {
        stop_at_error(ignored::in_query(query))?;
        named_windows::define_in_order(query);
        stop_at_error(order_by_all::correct(query))
    }

    /// Comes after the parts of the query, because the rows of an operation are another query.
    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<DataFusionError> {
        stop_at_error(set_operations::correct(&mut query.body))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<DataFusionError> {
        stop_at_error(ignored::in_select(select))?;
        named_windows::define_in_qualify(select);
        using::qualify(select);
        stop_at_error(sample::check(select))?;
        asof::nest_all(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<DataFusionError> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = table
            && AsofJoin::of(table_with_joins).is_none()
        {
            asof::nest(table_with_joins);
        }
        stop_at_error(sample::refuse_ignored(table))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<DataFusionError> {
        stop_at_error(subtracted_date::refuse(expr))?;
        distinct_from::correct(expr);
        calls::correct(expr);
        ControlFlow::Continue(())
    }
}

fn stop_at_error(result: Result<(), DataFusionError>) -> ControlFlow<DataFusionError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// Returns whether two names are the same: without quotes, in any case.
fn is_same_name(name: &Ident, other: &Ident) -> bool {
    match (name.quote_style, other.quote_style) {
        (None, None) => name.value.eq_ignore_ascii_case(&other.value),
        _ => name.value == other.value,
    }
}
