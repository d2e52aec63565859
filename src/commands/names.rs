//! Symbols that were named and that nothing has: said in words, and by the exit code.
//!
//! A name that is like no other may be published one day, and is no error. One that is like the
//! name of another symbol is taken for a slip.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::bail;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::selection::near::{Misspelled, misspelled};

use super::CommandOutcome;
use crate::meta::archives::reader::LedgerReader;
use crate::meta::scope::Scope;
use crate::storage::lake::Lake;

/// Warns of misspelled names: the command is incomplete without them, and has nothing to work on
/// if they are all that there is.
///
/// # Errors
/// When nothing else was found.
pub(super) fn check(
    misspelled: &[Misspelled],
    nothing_else: bool,
    warn: impl Fn(String),
) -> anyhow::Result<CommandOutcome> {
    let texts: Vec<String> = misspelled.iter().map(ToString::to_string).collect();
    if texts.is_empty() {
        return Ok(CommandOutcome::Done);
    }
    if nothing_else {
        bail!("{}", texts.join("; "));
    }
    texts.into_iter().for_each(warn);
    Ok(CommandOutcome::Incomplete)
}

/// Returns the names of a scope that no archive has which the lake has met, and that are like the
/// name of one.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) async fn misspelled_in_lake(
    lake: &Lake,
    matrix: &Arc<Matrix>,
    scope: &Scope,
) -> anyhow::Result<Vec<Misspelled>> {
    let names = scope.symbols.included();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let ledger = Box::pin(LedgerReader::open(lake, Arc::clone(matrix))).await?;
    let Some(ledger) = ledger else { return Ok(Vec::new()) };
    let mut known = BTreeSet::new();
    ledger.for_each(|entry| {
        if !known.contains(entry.key.symbol()) {
            known.insert(entry.key.symbol().clone());
        }
    })?;
    Ok(misspelled(&names, &known))
}
