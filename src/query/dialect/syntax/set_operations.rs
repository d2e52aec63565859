//! `INTERSECT ALL` and `EXCEPT ALL` in the tree: made relations, so that they can be planned as
//! such.

use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::ast::{
    Query, SetExpr, SetOperator, SetQuantifier, TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// Returns the operation and its sides, if a query is nothing but one that counts copies.
pub(in crate::query::dialect) fn operation_of_copies(
    query: &Query,
) -> Option<(SetOperator, &SetExpr, &SetExpr)> {
    let is_bare = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none();
    match query.body.as_ref() {
        SetExpr::SetOperation { op, set_quantifier: SetQuantifier::All, left, right }
            if is_bare && counts_copies(*op) =>
        {
            Some((*op, left, right))
        }
        _ => None,
    }
}

/// Returns a relation of the rows of a query without an order.
pub(in crate::query::dialect) fn derived(body: SetExpr) -> TableFactor {
    let subquery = Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    };
    TableFactor::Derived { lateral: false, subquery: Box::new(subquery), alias: None, sample: None }
}

/// Replaces each operation that counts copies by a selection of all columns from it.
///
/// # Errors
/// Never: the text of the selection is constant.
pub(super) fn correct(body: &mut SetExpr) -> Result<(), DataFusionError> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return Ok(()) };
    correct(left)?;
    correct(right)?;
    if *set_quantifier != SetQuantifier::All || !counts_copies(*op) {
        return Ok(());
    }
    let all = Parser::new(&GenericDialect {}).try_with_sql("SELECT * FROM t")?.parse_query()?;
    let operation = std::mem::replace(body, *all.body);
    if let SetExpr::Select(select) = body {
        select.from = vec![TableWithJoins { relation: derived(operation), joins: Vec::new() }];
    }
    Ok(())
}

const fn counts_copies(operator: SetOperator) -> bool {
    matches!(operator, SetOperator::Intersect | SetOperator::Except)
}
