//! Rules that rewrite plans: where the engine would answer wrongly, or slowly.

mod distinct_inner;
mod filter_pushdown;
mod grouping_sets;
mod null_in_lists;
mod single_distinct;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::{Analyzer, AnalyzerRule};

use super::numbers::CommonTypes;
use distinct_inner::DistinctInner;
use grouping_sets::{HiddenKeys, KeysAsColumns};
use null_in_lists::NullInLists;

/// Adds what lives here to a session.
pub(super) fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let optimizer = builder.optimizer().get_or_insert_default();
    optimizer.rules.iter_mut().for_each(single_distinct::replace);
    let physical = builder.physical_optimizers().get_or_insert_default();
    physical.rules.iter_mut().for_each(filter_pushdown::replace);
    let analyzer = &mut builder.analyzer().get_or_insert_with(Analyzer::new).rules;
    let before_types = analyzer.iter().position(|rule| rule.name() == CommonTypes.name());
    analyzer.insert(before_types.unwrap_or(0), Arc::new(KeysAsColumns));
    let functions = builder.scalar_functions().get_or_insert_default();
    functions.extend(grouping_sets::functions());
    builder
        .with_analyzer_rule(Arc::new(NullInLists))
        .with_analyzer_rule(Arc::new(HiddenKeys::default()))
        .with_optimizer_rule(Arc::new(DistinctInner))
}
