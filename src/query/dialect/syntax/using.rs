//! Columns of `USING` in WHERE.
//!
//! The engine takes such a column for ambiguous if no table is before its name. Here it gets the
//! table whose value the joined column has: of an inner join either, of an outer join the one that
//! keeps its rows. A full join is left to the engine, because its column is from both.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, Select,
    TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

/// Puts tables before the columns of USING in WHERE.
pub(super) fn qualify(select: &mut Select) {
    if let ([tables], Some(condition)) = (select.from.as_slice(), &mut select.selection) {
        let columns = joined_columns(tables);
        let _ = condition.visit(&mut Qualifier { columns, depth: 0 });
    }
}

/// A column of USING, and the same with its table.
type JoinedColumn = (Ident, Expr);

fn joined_columns(tables: &TableWithJoins) -> Vec<JoinedColumn> {
    let mut columns: Vec<JoinedColumn> = Vec::new();
    // What is GLOBAL is an ASOF join, whose columns are those of the left side.
    for (place, join) in tables.joins.iter().enumerate().filter(|(_, join)| !join.global) {
        let (constraint, table) = match &join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint) => (constraint, Some(&join.relation)),
            // A column that an earlier join has is the one that stays.
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (constraint, (place == 0).then_some(&tables.relation))
            }
            JoinOperator::FullOuter(_) => return Vec::new(),
            _ => continue,
        };
        if let (JoinConstraint::Using(names), Some(table)) = (constraint, table) {
            let found = names.iter().filter_map(|name| joined_column(name, table));
            columns.extend(found);
        }
    }
    columns
}

fn joined_column(name: &ObjectName, table: &TableFactor) -> Option<JoinedColumn> {
    let column = name.0.last()?.as_ident()?.clone();
    let mut path = match table {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => vec![alias.name.clone()],
        TableFactor::Table { name, .. } => {
            name.0.iter().filter_map(ObjectNamePart::as_ident).cloned().collect()
        }
        _ => return None,
    };
    path.push(column.clone());
    Some((column, Expr::CompoundIdentifier(path)))
}

/// Visits a condition, but no statement inside it: names there may be of its own tables.
struct Qualifier {
    columns: Vec<JoinedColumn>,
    depth: usize,
}

impl VisitorMut for Qualifier {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(name) = expr
            && let Some((_, column)) =
                self.columns.iter().rev().find(|(column, _)| super::is_same_name(column, name))
        {
            *expr = column.clone();
        }
        ControlFlow::Continue(())
    }
}
