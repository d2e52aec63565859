//! One thread for all merges of a compaction.
//!
//! Allocators keep memory for each thread that has used some. The runtime has many threads for
//! blocking work, so merges that ran on whichever is free would each leave theirs, until all of
//! them together had more than a gigabyte.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The thread; it ends when this is dropped and what it has begun is done.
pub(super) struct MergeThread {
    jobs: mpsc::Sender<Job>,
}

impl MergeThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let runtime = Handle::current();
        let work = move || {
            let _entered = runtime.enter();
            waiting.iter().for_each(|job| job());
        };
        thread::Builder::new().name("merge".to_owned()).spawn(work)?;
        Ok(Self { jobs })
    }

    /// Does work on the thread, and waits for its result.
    ///
    /// # Errors
    /// When the work panicked, now or before.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let (sender, result) = oneshot::channel();
        // Nobody waits for the result when the compaction was given up.
        let job = Box::new(move || drop(sender.send(work())));
        let ended = || io::Error::other("the thread that merges files has ended");
        self.jobs.send(job).map_err(|_| ended())?;
        result.await.map_err(|_| ended())
    }
}
