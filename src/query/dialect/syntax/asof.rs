//! `ASOF JOIN` in the tree: made one relation, so that it can be planned as such.
//!
//! The conditions of WHERE go with it. The engine cannot move them below an ASOF join, and would
//! read a whole table where a day of it is meant.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, Query, Select, TableFactor,
    TableWithJoins, Value, Visit, Visitor,
};

/// An ASOF join as it was written.
#[derive(Debug)]
pub(in crate::query::dialect) struct AsofJoin<'a> {
    pub(in crate::query::dialect) left: &'a TableFactor,
    pub(in crate::query::dialect) right: &'a TableFactor,
    /// Whether rows of the left side stay that match none of the right side.
    pub(in crate::query::dialect) is_outer: bool,
    /// The condition of `MATCH_CONDITION`, where it was written so.
    pub(in crate::query::dialect) match_condition: Option<&'a Expr>,
    pub(in crate::query::dialect) constraint: &'a JoinConstraint,
    /// Conditions that the rows of the answer have to meet, whichever side they are about.
    pub(in crate::query::dialect) filters: Vec<&'a Expr>,
}

impl<'a> AsofJoin<'a> {
    /// Returns the join that a relation consists of, if it is one ASOF join.
    pub(in crate::query::dialect) fn of(tables: &'a TableWithJoins) -> Option<Self> {
        let (join, rest) = tables.joins.split_first()?;
        let filters = rest.iter().map(filter).collect::<Option<Vec<_>>>()?;
        let (is_outer, match_condition, constraint) = match &join.join_operator {
            JoinOperator::AsOf { match_condition, constraint } => {
                (join.global, Some(match_condition), constraint)
            }
            JoinOperator::Inner(constraint) if join.global => (false, None, constraint),
            JoinOperator::Left(constraint) if join.global => (true, None, constraint),
            _ => return None,
        };
        let left = &tables.relation;
        let right = &join.relation;
        Some(Self { left, right, is_outer, match_condition, constraint, filters })
    }
}

/// Nests the ASOF joins of a query, and gives them the conditions of its WHERE.
pub(super) fn nest_all(select: &mut Select) {
    select.from.iter_mut().for_each(nest);
    if let ([tables], Some(condition)) = (select.from.as_mut_slice(), &select.selection) {
        let mut conditions = Vec::new();
        split(condition, &mut conditions);
        conditions.retain(|condition| !has_subquery(condition));
        add_filters(tables, &conditions);
    }
}

/// Collects the conditions that AND joins.
fn split<'a>(condition: &'a Expr, into: &mut Vec<&'a Expr>) {
    let mut rest = condition;
    while let Expr::BinaryOp { left, op: BinaryOperator::And, right } = rest {
        into.push(right);
        rest = left;
    }
    into.push(rest);
}

fn has_subquery(condition: &Expr) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    condition.visit(&mut Finder).is_break()
}

/// Adds conditions to the ASOF joins whose rows on the left are rows of the answer.
fn add_filters(tables: &mut TableWithJoins, conditions: &[&Expr]) {
    let mut tables = tables;
    loop {
        if AsofJoin::of(tables).is_some() {
            tables.joins.extend(conditions.iter().map(|condition| as_join(condition)));
        } else if !tables.joins.iter().all(keeps_left) {
            return;
        }
        match &mut tables.relation {
            TableFactor::NestedJoin { table_with_joins, alias: None } => tables = table_with_joins,
            _ => return,
        }
    }
}

/// Returns whether all rows of a join come from the left side.
const fn keeps_left(join: &Join) -> bool {
    use JoinOperator::{CrossJoin, Inner, Join as Plain, Left, LeftOuter};
    matches!(join.join_operator, CrossJoin(_) | Inner(_) | Plain(_) | Left(_) | LeftOuter(_))
}

/// A condition is kept as a join that cannot be written so: one with a relation that is no table.
fn as_join(condition: &Expr) -> Join {
    let constraint = JoinConstraint::On(condition.clone());
    let join_operator = JoinOperator::StraightJoin(constraint);
    Join { relation: nothing(), global: false, join_operator }
}

fn filter(join: &Join) -> Option<&Expr> {
    match (&join.relation, &join.join_operator) {
        (
            TableFactor::TableFunction { .. },
            JoinOperator::StraightJoin(JoinConstraint::On(condition)),
        ) => Some(condition),
        _ => None,
    }
}

/// Puts the tables up to each ASOF join into a relation in parentheses, which has only that join.
pub(super) fn nest(tables: &mut TableWithJoins) {
    while let Some(at) = tables.joins.iter().rposition(is_asof) {
        let after = tables.joins.split_off(at + 1);
        let Some(join) = tables.joins.pop() else { return };
        let before = std::mem::take(&mut tables.joins);
        let relation = std::mem::replace(&mut tables.relation, nothing());
        let mut left = TableWithJoins { relation, joins: before };
        nest(&mut left);
        let left = if left.joins.is_empty() { left.relation } else { in_parentheses(left) };
        tables.relation = in_parentheses(TableWithJoins { relation: left, joins: vec![join] });
        tables.joins = after;
    }
}

/// The tokens of DuckDB's spelling are replaced by a join that is GLOBAL, which means nothing here.
fn is_asof(join: &Join) -> bool {
    join.global || matches!(join.join_operator, JoinOperator::AsOf { .. })
}

fn in_parentheses(tables: TableWithJoins) -> TableFactor {
    TableFactor::NestedJoin { table_with_joins: Box::new(tables), alias: None }
}

fn nothing() -> TableFactor {
    TableFactor::TableFunction { expr: Expr::Value(Value::Null.with_empty_span()), alias: None }
}
