//! Keys of grouping sets, which are NULL where a set leaves them out.
//!
//! The engine carries over what it knows about a key from below: that a filter leaves it one value,
//! or that rows come in its order. Above the sets neither is true, so a sort by the key is left
//! out. Keys that turn out to be constant are mixed up. One rule makes columns of the keys, another
//! puts a function below them, behind which the engine knows nothing.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/11291>.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::{
    Aggregate, ColumnarValue, Expr, LogicalPlan, Projection, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

/// Hides the keys of grouping sets. Comes after types are decided.
#[derive(Debug)]
pub(super) struct HiddenKeys {
    hidden: Arc<ScalarUDF>,
    anything: Arc<ScalarUDF>,
}

impl Default for HiddenKeys {
    fn default() -> Self {
        let [hidden, anything] = functions();
        Self { hidden, anything }
    }
}

/// Returns the functions of the rule.
pub(super) fn functions() -> [Arc<ScalarUDF>; 2] {
    [Opaque::Hidden, Opaque::Anything].map(|kind| Arc::new(ScalarUDF::from(Function::new(kind))))
}

impl AnalyzerRule for HiddenKeys {
    fn name(&self) -> &str {
        "hidden_keys_of_grouping_sets"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Aggregate(groups) if has_sets(&groups) => {
                Ok(Transformed::yes(LogicalPlan::Aggregate(self.hide(groups)?)))
            }
            other => Ok(Transformed::no(other)),
        })
        .data()
    }
}

fn has_sets(groups: &Aggregate) -> bool {
    groups.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)))
}

impl HiddenKeys {
    fn hide(&self, groups: Aggregate) -> Result<Aggregate> {
        let keys: Vec<_> = groups.group_expr.iter().flat_map(Expr::column_refs).collect();
        let columns = groups.input.schema().columns().into_iter();
        let columns = columns.map(|column| match keys.contains(&&column) {
            true => self.hidden(column),
            false => Expr::Column(column),
        });
        let input = Projection::try_new(columns.collect(), groups.input)?;
        let input = Arc::new(LogicalPlan::Projection(input));
        Aggregate::try_new_with_schema(input, groups.group_expr, groups.aggr_expr, groups.schema)
    }

    fn hidden(&self, column: Column) -> Expr {
        let relation = column.relation.clone();
        let name = column.name.clone();
        let anything = self.anything.call(Vec::new());
        self.hidden.call(vec![Expr::Column(column), anything]).alias_qualified(relation, name)
    }
}

/// Makes a column of every key that is computed. Comes before types are decided: rules that change
/// a key, the engine's too, give its name to the whole of the sets, which then are none.
#[derive(Debug)]
pub(super) struct KeysAsColumns;

impl AnalyzerRule for KeysAsColumns {
    fn name(&self) -> &str {
        "keys_of_grouping_sets_as_columns"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Aggregate(groups) if has_sets(&groups) => {
                Ok(Transformed::yes(LogicalPlan::Aggregate(with_columns(groups)?)))
            }
            other => Ok(Transformed::no(other)),
        })
        .data()
    }
}

fn with_columns(groups: Aggregate) -> Result<Aggregate> {
    let mut computed = BTreeMap::new();
    let mut as_column = |key: Expr| Transformed::yes(column_of(key, &mut computed));
    let mut keys = Vec::new();
    for key in groups.group_expr {
        keys.push(match key {
            sets @ Expr::GroupingSet(_) => sets.map_children(|key| Ok(as_column(key)))?.data,
            key => as_column(key).data,
        });
    }
    let columns = groups.input.schema().columns().into_iter().map(Expr::Column);
    let input = Projection::try_new(columns.chain(computed.into_values()).collect(), groups.input)?;
    let input = Arc::new(LogicalPlan::Projection(input));
    Aggregate::try_new_with_schema(input, keys, groups.aggr_expr, groups.schema)
}

/// Returns the column that holds a key; what has to be computed is added under its name.
fn column_of(key: Expr, computed: &mut BTreeMap<Column, Expr>) -> Expr {
    if let Expr::Column(_) = key {
        return key;
    }
    let (relation, name) = key.qualified_name();
    let column = Column::new(relation.clone(), name.clone());
    computed.insert(column.clone(), key.unalias().alias_qualified(relation, name));
    Expr::Column(column)
}

/// The two functions: a function of constants is constant to the engine, so one of the arguments
/// must be something that it knows nothing about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Opaque {
    /// `(value, anything)`: the value.
    Hidden,
    /// `()`: something that may differ from row to row.
    Anything,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    kind: Opaque,
    signature: Signature,
}

impl Function {
    fn new(kind: Opaque) -> Self {
        let signature = match kind {
            Opaque::Hidden => Signature::any(2, Volatility::Volatile),
            Opaque::Anything => Signature::nullary(Volatility::Volatile),
        };
        Self { kind, signature }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        match self.kind {
            Opaque::Hidden => "hidden_key",
            Opaque::Anything => "anything",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Boolean))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields.first() {
            Some(value) => Ok(Arc::clone(value)),
            None => Ok(Arc::new(Field::new(self.name(), DataType::Boolean, true))),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if self.kind == Opaque::Anything {
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)));
        }
        let [value, _] = take_function_args(self.name(), args.args)?;
        Ok(value)
    }
}
