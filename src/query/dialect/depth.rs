//! How deep a statement may be nested, decided before it is parsed.
//!
//! A parsed expression is a tree, and trees are walked and dropped by functions that call
//! themselves: `a OR b OR c …` is as deep as it has operators, and too deep a tree overflows the
//! stack, which ends the program. The tokens of a text are flat, so the depth is counted there.

use datafusion::common::{Result, plan_err};
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// How many operators may be chained, those around parentheses included.
const MAX_OPERATORS: usize = 500;

/// How many queries WITH may give names, each of which may read the one before.
const MAX_QUERIES: usize = 200;

/// How deep queries may be nested in conditions: planning takes twice as long with each.
const MAX_NESTED_QUERIES: usize = 12;

/// Refuses a text whose tree would be too deep.
///
/// # Errors
/// When there are too many operators in a chain.
pub(super) fn check(dialect: &dyn Dialect, text: &str) -> Result<()> {
    // A text that cannot be cut into tokens is refused by the parser, with the place of the error.
    let Ok(tokens) = Tokenizer::new(dialect, text).tokenize() else { return Ok(()) };
    let mut chains = Chains::default();
    for token in &tokens {
        chains.take(token);
        if chains.depth() > MAX_OPERATORS {
            return plan_err!(
                "more than {MAX_OPERATORS} operators in one expression: write `x IN (…)` for many \
                 comparisons with OR, join a list given by VALUES, or use several statements"
            );
        }
        if chains.queries > MAX_QUERIES {
            return plan_err!("more than {MAX_QUERIES} queries in WITH: use several statements");
        }
        if chains.nested_queries > MAX_NESTED_QUERIES {
            return plan_err!(
                "queries in conditions are nested more than {MAX_NESTED_QUERIES} deep: join them"
            );
        }
    }
    Ok(())
}

/// The operators of the expressions that are open at a token.
#[derive(Default)]
struct Chains {
    innermost: Chain,
    around: Vec<Chain>,
    /// The sum of those around the innermost.
    depth_around: usize,
    /// Queries and windows that have a name.
    queries: usize,
    /// Queries that are open and stand in a condition or another expression.
    nested_queries: usize,
    /// Whether the last word was AS.
    after_as: bool,
    /// Whether the last token opened a parenthesis after something else than FROM, JOIN or AS.
    in_expression: bool,
}

/// The operators between two parentheses so far.
#[derive(Clone, Copy, Default)]
struct Chain {
    /// Of conditions, and of whole queries.
    joins: usize,
    /// Of the condition that is open.
    operators: usize,
    /// Whether this is a list of tables.
    is_from: bool,
    /// Whether this is a query in an expression.
    is_nested: bool,
}

impl Chain {
    const fn depth(self) -> usize {
        self.joins + self.operators
    }
}

impl Chains {
    const fn depth(&self) -> usize {
        self.depth_around + self.innermost.depth()
    }

    fn take(&mut self, token: &Token) {
        if let Token::Whitespace(_) = token {
            return;
        }
        let after_as = std::mem::take(&mut self.after_as);
        let in_expression = std::mem::take(&mut self.in_expression);
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                self.queries += usize::from(after_as);
                self.in_expression = !after_as && !self.innermost.is_from;
                self.innermost.operators += 1;
                self.depth_around += self.innermost.depth();
                self.around.push(std::mem::take(&mut self.innermost));
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                self.nested_queries -= usize::from(self.innermost.is_nested);
                self.innermost = self.around.pop().unwrap_or_default();
                self.depth_around = self.depth_around.saturating_sub(self.innermost.depth());
            }
            Token::Comma => self.innermost.operators = 0,
            Token::SemiColon => *self = Self::default(),
            Token::Word(word) => {
                self.after_as = word.keyword == Keyword::AS;
                self.take_word(word.keyword);
                if in_expression && word.keyword == Keyword::SELECT {
                    self.innermost.is_nested = true;
                    self.nested_queries += 1;
                }
            }
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Period
            | Token::Placeholder(_)
            | Token::EOF => {}
            _ => self.innermost.operators += 1,
        }
    }

    const fn take_word(&mut self, keyword: Keyword) {
        match keyword {
            Keyword::AND | Keyword::OR | Keyword::XOR => {
                self.innermost.joins += 1;
                self.innermost.operators = 0;
            }
            Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::JOIN => {
                self.innermost.joins += 1;
                self.innermost.operators = 0;
                self.innermost.is_from = matches!(keyword, Keyword::JOIN);
            }
            Keyword::NOT
            | Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::BETWEEN
            | Keyword::DIV
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::CASE => self.innermost.operators += 1,
            Keyword::FROM
            | Keyword::SELECT
            | Keyword::ON
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER => {
                self.innermost.operators = 0;
                self.innermost.is_from = matches!(keyword, Keyword::FROM);
            }
            Keyword::WHEN | Keyword::THEN | Keyword::ELSE => self.innermost.operators = 0,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;

    use super::{MAX_NESTED_QUERIES, MAX_OPERATORS, check};

    fn is_accepted(text: &str) -> bool {
        check(&GenericDialect {}, text).is_ok()
    }

    #[test]
    fn chains_are_counted_along_the_nesting() {
        let chain = |terms: usize| vec!["a = 1"; terms].join(" OR ");
        assert!(is_accepted(&chain(MAX_OPERATORS)));
        assert!(!is_accepted(&chain(MAX_OPERATORS + 2)));
        let half = chain(MAX_OPERATORS / 2 + 1);
        assert!(!is_accepted(&format!("{half} OR ({half})")));
        assert!(is_accepted(&format!("SELECT ({half}), ({half}), ({half})")));
    }

    #[test]
    fn queries_are_counted_where_they_stand_in_a_condition() {
        let nested = |open: &str, depth: usize| {
            format!("{}SELECT 1{}", open.repeat(depth), ")".repeat(depth))
        };
        for open in ["SELECT 1 WHERE 1 IN (", "SELECT 1 FROM t WHERE EXISTS (", "SELECT ("] {
            assert!(is_accepted(&nested(open, MAX_NESTED_QUERIES)), "{open}");
            assert!(!is_accepted(&nested(open, MAX_NESTED_QUERIES + 1)), "{open}");
        }
        assert!(is_accepted(&nested("SELECT * FROM (", 100)));
        assert!(is_accepted(&nested("SELECT * FROM a JOIN (", 100)));
        let each = vec!["x IN (SELECT 1)"; 50].join(" AND ");
        assert!(is_accepted(&format!("SELECT 1 FROM t WHERE {each}")));
    }

    #[test]
    fn lists_may_be_long() {
        let list = vec!["1"; 100_000].join(", ");
        assert!(is_accepted(&format!("SELECT x FROM t WHERE x IN ({list})")));
        let sums = vec!["a + b * c"; 10_000].join(", ");
        assert!(is_accepted(&format!("SELECT {sums}")));
    }
}
