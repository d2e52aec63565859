//! A model's statement: parsed, planned over its inputs, and its columns compared with those that
//! the header lists.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider,
};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DataFusionError, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use lakehouse_core::gold::{ColumnKind, Model, ModelError, Partitioning};
use lakehouse_core::names::partition::Partition;
use lakehouse_core::names::table::ALL_SCHEMA;

use super::error::BuildError;
use super::inputs::InputTable;
use super::tables::descriptions;
use crate::delta::table::TableSpec;
use crate::error_chain::one_line;
use crate::query::{CATALOG, Engine, QueryError, dialect};
use crate::storage::lake::{Layer, TableName};

/// The statement of a model.
#[derive(Clone, Debug)]
pub(crate) struct Select(Statement);

impl Select {
    /// Parses the model's file, whose header is comments, so that lines are those of the file.
    pub(crate) fn parse(model: &Model) -> Result<Self, ModelError> {
        let statements = dialect::parse(model.text());
        let mut statements = statements.map_err(|error| explain(model, error, 0))?;
        match (statements.pop_front(), statements.len()) {
            (Some(statement), 0) if is_query(&statement) => Ok(Self(statement)),
            _ => {
                Err(model
                    .select_error(None, "expected one SELECT, and nothing else, below the header"))
            }
        }
    }

    /// Returns what the table is: the header's columns with the types that the statement gives.
    pub(crate) async fn table_spec(
        &self,
        model: &Model,
        engine: &Engine,
        inputs: &[InputTable],
    ) -> Result<TableSpec, BuildError> {
        let (state, plan) = self.plan(model, engine, inputs, None).await?.into_parts();
        let analyzed = analyze(&state, &plan);
        let analyzed = analyzed.map_err(|error| explain(model, error, engine.memory_limit))?;
        let partitioning = model.partitioning().columns();
        let fields = analyzed.schema().fields().iter().map(|field| {
            Field::new(
                field.name(),
                stored_type(field.data_type()),
                !partitioning.contains(&field.name().as_str()),
            )
        });
        Ok(TableSpec {
            name: TableName::new(Layer::Gold, model.name()),
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            partition_columns: partitioning.iter().map(|column| (*column).to_owned()).collect(),
            sort_columns: model.sort_columns(),
            descriptions: descriptions(model),
        })
    }

    /// Plans the statement over its inputs, cut to some partitions if there are any given; the
    /// partition columns come first, then those of the header in its order.
    pub(crate) async fn plan(
        &self,
        model: &Model,
        engine: &Engine,
        inputs: &[InputTable],
        only: Option<&BTreeSet<Partition>>,
    ) -> Result<DataFrame, BuildError> {
        let (state, plan) = self.plan_as_written(model, engine, inputs, only).await?;
        let failed = |error| explain(model, error, engine.memory_limit);
        check_columns(model, analyze(&state, &plan).map_err(failed)?.schema())?;
        Ok(in_order(model, state, plan).map_err(failed)?)
    }

    /// Plans the statement over its inputs, cut to some partitions if there are any given, with
    /// the columns that it gives.
    pub(crate) async fn plan_as_written(
        &self,
        model: &Model,
        engine: &Engine,
        inputs: &[InputTable],
        only: Option<&BTreeSet<Partition>>,
    ) -> Result<(SessionState, LogicalPlan), BuildError> {
        let failed = |error| explain(model, error, engine.memory_limit);
        let state = context(model, engine, inputs, only).map_err(failed)?.state();
        let named = state.resolve_table_references(&self.0).map_err(failed)?;
        // Before planning, which would only say that there is no such table.
        check_names(model, &named)?;
        let plan = Box::pin(state.statement_to_plan(self.0.clone())).await.map_err(failed)?;
        check_repeatable(model, &plan)?;
        Ok((state, plan))
    }
}

