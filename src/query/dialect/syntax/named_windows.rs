//! Names of windows outside the list of columns.
//!
//! The engine puts the definition in `WINDOW` in place of its name in the list of columns only.
//! Here it is put there in QUALIFY and ORDER BY too.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, Query, Select, SetExpr, VisitMut,
    WindowSpec, WindowType, visit_expressions_mut,
};

/// Replaces the names of windows in QUALIFY.
pub(super) fn define_in_qualify(select: &mut Select) {
    if let Some(condition) = &mut select.qualify {
        define(condition, &select.named_window);
    }
}

/// Replaces the names of windows in the ORDER BY of a query without set operations.
pub(super) fn define_in_order(query: &mut Query) {
    if let (Some(order), SetExpr::Select(select)) = (&mut query.order_by, &*query.body) {
        define(order, &select.named_window);
    }
}

fn define(node: &mut impl VisitMut, windows: &[NamedWindowDefinition]) {
    let _: ControlFlow<()> = visit_expressions_mut(node, |expr| {
        if let Expr::Function(function) = expr
            && let Some(WindowType::NamedWindow(name)) = &function.over
            && let Some(window) = definition(name, windows)
        {
            function.over = Some(WindowType::WindowSpec(window.clone()));
        }
        ControlFlow::Continue(())
    });
}

/// Returns what a name stands for; a window that is the name of another one is left to the engine.
fn definition<'a>(name: &Ident, windows: &'a [NamedWindowDefinition]) -> Option<&'a WindowSpec> {
    let window = windows.iter().find(|window| super::is_same_name(&window.0, name))?;
    match &window.1 {
        NamedWindowExpr::WindowSpec(window) => Some(window),
        NamedWindowExpr::NamedWindow(_) => None,
    }
}
