"""Realised volatility: logarithms of the ratios of prices, added up without loss of digits, day after day."""

from collections import defaultdict
from math import fsum, log, sqrt

from .bars import sorted_bars
from .common import MINUTE, compare, day


def check(lake, archives):
    compare(lake, "realised_volatility_daily", ["market", "date", "symbol"], volatilities(archives))


def volatilities(archives):
    """Computes one row for each symbol and day with bars of a minute."""
    series = sorted_bars(archives, "1m").items()
    places = [(symbol, date, bars) for symbol, minutes in series for date, bars in days(minutes).items()]
    return [{"market": at, "symbol": symbol, "date": date} | volatility(bars) for (at, symbol), date, bars in places]


def days(minutes):
    """Splits the bars of a symbol into days: pairs of the price before a bar, and the bar."""
    found = defaultdict(list)
    before = None
    for time, bar in minutes.items():
        is_near = before is not None and time - before <= 61 * MINUTE
        found[day(time)].append((minutes[before]["close"] if is_near else bar["open"], bar))
        before = time
    return found


def volatility(pairs):
    bars = [bar for _, bar in pairs]
    whole = {"open": bars[0]["open"], "close": bars[-1]["close"]}
    whole |= {"high": max(bar["high"] for bar in bars), "low": min(bar["low"] for bar in bars)}
    variance = fsum(squared(bar["close"], before) for before, bar in pairs)
    return {
        "realised_variance": variance,
        "realised_volatility": yearly(variance),
        "parkinson_volatility": yearly(parkinson(whole)),
        "garman_klass_volatility": yearly(garman_klass(whole)),
        "parkinson_1m_volatility": yearly(fsum(map(parkinson, bars))),
        "garman_klass_1m_volatility": yearly(fsum(map(garman_klass, bars))),
        "bars": len(bars),
        "missing_bars": 1440 - len(bars),
    }


def squared(price, other):
    return log(float(price) / float(other)) ** 2


def parkinson(bar):
    return squared(bar["high"], bar["low"]) / (4 * log(2))


def garman_klass(bar):
    return squared(bar["high"], bar["low"]) / 2 - (2 * log(2) - 1) * squared(bar["close"], bar["open"])


def yearly(variance):
    return 100 * sqrt(variance * 365)
