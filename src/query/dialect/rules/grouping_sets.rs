//! Keys of grouping sets, which are NULL where a set leaves them out.
//!
//! The engine carries over what it knows about a key from below: that a filter leaves it one value,
//! or that rows come in its order. Above the sets neither is true, so a sort by the key is left
//! out. Keys that turn out to be constant are mixed up. The rule puts a function below them, behind
//! which the engine knows nothing.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/11291>.

use std::collections::{BTreeMap, HashSet};
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
        let mut keys = Keys::default();
        let sets = groups.group_expr.into_iter().map(|set| keys.as_columns(set));
        let sets = sets.collect::<Result<Vec<_>>>()?;
        let mut columns = Vec::new();
        for column in groups.input.schema().columns() {
            let is_key = keys.columns.contains(&column);
            let expr = Expr::Column(column.clone());
            columns.push(if is_key { self.hidden(expr, column) } else { expr });
        }
        for (column, expr) in keys.computed {
            columns.push(self.hidden(expr, column));
        }
        let input = Projection::try_new(columns, groups.input)?;
        let input = Arc::new(LogicalPlan::Projection(input));
        Aggregate::try_new_with_schema(input, sets, groups.aggr_expr, groups.schema)
    }

    fn hidden(&self, value: Expr, name: Column) -> Expr {
        let anything = self.anything.call(Vec::new());
        self.hidden.call(vec![value, anything]).alias_qualified(name.relation, name.name)
    }
}

/// The keys of grouping sets: columns of the input, and expressions that become columns.
#[derive(Default)]
struct Keys {
    columns: HashSet<Column>,
    computed: BTreeMap<Column, Expr>,
}

impl Keys {
    /// Replaces each key of a set by a column of the same name.
    fn as_columns(&mut self, set: Expr) -> Result<Expr> {
        match set {
            sets @ Expr::GroupingSet(_) => {
                sets.map_children(|key| Ok(Transformed::yes(self.as_column(key)))).data()
            }
            key => Ok(self.as_column(key)),
        }
    }

    fn as_column(&mut self, key: Expr) -> Expr {
        if let Expr::Column(column) = key {
            self.columns.insert(column.clone());
            return Expr::Column(column);
        }
        let (relation, name) = key.qualified_name();
        let column = Column::new(relation, name);
        self.computed.insert(column.clone(), key.unalias());
        Expr::Column(column)
    }
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
