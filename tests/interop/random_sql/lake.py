"""The tables of a lake in DuckDB, and what the generator has to know of them: types, sizes, values that occur."""

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from deltalake import DeltaTable

from .text import quoted

LAYERS = ("silver", "gold")

# DuckDB's answers where PostgreSQL's order of NULLs counts, a division by zero is NULL, and clocks show UTC.
SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET default_null_order = 'nulls_last_on_asc_first_on_desc'",
    "SET ieee_floating_point_ops = false",
    "SET error_on_division_by_zero = false",
)

# Columns that separate the rows of a table, apart from its time.
KEYS = ("market", "symbol", "bar_interval", "offset_minutes", "source", "contract", "percentage", "side")
NUMBERS_OF_ROWS = ("id", "agg_trade_id", "update_id")

MOST_ROWS_OF_SLICE = 3000
SAMPLES = 8


@dataclass(frozen=True)
class Column:
    """A column: its kind is int, decimal, double, text, bool, date or time."""

    name: str
    kind: str
    precision: int = 0
    scale: int = 0
    size: int = 0
    """Digits before the point of its largest value."""
    samples: tuple = ()
    """Literals of values that occur."""


@dataclass
class Table:
    name: str
    columns: list
    key: list = field(default_factory=list)
    """Names of the columns that separate most rows, the time last."""
    slices: list = field(default_factory=list)
    """Conditions that leave a few rows to a few thousand."""
    is_unique: bool = False
    """Whether no two rows have the same key."""

    def column(self, name):
        return next(column for column in self.columns if column.name == name)


def open_lake(folder):
    """Loads all tables that have rows, from the files of their newest versions; returns the database and the tables."""
    database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    for setting in SETTINGS:
        database.execute(setting)
    tables = []
    for layer in LAYERS:
        database.execute(f"CREATE SCHEMA {layer}")
        for log in sorted((Path(folder) / layer).glob("*/_delta_log")):
            files = DeltaTable(log.parent).file_uris()
            if files:
                name = f"{layer}.{log.parent.name}"
                source = f"read_parquet({files!r}, hive_partitioning = true)"
                database.execute(f"CREATE TABLE {name} AS SELECT * FROM {source}")
                tables.append(describe(database, name))
    return database, tables


def describe(database, name):
    columns = [
        column_of(database, name, row[0], row[1])
        for row in database.execute(f"DESCRIBE {name}").fetchall()
    ]
    table = Table(name, columns)
    names = [column.name for column in columns]
    times = [column.name for column in columns if column.kind == "time"]
    times = times or ["date" if "date" in names else names[0]]
    table.key = [key for key in KEYS + NUMBERS_OF_ROWS if key in names] + times[:1]
    counts = f"SELECT count(*), count(DISTINCT ({', '.join(table.key)}, 0)) FROM {name}"
    rows, distinct = database.execute(counts).fetchone()
    table.is_unique = rows == distinct
    table.slices = slices(database, table)
    return table


def column_of(database, table, name, described):
    kind, precision, scale = kind_of(described)
    size = 0
    if kind in ("int", "decimal"):
        largest = database.execute(f"SELECT max(abs({name}))::DECIMAL(38, 0)::VARCHAR FROM {table}").fetchone()[0]
        size = len(largest or "0")
    values = f"SELECT DISTINCT CAST({name} AS VARCHAR) AS value FROM {table} WHERE {name} IS NOT NULL"
    some = f"SELECT value FROM ({values}) ORDER BY md5(value) LIMIT {SAMPLES}"
    ends = f"SELECT CAST(min({name}) AS VARCHAR), CAST(max({name}) AS VARCHAR) FROM {table} HAVING count({name}) > 0"
    found = [row[0] for row in database.execute(some).fetchall()]
    found += [value for row in database.execute(ends).fetchall() for value in row]
    return Column(name, kind, precision, scale, size, tuple(literal(kind, value) for value in found))


def kind_of(described):
    if described.startswith("DECIMAL"):
        precision, scale = described.removeprefix("DECIMAL(").removesuffix(")").split(",")
        return "decimal", int(precision), int(scale)
    kinds = {"VARCHAR": "text", "BOOLEAN": "bool", "DATE": "date", "DOUBLE": "double"}
    kinds |= {"TIMESTAMP WITH TIME ZONE": "time"}
    kinds |= dict.fromkeys(("SMALLINT", "INTEGER", "BIGINT"), "int")
    return kinds[described], 0, 0


def literal(kind, value):
    """A value, given as text, as SQL that both dialects read as the same type."""
    forms = {"text": quoted(value), "date": f"DATE '{value}'", "time": f"TIMESTAMPTZ '{value}:00'"}
    forms |= {"double": f"CAST('{value}' AS DOUBLE)"}
    return forms.get(kind, value)


def slices(database, table):
    """Finds conditions on the columns that partition and sort a table."""
    names = [name for name in ("market", "symbol", "bar_interval", "date") if name in table.key + ["date"]]
    names = [name for name in names if any(column.name == name for column in table.columns)]
    found = []
    for length in range(1, len(names) + 1):
        columns = ", ".join(names[:length])
        texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in names[:length])
        groups = f"SELECT {texts}, count(*) AS rows FROM {table.name} GROUP BY {columns} ORDER BY ALL"
        for *values, rows in database.execute(groups).fetchall():
            if 1 < rows <= MOST_ROWS_OF_SLICE and None not in values:
                kinds = [table.column(name).kind for name in names[:length]]
                parts = [f"{name} = {literal(kind, value)}" for name, kind, value in zip(names, kinds, values)]
                found.append(parts)
    return found[:: max(1, len(found) // 60)]
