"""Volatility indexes of a day: every value read, in order of its time."""

from collections import defaultdict

from .common import compare, day, micros, number, ratio, rows_of


def check(lake, archives):
    compare(lake, "bvol_daily", ["market", "date", "symbol"], indexes(archives))


def indexes(archives):
    """Computes one row for each index and day."""
    found = defaultdict(list)
    for market, symbol, row in rows_of(archives, "BVOLIndex"):
        time = micros(row["calc_time"])
        found[market, symbol, day(time)].append((time, number(row["index_value"])))
    return [of_day(*place, [value for _, value in sorted(rows)]) for place, rows in found.items()]


def of_day(market, symbol, date, values):
    row = {"market": market, "symbol": symbol, "date": date, "asset": symbol.split("BVOL")[0]}
    row |= {"open": values[0], "high": max(values), "low": min(values), "close": values[-1]}
    return row | {"mean": ratio(sum(values), len(values)), "value_count": len(values)}
