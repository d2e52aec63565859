//! Rules that rewrite plans: where the engine would answer wrongly, or slowly.

use datafusion::execution::SessionStateBuilder;

/// Adds what lives here to a session.
pub(super) fn register(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
}