/// Turns an error of the engine into one of the model, with the line that it is about where that is
/// known.
pub(crate) fn explain(model: &Model, error: DataFusionError, memory_limit: usize) -> ModelError {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let line = span.and_then(|span| usize::try_from(span.start.line).ok());
    // The parser says the place in its message, unless it is the end of the text.
    let at_end = error.to_string().contains("found: EOF");
    let message = one_line(&QueryError::from_engine(error, memory_limit));
    if at_end {
        return model.select_error(Some(model.text().trim_end().lines().count()), message);
    }
    match message
        .rsplit_once(" at line ")
        .map(|(said, place)| (said, place.split_once(", column ")))
    {
        Some((said, Some((line, _)))) if line.parse::<usize>().is_ok() => {
            model.select_error(line.parse().ok(), said)
        }
        _ => model.select_error(line, message),
    }
}

fn is_query(statement: &Statement) -> bool {
    let Statement::Statement(statement) = statement else { return false };
    matches!(**statement, ast::Statement::Query(_))
}

/// Makes a session in which there are the model's inputs and nothing else.
fn context(
    model: &Model,
    engine: &Engine,
    inputs: &[InputTable],
    only: Option<&BTreeSet<Partition>>,
) -> Result<SessionContext, DataFusionError> {
    let mut config = engine.config.clone();
    config.options_mut().sql_parser.collect_spans = true;
    let context = engine.context(config);
    let catalog = MemoryCatalogProvider::new();
    for layer in Layer::ALL {
        let tables = MemorySchemaProvider::new();
        for input in inputs.iter().filter(|input| input.name.layer == layer) {
            tables.register_table(input.name.name.clone(), input.provider(only))?;
        }
        catalog.register_schema(layer.as_str(), Arc::new(tables))?;
    }
    let all = MemorySchemaProvider::new();
    for name in model.with_provisional() {
        let input = |layer| {
            let name = TableName::new(layer, name);
            inputs.iter().find(|input| input.name == name)
        };
        if let Some((silver, recent)) = input(Layer::Silver).zip(input(Layer::Recent)) {
            all.register_table(name.clone(), silver.with_provisional(recent, only)?)?;
        }
    }
    catalog.register_schema(ALL_SCHEMA, Arc::new(all))?;
    context.register_catalog(CATALOG, Arc::new(catalog));
    Ok(context)
}

/// Returns the plan with the types that its columns have in the end, which are not certain before.
fn analyze(state: &SessionState, plan: &LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {})
}

/// The statement reads the tables that the header lists, no others and no fewer: they decide when
/// it is run again.
fn check_names(model: &Model, named: &[TableReference]) -> Result<(), ModelError> {
    let name = |table: &TableReference| {
        format!("{}.{}", table.schema().unwrap_or("silver"), table.table())
    };
    let listed: BTreeSet<String> = model.input_names().into_iter().collect();
    let named: BTreeSet<String> = named.iter().map(name).collect();
    if let Some(table) = named.difference(&listed).next() {
        let message = format!("the statement reads `{table}`, which `inputs` does not list");
        return Err(model.select_error(line_of(model, table), message));
    }
    match listed.difference(&named).next() {
        Some(table) => Err(model
            .inputs_error(format!("`inputs` lists `{table}`, which the statement does not read"))),
        None => Ok(()),
    }
}

/// Finds the first line of the statement that has a text.
fn line_of(model: &Model, text: &str) -> Option<usize> {
    let is_code = |line: &&str| !line.trim_start().starts_with("--");
    let mut lines = (1..).zip(model.text().lines()).filter(|(_, line)| is_code(line));
    lines.find(|(_, line)| line.contains(text)).map(|(number, _)| number)
}

