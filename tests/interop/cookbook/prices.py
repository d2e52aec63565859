"""Prices and returns."""

import math
from datetime import timedelta
from decimal import Decimal

from . import common
from .common import FIRST_DAY, SECOND_DAY, deviation, grouped, log_returns, mean, real


def hour(time):
    return time.replace(minute=0, second=0, microsecond=0)


def bars_of(lake, interval, market="spot"):
    """Bars of each symbol, by time."""
    rows = lake.rows("silver.klines", market=market, bar_interval=interval, sort="open_time")
    return {symbol: bars for (symbol,), bars in grouped(rows, "symbol").items()}


def vwap(lake):
    rows = lake.rows("silver.trades", market="spot", date=FIRST_DAY, sort="time")
    rows = [row | {"hour": hour(row["time"])} for row in rows]
    return [
        {
            "symbol": symbol,
            "hour": start,
            "vwap": common.vwap((row["price"], row["qty"]) for row in trades),
            "quantity": sum(row["qty"] for row in trades),
        }
        for (symbol, start), trades in grouped(rows, "symbol", "hour").items()
    ]


def bars(lake):
    rows = lake.rows("silver.trades", market="futures_um", date=FIRST_DAY, sort=["time", "id"])
    for row in rows:
        row["start"] = hour(row["time"]) + timedelta(minutes=row["time"].minute // 15 * 15)
    return [
        {
            "symbol": symbol,
            "open_time": start,
            "open": trades[0]["price"],
            "high": max(row["price"] for row in trades),
            "low": min(row["price"] for row in trades),
            "close": trades[-1]["price"],
            "volume": sum(row["qty"] for row in trades),
            "trades": len(trades),
        }
        for (symbol, start), trades in grouped(rows, "symbol", "start").items()
    ]


def returns(lake):
    answer = []
    for symbol, rows in bars_of(lake, "1h").items():
        closes = [row["close"] for row in rows]
        simple = [None, *(real(close - before, before) for before, close in zip(closes, closes[1:]))]
        for row, change, logarithm in zip(rows, simple, log_returns(closes)):
            found = {"symbol": symbol, "open_time": row["open_time"], "close": row["close"]}
            answer.append(found | {"simple_return": change, "log_return": logarithm})
    return answer


def drawdown(lake):
    answer = []
    for symbol, rows in bars_of(lake, "1m").items():
        peak = lowest = Decimal(0)
        for row in rows:
            peak = max(peak, row["close"])
            lowest = min(lowest, row["close"] / peak - 1)
        answer.append({"symbol": symbol, "max_drawdown": float(lowest)})
    return answer


def realised_volatility(lake):
    answer = []
    for symbol, rows in bars_of(lake, "1m").items():
        changes = log_returns([row["close"] for row in rows])
        for day in (FIRST_DAY, SECOND_DAY):
            squares = [change**2 for row, change in zip(rows, changes) if row["date"] == day and change is not None]
            volatility = 100 * math.sqrt(365 * math.fsum(squares))
            answer.append({"symbol": symbol, "date": day, "realised_volatility": volatility, "returns": len(squares)})
    return answer


def bollinger(lake):
    answer = []
    for symbol, rows in bars_of(lake, "1h").items():
        for place in range(19, len(rows)):
            closes = [row["close"] for row in rows[place - 19 : place + 1]]
            middle, width = mean(closes), 2 * deviation(closes, 0)
            found = {"symbol": symbol, "open_time": rows[place]["open_time"], "close": rows[place]["close"]}
            answer.append(found | {"middle": middle, "lower_band": middle - width, "upper_band": middle + width})
    return answer


def z_scores(lake):
    rows = bars_of(lake, "1m")["BTCUSDT"]
    scored = []
    for place in range(60, len(rows)):
        before = [row["volume"] for row in rows[place - 60 : place]]
        score = (float(rows[place]["volume"]) - mean(before)) / deviation(before, 1)
        scored.append({name: rows[place][name] for name in ("symbol", "open_time", "volume")} | {"z_score": score})
    return sorted(scored, key=lambda row: -row["z_score"])[:10]


def moving_average(values, length):
    """The exponential average that begins with the first value."""
    weight, average, averages = 2 / (length + 1), None, []
    for value in values:
        average = float(value) if average is None else average + weight * (float(value) - average)
        averages.append(average)
    return averages


def macd(lake):
    answer = []
    for symbol, rows in bars_of(lake, "1h").items():
        closes = [row["close"] for row in rows]
        averages = zip(moving_average(closes, 12), moving_average(closes, 26))
        differences = [fast - slow for fast, slow in averages]
        for row, value, signal in zip(rows, differences, moving_average(differences, 9)):
            answer.append({"symbol": symbol, "open_time": row["open_time"], "macd": value, "signal": signal})
    return answer


def true_range(lake):
    answer = []
    for symbol in ("BTCUSDT", "ETHUSDT"):
        rows = bars_of(lake, "1h", "futures_um")[symbol]
        ranges = [rows[0]["high"] - rows[0]["low"]]
        for before, row in zip(rows, rows[1:]):
            ranges.append(max(row["high"], before["close"]) - min(row["low"], before["close"]))
        for place, row in enumerate(rows):
            found = {"symbol": symbol, "open_time": row["open_time"], "true_range": ranges[place]}
            answer.append(found | {"average_range": mean(ranges[max(0, place - 13) : place + 1])})
    return answer


def one_symbol(lake):
    names = ("symbol", "open_time", "open", "high", "low", "close", "volume")
    rows = bars_of(lake, "1h")["BTCUSDT"]
    return [{name: row[name] for name in names} for row in rows if row["date"] >= SECOND_DAY]
