//! What the tools are called, what they take, and how a call is read.

use rmcp::ErrorData;
use rmcp::model::{JsonObject, Tool, ToolAnnotations, object};
use serde_json::{Value, json};

use super::AnswerLimits;

/// A call whose arguments are known to be right.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    ListTables,
    DescribeTable(String),
    Query { sql: String, max_rows: Option<usize> },
    Status,
}

impl Call {
    /// Reads a call.
    ///
    /// # Errors
    /// When there is no such tool, or an argument is missing or of another type.
    pub(super) fn parse(tool: &str, mut arguments: JsonObject) -> Result<Self, ErrorData> {
        match tool {
            "list_tables" => Ok(Self::ListTables),
            "describe_table" => Ok(Self::DescribeTable(text(&mut arguments, "table")?)),
            "query" => Ok(Self::Query {
                sql: text(&mut arguments, "sql")?,
                max_rows: count(&arguments, "max_rows")?,
            }),
            "status" => Ok(Self::Status),
            _ => Err(invalid(format!(
                "there is no tool {tool:?}: use list_tables, describe_table, query or status"
            ))),
        }
    }
}

/// Returns the descriptions of all tools.
pub(super) fn all(limits: AnswerLimits) -> Vec<Tool> {
    let AnswerLimits { rows, bytes } = limits;
    let nothing = json!({ "type": "object", "properties": {} });
    let table = json!({
        "type": "object",
        "properties": {
            "table": { "type": "string", "description": "such as silver.klines" },
        },
        "required": ["table"],
    });
    let statement = json!({
        "type": "object",
        "properties": {
            "sql": { "type": "string", "description": "one statement that reads" },
            "max_rows": {
                "type": "integer",
                "minimum": 1,
                "maximum": rows,
                "description": "rows to return at most",
            },
        },
        "required": ["sql"],
    });
    vec![
        tool(
            "list_tables",
            "The tables of the lake with rows, bytes and partitions",
            nothing.clone(),
        ),
        tool("describe_table", "The columns of a table with types, units and meanings", table),
        tool(
            "query",
            format!(
                "Runs one SQL statement. The answer has {rows} rows and about {bytes} bytes at \
                 most; `more` says whether rows were left out"
            ),
            statement,
        ),
        tool(
            "status",
            "How much the lake holds and lacks, its last runs, failed archives and findings",
            nothing,
        ),
    ]
}

fn tool(name: &'static str, description: impl Into<String>, arguments: Value) -> Tool {
    let reads = ToolAnnotations::new().read_only(true).open_world(false);
    Tool::new(name, description.into(), object(arguments)).with_annotations(reads)
}

fn text(arguments: &mut JsonObject, name: &str) -> Result<String, ErrorData> {
    match arguments.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(invalid(format!("the argument `{name}` has to be a text"))),
    }
}

fn count(arguments: &JsonObject, name: &str) -> Result<Option<usize>, ErrorData> {
    let Some(value) = arguments.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
    match count.filter(|count| *count > 0) {
        Some(count) => Ok(Some(count)),
        None => Err(invalid(format!("the argument `{name}` has to be a number from 1 on"))),
    }
}

fn invalid(message: String) -> ErrorData {
    ErrorData::invalid_params(message, None)
}
