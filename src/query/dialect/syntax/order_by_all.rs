//! `ORDER BY ALL`: by all columns of the answer, from left to right.

use datafusion::common::{DataFusionError, Result};
use datafusion::sql::sqlparser::ast::{
    Expr, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, Value,
};

use super::tokens::ALL_COLUMNS;

/// Writes the columns that `ORDER BY ALL` stands for.
pub(super) fn correct(query: &mut Query) -> Result<(), DataFusionError> {
    let Some(order_by) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::Expressions(columns) = &order_by.kind else { return Ok(()) };
    let [OrderByExpr { expr: Expr::Identifier(name), options, .. }] = columns.as_slice() else {
        return Ok(());
    };
    if name.value != ALL_COLUMNS || name.quote_style.is_none() {
        return Ok(());
    }
    let options = *options;
    let Some(count) = columns_of(&query.body) else {
        // The planner knows what a star stands for.
        order_by.kind = OrderByKind::All(options);
        return Ok(());
    };
    let place = |place: usize| OrderByExpr {
        expr: Expr::Value(Value::Number(place.to_string(), false).with_empty_span()),
        options,
        with_fill: None,
    };
    order_by.kind = OrderByKind::Expressions((1..=count).map(place).collect());
    Ok(())
}

/// Returns how many columns an answer has, unless only the tables know.
fn columns_of(body: &SetExpr) -> Option<usize> {
    match body {
        SetExpr::Select(select) => {
            let is_known = |item: &SelectItem| {
                matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
            };
            select.projection.iter().all(is_known).then_some(select.projection.len())
        }
        SetExpr::Query(query) => columns_of(&query.body),
        SetExpr::SetOperation { left, .. } => columns_of(left),
        SetExpr::Values(values) => values.rows.first().map(|row| row.len()),
        _ => None,
    }
}
