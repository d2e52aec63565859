"""What statements are asked of: tables, slices of them, and rows that keys tell apart."""

from .aggregates import aggregate
from .conditions import condition
from .expressions import Draw, Expression, replace
from .select import Item, Select

NUMBERS_OF_ROWS = ("id", "agg_trade_id", "update_id")
GROUP_UNITS = ("hour", "day", "month")
COUNT = Expression("count(*)", "int", size=7)


class Relations:
    """Draws tables, and statements that others are built on."""

    def __init__(self, random, tables):
        self.random = random
        self.tables = tables

    def one_in(self, number):
        return self.random.randrange(number) == 0

    def table(self):
        """Tables with many series more often than others."""
        weights = [1 + len(table.slices) ** 0.5 for table in self.tables]
        return self.random.choices(self.tables, weights)[0]

    def draw(self, columns):
        return Draw(self.random, columns)

    def of_table(self, table, prefix=""):
        return self.draw([as_expression(column, prefix) for column in table.columns])

    def slice_of(self, table):
        """Conditions that leave few rows."""
        return list(self.random.choice(table.slices)) if table.slices else []

    def perhaps(self, draw, number, depth=1):
        """A condition, once in a number of times."""
        return [condition(draw, depth)] if self.one_in(number) else []

    def pair(self):
        """Two tables and columns that both have."""
        left, right = self.table(), self.table()
        if self.one_in(3):
            right = left
        shared = [name for name in ("symbol", "date", "market") if has(left, name) and has(right, name)]
        return left, right, self.random.sample(shared, self.random.randrange(1, len(shared) + 1)) if shared else []

    def groups(self, draw, most=3):
        """Expressions with few values."""
        found = [self.group(draw) for _ in range(self.random.randrange(1, most + 1))]
        return list({group.text: group for group in found}.values())

    def group(self, draw):
        few = [column for column in draw.columns if column.kind in ("text", "date", "bool") and is_short(column)]
        time = draw.column("time")
        form = self.random.randrange(6)
        if form < 3 and few:
            return draw.pick(few)
        if form == 3 and time:
            return replace(time, text=f"date_trunc('{draw.pick(GROUP_UNITS)}', {time.text})", samples=())
        if form == 4 and time:
            return Expression(f"extract(hour FROM {time.text})", "int", size=2)
        return Expression(f"CASE WHEN {condition(draw, 1)} THEN 'a' ELSE 'b' END", "text")

    def unique_rows(self, table=None, keys=None):
        """Rows that their keys tell apart, the time or day last; returns the statement and the number of keys."""
        table = table or self.table()
        draw = self.of_table(table)
        names = keys or [name for name in table.key if name not in NUMBERS_OF_ROWS]
        key = [as_expression(table.column(name)) for name in names]
        others = [column for column in draw.columns if column.text not in table.key]
        others = self.random.sample(others, min(len(others), 6))
        is_unique = table.is_unique and set(table.key) <= set(names) and self.one_in(2)
        if not is_unique:
            others = [replace(column, text=f"{draw.pick(('min', 'max'))}({column.text})") for column in others]
        columns = items(key, "k") + items(others, "v")
        groups = None if is_unique else len(key)
        return Select(columns, table.name, conditions=self.slice_of(table), groups=groups), len(key)

    def grouped_rows(self, table, keys):
        """Aggregates of a table by keys, exact ones only."""
        draw = self.of_table(table)
        key = [as_expression(table.column(name)) for name in keys]
        values = [aggregate(draw) for _ in range(self.random.randrange(1, 4))]
        values = [value for value in values if value.is_exact and value.kind != "list"] or [COUNT]
        conditions = self.slice_of(table) if self.one_in(2) else [condition(draw, 1)]
        return Select(items(key, "k") + items(values, "v"), table.name, conditions=conditions, groups=len(key))


def items(values, prefix="c"):
    return [Item(f"{prefix}{place}", value) for place, value in enumerate(values)]


def as_expression(column, prefix=""):
    text = f"{prefix}{column.name}"
    return Expression(text, column.kind, column.precision, column.scale, column.size, column.samples)


def has(table, name):
    return any(column.name == name for column in table.columns)


def is_short(column):
    """Whether a text has few values: keys of archives have many, and are long."""
    return "archive" not in column.text
