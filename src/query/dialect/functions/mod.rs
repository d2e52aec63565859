//! Functions that the engine lacks, or has under another name.

use datafusion::execution::SessionStateBuilder;

/// Adds what lives here to a session.
pub(super) fn register(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
}
