//! One budget of bytes for all rows that an ingest has in memory.
//!
//! Rows are decoded on several threads, archives ahead, and written by one. Whoever has bytes of
//! them has a [`Reservation`] of as many: decoders for their buffers, messages for the rows and
//! rejects in them, the writer for rows that wait and row groups that grow. Reservations are made
//! before bytes are passed on and end when they are dropped, so a pool that hands out buffers in
//! their place has the same shape.
//!
//! A part of the budget is the writer's, which never waits: it writes out what is too much. The
//! rest is shared by the decoding threads, which wait until there is room.
//!
//! # Why this cannot deadlock
//!
//! The writer takes archives in a fixed order, and threads begin to decode them in the same order.
//! So the archive whose turn it is has been begun, or is the next that a thread begins. Its thread
//! waits for memory only as long as a message of this very archive is in flight: with none it goes
//! on, however much is in use. Such a message is in the archive's channel, or about to be, and the
//! writer reads no other channel, waits for no memory, and drops the message after it. Hence either
//! the writer has a message to take, or the thread may make one, until the archive ends and the
//! turn passes to the next. Threads of other archives may wait as long as they like. One message
//! above the budget is the price.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that the rows of an ingest may have in memory; clones share one budget.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    limit: usize,
    usage: Mutex<Usage>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Usage {
    /// Bytes of decoders and their messages.
    in_flight: usize,
    /// Bytes that the writer holds.
    held: usize,
    peak: usize,
}

impl Usage {
    fn note_peak(&mut self) {
        self.peak = self.peak.max(self.in_flight + self.held);
    }
}

impl Default for MemoryBudget {
    /// Far less than an ingest may have in all: sorting, encoding and the allocator need their
    /// part.
    fn default() -> Self {
        Self::new(192 << 20)
    }
}

impl MemoryBudget {
    /// Makes a budget of so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let usage = Mutex::default();
        Self(Arc::new(Budget { limit, usage, changed: Condvar::new() }))
    }

    /// Returns the most bytes that were in use at a time so far.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.usage().peak
    }

    /// Returns the bytes that files which many archives share may hold.
    pub(crate) fn shared_files(&self) -> usize {
        self.0.limit / 4
    }

    /// Returns the bytes that files of a single large archive may hold.
    pub(crate) fn separate_files(&self) -> usize {
        self.0.limit / 8 * 3
    }

    /// Returns the bytes of one archive that may wait for its end. An archive waits or has files of
    /// its own, so this is no further part of the budget.
    pub(crate) fn waiting_rows(&self) -> usize {
        self.0.limit / 4
    }

    /// Returns the bytes that decoders and their messages may have: what is not the writer's.
    fn flight_limit(&self) -> usize {
        self.0.limit - self.shared_files() - self.separate_files()
    }

    /// Returns an empty reservation of the writer's.
    pub(crate) fn hold(&self) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0, owner: Owner::Writer }
    }

    /// Returns the two sides of an archive: the writer's and that of the thread that decodes it.
    pub(crate) fn archive(&self) -> (Turn, Account) {
        let archive = Arc::new(ArchiveState::default());
        let turn = Turn { budget: self.clone(), archive: Arc::clone(&archive) };
        (turn, Account { budget: self.clone(), archive })
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.0.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of one archive; changed and read only while the budget's usage is locked.
#[derive(Debug, Default)]
struct ArchiveState {
    stage: AtomicU8,
    messages: AtomicUsize,
}

/// The writer has not come to the archive.
const AHEAD: u8 = 0;
/// The writer takes its messages.
const CURRENT: u8 = 1;
/// The writer wants no more of it.
const OVER: u8 = 2;

/// The writer's side of an archive; when it is dropped, its decoder waits no longer.
#[derive(Debug)]
pub(crate) struct Turn {
    budget: MemoryBudget,
    archive: Arc<ArchiveState>,
}

impl Turn {
    /// Says that the writer takes the archive's messages from now on.
    pub(crate) fn begin(&self) {
        self.enter(CURRENT);
    }

    fn enter(&self, stage: u8) {
        let usage = self.budget.usage();
        self.archive.stage.store(stage, Ordering::Relaxed);
        drop(usage);
        self.budget.0.changed.notify_all();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.enter(OVER);
    }
}

/// The decoder's side of an archive.
#[derive(Debug)]
pub(crate) struct Account {
    budget: MemoryBudget,
    archive: Arc<ArchiveState>,
}

impl Account {
    /// Waits for room for the decoder's own buffers; nothing when the archive is no longer wanted.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reservation> {
        self.wait_for(bytes, Owner::Decoder)
    }

    /// Waits for room for a message; nothing when the archive is no longer wanted.
    pub(crate) fn hold<T>(&self, value: T, bytes: usize) -> Option<Held<T>> {
        let owner = Owner::Message(Arc::clone(&self.archive));
        Some(Held { value, memory: self.wait_for(bytes, owner)? })
    }

    fn wait_for(&self, bytes: usize, owner: Owner) -> Option<Reservation> {
        let budget = &self.budget;
        let mut usage = budget.usage();
        while usage.in_flight + bytes > budget.flight_limit() && !self.may_exceed() {
            usage = budget.0.changed.wait(usage).unwrap_or_else(PoisonError::into_inner);
        }
        if self.archive.stage.load(Ordering::Relaxed) == OVER {
            return None;
        }
        if matches!(owner, Owner::Message(_)) {
            self.archive.messages.fetch_add(1, Ordering::Relaxed);
        }
        usage.in_flight += bytes;
        usage.note_peak();
        Some(Reservation { budget: budget.clone(), bytes, owner })
    }

    /// Returns whether the archive need not wait, because the writer waits for it or is done with
    /// it.
    fn may_exceed(&self) -> bool {
        match self.archive.stage.load(Ordering::Relaxed) {
            AHEAD => false,
            CURRENT => self.archive.messages.load(Ordering::Relaxed) == 0,
            _ => true,
        }
    }
}

