//! Threads that statements compute on, apart from those that answer clients.
//!
//! A statement may compute for minutes without a pause in which it could be stopped. So each has
//! threads that no other uses, and those that accept connections, measure time and notice signals
//! are never among them. A statement that was given up may keep its threads until it pauses;
//! others get new ones up to a limit, and share the oldest beyond it.

use std::io;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Bytes of stack of a thread, as much as the first one of a program has.
pub(crate) const STACK: usize = 8 << 20;

/// Threads for reading files, for each statement.
const READERS: usize = 8;

/// Groups of threads, of which a running statement has one.
#[derive(Debug)]
pub(super) struct Threads {
    /// Groups at most.
    most: usize,
    groups: Mutex<Groups>,
}

#[derive(Debug, Default)]
struct Groups {
    made: usize,
    /// Those that no statement has, the one that was used last at the end.
    resting: Vec<Runtime>,
}

impl Threads {
    /// Makes none yet; `statements` run at a time.
    pub(super) fn new(statements: usize) -> Self {
        Self { most: statements.saturating_mul(2), groups: Mutex::default() }
    }

    /// Returns the threads of a statement.
    ///
    /// # Errors
    /// When the system has no more.
    pub(super) fn lend(self: &Arc<Self>) -> io::Result<Lent> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |group: &Runtime| group.metrics().num_alive_tasks() == 0;
        let runtime = match groups.resting.iter().rposition(is_idle) {
            Some(idle) => groups.resting.remove(idle),
            None if groups.made >= self.most && !groups.resting.is_empty() => {
                groups.resting.remove(0)
            }
            None => {
                let group = lone_threads("statement")?;
                groups.made += 1;
                group
            }
        };
        drop(groups);
        Ok(Lent { runtime: Some(runtime), threads: Arc::clone(self) })
    }

    fn take_back(&self, runtime: Runtime) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.resting.push(runtime);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let groups = self.groups.get_mut().unwrap_or_else(PoisonError::into_inner);
        groups.resting.drain(..).for_each(Runtime::shutdown_background);
    }
}

/// Makes threads for work that must keep nothing else waiting, with the stack that plans need.
///
/// # Errors
/// When the system has no more.
pub(crate) fn lone_threads(name: &str) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .worker_threads(thread::available_parallelism().map_or(1, NonZero::get))
        .max_blocking_threads(READERS)
        .thread_stack_size(STACK)
        .thread_name(name)
        .build()
}

/// The threads of a statement while it runs.
#[derive(Debug)]
pub(super) struct Lent {
    /// Something until it is dropped.
    runtime: Option<Runtime>,
    threads: Arc<Threads>,
}

impl Lent {
    /// Does some work on the threads, and waits for it. Dropping what waits gives the work up.
    ///
    /// Returns nothing if the work panicked.
    pub(super) async fn run<T: Send + 'static>(
        self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let handle = self.runtime.as_ref()?.spawn(work);
        let mut task = Task { handle, _threads: self };
        (&mut task.handle).await.ok()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.threads.take_back(runtime);
        }
    }
}

/// Work that is given up when nobody waits for it.
struct Task<T> {
    handle: JoinHandle<T>,
    _threads: Lent,
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
