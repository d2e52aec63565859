"""The package deltalake, whose data sets are those of pyarrow."""

import operator
from functools import reduce

import pyarrow
import pyarrow.compute as compute
from deltalake import DeltaTable

from .common import figures

OPERATORS = {"=": operator.eq, "<=": operator.le, ">=": operator.ge}


class Reader:
    def aggregates(self, table):
        rows = DeltaTable(table.folder).to_pyarrow_dataset().to_table()
        cells = {column: self.column(rows[column], kind) for column, kind in table.columns.items()}
        return figures(table, rows.num_rows, lambda column, figure: cells[column][figure])

    @staticmethod
    def column(values, kind):
        if kind == "string":
            values = values.cast(pyarrow.string())
            summed = compute.utf8_length(values)
        elif kind == "timestamp":
            values = values.cast(pyarrow.int64())
            summed = values
        else:
            summed = values.cast(pyarrow.int32()) if kind == "date" else values
        if kind in ("timestamp", "long"):
            summed = summed.cast(pyarrow.decimal128(38, 0))
        if kind == "boolean":
            values = summed = values.cast(pyarrow.int64())
        ends = compute.min_max(values)
        distinct = compute.count_distinct(values, mode="only_valid").as_py() if kind == "string" else None
        found = {"nulls": values.null_count, "sum": compute.sum(summed).as_py(), "distinct": distinct}
        return found | {"min": ends["min"].as_py(), "max": ends["max"].as_py()}

    def counts(self, table):
        data = DeltaTable(table.folder).to_pyarrow_dataset()
        return {
            name: str(data.count_rows(filter=self.condition(table, data.schema, comparisons)))
            for name, comparisons in table.filters.items()
        }

    def condition(self, table, schema, comparisons):
        parts = (
            OPERATORS[comparison](compute.field(column), self.literal(value, table.columns[column], schema.field(column)))
            for column, comparison, value in comparisons
        )
        return reduce(operator.and_, parts)

    @staticmethod
    def literal(value, kind, field):
        if kind == "timestamp":
            return pyarrow.scalar(int(value), pyarrow.int64()).cast(field.type)
        if kind in ("string", "date"):
            is_dictionary = pyarrow.types.is_dictionary(field.type)
            return pyarrow.scalar(value).cast(pyarrow.string() if is_dictionary else field.type)
        return pyarrow.scalar(value).cast(field.type)
