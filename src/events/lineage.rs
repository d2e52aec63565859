//! Which tables a run read and wrote, as events of OpenLineage that a catalogue collects.
//!
//! A run writes two events, one JSON document a line, behind those of earlier runs: one when it
//! starts, one when it ends. The names of data sets follow the naming rules of OpenLineage: a host
//! or bucket, and a path within it. The format is that of <https://openlineage.io/spec/2-0-2>.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::document::TableVersions;
use crate::output::check_folder;

const EVENT_SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const PRODUCER: &str = concat!("urn:lakehouse:", env!("CARGO_PKG_VERSION"));

/// Where events go, if anywhere.
#[derive(Clone, Debug)]
pub(crate) struct LineageFile(Option<PathBuf>);

/// What a run works on.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The name of the command: `ingest`.
    pub(crate) command: &'static str,
    /// The location of the lake: a folder, or a URL.
    pub(crate) lake: String,
    /// The URL of the source, without secrets; none for a command that reads the lake alone.
    pub(crate) source: Option<String>,
}

/// A run whose start is recorded.
#[derive(Debug)]
pub(crate) struct LineageRun {
    path: Option<PathBuf>,
    id: Uuid,
    job: Job,
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineageEnd<'a> {
    /// The tables with new versions.
    pub(crate) tables: &'a [TableVersions],
    /// What stopped the run, or what is incomplete.
    pub(crate) message: Option<&'a str>,
    /// The run ended with an error, and did not do its work.
    pub(crate) is_failure: bool,
    pub(crate) at: DateTime<Utc>,
}

impl LineageFile {
    /// Takes the file that a user named; its folder must be there.
    pub(crate) fn open(path: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = &path {
            check_folder("--openlineage", path)?;
        }
        Ok(Self(path))
    }

    /// Begins a run; [`LineageRun::start`] writes its event.
    pub(crate) fn run(&self, job: Job) -> LineageRun {
        LineageRun { path: self.0.clone(), id: Uuid::now_v7(), job }
    }
}

impl LineageRun {
    /// Writes the event of the start.
    pub(crate) fn start(&self, at: DateTime<Utc>) -> anyhow::Result<()> {
        self.write(|run| run.event("START", at, &json!({}), &[]))
    }

    /// Writes the event of the end.
    pub(crate) fn end(&self, end: LineageEnd<'_>) -> anyhow::Result<()> {
        let kind = if end.is_failure { "FAIL" } else { "COMPLETE" };
        let mut facets = json!({});
        if let Some(message) = end.message {
            facets["errorMessage"] = facet(
                "1-0-1/ErrorMessageRunFacet.json",
                json!({ "message": message, "programmingLanguage": "Rust" }),
            );
        }
        self.write(|run| run.event(kind, end.at, &facets, end.tables))
    }

    fn write(&self, event: impl FnOnce(&Self) -> Value) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        append(path, &event(self))
            .with_context(|| format!("cannot write the lineage to {}", path.display()))
    }

    fn event(
        &self,
        kind: &str,
        at: DateTime<Utc>,
        run_facets: &Value,
        tables: &[TableVersions],
    ) -> Value {
        let job_type = json!({ "processingType": "BATCH", "integration": "LAKEHOUSE" });
        let inputs: Vec<Value> = self.job.source.iter().map(|source| input(source)).collect();
        let outputs: Vec<Value> =
            tables.iter().map(|table| output(&self.job.lake, table)).collect();
        json!({
            "eventType": kind,
            "eventTime": at.to_rfc3339_opts(SecondsFormat::Micros, true),
            "producer": PRODUCER,
            "schemaURL": EVENT_SCHEMA,
            "run": { "runId": self.id, "facets": run_facets },
            "job": {
                "namespace": "lakehouse",
                "name": self.job.command,
                "facets": { "jobType": facet("2-0-3/JobTypeJobFacet.json", job_type) },
            },
            "inputs": inputs,
            "outputs": outputs,
        })
    }
}

/// Adds a line to a file with one write, so that lines of two runs do not mix.
fn append(path: &Path, event: &Value) -> io::Result<()> {
    let line = format!("{event}\n");
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(line.as_bytes())
}

fn input(source: &str) -> Value {
    let (namespace, name) = data_set(source);
    json!({ "namespace": namespace, "name": name })
}

fn output(lake: &str, table: &TableVersions) -> Value {
    let (namespace, folder) = data_set(lake);
    let path = table.table.replace('.', "/");
    let version = json!({ "datasetVersion": table.version_after.to_string() });
    let mut written = json!({});
    if let Some(rows) = table.rows {
        written["outputStatistics"] =
            facet("1-0-2/OutputStatisticsOutputDatasetFacet.json", json!({ "rowCount": rows }));
    }
    json!({
        "namespace": namespace,
        "name": format!("{}/{path}", folder.trim_end_matches('/')),
        "facets": { "version": facet("1-0-1/DatasetVersionDatasetFacet.json", version) },
        "outputFacets": written,
    })
}

fn facet(schema: &str, mut fields: Value) -> Value {
    fields["_producer"] = PRODUCER.into();
    fields["_schemaURL"] = format!("https://openlineage.io/spec/facets/{schema}").into();
    fields
}

/// Returns the namespace and name of a location: of a URL its host and its path, of a folder
/// `file` and the absolute path.
fn data_set(location: &str) -> (String, String) {
    if let Some((scheme, rest)) = location.split_once("://").filter(|(scheme, _)| *scheme != "file")
    {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let name = if path.is_empty() { "/" } else { path };
        return (format!("{scheme}://{host}"), name.to_owned());
    }
    let folder = location.strip_prefix("file://").unwrap_or(location);
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| PathBuf::from(folder));
    ("file".to_owned(), absolute.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_a_namespace_and_the_path_within_it_a_name() {
        let bucket = |location| data_set(location);
        assert_eq!(bucket("s3://b/a/lake"), ("s3://b".to_owned(), "a/lake".to_owned()));
        assert_eq!(bucket("https://host/"), ("https://host".to_owned(), "/".to_owned()));
        assert_eq!(bucket("file:///srv/lake"), ("file".to_owned(), "/srv/lake".to_owned()));
    }
}
