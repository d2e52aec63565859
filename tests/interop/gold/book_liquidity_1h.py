"""Depth of the book by hour and distance: keeps the two sides of each snapshot in lists."""

from collections import defaultdict

from gold.common import HOUR, compare, day, micros, number, ratio, rows_of

KEY = ["market", "date", "symbol", "open_time", "percentage"]


def check(lake, archives):
    bands = defaultdict(lambda: {"times": set(), "bid": [], "ask": []})
    # Of rows with one time and distance, the one with the largest quantity counts.
    largest = {}
    for market, symbol, row in rows_of(archives, "bookDepth"):
        place = market, symbol, micros(row["timestamp"]), number(row["percentage"])
        found = number(row["depth"]), number(row["notional"])
        largest[place] = max(largest.get(place, found), found)
    for (market, symbol, time, percentage), found in largest.items():
        band = bands[market, symbol, time // HOUR, abs(percentage)]
        band["times"].add(time)
        band["bid" if percentage < 0 else "ask"].append(found)
    compare(lake, "book_liquidity_1h", KEY, [summary(place, band) for place, band in bands.items()])


def summary(place, band):
    market, symbol, hour, percentage = place
    result = {
        "market": market,
        "date": day(hour * HOUR),
        "symbol": symbol,
        "open_time": hour * HOUR,
        "percentage": percentage,
        "snapshot_count": len(band["times"]),
    }
    for side in ("bid", "ask"):
        for place, name in enumerate(("depth", "notional")):
            values = [row[place] for row in band[side]]
            result[f"mean_{side}_{name}"] = ratio(sum(values), len(values))
            result[f"min_{side}_{name}"] = min(values, default=None)
    for place, name in enumerate(("depth", "notional")):
        bids, asks = (sum(row[place] for row in band[side]) for side in ("bid", "ask"))
        result[f"{name}_ratio"] = ratio(bids * len(band["ask"]), asks * len(band["bid"]))
    return result
