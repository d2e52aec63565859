"""What readers share: what a table is, and figures as texts that can be compared."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, getcontext

getcontext().prec = 80

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

@dataclass
class Table:
    """A table, and what is to be counted in it."""

    name: str
    folder: str
    # By their names, their types in the log.
    columns: dict
    partition_columns: list
    # By their names, (column, operator, value) that all have to hold.
    filters: dict


def exact(kind, value):
    """Writes a value of a column, or a sum, so that equal ones are equal texts."""
    if value is None:
        return None
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)) - EPOCH
        value = value // timedelta(microseconds=1)
    if kind == "double":
        return repr(float(value))
    if kind in ("string", "date"):
        return value.isoformat() if isinstance(value, date) else str(value)
    number = Decimal(str(value)).normalize()
    return f"{number:f}" if number else "0"


def figures_of(kind):
    """Names the figures of a column of this type."""
    if kind == "double":
        return ["nulls", "min", "max"]
    return ["nulls", "min", "max", "sum"] + (["distinct"] if kind == "string" else [])


def figures(table, rows, cell):
    """Collects the figures of a table; `cell(column, figure)` is what its reader found."""
    result = {"rows": str(int(rows))}
    for column, kind in table.columns.items():
        for figure in figures_of(kind):
            of = kind if figure in ("min", "max") else "sum"
            result[f"{column}.{figure}"] = exact(of, cell(column, figure))
    return result


def chunks(items, size):
    items = list(items)
    return [items[start : start + size] for start in range(0, len(items), size)]
