"""Polars, lazily: it reads what a filter leaves."""

import operator
from functools import reduce

import polars

from .common import chunks, figures, figures_of

OPERATORS = {"=": operator.eq, "<=": operator.le, ">=": operator.ge}


class Reader:
    def aggregates(self, table):
        asked = [polars.len().alias("rows")]
        for column, kind in table.columns.items():
            found = self.column(column, kind)
            asked += [found[figure].alias(f"{column}.{figure}") for figure in figures_of(kind)]
        found = polars.scan_delta(table.folder).select(asked).collect().to_dicts()[0]
        return figures(table, found["rows"], lambda column, figure: found[f"{column}.{figure}"])

    @staticmethod
    def column(name, kind):
        values = polars.col(name)
        summed = values
        if kind == "string":
            values = values.cast(polars.String)
            summed = values.str.len_chars().cast(polars.Int64)
        elif kind == "timestamp":
            values = values.cast(polars.Int64)
            summed = values.cast(polars.Int128)
        elif kind == "date":
            summed = values.cast(polars.Int32).cast(polars.Int64)
        elif kind == "boolean":
            values = summed = values.cast(polars.Int64)
        elif kind in ("long", "short", "integer"):
            summed = values.cast(polars.Int128)
        # The sum of nothing is 0 here, and NULL in SQL.
        summed = polars.when(values.count() > 0).then(summed.sum())
        ends = {"min": values.min(), "max": values.max()}
        return ends | {"nulls": values.null_count(), "sum": summed, "distinct": values.drop_nulls().n_unique()}

    def counts(self, table):
        rows = polars.scan_delta(table.folder)
        kinds = rows.collect_schema()
        found = {}
        # A few at a time, because each takes threads of its own.
        for part in chunks(table.filters.items(), 16):
            filtered = [rows.filter(self.condition(table, kinds, comparisons)) for _, comparisons in part]
            counts = polars.collect_all([rows.select(polars.len()) for rows in filtered])
            found |= {name: str(count.item()) for (name, _), count in zip(part, counts)}
        return found

    def condition(self, table, kinds, comparisons):
        parts = (
            OPERATORS[comparison](polars.col(column), self.literal(value, table.columns[column], kinds[column]))
            for column, comparison, value in comparisons
        )
        return reduce(operator.and_, parts)

    @staticmethod
    def literal(value, kind, type_here):
        if kind == "timestamp":
            return polars.lit(int(value)).cast(type_here)
        if kind == "date":
            return polars.lit(value).str.to_date()
        return polars.lit(value) if kind == "string" else polars.lit(value).cast(type_here)