/// A value whose bytes are reserved until it is dropped.
#[derive(Debug)]
pub(crate) struct Held<T> {
    pub(crate) value: T,
    pub(crate) memory: Reservation,
}

/// Bytes of the budget that are in use until this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: MemoryBudget,
    bytes: usize,
    owner: Owner,
}

#[derive(Debug)]
enum Owner {
    Writer,
    Decoder,
    Message(Arc<ArchiveState>),
}

impl Reservation {
    /// Changes how many bytes are reserved, without waiting.
    pub(crate) fn resize(&mut self, bytes: usize) {
        if bytes == self.bytes {
            return;
        }
        self.set(&mut self.budget.usage(), bytes);
        self.bytes = bytes;
        self.budget.0.changed.notify_all();
    }

    fn set(&self, usage: &mut Usage, bytes: usize) {
        let part = match self.owner {
            Owner::Writer => &mut usage.held,
            Owner::Decoder | Owner::Message(_) => &mut usage.in_flight,
        };
        *part = *part - self.bytes + bytes;
        usage.note_peak();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut usage = self.budget.usage();
        self.set(&mut usage, 0);
        // Under the same lock: the thread that waits for this counts on the bytes being free.
        if let Owner::Message(archive) = &self.owner {
            archive.messages.fetch_sub(1, Ordering::Relaxed);
        }
        drop(usage);
        self.budget.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::thread;

    use super::{Account, Held, MemoryBudget};

    #[test]
    fn what_is_dropped_is_free_again_and_the_peak_stays() {
        let budget = MemoryBudget::new(800);
        let (_turn, account) = budget.archive();
        let first = account.hold((), 200).unwrap();
        let second = account.reserve(100).unwrap();
        drop((first, second));
        assert!(account.hold((), 300).is_some());
        assert_eq!((budget.peak(), budget.usage().in_flight), (300, 0));
    }

    #[test]
    fn an_archive_that_the_writer_is_done_with_gets_nothing() {
        let budget = MemoryBudget::new(8);
        let (turn, account) = budget.archive();
        drop(turn);
        assert!(account.hold((), 1_000_000).is_none());
    }

    #[test]
    fn the_archive_that_is_written_may_always_have_one_message_in_flight() {
        let budget = MemoryBudget::new(0);
        let (turn, account) = budget.archive();
        turn.begin();
        let message = account.hold((), 50).unwrap();
        thread::scope(|scope| {
            let next = scope.spawn(|| account.hold((), 60).is_some());
            // The other thread may come first or second: it has to wait for this drop.
            drop(message);
            assert!(next.join().unwrap());
        });
        assert_eq!(budget.peak(), 60);
    }

    /// Sends so many messages, as a decoder does.
    fn decode(account: &Account, messages: usize, send: impl Fn(Held<usize>)) {
        for message in 0..messages {
            let Some(held) = account.hold(message, 7) else { return };
            send(held);
        }
    }

    #[test]
    fn archives_come_in_order_to_their_end_with_no_budget_at_all() {
        let budget = MemoryBudget::new(0);
        let sides: Vec<_> = (0..40).map(|_| (budget.archive(), sync_channel(2))).collect();
        let mut work = Vec::new();
        let mut turns = Vec::new();
        for ((turn, account), (sender, receiver)) in sides {
            work.push((account, sender));
            turns.push((turn, receiver));
        }
        let mut threads: Vec<Vec<_>> = (0..4).map(|_| Vec::new()).collect();
        for (at, item) in work.into_iter().enumerate() {
            threads[at % 4].push(item);
        }
        thread::scope(|scope| {
            for items in threads {
                scope.spawn(move || {
                    for (account, sender) in items {
                        decode(&account, 10, |held| sender.send(held).unwrap());
                    }
                });
            }
            for (turn, receiver) in turns {
                turn.begin();
                let received: Vec<usize> = receiver.iter().map(|held| held.value).collect();
                assert_eq!(received, (0..10).collect::<Vec<_>>());
            }
        });
        assert_eq!(budget.peak(), 7);
    }
}
