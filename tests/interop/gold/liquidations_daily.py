"""Liquidations of each day by side, as they are in the files and as a set."""

from collections import defaultdict
from decimal import Decimal

from gold.common import DAY, compare, day, micros, number, rows_of

KEY = ["market", "date", "symbol", "side"]


def check(lake, archives):
    days = defaultdict(list)
    for market, symbol, row in rows_of(archives, "liquidationSnapshot"):
        place = (market, micros(row["time"]) // DAY, symbol, row["side"])
        days[place].append(tuple(number(text) if is_number(text) else text for text in row.values()))
    compare(lake, "liquidations_daily", KEY, [summary(place, rows) for place, rows in days.items()])


def is_number(text):
    return text is not None and text.replace(".", "", 1).isdigit()


def summary(place, rows):
    market, number_of_day, symbol, side = place
    distinct = set(rows)
    return {
        "market": market,
        "date": day(number_of_day * DAY),
        "symbol": symbol,
        "side": side,
        "liquidated": {"SELL": "long", "BUY": "short"}[side],
        "orders": len(rows),
        "quantity": sum(row[-1] for row in rows),
        "notional": sum(notional(market, symbol, row) for row in rows),
        "distinct_orders": len(distinct),
        "distinct_quantity": sum(row[-1] for row in distinct),
        "distinct_notional": sum(notional(market, symbol, row) for row in distinct),
        "largest_order": max(notional(market, symbol, row) for row in rows),
    }


def notional(market, symbol, row):
    """The last column is what was filled, the fifth from the end the average price."""
    if market == "futures_cm":
        return row[-1] * Decimal(100 if symbol.startswith("BTCUSD_") else 10)
    return row[-1] * row[-4]
