//! Calls in the tree: how one is made, and those that are an expression of the language, as
//! `if(a, b, c)` is.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName,
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

/// Makes the call of a function in the tree.
pub(crate) fn function_call(name: &str, arguments: Vec<Expr>) -> Expr {
    let argument = |value| FunctionArg::Unnamed(FunctionArgExpr::Expr(value));
    let arguments = FunctionArgumentList {
        duplicate_treatment: None,
        args: arguments.into_iter().map(argument).collect(),
        clauses: Vec::new(),
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(arguments),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
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
