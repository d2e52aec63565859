//! A fault of the engine ends a statement, not the program.
//!
//! The engine has places that panic on odd values. A panic in one of its tasks is passed on to
//! whoever waits for the task, so it is enough to catch it where the session waits: while a
//! statement is planned, and whenever rows of its answer are taken. In the same places the stack is
//! made large enough for the trees that a statement may be: parsing, planning and evaluating them
//! are functions that call themselves, and an overflow of the stack cannot be caught.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use futures::{Stream, StreamExt};

use super::error::QueryError;

/// Bytes of stack; only what is used of them becomes memory.
const STACK: usize = 64 << 20;

/// Runs a future on a large stack; a panic in it becomes an error.
pub(super) async fn caught<T, E: From<Fault>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut work = Box::pin(work);
    poll_fn(|context| {
        let polled = on_large_stack(|| work.as_mut().poll(context));
        polled.unwrap_or_else(|fault| Poll::Ready(Err(fault.into())))
    })
    .await
}

/// Returns a stream that runs on a large stack, and ends with an error where the given one panics.
pub(super) fn caught_in(rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    Box::pin(CaughtStream { schema: rows.schema(), rows: Some(rows) })
}

fn on_large_stack<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    let worked = stacker::grow(STACK, || catch_unwind(AssertUnwindSafe(work)));
    worked.map_err(|panic| Fault(said(&*panic)))
}

/// What a panic said.
#[derive(Debug)]
pub(super) struct Fault(String);

impl From<Fault> for QueryError {
    fn from(fault: Fault) -> Self {
        Self::Fault { message: fault.0 }
    }
}

impl From<Fault> for DataFusionError {
    fn from(fault: Fault) -> Self {
        Self::External(Box::new(QueryError::from(fault)))
    }
}

struct CaughtStream {
    schema: SchemaRef,
    /// Nothing after a panic: what is left is in no defined state.
    rows: Option<SendableRecordBatchStream>,
}

impl Stream for CaughtStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(rows) = &mut self.rows else { return Poll::Ready(None) };
        on_large_stack(|| rows.poll_next_unpin(context)).unwrap_or_else(|fault| {
            self.rows = None;
            Poll::Ready(Some(Err(fault.into())))
        })
    }
}

/// The plan in the stream is a tree too.
impl Drop for CaughtStream {
    fn drop(&mut self) {
        let rows = self.rows.take();
        let _ = on_large_stack(|| drop(rows));
    }
}

impl RecordBatchStream for CaughtStream {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}
