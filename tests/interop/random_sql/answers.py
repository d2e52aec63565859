"""Compares answers: exact numbers exactly, doubles to a billionth, rows in order where the statement orders them."""

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pyarrow

TOLERANCE = 1e-9
# What is less exact than that, but is not another number either.
NEARLY = 1e-6
# How far a double may be from another in proportion to the largest of its column: sums that cancel each other out.
CANCELLED = 1e-13

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)
MICROSECONDS_OF_DAY = 86_400 * 10**6

# What differs between two values that are the same but for their type, or that both say "not defined".
ROUNDED_THERE = "a value that has fewer places in DuckDB"
DOUBLE_HERE = "a double here, an exact number in DuckDB"
EXACT_HERE = "an exact number here, a double in DuckDB"
NULL_HERE = "NULL here, NaN in DuckDB"
NAN_HERE = "NaN here, NULL in DuckDB"
AND = "; "
NEARLY_THE_SAME = f"doubles that differ by less than {NEARLY}"
VALUES = "different values"


def difference(ours, theirs, is_ordered):
    """Says how two answers differ; None where they do not."""
    ours, theirs = columns_of(ours), columns_of(theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} columns, and {len(theirs)} in DuckDB"
    rows, other_rows = list(zip(*ours)), list(zip(*theirs))
    if len(rows) != len(other_rows):
        return f"{len(rows)} rows, and {len(other_rows)} in DuckDB"
    are_doubles = [has_doubles(column) or has_doubles(other) for column, other in zip(ours, theirs)]
    if not is_ordered:
        rows.sort(key=lambda row: sort_key(row, are_doubles))
        other_rows.sort(key=lambda row: sort_key(row, are_doubles))
    return described(rows, other_rows, [largest_of(column) for column in theirs])


def described(rows, other_rows, largest):
    """Says what kinds of differences there are, and shows the first rows that differ."""
    kinds, different = set(), []
    for row, other in zip(rows, other_rows):
        found = {difference_of(*values) for values in zip(row, other, largest)} - {None}
        if found:
            kinds |= found
            different.append((row, other))
    if not different:
        return None
    row, other = different[0]
    kinds = {VALUES} if VALUES in kinds else kinds
    return f"{len(different)} of {len(rows)} rows: {AND.join(sorted(kinds))}\n  here   {row}\n  DuckDB {other}"


def difference_of(value, other, largest):
    if isinstance(value, float) or isinstance(other, float):
        return difference_of_doubles(value, other, largest)
    if value == other:
        return None
    return ROUNDED_THERE if is_rounded(value, other) else VALUES


def is_rounded(value, other):
    """Returns whether DuckDB has the same value with fewer places."""
    if not isinstance(value, (float, Decimal)) or not isinstance(other, Decimal):
        return False
    places = other.as_tuple().exponent
    has_more = isinstance(value, float) or value.as_tuple().exponent < places
    return has_more and abs(Decimal(value) - other) < Decimal(1).scaleb(places)


def difference_of_doubles(value, other, largest):
    if value is None or other is None:
        is_undefined = math.isnan(other if value is None else value)
        return (NULL_HERE if value is None else NAN_HERE) if is_undefined else VALUES
    if not isinstance(value, (float, Decimal)) or not isinstance(other, (float, Decimal)):
        return VALUES
    if not are_near(float(value), float(other), largest, TOLERANCE):
        if is_rounded(value, other):
            return ROUNDED_THERE
        return NEARLY_THE_SAME if are_near(float(value), float(other), largest, NEARLY) else VALUES
    if isinstance(other, Decimal):
        return DOUBLE_HERE
    return EXACT_HERE if isinstance(value, Decimal) else None


def are_near(value, other, largest, tolerance):
    if math.isnan(value) or math.isnan(other):
        return math.isnan(value) and math.isnan(other)
    return math.isclose(value, other, rel_tol=tolerance, abs_tol=CANCELLED * largest)


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
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return tuple(plain(part) for part in value) if isinstance(value, list) else value


def has_doubles(column):
    return any(isinstance(value, float) for value in column)


def largest_of(column):
    """The largest finite double of a column."""
    return max((abs(value) for value in column if isinstance(value, float) and math.isfinite(value)), default=0.0)


def sort_key(row, are_doubles):
    """Exact values first, then doubles without the digits that may differ."""
    exact = tuple(key_of(value) for value, is_double in zip(row, are_doubles) if not is_double)
    return exact, tuple(key_of_double(value) for value, is_double in zip(row, are_doubles) if is_double)


def key_of_double(value):
    """Puts what is not defined, NULL or NaN, first."""
    if value is None or math.isnan(value):
        return (0, 0.0)
    return (1, float(f"{value:.6g}"), value)


def key_of(value):
    if value is None:
        return (0, "")
    if isinstance(value, Decimal):
        return (1, value)
    if isinstance(value, tuple):
        return (2, tuple(key_of(part) for part in value))
    return (3, str(value))
