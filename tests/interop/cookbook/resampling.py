"""Resampling and time."""

import hashlib
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from .common import FIRST_DAY, SECOND_DAY, as_of, grouped, mean
from .prices import bars_of

NEW_YORK = ZoneInfo("America/New_York")


def in_new_york(time):
    """What a clock in New York shows at a time in UTC."""
    return time.replace(tzinfo=timezone.utc).astimezone(NEW_YORK).replace(tzinfo=None)


def merged(bars):
    """One bar made of several, in the order of time."""
    return {
        "open": bars[0]["open"],
        "high": max(row["high"] for row in bars),
        "low": min(row["low"] for row in bars),
        "close": bars[-1]["close"],
        "volume": sum(row["volume"] for row in bars),
    }


def offset_bars(lake):
    rows = [row for bars in bars_of(lake, "1h").values() for row in bars]
    for row in rows:
        hours = (row["open_time"] - datetime(2000, 1, 1, 1)) // timedelta(hours=1)
        row["bucket"] = datetime(2000, 1, 1, 1) + timedelta(hours=hours // 4 * 4)
    return [
        {"symbol": symbol, "bucket": bucket} | merged(bars) | {"bars": len(bars)}
        for (symbol, bucket), bars in grouped(rows, "symbol", "bucket").items()
    ]


def gaps(lake):
    rows = lake.rows("silver.book_ticker", market="spot", sort=["transaction_time", "update_id"])
    answer = []
    for (symbol,), quotes in grouped(rows, "symbol").items():
        times = [row["transaction_time"] for row in quotes]
        for start, end in zip(times, times[1:]):
            if end - start > timedelta(seconds=150):
                row = {"symbol": symbol, "gap_start": start, "gap_end": end}
                answer.append(row | {"seconds": (end - start).total_seconds()})
    return answer


def grid(lake):
    quotes = lake.rows("silver.book_ticker", market="spot", symbol="BTCUSDT", sort=["transaction_time", "update_id"])
    names = ("transaction_time", "best_bid_price", "best_ask_price")
    answer = []
    for minutes in range(61):
        minute = datetime(2026, 5, 6, 12) + timedelta(minutes=minutes)
        quote = as_of(quotes, minute, "transaction_time")
        answer.append({"minute": minute} | {name: quote[name] for name in names})
    return answer


def last_known(lake):
    metrics = lake.rows("silver.metrics", market="futures_um", symbol="BTCUSDT", sort="create_time")
    measured = {row["create_time"]: row["sum_open_interest"] for row in metrics}
    answer, last = [], None
    for row in bars_of(lake, "1m", "futures_um")["BTCUSDT"]:
        if row["date"] == SECOND_DAY:
            value = measured.get(row["open_time"])
            last = last if value is None else value
            answer.append({"open_time": row["open_time"], "measured": value, "last_known": last})
    return answer


def hours_of_day(lake):
    rows = [row | {"hour": in_new_york(row["open_time"]).hour} for row in bars_of(lake, "1h")["BTCUSDT"]]
    return [
        {"hour": hour, "mean_turnover": mean(row["quote_volume"] for row in bars)}
        for (hour,), bars in grouped(rows, "hour").items()
    ]


def trading_days(lake):
    rows = [row for bars in bars_of(lake, "1h").values() for row in bars]
    for row in rows:
        row["trading_day"] = (in_new_york(row["open_time"]) + timedelta(hours=7)).date()
    return [
        {"symbol": symbol, "trading_day": day} | merged(bars)
        for (symbol, day), bars in grouped(rows, "symbol", "trading_day").items()
    ]


def universe(lake):
    names = ("market", "symbol", "contract_type", "first_day", "last_day")
    return [
        {name: row[name] for name in names}
        for row in lake.rows("gold.symbols", sort=["market", "symbol"])
        if row["first_day"] <= FIRST_DAY <= row["last_day"]
        and row["contract_type"] in ("spot", "perpetual")
        and not row["is_leveraged"]
        and not row["base_is_stable"]
    ]


def completeness(lake):
    rows = lake.rows("silver.klines", bar_interval="1m", sort="open_time")
    answer = []
    for (market, symbol, day), bars in grouped(rows, "market", "symbol", "date").items():
        minutes = len({row["open_time"] for row in bars})
        row = {"market": market, "symbol": symbol, "date": day, "minutes": minutes}
        answer.append(row | {"missing": 1440 - minutes, "repeated": len(bars) - minutes})
    return answer


def lineage(lake):
    answer = []
    for symbol, rows in bars_of(lake, "1d").items():
        for row in rows:
            name = row["archive"].rsplit("/", 1)[1]
            bronze = lake.folder / "bronze" / "spot" / "klines" / symbol / "1d" / name
            found = {column: row[column] for column in ("symbol", "open_time", "close", "archive")}
            answer.append(found | {"sha256": hashlib.sha256(bronze.read_bytes()).hexdigest()})
    return answer
