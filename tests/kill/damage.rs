//! What a power cut or another program does to the log of a table, in a folder or in a bucket.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::random::Random;
use crate::support::s3_server::S3Server;

/// Tables whose logs are damaged, by their folders.
const TABLES: [&str; 3] = ["silver/klines", "silver/trades", "meta/archives"];
/// When another program was at work.
const LONG_AGO: i64 = 1_700_000_000_000;

/// What was done, and to which table, such as `silver.trades`.
pub(super) struct Damage {
    pub(super) table: String,
    pub(super) what: String,
}

/// The files of a lake, to be read and changed without the program.
pub(super) enum LakeFiles<'a> {
    Folder(PathBuf),
    /// The lake is what begins like this.
    Bucket(&'a S3Server, String),
}

impl LakeFiles<'_> {
    /// Returns the paths of a table's commits in the lake, in their order.
    fn commits(&self, table: &str) -> Vec<String> {
        let log = format!("{table}/_delta_log");
        let mut names: Vec<String> = match self {
            Self::Folder(lake) => {
                let Ok(files) = fs::read_dir(lake.join(&log)) else { return Vec::new() };
                files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
            }
            Self::Bucket(server, lake) => {
                let prefix = format!("{lake}/{log}/");
                let name = |key: String| key.strip_prefix(&prefix).unwrap().to_owned();
                server.keys(&prefix).into_iter().map(name).collect()
            }
        };
        names.retain(|name| name.len() == 25 && name.ends_with(".json"));
        names.sort();
        names.into_iter().map(|name| format!("{log}/{name}")).collect()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        match self {
            Self::Folder(lake) => fs::read(lake.join(path)).unwrap(),
            Self::Bucket(server, lake) => server.object(&format!("{lake}/{path}")),
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        match self {
            Self::Folder(lake) => fs::write(lake.join(path), bytes).unwrap(),
            Self::Bucket(server, lake) => server.put_object(&format!("{lake}/{path}"), bytes),
        }
    }
}

/// Damages the log of some table; nothing if there is none yet.
pub(super) fn damage(files: &LakeFiles<'_>, random: &mut Random) -> Option<Damage> {
    let tables: Vec<&str> =
        TABLES.into_iter().filter(|table| !files.commits(table).is_empty()).collect();
    if tables.is_empty() {
        return None;
    }
    let table = *random.pick(&tables);
    let mut done = Vec::new();
    if table.starts_with("silver") && random.percent(50) {
        done.extend(delete_rows(files, table, random));
    }
    if done.is_empty() || random.percent(50) {
        done.push(tear(files, table, random));
    }
    Some(Damage { table: table.replace('/', "."), what: done.join(", ") })
}

/// Cuts the newest commit, or overwrites it with zeros.
fn tear(files: &LakeFiles<'_>, table: &str, random: &mut Random) -> String {
    let commit = files.commits(table).pop().unwrap();
    let bytes = files.read(&commit);
    let line_ends: Vec<usize> =
        (0..bytes.len()).filter(|place| bytes[*place] == b'\n').map(|place| place + 1).collect();
    let length = match random.below(3) {
        0 => 0,
        1 if !line_ends.is_empty() => *random.pick(&line_ends),
        _ => random.below(bytes.len()),
    };
    if random.percent(20) {
        files.write(&commit, &vec![0; bytes.len()]);
        return format!("{commit} is zeros");
    }
    files.write(&commit, &bytes[..length]);
    format!("{commit} has {length} of {} bytes", bytes.len())
}

/// Removes a data file from a table, as another program that deletes rows.
fn delete_rows(files: &LakeFiles<'_>, table: &str, random: &mut Random) -> Option<String> {
    let commits = files.commits(table);
    let mut active: Vec<Value> = Vec::new();
    for commit in &commits {
        for line in files.read(commit).split(|byte| *byte == b'\n') {
            let action: Value = serde_json::from_slice(line).unwrap_or_default();
            if let Some(removed) = action.get("remove") {
                active.retain(|add| add["path"] != removed["path"]);
            }
            active.extend(action.get("add").cloned());
        }
    }
    if active.is_empty() {
        return None;
    }
    let add = random.pick(&active);
    let remove = json!({"remove": {
        "path": add["path"], "deletionTimestamp": LONG_AGO, "dataChange": true,
        "extendedFileMetadata": true, "partitionValues": add["partitionValues"],
        "size": add["size"],
    }});
    let info = json!({"commitInfo": {"timestamp": LONG_AGO, "operation": "DELETE"}});
    let version: u64 = commits.last()?.rsplit('/').next()?.split('.').next()?.parse().ok()?;
    let next = format!("{table}/_delta_log/{:020}.json", version + 1);
    files.write(&next, format!("{info}\n{remove}").as_bytes());
    Some(format!("{} is deleted in {next}", add["path"]))
}
