//! ASOF joins: each row of the left side with the nearest row of the right side.
//!
//! The times of both sides are sorted together, per key. The latest time of the right side that has
//! been seen at a row of the left side is the time of its match (`times`), and an ordinary join by
//! keys and time finds the row (`nearest`). So the cost is that of sorting both sides, whatever the
//! number of rows per key. Rows of the right side with the same keys and time are one match: the
//! last of them in the order of their columns.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, Result, ScalarValue, TableReference, plan_err};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_window::lead_lag::lead_udwf;
use datafusion::logical_expr::expr::{Sort, WindowFunction};
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, WindowFrame,
    WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, ident, lit,
};
use datafusion::sql::sqlparser::ast::TableFactor;

use super::super::syntax::AsofJoin;
use super::conditions::Conditions;

/// Columns between the steps of the plan. Their names cannot be written without quotes.
const TIME: &str = "*time*";
const SIDE: &str = "*side*";
const MATCH: &str = "*match*";
const NEXT: &str = "*next*";

/// The planner.
#[derive(Debug)]
pub(super) struct AsofPlanner;

impl RelationPlanner for AsofPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if let TableFactor::NestedJoin { table_with_joins, alias } = &relation
            && let Some(join) = AsofJoin::of(table_with_joins)
        {
            let plan = plan(&join, context)?;
            return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
                plan,
                alias.clone(),
            ))));
        }
        Ok(RelationPlanning::Original(Box::new(relation)))
    }
}

fn plan(join: &AsofJoin<'_>, context: &mut dyn RelationPlannerContext) -> Result<LogicalPlan> {
    let mut left = context.plan(join.left.clone())?;
    let mut right = context.plan(join.right.clone())?;
    refuse_chance(&right)?;
    let conditions = Conditions::of(join, &left, &right, context)?;
    for filter in filters_of_left(join, &left, context) {
        if let Some(filter) = conditions.of_right(&filter)? {
            right = LogicalPlanBuilder::from(right).filter(filter)?.build()?;
        }
        left = LogicalPlanBuilder::from(left).filter(filter)?.build()?;
    }
    let sides = Sides { left, right, is_outer: join.is_outer, conditions };
    let nearest = sides.nearest()?;
    sides.joined(sides.times()?, nearest)
}

/// Returns the conditions of the answer that are about the left side alone.
fn filters_of_left(
    join: &AsofJoin<'_>,
    left: &LogicalPlan,
    context: &mut dyn RelationPlannerContext,
) -> Vec<Expr> {
    let mut filters = Vec::new();
    for filter in &join.filters {
        // What does not fit the left side is an error in the whole statement, or about the right.
        if let Ok(filter) = context.sql_to_expr((*filter).clone(), left.schema())
            && !filter.is_volatile()
            && !filter.contains_outer()
            && !filter.column_refs().is_empty()
        {
            filters.push(filter);
        }
    }
    filters
}

