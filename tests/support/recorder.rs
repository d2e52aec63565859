//! Keeps what is reported, for tests to look at.

use std::sync::{Arc, Mutex};

use lakehouse::events::{Event, Reporter};

/// A reporter that remembers.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Returns how many requests were tried again.
    pub(crate) fn retries(&self) -> usize {
        self.count(|event| matches!(event, Event::Retried { .. }))
    }

    /// Returns the notes and warnings.
    pub(crate) fn reported(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        let reported = events.iter().filter_map(|event| match event {
            Event::Note(text) | Event::Warning(text) => Some(text.clone()),
            _ => None,
        });
        reported.collect()
    }

    /// Returns how many downloads might run from each moment on at which there were to be fewer.
    pub(crate) fn slowed(&self) -> Vec<usize> {
        let events = self.0.lock().unwrap();
        let slowed = events.iter().filter_map(|event| match event {
            Event::Slowed { parallel } => Some(*parallel),
            _ => None,
        });
        slowed.collect()
    }

    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| wanted(event)).count()
    }
}

impl Reporter for Recorder {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}
