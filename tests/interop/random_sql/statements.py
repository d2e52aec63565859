"""Shapes of statements: what is asked of which tables."""

from .aggregates import aggregate
from .conditions import condition
from .expressions import Expression, replace
from .joins import joins, nearest_rows, subqueries
from .relations import COUNT, Relations, is_short, items
from .select import Select, SetOperation, With
from .windows import Window, windowed

WAYS = ("", "ASC", "DESC", "ASC NULLS FIRST", "DESC NULLS LAST", "DESC NULLS FIRST")
FEW_ROWS = "LIMIT 400"
SET_OPERATIONS = ("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL")


class Statements(Relations):
    """Draws statements."""

    def next(self):
        while True:
            statement = self.random.choice(SHAPES)(self)
            if statement:
                return statement

    def order(self, columns):
        return [self.random.choice(WAYS) for _ in columns]


def rows(of):
    """Expressions over the rows of a slice."""
    table = of.table()
    draw = of.of_table(table)
    values = [draw.value(draw.kind(), 3) for _ in range(of.random.randrange(1, 5))]
    return Select(items(values), table.name, conditions=of.slice_of(table) + of.perhaps(draw, 2, 2))


def counts(of):
    """How many rows conditions leave."""
    table = of.table()
    draw = of.of_table(table)
    number = draw.column("int", "decimal")
    sums = [replace(number, text=f"sum({number.text})")] if number and number.size < 14 else []
    conditions = [condition(draw, 2) for _ in range(of.random.randrange(1, 4))]
    return Select(items([COUNT] + sums), table.name, conditions=conditions, groups=0)


def first_rows(of):
    """The first of the rows that conditions leave, in an order without ties."""
    table = of.table()
    draw = of.of_table(table)
    columns = items([draw.exact(1) for _ in range(of.random.randrange(1, 5))])
    statement = Select(columns, table.name, order=of.order(columns), is_distinct=of.one_in(4))
    statement.conditions = [condition(draw, 2) for _ in range(of.random.randrange(1, 3))]
    statement.limit = f"LIMIT {of.random.randrange(1, 60)}"
    if of.one_in(3):
        statement.limit += f" OFFSET {of.random.randrange(1, 40)}"
    return statement


def groups(of):
    """Groups of a table, or all of it."""
    table = of.table()
    draw = of.of_table(table)
    keys = [] if of.one_in(4) else of.groups(draw)
    values = keys + [aggregate(draw) for _ in range(of.random.randrange(1, 5))]
    statement = Select(items(values), table.name, groups=len(keys))
    statement.conditions = (of.slice_of(table) if of.one_in(2) else []) + of.perhaps(draw, 2, 2)
    if keys and of.one_in(5):
        statement.grouping = "ALL"
    if keys and of.one_in(4):
        statement.having = [f"count(*) > {of.random.randrange(20)}"]
    if keys and all(value.is_exact and value.kind != "list" for value in values):
        statement.order, statement.limit = of.order(values), FEW_ROWS
    return statement


def subtotals(of):
    statement = groups(of)
    if statement.groups > 1:
        statement.grouping = of.random.choice(("ROLLUP ({})", "CUBE ({})"))
    return statement


def windows(of):
    """Window functions over rows that keys tell apart."""
    source, keys = of.unique_rows()
    columns = source.columns("s")
    draw = of.draw(columns)
    window = Window(draw, columns[: keys - 1], columns[keys - 1])
    values = [windowed(draw, window) for _ in range(of.random.randrange(1, 4))]
    statement = Select(items(columns[:keys] + values), source, "s", conditions=of.perhaps(draw, 4))
    if of.one_in(4):
        statement.qualify = [f"count(*) OVER {window.ordered()} > {of.random.randrange(1, 9)}"]
    return statement