/// A table that is built in parts must not hold what another moment would have made of the same
/// inputs.
fn check_repeatable(model: &Model, plan: &LogicalPlan) -> Result<(), ModelError> {
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && call.func.signature().volatility != Volatility::Immutable
                {
                    found.get_or_insert_with(|| call.func.name().to_owned());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    match (walked, found) {
        (Ok(_), None) => Ok(()),
        (Ok(_), Some(function)) => {
            let message = format!(
                "`{function}` gives another value at another time, so the table could not be \
                 built again"
            );
            Err(model.select_error(line_of(model, &function), message))
        }
        (Err(error), _) => Err(explain(model, error, 0)),
    }
}

fn check_columns(model: &Model, schema: &DFSchema) -> Result<(), ModelError> {
    let fields = schema.fields();
    if model.partitioning() == Partitioning::MarketAndDate {
        for (column, kind) in [("market", ColumnKind::Text), ("date", ColumnKind::Date)] {
            let Some(field) = fields.iter().find(|field| field.name() == column) else {
                return Err(
                    model.select_error(None, format!("the statement gives no column `{column}`"))
                );
            };
            check_kind(model, field, kind)?;
        }
    }
    let partitions = model.partitioning().columns();
    let given: Vec<_> =
        fields.iter().filter(|field| !partitions.contains(&field.name().as_str())).collect();
    for column in model.columns() {
        if given.iter().all(|field| *field.name() != column.name) {
            let message =
                format!("the statement gives no column `{}`, which the header lists", column.name);
            return Err(model.columns_error(message));
        }
    }
    for (at, field) in given.iter().enumerate() {
        match model.columns().get(at) {
            Some(column) if column.name == *field.name() => check_kind(model, field, column.kind)?,
            _ if model.columns().iter().all(|column| column.name != *field.name()) => {
                let message = format!(
                    "the header does not list the column `{}`, which the statement gives",
                    field.name()
                );
                return Err(model.columns_error(message));
            }
            _ => {
                let message = format!(
                    "the column `{}` stands elsewhere in the header than in the statement",
                    field.name()
                );
                return Err(model.columns_error(message));
            }
        }
    }
    Ok(())
}

fn check_kind(model: &Model, field: &Field, expected: ColumnKind) -> Result<(), ModelError> {
    let name = field.name();
    let found = field.data_type();
    match ColumnKind::of(found) {
        Some(kind) if kind == expected => Ok(()),
        Some(kind) => Err(model.columns_error(format!(
            "the column `{name}` is to be {expected}; the statement gives {kind}{}",
            way_out(kind, expected)
        ))),
        None => {
            let message = format!(
                "the column `{name}` is to be {expected}; the statement gives {found}: cast it"
            );
            Err(model.columns_error(message))
        }
    }
}

/// What was an integer or a decimal once: `/` and `avg` give doubles.
const fn way_out(found: ColumnKind, expected: ColumnKind) -> &'static str {
    match (found, expected) {
        (ColumnKind::Double, ColumnKind::Integer) => {
            ": `/` and avg give doubles, div(a, b) divides integers; or cast it"
        }
        (ColumnKind::Double, ColumnKind::Decimal) => {
            ": `/` and avg give doubles; cast it, as in CAST(a / b AS DECIMAL(38, 8))"
        }
        _ => "",
    }
}

fn in_order(
    model: &Model,
    state: SessionState,
    plan: LogicalPlan,
) -> Result<DataFrame, DataFusionError> {
    let partitions = model.partitioning().columns().iter().copied();
    let names: Vec<&str> =
        partitions.chain(model.columns().iter().map(|column| column.name.as_str())).collect();
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let (relation, _) = plan.schema().qualified_field_with_unqualified_name(name)?;
        columns.push(Expr::Column(Column::new(relation.cloned(), name)).alias(name));
    }
    DataFrame::new(state, plan).select(columns)
}

/// How a value is stored is not how it is computed: text is plain text in a table.
fn stored_type(data_type: &DataType) -> DataType {
    match ColumnKind::of(data_type) {
        Some(ColumnKind::Text) => DataType::Utf8,
        Some(ColumnKind::Timestamp) => {
            DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()))
        }
        _ => data_type.clone(),
    }
}
