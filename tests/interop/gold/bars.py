"""Bars: one-minute bars put together one by one, and the bars of the same length that the archive has."""

from collections import defaultdict

from .common import BAR, MINUTE, compare, day, micros, number, ratio, rows_of

LENGTHS = [("5m", 5, 0), ("15m", 15, 0), ("4h", 240, 0), ("1d", 1440, 0)]
LENGTHS += [("1h", 60, offset) for offset in range(0, 60, 5)]

KEY = ["market", "symbol", "bar_interval", "offset_minutes", "open_time"]


def check(lake, archives):
    minutes = sorted_bars(archives, "1m")
    expected = [bar for length in LENGTHS for series in minutes.items() for bar in bars(*series, *length)]
    found = compare(lake, "bars", KEY, expected)
    check_published(found, archives, {(*symbol, day(time)) for symbol in minutes for time in minutes[symbol]})


def sorted_bars(archives, interval):
    """Reads the bars of an interval: by (market, symbol) and time, in order, a dictionary of columns as in silver."""
    found = defaultdict(dict)
    for market, symbol, row in rows_of(archives, "klines", interval):
        time = micros(row["open_time"])
        found[market, symbol][time] = silver(market, row)
    return {symbol: {time: found[symbol][time] for time in sorted(found[symbol])} for symbol in sorted(found)}


def silver(market, row):
    """A line's columns as the table silver.klines has them: COIN-M writes base volumes where others have quote ones."""
    bar = {name: number(row[name]) for name in BAR[1:6] + BAR[7:11]}
    bar["close_time"], bar["trade_count"] = micros(row["close_time"]), int(row["trade_count"])
    quote, taker_quote = bar["quote_volume"], bar["taker_buy_quote_volume"]
    is_coin = market == "futures_cm"
    bar["quote_volume"], bar["taker_buy_quote_volume"] = (None, None) if is_coin else (quote, taker_quote)
    bar["base_volume"], bar["taker_buy_base_volume"] = (quote, taker_quote) if is_coin else (None, None)
    return bar


def bars(symbol, minutes, interval, width, offset):
    """Yields the bars of one length and offset that begin on a day with one of their minutes."""
    parts = defaultdict(list)
    for time in minutes:
        parts[(time - offset * MINUTE) // (width * MINUTE)].append(time)
    for place, times in parts.items():
        start = place * width * MINUTE + offset * MINUTE
        if day(times[0]) == day(start):
            bar = combined(symbol, [minutes[time] for time in times])
            names = {"bar_interval": interval, "offset_minutes": offset, "open_time": start, "date": day(start)}
            yield names | bar | {"bars": len(times), "missing_bars": width - len(times)}


def combined(symbol, minutes):
    market, name = symbol
    bar = {"market": market, "symbol": name, "open": minutes[0]["open"], "close": minutes[-1]["close"]}
    bar["high"], bar["low"] = max(row["high"] for row in minutes), min(row["low"] for row in minutes)
    bar["close_time"] = max(row["close_time"] for row in minutes)
    for column in ["volume", "quote_volume", "base_volume", "trade_count", "taker_buy_volume"]:
        bar[column] = total(minutes, column)
    for column in ["taker_buy_quote_volume", "taker_buy_base_volume"]:
        bar[column] = total(minutes, column)
    return bar | {"vwap": average_price(market, name, bar)}


def total(rows, column):
    return None if rows[0][column] is None else sum(row[column] for row in rows)


def average_price(market, symbol, bar):
    """What was traded in quote asset over what was traded in base asset."""
    if market != "futures_cm":
        return ratio(bar["quote_volume"], bar["volume"])
    worth = 100 if symbol.split("_")[0] == "BTCUSD" else 10
    price = ratio(bar["volume"] * worth, bar["base_volume"])
    assert price is None or bar["low"] * 999 <= price * 1000 <= bar["high"] * 1001, f"{symbol}: {worth} USD are wrong"
    return price


def check_published(found, archives, days):
    """Bars that are complete have to be those that were published, in every column that both have."""
    compared = defaultdict(int)
    for interval in ["5m", "15m", "1h", "4h", "1d"]:
        for (market, symbol), series in sorted_bars(archives, interval).items():
            for time, bar in series.items():
                if (market, symbol, day(time)) in days:
                    made = found[market, symbol, interval, 0, time]
                    assert {name: made[name] for name in bar} == bar, f"gold.bars: {symbol} {interval} {time} {made}"
                    compared[interval] += 1
    counts = ", ".join(f"{count} of {interval}" for interval, count in compared.items())
    print(f"gold.bars: as published: {counts or 'none are there'}")
