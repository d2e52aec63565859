"""Bars of a minute from trades and aggregate trades: groups every row by minute, after it has dropped repeated ones."""

from collections import defaultdict
from decimal import Decimal

from gold.common import MINUTE, compare, day, micros, number, ratio, rows_of, truth

KEY = ["market", "date", "symbol", "source", "open_time"]


def check(lake, archives):
    compare(lake, "trade_bars_1m", KEY, bars(archives))


def bars(archives):
    minutes = defaultdict(list)
    for market, symbol, row in rows_of(archives, "trades"):
        place = (market, symbol, "trades", micros(row["time"]) // MINUTE)
        base = None if market != "futures_cm" else number(row["quote_qty"])
        trade = (int(row["id"]), micros(row["time"]), number(row["price"]), number(row["qty"]), 1)
        minutes[place].append(trade + (truth(row["is_buyer_maker"]), base))
    for market, symbol, row in rows_of(archives, "aggTrades"):
        time = micros(row["transact_time"])
        first, last = int(row["first_trade_id"]), int(row["last_trade_id"])
        trade = (int(row["agg_trade_id"]), time, number(row["price"]), number(row["quantity"]), last - first + 1)
        minutes[market, symbol, "agg_trades", time // MINUTE].append(trade + (truth(row["is_buyer_maker"]), None))
    return [bar(place, rows) for place, rows in minutes.items()]


def bar(place, published):
    market, symbol, source, minute = place
    rows = sorted(set(published), key=lambda row: row[:3])
    prices = [row[2] for row in rows]
    volume = sum(row[3] for row in rows)
    sold = sum((row[3] for row in rows if row[5]), Decimal(0))
    value = sum(row[2] * row[3] for row in rows)
    inverse = market == "futures_cm"
    return {
        "market": market,
        "date": day(minute * MINUTE),
        "symbol": symbol,
        "source": source,
        "open_time": minute * MINUTE,
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": volume,
        "quote_volume": None if inverse else value,
        "base_volume": sum(row[6] for row in rows) if inverse and source == "trades" else None,
        "vwap": ratio(volume, sum(row[3] / row[2] for row in rows)) if inverse else ratio(value, volume),
        "buy_volume": volume - sold,
        "sell_volume": sold,
        "imbalance": ratio(volume - 2 * sold, volume),
        "trade_count": sum(row[4] for row in rows),
        "row_count": len(rows),
        "largest_trade": max(row[3] for row in rows),
        "repeated_rows": len(published) - len(rows),
    }
