//! Clauses that the parser reads and the planner would read over without a word: refused, or
//! written as the clause that means the same.

use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, LimitClause, Query, Select, SelectFlavor, SelectItem, Value,
    WildcardAdditionalOptions,
};

/// Corrects the clauses of a whole query.
pub(super) fn in_query(query: &mut Query) -> Result<(), DataFusionError> {
    fetch_as_limit(query)?;
    let limits_by = matches!(
        &query.limit_clause,
        Some(LimitClause::LimitOffset { limit_by, .. }) if !limit_by.is_empty()
    );
    if limits_by {
        return plan_err!(
            "LIMIT n BY is not supported: write QUALIFY row_number() OVER (PARTITION BY …) <= n"
        );
    }
    if query.settings.is_some() {
        return plan_err!("SETTINGS are not part of a statement here: leave them out");
    }
    if query.format_clause.is_some() {
        return plan_err!("FORMAT is not part of a statement here: use --format, or \\format");
    }
    if !query.locks.is_empty() || query.for_clause.is_some() {
        return plan_err!("FOR has no meaning here: tables are only read");
    }
    Ok(())
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn fetch_as_limit(query: &mut Query) -> Result<(), DataFusionError> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.with_ties || fetch.percent {
        return plan_err!("`{fetch}` is not supported: write LIMIT");
    }
    let one = || Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
    let rows = fetch.quantity.unwrap_or_else(one);
    match &mut query.limit_clause {
        None => {
            let clause =
                LimitClause::LimitOffset { limit: Some(rows), offset: None, limit_by: vec![] };
            query.limit_clause = Some(clause);
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(rows),
        Some(_) => return plan_err!("LIMIT and FETCH say the same: leave one of them out"),
    }
    Ok(())
}

/// Corrects the clauses of one SELECT.
pub(super) fn in_select(select: &mut Select) -> Result<(), DataFusionError> {
    if select.flavor == SelectFlavor::FromFirstNoSelect {
        select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
    }
    if select.prewhere.is_some() {
        return plan_err!("PREWHERE is not supported: write WHERE");
    }
    if !select.connect_by.is_empty() {
        return plan_err!("CONNECT BY is not supported: write WITH RECURSIVE");
    }
    if select.top.is_some() {
        return plan_err!("TOP is not supported: write LIMIT at the end");
    }
    let modifiers = match &select.group_by {
        GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => modifiers,
    };
    if let Some(modifier) = modifiers.first() {
        return plan_err!(
            "`{modifier}` after GROUP BY is not supported: write GROUP BY ROLLUP (…), CUBE (…) or \
             GROUPING SETS (…)"
        );
    }
    let is_plain = select.cluster_by.is_empty()
        && select.distribute_by.is_empty()
        && select.sort_by.is_empty()
        && select.into.is_none()
        && select.exclude.is_none();
    if is_plain {
        return Ok(());
    }
    plan_err!("a clause of `{select}` is not supported: write ORDER BY, or list the columns")
}
