//! Threads that statements compute on, apart from those that answer clients.
//!
//! A statement may compute for minutes without a pause in which it could be stopped. So each has
//! threads that no other uses, and those that accept connections, measure time and notice signals
//! are never among them. A statement that was given up may keep its threads until it pauses;
//! others get new ones up to a limit, and share the oldest beyond it.
//!
//! Statements that read much have threads of a lower priority: where all processors are busy, an
//! answer of a few rows does not wait for its share next to years of trades. Among themselves they
//! share as before.

use std::io;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::query::PlannedReads;
use crate::system::lower_priority;

/// Bytes of stack of a thread, as much as the first one of a program has.
pub(crate) const STACK: usize = 8 << 20;

/// Threads for reading files, for each statement.
const READERS: usize = 8;

/// Data files, and bytes of them, that may be read for a statement which counts as small.
const SMALL: PlannedReads = PlannedReads { files: 4, bytes: 64 << 20 };

/// What is computed for a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Plans, and rows of few data files.
    Small,
    Large,
}

impl Work {
    /// Returns what a statement is that reads so much.
    pub(super) const fn of(reads: PlannedReads) -> Self {
        if reads.files > SMALL.files || reads.bytes > SMALL.bytes {
            Self::Large
        } else {
            Self::Small
        }
    }
}

/// The threads of all statements.
#[derive(Debug)]
pub(super) struct Threads {
    small: Arc<Groups>,
    large: Arc<Groups>,
}

/// Groups of threads for one kind of work, of which a running statement has one.
#[derive(Debug)]
struct Groups {
    work: Work,
    /// Groups at most.
    most: usize,
    made: Mutex<MadeGroups>,
}

#[derive(Debug, Default)]
struct MadeGroups {
    count: usize,
    /// Those that no statement has, the one that was used last at the end.
    resting: Vec<Runtime>,
}

impl Threads {
    /// Makes none yet; `statements` run at a time.
    pub(super) fn new(statements: usize) -> Self {
        let most = statements.saturating_mul(2);
        let groups = |work| Arc::new(Groups { work, most, made: Mutex::default() });
        Self { small: groups(Work::Small), large: groups(Work::Large) }
    }

    /// Returns the threads of a statement.
    ///
    /// # Errors
    /// When the system has no more.
    pub(super) fn lend(&self, work: Work) -> io::Result<Lent> {
        match work {
            Work::Small => Groups::lend(&self.small),
            Work::Large => Groups::lend(&self.large),
        }
    }
}

impl Groups {
    fn lend(self: &Arc<Self>) -> io::Result<Lent> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |group: &Runtime| group.metrics().num_alive_tasks() == 0;
        let runtime = match made.resting.iter().rposition(is_idle) {
            Some(idle) => made.resting.remove(idle),
            None if made.count >= self.most && !made.resting.is_empty() => made.resting.remove(0),
            None => {
                let group = self.make()?;
                made.count += 1;
                group
            }
        };
        drop(made);
        Ok(Lent { runtime: Some(runtime), groups: Arc::clone(self) })
    }

    fn make(&self) -> io::Result<Runtime> {
        match self.work {
            Work::Small => group("statement").build(),
            Work::Large => group("large-statement").on_thread_start(lower_priority()).build(),
        }
    }

    fn take_back(&self, runtime: Runtime) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.resting.push(runtime);
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner);
        made.resting.drain(..).for_each(Runtime::shutdown_background);
    }
}

/// Makes threads for work that must keep nothing else waiting, with the stack that plans need.
///
/// # Errors
/// When the system has no more.
pub(crate) fn lone_threads(name: &str) -> io::Result<Runtime> {
    group(name).build()
}

fn group(name: &str) -> Builder {
    let mut group = Builder::new_multi_thread();
    group
        .enable_all()
        .worker_threads(thread::available_parallelism().map_or(1, NonZero::get))
        .max_blocking_threads(READERS)
        .thread_stack_size(STACK)
        .thread_name(name);
    group
}

/// The threads of a statement while it runs.
#[derive(Debug)]
pub(super) struct Lent {
    /// Something until it is dropped.
    runtime: Option<Runtime>,
    groups: Arc<Groups>,
}

impl Lent {
    /// Does some work on the threads, and waits for it. Dropping what waits gives the work up.
    ///
    /// Returns nothing if the work panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let mut task = Task(self.runtime.as_ref()?.spawn(work));
        (&mut task.0).await.ok()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.groups.take_back(runtime);
        }
    }
}

/// Work that is given up when nobody waits for it.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn statements_that_read_much_give_way_to_those_that_read_little() {
        let threads = Threads::new(2);
        let small = Work::of(PlannedReads { files: 1, bytes: 1 << 20 });
        let many_files = Work::of(PlannedReads { files: 30, bytes: 1 << 20 });
        let large_file = Work::of(PlannedReads { files: 1, bytes: 1 << 30 });
        let usual = niceness(&threads, small).await;
        assert!(niceness(&threads, many_files).await > usual);
        assert!(niceness(&threads, large_file).await > usual);
        assert_eq!(niceness(&threads, small).await, usual);
    }

    /// Returns how much the threads for some work give way, which is also that of threads on which
    /// files are read.
    async fn niceness(threads: &Threads, work: Work) -> i64 {
        let lent = threads.lend(work).unwrap();
        let both = async {
            let reading = tokio::task::spawn_blocking(own_niceness).await.unwrap();
            (own_niceness(), reading)
        };
        let (computing, reading) = lent.run(both).await.unwrap();
        assert_eq!(computing, reading);
        computing
    }

    fn own_niceness() -> i64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // The name may have spaces; the numbers after it begin with the third field.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().nth(16).unwrap().parse().unwrap()
    }
}
