//! The conditions of an ASOF join: equalities of keys, and one comparison of times.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, plan_err};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast, utils::split_conjunction_owned,
};
use datafusion::sql::sqlparser::ast::{JoinConstraint, ObjectName};

use super::super::syntax::AsofJoin;

const EXPECTED: &str = "an ASOF join has equalities of keys and one comparison of times: \
                        a ASOF JOIN b ON a.symbol = b.symbol AND a.time >= b.time";

/// What relates the rows of both sides, with values of the same types.
#[derive(Debug)]
pub(super) struct Conditions {
    /// Pairs of a left and a right expression that are equal.
    pub(super) keys: Vec<(Expr, Expr)>,
    pub(super) left_time: Expr,
    pub(super) right_time: Expr,
    pub(super) time_type: DataType,
    /// How the left time compares with the right one.
    pub(super) comparison: Operator,
    /// Columns of the right side that USING joins with those of the left.
    pub(super) hidden: Vec<String>,
}

/// A comparison with the left side's expression on the left.
struct Comparison {
    left: Expr,
    operator: Operator,
    right: Expr,
}

impl Conditions {
    /// Reads the conditions of a join.
    ///
    /// # Errors
    /// When they are others than equalities and one comparison.
    pub(super) fn of(
        join: &AsofJoin<'_>,
        left: &LogicalPlan,
        right: &LogicalPlan,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<Self> {
        let mut comparisons = Vec::new();
        let mut hidden = Vec::new();
        let both = left.schema().join(right.schema())?;
        let written = match join.constraint {
            JoinConstraint::On(condition) => vec![condition],
            JoinConstraint::Using(columns) => {
                hidden = names(columns, context)?;
                comparisons = of_names(&hidden, join.match_condition.is_none());
                vec![]
            }
            JoinConstraint::None => vec![],
            JoinConstraint::Natural => return plan_err!("{EXPECTED}"),
        };
        for condition in written.into_iter().chain(join.match_condition) {
            let condition = context.sql_to_expr(condition.clone(), &both)?;
            for condition in split_conjunction_owned(condition) {
                comparisons.push(Comparison::of(condition, left.schema(), right.schema())?);
            }
        }
        Self::sorted(comparisons, hidden, left.schema(), right.schema())
    }

    /// Returns what a condition on the left side's keys means for the right side: rows with other
    /// keys match nothing. Nothing if it is about other columns too.
    pub(super) fn of_right(&self, filter: &Expr) -> Result<Option<Expr>> {
        let mut is_of_keys = true;
        let replaced = filter.clone().transform(|expr| {
            if !matches!(expr, Expr::Column(_)) {
                return Ok(Transformed::no(expr));
            }
            match self.keys.iter().find(|(left, right)| left == &expr && is_column(right)) {
                Some((_, right)) => Ok(Transformed::yes(right.clone())),
                None => {
                    is_of_keys = false;
                    Ok(Transformed::no(expr))
                }
            }
        })?;
        Ok(is_of_keys.then_some(replaced.data))
    }

    fn sorted(
        comparisons: Vec<Comparison>,
        hidden: Vec<String>,
        left: &DFSchema,
        right: &DFSchema,
    ) -> Result<Self> {
        let mut keys = Vec::new();
        let mut times = Vec::new();
        for comparison in comparisons {
            let (compared, data_type) = comparison.of_one_type(left, right)?;
            match compared.operator {
                Operator::Eq => keys.push((compared.left, compared.right)),
                _ => times.push((compared, data_type)),
            }
        }
        if times.len() > 1 {
            return plan_err!("{EXPECTED}; found {} comparisons", times.len());
        }
        let Some((time, time_type)) = times.pop() else { return plan_err!("{EXPECTED}") };
        Ok(Self {
            keys,
            left_time: time.left,
            right_time: time.right,
            time_type,
            comparison: time.operator,
            hidden,
        })
    }
}

/// USING names the keys and, unless a condition says otherwise, the time as its last column.
fn of_names(names: &[String], has_time: bool) -> Vec<Comparison> {
    let last = names.len().saturating_sub(1);
    let comparison = |(index, name): (usize, &String)| {
        let is_time = has_time && index == last;
        let operator = if is_time { Operator::GtEq } else { Operator::Eq };
        let column = || Expr::Column(Column::new_unqualified(name.clone()));
        Comparison { left: column(), operator, right: column() }
    };
    names.iter().enumerate().map(comparison).collect()
}

fn names(columns: &[ObjectName], context: &dyn RelationPlannerContext) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for column in columns {
        match column.0.as_slice() {
            [part] if part.as_ident().is_some() => {
                names.extend(part.as_ident().map(|name| context.normalize_ident(name.clone())));
            }
            _ => return plan_err!("USING expects names of columns, not `{column}`"),
        }
    }
    Ok(names)
}

impl Comparison {
    fn of(condition: Expr, left: &DFSchema, right: &DFSchema) -> Result<Self> {
        let Expr::BinaryExpr(BinaryExpr { left: one, op, right: other }) = condition else {
            return plan_err!("{EXPECTED}; found `{condition}`");
        };
        let is_known = matches!(
            op,
            Operator::Eq | Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq
        );
        let one_of = |expr: &Expr, schema: &DFSchema| {
            let columns = expr.column_refs();
            !columns.is_empty() && columns.iter().all(|column| schema.has_column(column))
        };
        if is_known && one_of(&one, left) && one_of(&other, right) {
            return Ok(Self { left: *one, operator: op, right: *other });
        }
        if is_known
            && one_of(&one, right)
            && one_of(&other, left)
            && let Some(operator) = op.swap()
        {
            return Ok(Self { left: *other, operator, right: *one });
        }
        plan_err!("{EXPECTED}; found `{one} {op} {other}`")
    }

    /// Casts both sides to the type in which they are compared.
    fn of_one_type(self, left: &DFSchema, right: &DFSchema) -> Result<(Self, DataType)> {
        let of_left = qualified(self.left, left)?;
        let of_right = qualified(self.right, right)?;
        let left_type = of_left.get_type(left)?;
        let right_type = of_right.get_type(right)?;
        let Some(common) = comparison_coercion(&left_type, &right_type) else {
            return plan_err!(
                "cannot compare `{of_left}` ({left_type}) with `{of_right}` ({right_type})"
            );
        };
        let as_common = |expr: Expr, given: &DataType| match given == &common {
            true => expr,
            false => cast(expr, common.clone()),
        };
        let compared = Self {
            left: as_common(of_left, &left_type),
            operator: self.operator,
            right: as_common(of_right, &right_type),
        };
        Ok((compared, common))
    }
}

const fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(_))
}

/// Names the table of a column that USING names without one.
fn qualified(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    match &expr {
        Expr::Column(column) if column.relation.is_none() => {
            let (relation, field) = schema.qualified_field_with_unqualified_name(&column.name)?;
            Ok(Expr::Column(Column::new(relation.cloned(), field.name())))
        }
        _ => Ok(expr),
    }
}
