//! Frames of windows that the engine computes wrongly.
//!
//! Bounds near 2^64 overflow when they are added to the number of a row, and a frame whose end
//! comes before its start is taken for one that reaches below zero.

use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};

/// More rows than there can be.
const FAR: u64 = 1 << 62;

/// Changes a frame to one with the same rows that the engine can compute.
///
/// # Errors
/// When the frame is none, such as one from the current row to a row before it.
pub(super) fn correct(frame: &mut WindowFrame) -> Result<()> {
    for bound in [&mut frame.start_bound, &mut frame.end_bound] {
        limit(bound);
    }
    if frame.units == WindowFrameUnits::Range {
        return Ok(());
    }
    let (Some(start), Some(end)) = (distance(&frame.start_bound), distance(&frame.end_bound))
    else {
        return Ok(());
    };
    if start.signum() > end.signum() {
        return plan_err!(
            "a window frame ends before it starts: {} AND {}",
            frame.start_bound,
            frame.end_bound
        );
    }
    if start > end {
        let nothing = WindowFrameBound::Following(ScalarValue::UInt64(Some(FAR)));
        *frame = WindowFrame::new_bounds(frame.units, nothing.clone(), nothing);
    }
    Ok(())
}

fn limit(bound: &mut WindowFrameBound) {
    if let WindowFrameBound::Preceding(ScalarValue::UInt64(Some(rows)))
    | WindowFrameBound::Following(ScalarValue::UInt64(Some(rows))) = bound
    {
        *rows = FAR.min(*rows);
    }
}

/// Returns how many rows, or groups, after the current one a bound is; nothing if it has none.
fn distance(bound: &WindowFrameBound) -> Option<i64> {
    let rows = |rows: u64| i64::try_from(rows).ok();
    match bound {
        WindowFrameBound::Preceding(ScalarValue::UInt64(Some(before))) => {
            rows(*before).map(|before| -before)
        }
        WindowFrameBound::Following(ScalarValue::UInt64(Some(after))) => rows(*after),
        WindowFrameBound::CurrentRow => Some(0),
        _ => None,
    }
}
