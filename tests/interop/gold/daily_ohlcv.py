"""Days: one-minute bars put together, and the days that the archive has."""

from .bars import average_price, combined, sorted_bars
from .common import compare, day, ratio


def check(lake, archives):
    days = {}
    for symbol, minutes in sorted_bars(archives, "1m").items():
        for time, bar in minutes.items():
            days.setdefault((*symbol, day(time)), []).append(bar)
    found = compare(lake, "daily_ohlcv", ["market", "symbol", "date"], [summary(*place, days[place]) for place in days])
    check_published(found, archives)


def summary(market, symbol, date, minutes):
    bar = combined((market, symbol), minutes)
    is_coin = market == "futures_cm"
    base, taker = ("base_volume", "taker_buy_base_volume") if is_coin else ("volume", "taker_buy_volume")
    row = {name: bar[name] for name in ("market", "symbol", "open", "high", "low", "close", "trade_count")}
    row |= {"date": date, "volume": bar["volume"], "base_volume": bar[base], "quote_volume": bar["quote_volume"]}
    row |= {"taker_buy_volume": bar[taker], "taker_buy_share": ratio(bar[taker], bar[base])}
    row |= {"vwap": average_price(market, symbol, bar), "bars": len(minutes), "missing_bars": 1440 - len(minutes)}
    return row


def check_published(found, archives):
    """A day that is complete has to be the one that was published."""
    compared = 0
    for (market, symbol), series in sorted_bars(archives, "1d").items():
        for time, bar in series.items():
            made = found.get((market, symbol, day(time)))
            if made and not made["missing_bars"]:
                same = ["open", "high", "low", "close", "volume", "quote_volume", "trade_count"]
                assert all(made[name] == bar[name] for name in same), f"gold.daily_ohlcv: {symbol} {made}"
                compared += 1
    print(f"gold.daily_ohlcv: {compared} days are as published")
