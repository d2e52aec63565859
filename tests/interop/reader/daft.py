"""Daft."""

import logging
import operator
import re
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce

import daft
from daft import DataType, col, lit

from .common import EPOCH, figures, figures_of

# It warns of every scan of a whole table.
logging.getLogger("daft").setLevel(logging.ERROR)

OPERATORS = {"=": operator.eq, "<=": operator.le, ">=": operator.ge}


class Reader:
    def aggregates(self, table):
        rows = daft.read_deltalake(table.folder)
        asked = [lit(1).count().alias("rows")]
        for column, kind in table.columns.items():
            found = self.column(column, kind)
            asked += [found[figure].alias(f"{column}.{figure}") for figure in figures_of(kind)]
        found = rows.agg(*asked).to_pylist()[0]
        return figures(table, found["rows"], lambda column, figure: found[f"{column}.{figure}"])

    @staticmethod
    def column(name, kind):
        values = col(name)
        summed = values
        if kind == "string":
            summed = values.length()
        elif kind == "timestamp":
            values = values.cast(DataType.int64())
            summed = values.cast(DataType.decimal128(38, 0))
        elif kind == "date":
            summed = values.cast(DataType.int32()).cast(DataType.int64())
        elif kind == "boolean":
            values = summed = values.cast(DataType.int64())
        elif kind in ("long", "short", "integer"):
            summed = values.cast(DataType.decimal128(38, 0))
        found = {"min": values.min(), "max": values.max(), "nulls": values.count("null")}
        return found | {"sum": summed.sum(), "distinct": values.count_distinct()}

    def counts(self, table):
        rows = daft.read_deltalake(table.folder)
        return {
            name: str(rows.where(self.condition(table, comparisons)).count_rows())
            for name, comparisons in table.filters.items()
        }

    def condition(self, table, comparisons):
        parts = (
            OPERATORS[comparison](col(column), self.literal(value, table.columns[column]))
            for column, comparison, value in comparisons
        )
        return reduce(operator.and_, parts)

    @staticmethod
    def literal(value, kind):
        if kind == "timestamp":
            return lit(EPOCH + timedelta(microseconds=int(value)))
        if kind == "date":
            return lit(date.fromisoformat(value))
        if kind.startswith("decimal"):
            precision, scale = (int(number) for number in re.findall(r"\d+", kind))
            return lit(Decimal(value)).cast(DataType.decimal128(precision, scale))
        return lit(value if kind == "string" else int(value))
