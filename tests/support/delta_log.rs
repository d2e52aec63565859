//! What a table's log says about the table, read as JSON without any library for Delta tables.

use std::fs;
use std::path::Path;

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
    let log = fs::read_dir(table.join("_delta_log")).unwrap();
    let mut commits: Vec<_> = log.map(|entry| entry.unwrap().path()).collect();
    commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    commits.sort();
    let mut found = Vec::new();
    for commit in commits {
        for line in fs::read_to_string(commit).unwrap().lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            found.extend(action.get(kind).cloned());
        }
    }
    found
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
