"""Order book and trades."""

from datetime import timedelta
from decimal import Decimal

from . import common
from .common import FIRST_DAY, SECOND_DAY, as_of, grouped, mean, moments, real, slope
from .prices import hour


def quotes_of(lake, **equals):
    """Quotes of spot by symbol, in order."""
    rows = lake.rows("silver.book_ticker", market="spot", sort=["transaction_time", "update_id"], **equals)
    return {symbol: quotes for (symbol,), quotes in grouped(rows, "symbol").items()}


def middle(quote):
    return (quote["best_bid_price"] + quote["best_ask_price"]) / 2


def spread(lake):
    answer = []
    for symbol, quotes in quotes_of(lake).items():
        weighted = {FIRST_DAY: Decimal(0), SECOND_DAY: Decimal(0)}
        covered = dict(weighted)
        for quote, following in zip(quotes, quotes[1:]):
            in_force = (following["transaction_time"] - quote["transaction_time"]) // timedelta(microseconds=1)
            width = (quote["best_ask_price"] - quote["best_bid_price"]) / middle(quote)
            weighted[quote["date"]] += width * in_force
            covered[quote["date"]] += in_force
        for day in weighted:
            points = real(10000 * weighted[day], covered[day])
            answer.append({"symbol": symbol, "date": day, "spread_bps": points})
    return answer


def imbalance(lake):
    rows = [row for quotes in quotes_of(lake, date=FIRST_DAY).values() for row in quotes]
    for row in rows:
        bid, ask = row["best_bid_qty"], row["best_ask_qty"]
        row |= {"hour": hour(row["transaction_time"]), "imbalance": (bid - ask) / (bid + ask)}
    return [
        {"symbol": symbol, "hour": start, "quote_imbalance": mean(row["imbalance"] for row in quotes)}
        for (symbol, start), quotes in grouped(rows, "symbol", "hour").items()
    ]


def book_slope(lake):
    rows = lake.rows("silver.book_depth", market="futures_um", date=FIRST_DAY, sort=["timestamp", "percentage"])
    for row in rows:
        start = hour(row["timestamp"])
        row["bucket"] = start.replace(hour=start.hour // 6 * 6)
        row["side"] = "bids" if row["percentage"] < 0 else "asks"
    answer = []
    for (symbol, bucket, side), levels in grouped(rows, "symbol", "bucket", "side").items():
        pairs = [(row["notional"], abs(row["percentage"])) for row in levels]
        yy, xy, xx = moments(pairs)
        row = {"symbol": symbol, "bucket": bucket, "side": side, "notional_per_percent": slope(pairs)}
        answer.append(row | {"fit": real(xy**2, yy * xx)})
    return answer


def order_flow(lake):
    rows = lake.rows("silver.agg_trades", market="futures_um", date=FIRST_DAY, sort="transact_time")
    rows = [row | {"hour": hour(row["transact_time"])} for row in rows]
    answer = []
    for (symbol, start), trades in grouped(rows, "symbol", "hour").items():
        net = sum(-row["quantity"] if row["is_buyer_maker"] else row["quantity"] for row in trades)
        row = {"symbol": symbol, "hour": start, "net_bought": net}
        answer.append(row | {"imbalance": real(net, sum(row["quantity"] for row in trades))})
    return answer


def effective_spread(lake):
    quotes = quotes_of(lake)
    trades = lake.rows("silver.trades", market="spot", date=SECOND_DAY, sort="time")
    answer = []
    for (symbol,), rows in grouped(trades, "symbol").items():
        pairs = []
        for row in rows:
            quote = as_of(quotes[symbol], row["time"], "transaction_time")
            pairs.append((20000 * abs(row["price"] / middle(quote) - 1), row["qty"]))
        answer.append({"symbol": symbol, "trades": len(pairs), "spread_bps": common.vwap(pairs)})
    return answer
