"""Basis: marks and index prices minute by minute, in exact fractions, and the premiums of the same hour."""

from collections import defaultdict
from decimal import Decimal

from .common import HOUR, compare, day, micros, number, ratio, rows_of

BASIS_POINTS = 10_000


def check(lake, archives):
    indexes = index_prices(archives)
    premiums = by_hour(archives, "premiumIndexKlines")
    expected = []
    for (market, symbol, hour), marks in by_hour(archives, "markPriceKlines").items():
        pair = symbol.split("_")[0]
        row = {"market": market, "symbol": symbol, "open_time": hour, "date": day(hour), "pair": pair}
        row |= basis(marks, indexes[market, pair]) | premium(premiums.get((market, symbol, hour)))
        expected.append(row)
    compare(lake, "basis_1h", ["market", "symbol", "open_time"], expected)


def by_hour(archives, data_type):
    """Reads one-minute bars: by (market, symbol, hour) and time, in order."""
    found = defaultdict(dict)
    for market, symbol, row in rows_of(archives, data_type, "1m"):
        time = micros(row["open_time"])
        found[market, symbol, time // HOUR * HOUR][time] = row
    return {hour: dict(sorted(rows.items())) for hour, rows in found.items()}


def index_prices(archives):
    """Reads the closes of the index: by (market, pair) and time; of two symbols of a pair the first one counts."""
    found = defaultdict(dict)
    for market, symbol, row in sorted(rows_of(archives, "indexPriceKlines", "1m"), key=lambda row: row[:2]):
        found[market, symbol.split("_")[0]].setdefault(micros(row["open_time"]), number(row["close"]))
    return found


def basis(marks, index):
    closes = [(number(row["close"]), index.get(time)) for time, row in marks.items()]
    both = [(mark, price) for mark, price in closes if price]
    points = [(mark - price) / price * BASIS_POINTS for mark, price in both]
    return {
        "mark_close": closes[-1][0],
        "index_close": next((price for _, price in reversed(closes) if price is not None), None),
        "basis_mean_bps": ratio(sum(points), len(points)),
        "basis_min_bps": float(min(points)) if points else None,
        "basis_max_bps": float(max(points)) if points else None,
        "basis_close_bps": float(points[-1]) if points else None,
        "minutes": len(points),
    }


def premium(rows):
    names = [f"premium_{name}" for name in ("mean_bps", "min_bps", "max_bps", "close_bps", "minutes")]
    if rows is None:
        return dict.fromkeys(names)
    closes = [number(row["close"]) for row in rows.values()]
    mean = Decimal(sum(closes)) / len(closes)
    lowest = min(number(row["low"]) for row in rows.values())
    highest = max(number(row["high"]) for row in rows.values())
    points = [float(value * BASIS_POINTS) for value in (mean, lowest, highest, closes[-1])]
    return dict(zip(names, points + [len(closes)]))
