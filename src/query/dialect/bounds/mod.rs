//! Functions whose result may be far larger than their arguments, within the memory limit.
//!
//! The engine accounts for the memory of its operators, not for that of a function: `repeat` or
//! `range` with a large number would take all memory at once, which ends the program. Here the size
//! of a result is estimated from the arguments before it is made, and what is too large is refused.

mod bounded;
mod estimate;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::MemoryLimit;

use bounded::Bounded;
use estimate::Growth;

/// The part of the memory limit that one result of a function may take, for a batch of rows.
const PART: usize = 8;

/// What may be made at once where the session has no limit. Bytes.
const DEFAULT_LIMIT: usize = 256 << 20;

/// Puts bounds on functions; comes after all functions are registered.
pub(super) fn register(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let runtime = builder.runtime_env().clone();
    let limit = match runtime.map(|runtime| runtime.memory_pool.memory_limit()) {
        Some(MemoryLimit::Finite(bytes)) => bytes / PART,
        _ => DEFAULT_LIMIT,
    };
    for function in builder.scalar_functions().get_or_insert_default() {
        if let Some(growth) = Growth::of(function.name()) {
            *function = Arc::new(Bounded::new(Arc::clone(function), growth, limit).into());
        }
    }
    builder
}
