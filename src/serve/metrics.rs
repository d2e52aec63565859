//! Figures of the server for a monitoring system, whose names begin with `lakehouse_`.

use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Door;
use crate::audit::OpenRows;

type Labels<const N: usize> = [(&'static str, &'static str); N];
/// What is open of an audit, by a label whose values are those of the lake.
type Counts = Family<Vec<(&'static str, String)>, Gauge>;

/// The figures of one server.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    statements: Family<Labels<2>, Counter>,
    seconds: Family<Labels<1>, Histogram>,
    rows: Family<Labels<1>, Counter>,
    waiting: Gauge,
    memory: Gauge,
    connections: Family<Labels<1>, Gauge>,
    refused: Family<Labels<1>, Counter>,
    findings: Counts,
    kinds: Counts,
    gaps: Counts,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("lakehouse"),
            statements: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            rows: Family::default(),
            waiting: Gauge::default(),
            memory: Gauge::default(),
            connections: Family::default(),
            refused: Family::default(),
            findings: Family::default(),
            kinds: Family::default(),
            gaps: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("statements", "Statements that ended", metrics.statements.clone());
        registry.register("statement_seconds", "How long they took", metrics.seconds.clone());
        registry.register("statement_rows", "Rows that they found", metrics.rows.clone());
        registry.register(
            "statements_waiting",
            "Statements that wait for others to end",
            metrics.waiting.clone(),
        );
        registry.register(
            "memory_used_bytes",
            "Working memory of running statements",
            metrics.memory.clone(),
        );
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register(
            "connections_refused",
            "Connections beyond the limit",
            metrics.refused.clone(),
        );
        registry.register("audit_findings", "Open findings", metrics.findings.clone());
        registry.register("audit_kinds", "Open findings by kind", metrics.kinds.clone());
        registry.register("audit_gaps", "Open gaps by class", metrics.gaps.clone());
        metrics
    }

    /// Counts a statement that ended.
    pub(super) fn record(&self, door: Door, outcome: &'static str, took: Duration, rows: u64) {
        let label = ("door", door.as_str());
        self.statements.get_or_create(&[label, ("outcome", outcome)]).inc();
        self.seconds.get_or_create(&[label]).observe(took.as_secs_f64());
        self.rows.get_or_create(&[label]).inc_by(rows);
    }

    /// Counts a statement as waiting until what is returned is dropped.
    pub(super) fn waiting(&self) -> Counted {
        Counted::new(self.waiting.clone())
    }

    /// Counts a connection as open until what is returned is dropped.
    pub(super) fn connected(&self, door: Door, is_refused: bool) -> Counted {
        let label = [("door", door.as_str())];
        if is_refused {
            self.refused.get_or_create(&label).inc();
        }
        Counted::new(self.connections.get_or_create(&label).clone())
    }

    /// Takes note of the bytes of working memory in use.
    pub(super) fn memory_used(&self, bytes: usize) {
        self.memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Takes note of what audits found and still holds.
    pub(super) fn audited(&self, open: &OpenRows) {
        let OpenRows { severities, kinds, gaps } = open;
        for (family, label, counts) in [
            (&self.findings, "severity", severities),
            (&self.kinds, "kind", kinds),
            (&self.gaps, "class", gaps),
        ] {
            // What no longer holds is left out.
            family.clear();
            for (value, count) in counts {
                let gauge = family.get_or_create(&vec![(label, value.clone())]);
                gauge.set(i64::try_from(*count).unwrap_or(i64::MAX));
            }
        }
    }

    /// Writes the figures in the text format.
    pub(super) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Something that is counted while it lasts.
#[derive(Debug)]
pub(super) struct Counted(Gauge);

impl Counted {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From a millisecond to half a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}
