//! Names of columns that a statement gives twice.
//!
//! PostgreSQL lets a statement select the same expression twice, the engine does not, and formats
//! such as JSON and Parquet need names that differ. The first column of a name keeps it, the next
//! ones are called `name_1`, `name_2` and so on.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::parser::{ExplainStatement, Statement};
use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, VisitMut, VisitorMut};

/// Renames what a statement selects twice.
pub(crate) fn separate(statement: &mut Statement) {
    visit(statement, &mut Duplicates);
}

/// Renames the columns that a statement selects next to `*`, which has them too.
pub(crate) fn separate_from_wildcards(statement: &mut Statement) {
    visit(statement, &mut NextToWildcard);
}

/// Renames columns of a whole statement that have equal names but come from different tables.
///
/// # Errors
/// When the engine cannot plan the renaming.
pub(crate) fn separate_columns(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = plan.schema();
    let mut names = Names::default();
    let renamed: Vec<_> = schema.fields().iter().map(|field| names.take(field.name())).collect();
    if renamed.iter().zip(schema.fields()).all(|(name, field)| name == field.name()) {
        return Ok(plan);
    }
    let columns = renamed_columns(schema, renamed);
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

fn renamed_columns(schema: &DFSchema, names: Vec<String>) -> Vec<PlanExpr> {
    let mut columns = Vec::with_capacity(names.len());
    for (column, name) in schema.columns().into_iter().zip(names) {
        let is_kept = column.name == name;
        let column = PlanExpr::Column(column);
        columns.push(if is_kept { column } else { column.alias(name) });
    }
    columns
}

fn visit<V: VisitorMut<Break = ()>>(statement: &mut Statement, visitor: &mut V) {
    match statement {
        Statement::Statement(statement) => {
            let _ = statement.visit(visitor);
        }
        Statement::Explain(ExplainStatement { statement, .. }) => visit(statement, visitor),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => {}
    }
}

/// The names that are taken.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    /// Returns the name, or the first of its successors that is free.
    fn take(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 0;
        while !self.0.insert(free.clone()) {
            number += 1;
            free = format!("{name}_{number}");
        }
        free
    }
}

struct Duplicates;

impl VisitorMut for Duplicates {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut names = Names::default();
        for item in &mut select.projection {
            let Some(name) = name_of(item) else { continue };
            let free = names.take(&name);
            if free != name {
                rename(item, free);
            }
        }
        ControlFlow::Continue(())
    }
}

struct NextToWildcard;

impl VisitorMut for NextToWildcard {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let is_wildcard = |item: &SelectItem| {
            matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
        };
        if !select.projection.iter().any(is_wildcard) {
            return ControlFlow::Continue(());
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) = item
                && let Some(name) = name_of(item)
            {
                rename(item, format!("{name}_1"));
            }
        }
        ControlFlow::Continue(())
    }
}

/// Returns the name of a column, as far as the text says it.
fn name_of(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(expr) => Some(name_of_expr(expr)),
        SelectItem::ExprWithAlias { alias, .. } => Some(normal(alias)),
        _ => None,
    }
}

/// The engine names a cast by what is cast, anywhere in an expression.
fn name_of_expr(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => normal(name),
        Expr::CompoundIdentifier(names) => names.last().map(normal).unwrap_or_default(),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => name_of_expr(expr),
        Expr::AtTimeZone { timestamp, .. } => name_of_expr(timestamp),
        other => {
            let mut written = other.clone();
            let _ = written.visit(&mut WithoutCasts);
            written.to_string()
        }
    }
}

struct WithoutCasts;

impl VisitorMut for WithoutCasts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: inner, .. } | Expr::AtTimeZone { timestamp: inner, .. } = expr {
            *expr = inner.as_ref().clone();
        }
        ControlFlow::Continue(())
    }
}

fn normal(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

fn rename(item: &mut SelectItem, name: String) {
    let alias = Ident::with_quote('"', name);
    match item {
        SelectItem::UnnamedExpr(expr) => {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
        SelectItem::ExprWithAlias { alias: old, .. } => *old = alias,
        _ => {}
    }
}
