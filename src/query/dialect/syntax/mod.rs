//! Corrections of the parsed text, before anything is known about tables and types.

mod named_windows;
mod using;

use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Ident, Query, Select, VisitMut, VisitorMut};

/// Changes a statement's tree to what the dialect means by its text.
///
/// # Errors
/// When the text asks for what is not supported.
pub(super) fn correct(statement: &mut Statement) -> Result<(), DataFusionError> {
    match statement {
        Statement::Statement(statement) => {
            let _ = statement.visit(&mut Corrector);
            Ok(())
        }
        Statement::Explain(explain) => correct(&mut explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => Ok(()),
    }
}

struct Corrector;

impl VisitorMut for Corrector {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        named_windows::define_in_order(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        named_windows::define_in_qualify(select);
        using::qualify(select);
        ControlFlow::Continue(())
    }
}

/// Returns whether two names are the same: without quotes, in any case.
fn is_same_name(name: &Ident, other: &Ident) -> bool {
    match (name.quote_style, other.quote_style) {
        (None, None) => name.value.eq_ignore_ascii_case(&other.value),
        _ => name.value == other.value,
    }
}
