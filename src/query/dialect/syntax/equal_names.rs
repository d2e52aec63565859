//! Expressions that differ in a cast only: `sum(x)` and `sum(CAST(x AS DOUBLE))`, or the keys
//! `time` and `CAST(time AS DATE)`.
//!
//! The engine leaves casts out of the names of columns, and refuses two columns of one name. Where
//! a statement has such calls or keys, a cast is given to a function that keeps its text in the
//! name.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/18975>.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Select, SelectItem, Statement, Value, Visit, VisitMut, Visitor,
    VisitorMut,
};

use super::calls::function_call;

/// The function: `written_as(value, text)` is the value.
pub(in crate::query::dialect) const WRITTEN_AS: &str = "written_as";

/// Gives names that differ to calls and keys that differ.
pub(super) fn separate(statement: &mut Statement) {
    let mut texts = Texts::default();
    let _ = Visit::visit(statement, &mut texts);
    let shared = texts.0.into_values().filter(|texts| texts.len() > 1);
    let shared: HashSet<String> = shared.flatten().collect();
    if !shared.is_empty() {
        let _ = VisitMut::visit(statement, &mut Namer(shared));
    }
}

/// The texts of calls, and of what may be a key, by their text without casts.
#[derive(Default)]
struct Texts(HashMap<String, HashSet<String>>);

impl Texts {
    fn add(&mut self, expr: &Expr) {
        self.0.entry(without_casts(expr)).or_default().insert(expr.to_string());
    }
}

impl Visitor for Texts {
    type Break = ();

    /// A key may be written in the list of columns, and be named by its place or alias.
    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let keys = match &select.group_by {
            GroupByExpr::Expressions(keys, sets) if keys.is_empty() && sets.is_empty() => {
                return ControlFlow::Continue(());
            }
            GroupByExpr::Expressions(keys, _) => keys.as_slice(),
            GroupByExpr::All(_) => &[],
        };
        keys.iter().for_each(|key| self.add(key));
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                self.add(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(_) = expr {
            self.add(expr);
        }
        ControlFlow::Continue(())
    }
}

/// Names the casts in expressions with these texts.
struct Namer(HashSet<String>);

impl VisitorMut for Namer {
    type Break = ();

    /// Comes after the parts of the expression: the function that it is given to is not visited.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.0.contains(&expr.to_string()) {
            let _ = VisitMut::visit(expr, &mut CastNamer);
        }
        ControlFlow::Continue(())
    }
}

struct CastNamer;

impl VisitorMut for CastNamer {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { .. } = expr {
            let text = Value::SingleQuotedString(expr.to_string());
            let cast = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
            *expr = function_call(WRITTEN_AS, vec![cast, Expr::Value(text.with_empty_span())]);
        }
        ControlFlow::Continue(())
    }
}

fn without_casts(expr: &Expr) -> String {
    struct Remover;
    impl VisitorMut for Remover {
        type Break = ();
        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Cast { expr: inner, .. } = expr {
                let inner = std::mem::replace(inner.as_mut(), Expr::Identifier(Ident::new("")));
                *expr = inner;
            }
            ControlFlow::Continue(())
        }
    }
    let mut expr = expr.clone();
    let _ = VisitMut::visit(&mut expr, &mut Remover);
    expr.to_string()
}
