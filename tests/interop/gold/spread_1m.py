"""Spread of each minute: goes through the quotes in order and notes for how long each was in force in which minute."""

from collections import defaultdict
from decimal import Decimal

from gold.common import HOUR, MINUTE, compare, day, micros, number, ratio, rows_of

KEY = ["market", "date", "symbol", "open_time"]


def check(lake, archives):
    quotes = defaultdict(list)
    for market, symbol, row in rows_of(archives, "bookTicker"):
        bid, ask = number(row["best_bid_price"]), number(row["best_ask_price"])
        sizes = (number(row["best_bid_qty"]), number(row["best_ask_qty"]))
        quotes[market, symbol].append((micros(row["transaction_time"]), int(row["update_id"]), bid, ask, *sizes))
    minutes = []
    for (market, symbol), found in quotes.items():
        minutes += minutes_of(market, symbol, sorted(found))
    compare(lake, "spread_1m", KEY, minutes)


def minutes_of(market, symbol, quotes):
    published, in_force = defaultdict(list), defaultdict(list)
    for quote, following in zip(quotes, quotes[1:] + [None]):
        time = quote[0]
        minute = time // MINUTE
        published[minute].append(quote)
        end = (minute + 1) * MINUTE
        in_force[minute].append((quote, min(end, following[0] if following else end) - time))
        if following and following[0] >= end:
            start = following[0] // MINUTE * MINUTE
            if start - time <= HOUR:
                in_force[start // MINUTE].append((quote, following[0] - start))
    return [summary(market, symbol, minute, published[minute], in_force[minute]) for minute in published]


def summary(market, symbol, minute, published, in_force):
    whole = [(quote, span) for quote, span in in_force if quote[2] and quote[3]]
    covered = sum(span for _, span in whole)
    spread = sum((quote[3] - quote[2]) * span for quote, span in whole)
    mid = sum((quote[3] + quote[2]) / 2 * span for quote, span in whole)
    spreads = [quote[3] - quote[2] for quote in published if quote[2] and quote[3]]
    bps = ratio(Decimal(10000) * spread, mid)
    return {
        "market": market,
        "date": day(minute * MINUTE),
        "symbol": symbol,
        "open_time": minute * MINUTE,
        "mid": ratio(mid, covered),
        "spread": ratio(spread, covered),
        "spread_bps": bps,
        "min_spread": min(spreads, default=None),
        "max_spread": max(spreads, default=None),
        "bid_quantity": ratio(sum(quote[4] * span for quote, span in whole), covered),
        "ask_quantity": ratio(sum(quote[5] * span for quote, span in whole), covered),
        "close_bid": published[-1][2],
        "close_ask": published[-1][3],
        "quote_count": len(published),
        "covered_micros": covered,
    }
