"""What the computations of the cookbook share: reading tables, windows over rows, comparing answers.

A computation takes a `Lake` and returns the rows of the answer, in order: dictionaries with exact numbers as Decimal or
int, everything else that is a number as float, and times without a zone, in UTC.
"""

import math
from collections import defaultdict
from datetime import date, datetime, timezone
from decimal import Decimal, getcontext
from pathlib import Path

import polars
import polars.selectors
import pyarrow

getcontext().prec = 80

TOLERANCE = 1e-9

FIRST_DAY = date(2026, 5, 6)
SECOND_DAY = date(2026, 5, 7)


class Lake:
    """Tables as Polars reads them."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def rows(self, table, *, sort, **equals):
        """Returns the rows of a table whose columns have these values, as dictionaries, sorted by columns."""
        found = polars.scan_delta(self.folder / table.replace(".", "/"))
        return plain_rows(found.filter(*(polars.col(column) == value for column, value in equals.items())), sort)


def plain_rows(found, sort):
    """Returns the rows of a lazy frame, with times in UTC without their zone."""
    texts = polars.selectors.categorical().cast(polars.String)
    times = polars.selectors.datetime().dt.replace_time_zone(None)
    return found.with_columns(texts, times).sort(sort).collect().to_dicts()


def grouped(rows, *columns):
    """Returns lists of rows by the values of columns, in the order of these values."""
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in columns)].append(row)
    return dict(sorted(groups.items()))


def real(dividend, divisor):
    """The exact quotient, rounded once to floating point; None where there is none."""
    if dividend is None or not divisor:
        return None
    return float(Decimal(dividend) / Decimal(divisor))


def mean(values):
    values = [value for value in values if value is not None]
    return real(sum(map(Decimal, values)), len(values))


def deviation(values, freedom):
    """The standard deviation, with the number of values less `freedom` as divisor; None where there are too few."""
    values = [Decimal(value) for value in values if value is not None]
    if len(values) <= freedom:
        return None
    middle = sum(values) / len(values)
    return float((sum((value - middle) ** 2 for value in values) / (len(values) - freedom)).sqrt())


def log_returns(prices):
    """Logarithms of prices over the previous ones; the first is None."""
    changes = (math.log(Decimal(price) / Decimal(before)) for before, price in zip(prices, prices[1:]))
    return [None, *changes][: len(prices)]


def vwap(pairs):
    """Average of prices by quantities."""
    pairs = [(Decimal(price), Decimal(quantity)) for price, quantity in pairs]
    return real(sum(price * quantity for price, quantity in pairs), sum(quantity for _, quantity in pairs))


def moments(pairs):
    """Sums of squares and products about the means of (y, x): yy, xy, xx."""
    pairs = [(Decimal(y), Decimal(x)) for y, x in pairs if y is not None and x is not None]
    mean_y = sum(y for y, _ in pairs) / len(pairs)
    mean_x = sum(x for _, x in pairs) / len(pairs)
    yy = sum((y - mean_y) ** 2 for y, _ in pairs)
    xy = sum((y - mean_y) * (x - mean_x) for y, x in pairs)
    xx = sum((x - mean_x) ** 2 for _, x in pairs)
    return yy, xy, xx


def slope(pairs):
    _, xy, xx = moments(pairs)
    return real(xy, xx)


def correlation(pairs):
    yy, xy, xx = moments(pairs)
    return real(xy, (yy * xx).sqrt())


def as_of(rows, time, column):
    """The last of rows, sorted by a column, in which it is not later than a time; None where there is none."""
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) // 2
        if rows[middle][column] <= time:
            low = middle + 1
        else:
            high = middle
    return rows[low - 1] if low else None


def rows_of_file(path):
    """Reads the answer of the program."""
    with pyarrow.memory_map(str(path)) as file:
        rows = pyarrow.ipc.open_file(file).read_all().to_pylist()
    return [{column: plain(value) for column, value in row.items()} for row in rows]


def plain(value):
    """A time in UTC without its zone; anything else as it is."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(timezone.utc).replace(tzinfo=None)
    return value


def difference(expected, found):
    """Says where two answers differ first; None where they do not."""
    if not expected:
        return "the answer has no rows, so that nothing is compared"
    for place, (row, other) in enumerate(zip(expected, found)):
        if list(row) != list(other):
            return f"expected the columns {list(row)}, found {list(other)}"
        for column, value in row.items():
            if not is_same(value, other[column]):
                return f"row {place}, {column}: expected {value!r}, found {other[column]!r} in {other}"
    if len(expected) != len(found):
        return f"expected {len(expected)} rows, found {len(found)}"
    return None


def is_same(value, other):
    if isinstance(value, float) and isinstance(other, float):
        return math.isclose(value, other, rel_tol=TOLERANCE, abs_tol=1e-15)
    return value == other and isinstance(value, float) == isinstance(other, float)
