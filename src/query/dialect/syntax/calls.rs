//! Calls that are written as a function and are an expression of the language: `if(a, b, c)`.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
};

/// Writes `if(condition, then, otherwise)` as CASE.
pub(super) fn correct(expr: &mut Expr) {
    if let Expr::Function(function) = expr
        && let Some([condition, result, otherwise]) = choice(function)
    {
        *expr = Expr::Case {
            case_token: AttachedToken::empty(),
            end_token: AttachedToken::empty(),
            operand: None,
            conditions: vec![CaseWhen { condition, result }],
            else_result: Some(Box::new(otherwise)),
        };
    }
}

fn choice(function: &Function) -> Option<[Expr; 3]> {
    let name = function.name.to_string().to_lowercase();
    let FunctionArguments::List(list) = &function.args else { return None };
    if !["if", "iff"].contains(&name.as_str()) || function.over.is_some() {
        return None;
    }
    let plain = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let mut args = list.args.iter().map(plain).collect::<Option<Vec<Expr>>>()?;
    if args.len() == 2 {
        args.push(Expr::Value(datafusion::sql::sqlparser::ast::Value::Null.with_empty_span()));
    }
    args.try_into().ok()
}
