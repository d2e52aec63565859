"""Compares answers: exact numbers exactly, doubles to a billionth, rows in order where the statement orders them."""

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pyarrow

TOLERANCE = 1e-9
# How far a double may be from another in proportion to the largest of its column: sums that cancel each other out.
CANCELLED = 1e-13

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
MICROSECONDS_OF_DAY = 86_400 * 10**6


def difference(ours, theirs, is_ordered):
    """Says how two answers differ; None where they do not."""
    ours, theirs = columns_of(ours), columns_of(theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} columns, and {len(theirs)} in DuckDB"
    rows, other_rows = list(zip(*ours)), list(zip(*theirs))
    if len(rows) != len(other_rows):
        return f"{len(rows)} rows, and {len(other_rows)} in DuckDB"
    if not is_ordered:
        rows.sort(key=sort_key)
        other_rows.sort(key=sort_key)
    largest = [largest_of(column) for column in theirs]
    return different_rows(rows, other_rows, largest)


def different_rows(rows, other_rows, largest):
    different = []
    for row, other in zip(rows, other_rows):
        if not all(is_same(value, there, bound) for value, there, bound in zip(row, other, largest)):
            different.append((row, other))
    if not different:
        return None
    row, other = different[0]
    places = [place for place, bound in enumerate(largest) if not is_same(row[place], other[place], bound)]
    text = f"{len(different)} of {len(rows)} rows differ, columns {places}\n  here   {row}\n  DuckDB {other}"
    return text


def columns_of(table):
    return [column_of(column) for column in table.columns]


def column_of(column):
    kind = column.type
    if pyarrow.types.is_timestamp(kind):
        values = column.cast(pyarrow.timestamp("us", kind.tz)).cast(pyarrow.int64()).to_pylist()
        return [None if value is None else ("time", value) for value in values]
    if pyarrow.types.is_duration(kind):
        values = column.cast(pyarrow.duration("us")).cast(pyarrow.int64()).to_pylist()
        return [None if value is None else ("interval", value) for value in values]
    if pyarrow.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    return [plain(value) for value in column.to_pylist()]


def plain(value):
    """A value without the differences between types that hold the same."""
    if isinstance(value, pyarrow.MonthDayNano):
        return ("interval", (value.months * 30 + value.days) * MICROSECONDS_OF_DAY + value.nanoseconds // 1000)
    if isinstance(value, datetime):
        return ("time", (value.replace(tzinfo=value.tzinfo or timezone.utc) - EPOCH) // MICROSECOND)
    if isinstance(value, bool) or value is None or isinstance(value, (str, float, bytes)):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, list):
        return tuple(plain(part) for part in value)
    return value


def largest_of(column):
    """The largest finite double of a column."""
    return max((abs(value) for value in column if isinstance(value, float) and math.isfinite(value)), default=0.0)


def sort_key(row):
    """Rows by their exact values first, and by doubles only where these are equal."""
    exact = tuple(key_of(value) for value in row if not isinstance(value, float))
    return exact, tuple((math.isnan(value), float(f"{value:.6g}")) for value in row if isinstance(value, float))


def key_of(value):
    if value is None:
        return (0, "")
    if isinstance(value, Decimal):
        return (1, value)
    if isinstance(value, tuple):
        return (2, tuple(key_of(part) for part in value))
    return (3, str(value))


def is_same(value, other, largest):
    if isinstance(value, float) and isinstance(other, float):
        if math.isnan(value) or math.isnan(other):
            return math.isnan(value) and math.isnan(other)
        return math.isclose(value, other, rel_tol=TOLERANCE, abs_tol=CANCELLED * largest)
    return value == other and isinstance(value, float) == isinstance(other, float)
