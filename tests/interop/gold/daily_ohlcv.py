"""Bars of a day: goes through the bars of a minute in the order of time and keeps what a day needs."""

from decimal import Decimal

from gold.common import DAY, compare, day, micros, number, ratio, rows_of

KEY = ["market", "date", "symbol"]
SUMMED = ["volume", "quote_volume", "trade_count", "taker_buy_volume", "taker_buy_quote_volume"]


def check(lake, archives):
    days = {}
    for market, symbol, row in rows_of(archives, "klines", "1m"):
        days.setdefault((market, micros(row["open_time"]) // DAY, symbol), []).append(row)
    compare(lake, "daily_ohlcv", KEY, [summary(place, rows) for place, rows in days.items()])


def summary(place, rows):
    market, number_of_day, symbol = place
    rows.sort(key=lambda row: micros(row["open_time"]))
    total = {column: sum(number(row[column]) for row in rows) for column in SUMMED}
    if market == "futures_cm":
        # The archive calls volumes of the base asset those of the quote asset there; a contract is worth a fixed sum.
        base, bought, quote = total["quote_volume"], total["taker_buy_quote_volume"], None
        value = total["volume"] * Decimal(100 if symbol.startswith("BTCUSD_") else 10)
    else:
        base, bought, quote = total["volume"], total["taker_buy_volume"], total["quote_volume"]
        value = quote
    return {
        "market": market,
        "date": day(number_of_day * DAY),
        "symbol": symbol,
        "open": number(rows[0]["open"]),
        "high": max(number(row["high"]) for row in rows),
        "low": min(number(row["low"]) for row in rows),
        "close": number(rows[-1]["close"]),
        "volume": total["volume"],
        "base_volume": base,
        "quote_volume": quote,
        "trade_count": int(total["trade_count"]),
        "taker_buy_volume": bought,
        "taker_buy_share": ratio(bought, base),
        "vwap": ratio(value, base),
        "bars": len(rows),
        "missing_bars": 1440 - len(rows),
    }
