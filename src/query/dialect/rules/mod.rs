//! Rules that rewrite plans: where the engine would answer wrongly, or slowly.

mod null_in_lists;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;

use null_in_lists::NullInLists;

/// Adds what lives here to a session.
pub(super) fn register(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder.with_analyzer_rule(Arc::new(NullInLists))
}
