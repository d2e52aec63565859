//! Calls that differ in a cast only: `sum(x)` and `sum(CAST(x AS DOUBLE))`.
//!
//! The engine leaves casts out of the names of columns, and refuses two columns of one name. Where
//! a statement has such calls, a cast is given to a function that keeps its text in the name.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/18975>.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Statement, Value, Visit, VisitMut, Visitor, VisitorMut,
};

/// The function: `written_as(value, text)` is the value.
pub(in crate::query::dialect) const WRITTEN_AS: &str = "written_as";

/// Gives names that differ to calls that differ.
pub(super) fn separate(statement: &mut Statement) {
    let mut calls = Calls::default();
    let _ = Visit::visit(statement, &mut calls);
    let shared = calls.0.into_iter().filter(|(_, texts)| texts.len() > 1);
    let shared: HashSet<String> = shared.map(|(name, _)| name).collect();
    if !shared.is_empty() {
        let _ = VisitMut::visit(statement, &mut Namer(shared));
    }
}

/// The texts of calls, by their text without casts.
#[derive(Default)]
struct Calls(HashMap<String, HashSet<String>>);

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(_) = expr {
            self.0.entry(without_casts(expr)).or_default().insert(expr.to_string());
        }
        ControlFlow::Continue(())
    }
}

/// Names the casts in calls with these texts.
struct Namer(HashSet<String>);

impl VisitorMut for Namer {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && !is_named(function)
            && self.0.contains(&without_casts(expr))
            && let Expr::Function(function) = expr
        {
            let _ = VisitMut::visit(&mut function.args, &mut CastNamer);
        }
        ControlFlow::Continue(())
    }
}

struct CastNamer;

impl VisitorMut for CastNamer {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { .. } = expr {
            let text = expr.to_string();
            let cast = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
            *expr = written_as(cast, text);
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

fn is_named(function: &Function) -> bool {
    function.name.to_string() == WRITTEN_AS
}

fn written_as(value: Expr, text: String) -> Expr {
    let text = Expr::Value(Value::SingleQuotedString(text).with_empty_span());
    let argument = |value| FunctionArg::Unnamed(FunctionArgExpr::Expr(value));
    let arguments = FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![argument(value), argument(text)],
        clauses: Vec::new(),
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(WRITTEN_AS)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(arguments),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