def chains(of):
    """Groups, windows over them, and groups of those, each with a name."""
    first, keys = of.unique_rows()
    columns = first.columns("a")
    draw = of.draw(columns)
    window = Window(draw, columns[: keys - 1], columns[keys - 1])
    values = [windowed(draw, window) for _ in range(2)]
    second = Select(items(columns[:keys], "k") + items(values, "w"), "a")
    draw = of.draw(second.columns("b"))
    found = of.groups(draw, 2)
    columns = items(found + [aggregate(draw) for _ in range(2)])
    third = Select(columns, "b", groups=len(found), conditions=of.perhaps(draw, 2))
    return With([("a", first), ("b", second)], third)


def first_and_last(of):
    """Aggregates that need an order, of groups in which a time occurs once."""
    source, keys = of.unique_rows()
    columns = source.columns("s")
    draw = of.draw(columns)
    found, time = columns[: keys - 1], columns[keys - 1]
    if time.kind == "time" and of.one_in(2):
        found = found + [replace(time, text=f"time_bucket(INTERVAL '1 hour', {time.text})")]
    values = found + [aggregate(draw, time) for _ in range(of.random.randrange(1, 4))]
    return Select(items(values), source, "s", groups=len(found))


def set_operations(of):
    table = of.table()
    draw = of.of_table(table)
    columns = [column for column in draw.columns if column.kind not in ("double", "time") and is_short(column)]
    columns = items(of.random.sample(columns, min(len(columns), 3)))
    sides = [
        Select(columns, table.name, conditions=of.slice_of(table) + [condition(draw, 1)])
        for _ in range(2)
    ]
    return SetOperation(*sides, of.random.choice(SET_OPERATIONS))


def constants(of):
    """Expressions over a few values at the ends of their ranges."""
    draw = of.draw(EXTREME_COLUMNS)
    values = [draw.value(draw.kind(), 4) for _ in range(of.random.randrange(1, 6))]
    return Select(items(values), f"(VALUES {', '.join(EXTREMES)}) AS v(i, d, e, f, s, b, t, a)")


def row(*values):
    kinds = ("BIGINT", "DECIMAL(18, 8)", "DECIMAL(10, 2)", "DOUBLE", "VARCHAR", "BOOLEAN", "TIMESTAMPTZ", "DATE")
    return f"({', '.join(f'CAST({value} AS {kind})' for value, kind in zip(values, kinds))})"


EXTREMES = (
    row("0", "0", "0", "0", "''", "true", "'2023-01-21 00:00:00+00:00'", "'2023-01-21'"),
    row("1", "0.00000001", "-0.01", "1e-17", "'BTCUSDT'", "false", "'2024-03-10 06:59:59.999999Z'", "'2024-02-29'"),
    row("-7", "-12.5", "99999999.99", "-0.1", "'a_b'", "NULL", "'2025-11-02 05:30:00+00:00'", "'2025-12-31'"),
    row("2147483648", "9999999999.99999999", "0.05", "1e15", "NULL", "true", "NULL", "NULL"),
    row("NULL", "NULL", "NULL", "NULL", "'ü USDT '", "NULL", "'1999-12-31 23:59:59+00:00'", "'1970-01-01'"),
    row("-1", "-0.5", "2.50", "0.3", "'100%'", "false", "'2026-05-08 12:34:56.789+00:00'", "'2026-05-08'"),
)

EXTREME_COLUMNS = (
    Expression("v.i", "int", size=10, samples=("0", "-7", "2147483647")),
    Expression("v.d", "decimal", 18, 8, 10, ("0.00000001", "-12.5")),
    Expression("v.e", "decimal", 10, 2, 8, ("0.05", "99999999.99")),
    Expression("v.f", "double"),
    Expression("v.s", "text", samples=("'BTCUSDT'", "''")),
    Expression("v.b", "bool"),
    Expression("v.t", "time"),
    Expression("v.a", "date"),
)

SHAPES = (
    *[rows] * 3,
    *[counts] * 2,
    *[first_rows] * 2,
    *[groups] * 5,
    subtotals,
    *[windows] * 5,
    *[chains] * 2,
    *[first_and_last] * 2,
    *[joins] * 3,
    *[nearest_rows] * 2,
    *[set_operations] * 2,
    *[subqueries] * 2,
    *[constants] * 3,
)
