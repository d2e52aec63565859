"""Reads every table of a lake with other engines and compares what they find.

Usage: check.py LAKE LAKEHOUSE, the folder of a lake and the program that made it.

For each column of each table, four readers tell the number of NULLs, the smallest and the largest value, a sum that
no rounding touches, and how many rows a filter finds that asks for the smallest or the largest value: the filter is
where a reader trusts statistics and partition values to skip files. All four have to agree in every figure, and
a filter that finds nothing is a disagreement too.
"""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import polars
import pyarrow
import pyarrow.compute as compute
from deltalake import DeltaTable

LAYERS = ["silver", "gold", "meta"]


def main(lake, program):
    tables = sorted(log.parent for layer in LAYERS for log in (lake / layer).glob("*/_delta_log"))
    if not tables:
        sys.exit(f"there is no table in {lake}")
    disagreements = 0
    for folder in tables:
        disagreements += check(lake, program, folder)
    if disagreements:
        sys.exit(f"{disagreements} figures differ")
    print(f"{len(tables)} tables are the same to deltalake, Polars, DuckDB and lakehouse")


def check(lake, program, folder):
    """Compares the readers' figures of one table and returns how many of them differ."""
    table = DeltaTable(folder)
    columns = {field.name: field.type.type for field in table.schema().fields}
    name = f"{folder.parent.name}.{folder.name}"
    readers = {
        "deltalake": DeltaReader(table, columns),
        "polars": PolarsReader(folder, columns),
        "duckdb": DuckReader(table, columns),
        "lakehouse": LakehouseReader(lake, program, name, columns),
    }
    found = {reader: figures(readers[reader]) for reader in readers}
    expected = found["deltalake"]
    different = [key for key in expected if any(is_wrong(key, other.get(key), expected[key]) for other in found.values())]
    for key in different:
        values = ", ".join(f"{reader} {found[reader].get(key)!r}" for reader in found)
        print(f"{name}: {key}: {values}")
    print(f"{name}: {expected['rows']} rows, {len(columns)} columns, {len(expected)} figures, {len(different)} differ")
    return len(different)


def is_wrong(key, value, expected):
    """A filter asks for values that are there: rows that nobody finds are lost to all."""
    return value != expected or (" = " in key and value == 0)


def figures(reader):
    """Asks a reader for its figures, in two passes: the filters need to know the ends."""
    found = reader.aggregates()
    compared = [column for column in reader.columns if may_be_compared(reader, column)]
    for end in ("min", "max"):
        wanted = {column: found[f"{column}.{end}"] for column in compared if found[f"{column}.{end}"] is not None}
        found |= {f"{column} = {end}": count for column, count in reader.rows_with(wanted).items()}
    return found


def may_be_compared(reader, column):
    """Equality of floating-point numbers is left out, and so are booleans, which have no useful statistics."""
    return reader.columns[column] not in ("double", "boolean")


def exact(kind, value):
    """Makes values of different readers comparable: numbers as decimals, times as microseconds, dates as text."""
    if value is None:
        return None
    if kind == "double":
        return float(value)
    if kind in ("string", "date"):
        return str(value)
    return Decimal(str(value))


def summary(columns, rows, cell):
    """Collects the figures of a table; `cell(column, figure)` is what its reader says of one column."""
    result = {"rows": int(rows)}
    for column, kind in columns.items():
        result[f"{column}.nulls"] = int(cell(column, "nulls"))
        result[f"{column}.min"] = exact(kind, cell(column, "min"))
        result[f"{column}.max"] = exact(kind, cell(column, "max"))
        if kind != "double":
            result[f"{column}.sum"] = exact("sum", cell(column, "sum"))
    return result


class DeltaReader:
    """The package deltalake, whose data sets are those of pyarrow."""

    def __init__(self, table, columns):
        self.data = table.to_pyarrow_dataset()
        self.columns = columns

    def aggregates(self):
        rows = self.data.to_table()
        cells = {
            column: dict(zip(("nulls", "min", "max", "sum"), self.column(rows[column], kind)))
            for column, kind in self.columns.items()
        }
        return summary(self.columns, rows.num_rows, lambda column, figure: cells[column][figure])

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
        return values.null_count, ends["min"].as_py(), ends["max"].as_py(), compute.sum(summed).as_py()

    def rows_with(self, wanted):
        return {column: self.data.count_rows(filter=self.equals(column, wanted[column])) for column in wanted}

    def equals(self, column, value):
        kind = self.data.schema.field(column).type
        if self.columns[column] == "timestamp":
            value = pyarrow.scalar(int(value), pyarrow.int64()).cast(kind)
        elif self.columns[column] in ("string", "date"):
            value = pyarrow.scalar(value).cast(pyarrow.string() if pyarrow.types.is_dictionary(kind) else kind)
        else:
            value = pyarrow.scalar(value).cast(kind)
        return compute.field(column) == value


