//! Arithmetic: the types of literals, operators and aggregates of numbers, exact or refused.

use datafusion::execution::SessionStateBuilder;

/// Adds what lives here to a session.
pub(super) fn register(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
}