/// The right side is read twice, and must have the same rows both times.
fn refuse_chance(right: &LogicalPlan) -> Result<()> {
    let mut is_certain = true;
    right.apply_with_subqueries(|node| {
        is_certain &= !matches!(node, LogicalPlan::Limit(_));
        node.apply_expressions(|expr| {
            is_certain &= !expr.is_volatile();
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    if is_certain {
        return Ok(());
    }
    plan_err!(
        "the right side of an ASOF join must not have LIMIT, a sample or random values: its rows \
         would depend on chance"
    )
}

/// Both sides with what relates them.
struct Sides {
    left: LogicalPlan,
    right: LogicalPlan,
    is_outer: bool,
    conditions: Conditions,
}

impl Sides {
    /// Returns the rows of the left side with the time of their match.
    fn times(&self) -> Result<LogicalPlan> {
        let both = LogicalPlanBuilder::from(self.left_rows()?).union(self.right_times()?)?;
        let seen = self.latest_seen()?;
        let columns = self.left_names().chain(self.key_names("left")).map(ident);
        let columns = columns.chain([ident(SIDE), seen.clone().alias(MATCH)]);
        both.window([seen])?
            .project(columns)?
            .filter(ident(SIDE).eq(lit(self.side_of_left())))?
            .build()
    }

    /// Returns the rows of the left side as they go into the union: columns, keys, time and side.
    fn left_rows(&self) -> Result<LogicalPlan> {
        let mut columns = renamed(&self.left, "left");
        for (index, (left, _)) in self.conditions.keys.iter().enumerate() {
            columns.push(left.clone().alias(key_name("left", index)));
        }
        columns.push(self.conditions.left_time.clone().alias(TIME));
        columns.push(lit(self.side_of_left()).alias(SIDE));
        let no_time = lit(ScalarValue::try_from(&self.conditions.time_type)?);
        columns.push(no_time.alias(MATCH));
        LogicalPlanBuilder::from(self.left.clone()).project(columns)?.build()
    }

    /// Returns the times of the right side, with the columns of the left side empty.
    fn right_times(&self) -> Result<LogicalPlan> {
        let mut columns = Vec::new();
        for (field, name) in self.left.schema().fields().iter().zip(self.left_names()) {
            columns.push(lit(ScalarValue::try_from(field.data_type())?).alias(name));
        }
        for (index, (_, right)) in self.conditions.keys.iter().enumerate() {
            columns.push(right.clone().alias(key_name("left", index)));
        }
        let time = &self.conditions.right_time;
        columns.push(time.clone().alias(TIME));
        columns.push(lit(!self.side_of_left()).alias(SIDE));
        columns.push(time.clone().alias(MATCH));
        LogicalPlanBuilder::from(self.right.clone())
            .filter(self.can_match())?
            .project(columns)?
            .build()
    }

    /// Rows of the right side without a key or time match nothing.
    fn can_match(&self) -> Expr {
        let keys = self.conditions.keys.iter().map(|(_, right)| right);
        let all = keys.chain([&self.conditions.right_time]).map(|expr| expr.clone().is_not_null());
        all.reduce(Expr::and).unwrap_or_else(|| lit(true))
    }

    /// Returns the left side's value in the column of sides, which is sorted from false to true: at
    /// the same time, rows of the right side come first if they match, otherwise last.
    const fn side_of_left(&self) -> bool {
        matches!(self.conditions.comparison, Operator::GtEq | Operator::LtEq)
    }

    /// Whether matches lie in the past.
    const fn looks_back(&self) -> bool {
        matches!(self.conditions.comparison, Operator::GtEq | Operator::Gt)
    }

    /// Returns the nearest time of the right side among the rows up to the current one.
    fn latest_seen(&self) -> Result<Expr> {
        let nearest = if self.looks_back() { max_udaf() } else { min_udaf() };
        let definition = WindowFunctionDefinition::AggregateUDF(nearest);
        let so_far = WindowFrame::new_bounds(
            WindowFrameUnits::Rows,
            WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
            WindowFrameBound::CurrentRow,
        );
        Expr::from(WindowFunction::new(definition, vec![ident(MATCH)]))
            .partition_by(self.key_names("left").map(ident).collect())
            .order_by(vec![
                ident(TIME).sort(self.looks_back(), true),
                ident(SIDE).sort(true, false),
            ])
            .window_frame(so_far)
            .build()
    }

    /// Returns the rows of the right side, one for each key and time.
    fn nearest(&self) -> Result<LogicalPlan> {
        let mut columns = renamed(&self.right, "right");
        for (index, (_, right)) in self.conditions.keys.iter().enumerate() {
            columns.push(right.clone().alias(key_name("right", index)));
        }
        columns.push(self.conditions.right_time.clone().alias(TIME));
        let rows = LogicalPlanBuilder::from(self.right.clone())
            .filter(self.can_match())?
            .project(columns)?;
        let next = self.next_time()?;
        let kept = self.right_names().chain(self.key_names("right")).map(ident);
        let kept = kept.chain([ident(TIME), next.clone().alias(NEXT)]);
        rows.window([next])?
            .project(kept)?
            .filter(ident(NEXT).is_null().or(ident(NEXT).not_eq(ident(TIME))))?
            .build()
    }

    /// Returns the time of the row after the current one; rows of the same time are in the order of
    /// their columns.
    fn next_time(&self) -> Result<Expr> {
        let definition = WindowFunctionDefinition::WindowUDF(lead_udwf());
        let mut order: Vec<Sort> = vec![ident(TIME).sort(true, false)];
        for (field, name) in self.right.schema().fields().iter().zip(self.right_names()) {
            if !field.data_type().is_nested() {
                order.push(ident(name).sort(true, true));
            }
        }
        Expr::from(WindowFunction::new(definition, vec![ident(TIME)]))
            .partition_by(self.key_names("right").map(ident).collect())
            .order_by(order)
            .build()
    }

    /// Joins the rows of both sides, and gives the columns their names back.
    fn joined(&self, left: LogicalPlan, right: LogicalPlan) -> Result<LogicalPlan> {
        let kind = if self.is_outer { JoinType::Left } else { JoinType::Inner };
        let left_keys = self.key_names("left").chain([MATCH.to_owned()]).map(unqualified);
        let right_keys = self.key_names("right").chain([TIME.to_owned()]).map(unqualified);
        let on: (Vec<Column>, Vec<Column>) = (left_keys.collect(), right_keys.collect());
        let mut columns = named_again(&self.left, "left", &[]);
        columns.extend(named_again(&self.right, "right", &self.conditions.hidden));
        LogicalPlanBuilder::from(left).join(right, kind, on, None)?.project(columns)?.build()
    }

    fn left_names(&self) -> impl Iterator<Item = String> {
        (0..self.left.schema().fields().len()).map(|index| column_name("left", index))
    }

    fn right_names(&self) -> impl Iterator<Item = String> {
        (0..self.right.schema().fields().len()).map(|index| column_name("right", index))
    }

    fn key_names(&self, side: &'static str) -> impl Iterator<Item = String> {
        (0..self.conditions.keys.len()).map(move |index| key_name(side, index))
    }
}

fn column_name(side: &str, index: usize) -> String {
    format!("*{side} {index}*")
}

fn key_name(side: &str, index: usize) -> String {
    format!("*{side} key {index}*")
}

fn unqualified(name: String) -> Column {
    Column::new_unqualified(name)
}

/// Returns a side's columns under names that no other column has.
fn renamed(side: &LogicalPlan, name: &str) -> Vec<Expr> {
    let columns = side.schema().columns().into_iter().enumerate();
    columns.map(|(index, column)| Expr::Column(column).alias(column_name(name, index))).collect()
}

/// Returns a side's columns under their own names, without the hidden ones.
fn named_again(side: &LogicalPlan, name: &str, hidden: &[String]) -> Vec<Expr> {
    let mut columns = Vec::new();
    for (index, column) in side.schema().columns().into_iter().enumerate() {
        if !hidden.contains(&column.name) {
            let relation: Option<TableReference> = column.relation;
            columns.push(ident(column_name(name, index)).alias_qualified(relation, column.name));
        }
    }
    columns
}