class PolarsReader:
    """Polars, lazily: it reads what the filter leaves."""

    def __init__(self, folder, columns):
        self.rows = polars.scan_delta(folder)
        self.columns = columns

    def aggregates(self):
        asked = [polars.len().alias("rows")]
        for column, kind in self.columns.items():
            asked += self.column(column, kind)
        found = self.rows.select(asked).collect().to_dicts()[0]
        return summary(self.columns, found["rows"], lambda column, figure: found[f"{column}.{figure}"])

    @staticmethod
    def column(name, kind):
        values = polars.col(name)
        summed = values
        if kind == "string":
            values, summed = values.cast(polars.String), values.cast(polars.String).str.len_chars().cast(polars.Int64)
        elif kind == "timestamp":
            values = values.cast(polars.Int64)
            summed = values.cast(polars.Int128)
        elif kind == "date":
            summed = values.cast(polars.Int32).cast(polars.Int64)
        elif kind == "boolean":
            values = summed = values.cast(polars.Int64)
        elif kind in ("long", "short", "integer"):
            summed = values.cast(polars.Int128)
        found = {"nulls": values.null_count(), "min": values.min(), "max": values.max(), "sum": summed.sum()}
        found["sum"] = polars.when(values.count() > 0).then(found["sum"])
        return [expression.alias(f"{name}.{figure}") for figure, expression in found.items()]

    def rows_with(self, wanted):
        kinds = self.rows.collect_schema()
        counts = [
            self.rows.filter(polars.col(column) == self.literal(value, column, kinds[column])).select(polars.len())
            for column, value in wanted.items()
        ]
        return dict(zip(wanted, (count.item() for count in polars.collect_all(counts))))

    def literal(self, value, column, kind):
        if self.columns[column] == "timestamp":
            return polars.lit(int(value)).cast(kind)
        if self.columns[column] == "date":
            return polars.lit(value).str.to_date()
        return polars.lit(value) if self.columns[column] == "string" else polars.lit(value).cast(kind)


class SqlReader:
    """What two dialects of SQL share."""

    def aggregates(self):
        asked = ["count(*)"]
        for column, kind in self.columns.items():
            asked += self.column(f'"{column}"', kind)
        named = [f"CAST({text} AS VARCHAR) AS c{place}" for place, text in enumerate(asked)]
        cells = iter(self.ask(f"SELECT {', '.join(named)} FROM {self.source}")[0])
        rows = next(cells)
        found = {column: dict(zip(("nulls", "min", "max", "sum"), cells_of(cells))) for column in self.columns}
        return summary(self.columns, rows, lambda column, figure: found[column][figure])

    def column(self, name, kind):
        values, summed = name, f"CAST({name} AS DECIMAL(38, 0))"
        if kind == "string":
            summed = f"character_length({name})"
        elif kind == "timestamp":
            values = self.micros(name)
            summed = f"CAST({values} AS DECIMAL(38, 0))"
        elif kind == "date":
            summed = self.days(name)
        elif kind == "boolean":
            values = summed = f"CAST({name} AS INTEGER)"
        elif str(kind).startswith("decimal") or kind == "double":
            summed = name
        return [f"count(*) - count({name})", f"min({values})", f"max({values})", f"sum({summed})"]

    def rows_with(self, wanted):
        if not wanted:
            return {}
        counts = [
            f"SELECT '{column}' AS name, count(*) AS found FROM {self.source}"
            f' WHERE "{column}" = {self.literal(column, value)}'
            for column, value in wanted.items()
        ]
        return {column: int(count) for column, count in self.ask(" UNION ALL ".join(counts))}

    def literal(self, column, value):
        kind = self.columns[column]
        if kind == "timestamp":
            return self.time(value)
        if kind == "string":
            return "'" + value.replace("'", "''") + "'"
        return f"DATE '{value}'" if kind == "date" else f"CAST('{value:f}' AS {self.sql_type(kind)})"

    @staticmethod
    def sql_type(kind):
        return {"long": "BIGINT", "integer": "INTEGER", "short": "SMALLINT"}.get(kind, kind)


def cells_of(cells):
    return [next(cells) for _ in range(4)]


class DuckReader(SqlReader):
    """DuckDB over the active files, whose names it is given: without an extension it knows no Delta."""

    def __init__(self, table, columns):
        self.columns = columns
        self.database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        files = table.file_uris()
        if files:
            self.source = f"read_parquet({files!r}, hive_partitioning = true)"
        else:
            self.source = "empty_table"
            self.database.register(self.source, table.to_pyarrow_table())

    def ask(self, statement):
        return self.database.execute(statement).fetchall()

    @staticmethod
    def micros(name):
        return f"epoch_us({name})"

    @staticmethod
    def days(name):
        return f"({name} - DATE '1970-01-01')"

    @staticmethod
    def time(value):
        return f"make_timestamptz({int(value)})"


class LakehouseReader(SqlReader):
    """The program itself."""

    def __init__(self, lake, program, name, columns):
        self.command = [program, "--lake", lake, "--quiet", "query", "--format", "json", "-"]
        self.source = name
        self.columns = columns

    def ask(self, statement):
        answer = subprocess.run(self.command, input=statement, text=True, stdout=subprocess.PIPE, check=True)
        return [list(row.values()) for row in json.loads(answer.stdout, parse_float=Decimal)]

    @staticmethod
    def micros(name):
        return f"CAST({name} AS BIGINT)"

    @staticmethod
    def days(name):
        return f"CAST(CAST({name} AS INTEGER) AS BIGINT)"

    @staticmethod
    def time(value):
        return f"to_timestamp_micros({int(value)})"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2])
