//! The precedence of `IS [NOT] DISTINCT FROM`.
//!
//! The parser takes everything up to the end of the expression for its right side:
//! `a IS DISTINCT FROM b AND c` becomes `a IS DISTINCT FROM (b AND c)`. Parentheses that were
//! written are nodes of the tree (`Expr::Nested`), so an AND or OR without them is known to belong
//! outside. Since the parser has read it inside, NOT and the operators before it are in the wrong
//! place too: the whole chain is taken apart and put together again.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

/// Gives the comparisons in a chain of conditions the precedence that the language has.
pub(super) fn correct(expr: &mut Expr) {
    if !is_misread(expr) {
        return;
    }
    let mut chain = Chain::default();
    chain.take(std::mem::replace(expr, null()));
    *expr = chain.together();
}

/// Returns whether a comparison that has swallowed an AND or OR is the last one of a chain: it has
/// swallowed all that came after it.
fn is_misread(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, right, .. } if precedence(op).is_some() => is_misread(right),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => is_misread(expr),
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => {
            matches!(&**right, Expr::BinaryOp { op, .. } if precedence(op).is_some())
                || is_misread(right)
        }
        _ => false,
    }
}

/// How tightly an operator between conditions binds.
const fn precedence(op: &BinaryOperator) -> Option<u8> {
    match op {
        BinaryOperator::Or => Some(0),
        BinaryOperator::Xor => Some(1),
        BinaryOperator::And => Some(2),
        _ => None,
    }
}

/// Conditions with the operators between them, in the order of the text.
#[derive(Default)]
struct Chain {
    conditions: Vec<Expr>,
    operators: Vec<BinaryOperator>,
}

impl Chain {
    /// Appends the conditions of an expression.
    fn take(&mut self, expr: Expr) {
        // The left side may be as deep as the text is long; the right side is not.
        let mut rights = Vec::new();
        let mut left = expr;
        loop {
            match left {
                Expr::BinaryOp { left: inner, op, right } if precedence(&op).is_some() => {
                    rights.push((op, *right));
                    left = *inner;
                }
                other => {
                    self.take_condition(other);
                    break;
                }
            }
        }
        for (op, right) in rights.into_iter().rev() {
            self.operators.push(op);
            self.take(right);
        }
    }

    /// Appends a condition, and what its end has swallowed. NOT and the comparison are put back on
    /// the first condition of what they were read with.
    fn take_condition(&mut self, expr: Expr) {
        let first = self.conditions.len();
        match expr {
            Expr::UnaryOp { op: UnaryOperator::Not, expr } if is_misread(&expr) => {
                self.take(*expr);
                self.wrap(first, |expr| Expr::UnaryOp { op: UnaryOperator::Not, expr });
            }
            Expr::IsDistinctFrom(left, right) => {
                self.take(*right);
                self.wrap(first, |right| Expr::IsDistinctFrom(left, right));
            }
            Expr::IsNotDistinctFrom(left, right) => {
                self.take(*right);
                self.wrap(first, |right| Expr::IsNotDistinctFrom(left, right));
            }
            condition => self.conditions.push(condition),
        }
    }

    fn wrap(&mut self, index: usize, in_what: impl FnOnce(Box<Expr>) -> Expr) {
        if let Some(condition) = self.conditions.get_mut(index) {
            *condition = in_what(Box::new(std::mem::replace(condition, null())));
        }
    }

    /// Puts the conditions together: AND before XOR before OR, each from left to right.
    fn together(self) -> Expr {
        let Self { mut conditions, mut operators } = self;
        for level in [2, 1, 0] {
            let mut joined: Vec<Expr> = Vec::with_capacity(conditions.len());
            let mut left_over = Vec::new();
            let mut waiting = operators.into_iter();
            let mut rest = conditions.into_iter();
            joined.extend(rest.next());
            for right in rest {
                let Some(op) = waiting.next() else { break };
                match joined.pop() {
                    Some(left) if precedence(&op) == Some(level) => joined.push(Expr::BinaryOp {
                        left: Box::new(left),
                        op,
                        right: Box::new(right),
                    }),
                    left => {
                        joined.extend(left);
                        joined.push(right);
                        left_over.push(op);
                    }
                }
            }
            conditions = joined;
            operators = left_over;
        }
        conditions.pop().unwrap_or_else(null)
    }
}

fn null() -> Expr {
    Expr::Value(Value::Null.with_empty_span())
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    /// Shows a condition with all its parentheses.
    fn shown(expr: &Expr) -> String {
        match expr {
            Expr::BinaryOp { left, op, right } => {
                format!("({} {op} {})", shown(left), shown(right))
            }
            Expr::IsDistinctFrom(left, right) => format!("({} ≠ {})", shown(left), shown(right)),
            Expr::IsNotDistinctFrom(left, right) => format!("({} = {})", shown(left), shown(right)),
            Expr::UnaryOp { expr, .. } => format!("(NOT {})", shown(expr)),
            Expr::Nested(inner) => format!("[{}]", shown(inner)),
            other => other.to_string(),
        }
    }

    fn corrected(text: &str) -> String {
        let parser = Parser::new(&GenericDialect {}).try_with_sql(text);
        let mut expr = parser.unwrap().parse_expr().unwrap();
        correct(&mut expr);
        shown(&expr)
    }

    #[test]
    fn and_and_or_bind_less_than_the_comparison() {
        let cases = [
            ("a IS DISTINCT FROM b AND c", "((a ≠ b) AND c)"),
            ("a IS DISTINCT FROM (b AND c)", "(a ≠ [(b AND c)])"),
            ("p AND a IS DISTINCT FROM b OR c", "((p AND (a ≠ b)) OR c)"),
            ("p OR a IS NOT DISTINCT FROM b AND c", "(p OR ((a = b) AND c))"),
            ("NOT a IS DISTINCT FROM b AND c", "((NOT (a ≠ b)) AND c)"),
            ("a IS DISTINCT FROM b AND c IS DISTINCT FROM d OR e", "(((a ≠ b) AND (c ≠ d)) OR e)"),
            ("a IS DISTINCT FROM b + 1 AND c > 2", "((a ≠ (b + 1)) AND (c > 2))"),
            ("a IS DISTINCT FROM b AND NOT c OR d", "(((a ≠ b) AND (NOT c)) OR d)"),
            ("a AND b OR c", "((a AND b) OR c)"),
        ];
        for (text, expected) in cases {
            assert_eq!(corrected(text), expected, "{text}");
        }
    }
}
