//! What a table's log says about the table, read as JSON without any library for Delta tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A column with its comment.
pub(crate) struct Comment {
    pub(crate) column: String,
    /// Such as `string`, under its name in the log.
    pub(crate) data_type: String,
    pub(crate) comment: Option<String>,
}

/// Returns every action of a kind, such as `metaData`, in the order of the commits.
pub(crate) fn actions(table: &Path, kind: &str) -> Vec<Value> {
    all_actions(table).iter().filter_map(|action| action.get(kind).cloned()).collect()
}

/// Returns the files of a table's newest version: by path, the `add` action that counts.
pub(crate) fn active_files(table: &Path) -> BTreeMap<String, Value> {
    let mut active = BTreeMap::new();
    let path = |file: &Value| file["path"].as_str().unwrap().to_owned();
    for action in all_actions(table) {
        if let Some(added) = action.get("add") {
            active.insert(path(added), added.clone());
        } else if let Some(removed) = action.get("remove") {
            active.remove(&path(removed));
        }
    }
    active
}

fn all_actions(table: &Path) -> Vec<Value> {
    let log = fs::read_dir(table.join("_delta_log")).unwrap();
    let mut commits: Vec<PathBuf> = log.map(|entry| entry.unwrap().path()).collect();
    commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    commits.sort();
    let text = |commit: PathBuf| fs::read_to_string(commit).unwrap();
    let texts: Vec<String> = commits.into_iter().map(text).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the newest metadata of a table.
pub(crate) fn newest_metadata(table: &Path) -> Value {
    actions(table, "metaData").pop().unwrap()
}

/// Returns the columns in a table's metadata.
pub(crate) fn comments(metadata: &Value) -> Vec<Comment> {
    let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
    let column = |field: &Value| Comment {
        column: field["name"].as_str().unwrap().to_owned(),
        data_type: field["type"].as_str().unwrap().to_owned(),
        comment: field["metadata"]["comment"].as_str().map(str::to_owned),
    };
    schema["fields"].as_array().unwrap().iter().map(column).collect()
}
