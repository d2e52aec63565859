"""Minutes without holes: walks from minute to minute through each symbol and remembers what it saw last."""

from collections import defaultdict

from .bars import average_price, sorted_bars
from .common import DAY, HOUR, MINUTE, compare, day, micros, number, rows_of

LONGEST_GAP = 60
AMOUNTS = ["volume", "quote_volume", "base_volume", "trade_count"]
AMOUNTS += ["taker_buy_volume", "taker_buy_quote_volume", "taker_buy_base_volume"]
NOTHING_IN_FORCE = {"funding_rate": None, "funding_interval_hours": None, "funding_time": None}
NOTHING_IN_FORCE |= {"funding_calc_time": None}


def check(lake, archives):
    rates = rates_by_symbol(archives)
    expected = []
    for symbol, minutes in sorted_bars(archives, "1m").items():
        expected += walk(*symbol, minutes, rates[symbol])
    compare(lake, "continuous_1m", ["market", "symbol", "open_time"], expected)


def rates_by_symbol(archives):
    """Reads the funding rates: by symbol and hour of payment, what was published last for that hour."""
    found = defaultdict(dict)
    for market, symbol, row in sorted(rows_of(archives, "fundingRate"), key=lambda found: int(found[2]["calc_time"])):
        time = micros(row["calc_time"])
        payment = round(time / HOUR) * HOUR
        rate = {"funding_rate": number(row["last_funding_rate"]), "funding_time": payment, "funding_calc_time": time}
        found[market, symbol][payment] = rate | {"funding_interval_hours": int(row["funding_interval_hours"])}
    return found


def walk(market, symbol, minutes, rates):
    """Yields one row for each minute that has a bar, or that is in a gap short enough."""
    before = segment = None
    for time, bar in minutes.items():
        starts = before is None or (time - before) // MINUTE - 1 > LONGEST_GAP
        if starts:
            segment = time
        else:
            for missing in range(before + MINUTE, time, MINUTE):
                yield complete(market, symbol, missing, filled(minutes[before]), segment, rates)
        yield complete(market, symbol, time, bar | {"is_filled": False, "starts_segment": starts}, segment, rates)
        before = time


def filled(last):
    """A minute without trades behind a bar."""
    bar = {name: last["close"] for name in ("open", "high", "low", "close")}
    bar |= {name: None if last[name] is None else 0 for name in AMOUNTS}
    return bar | {"is_filled": True, "starts_segment": False}


def complete(market, symbol, time, bar, segment, rates):
    row = {name: value for name, value in bar.items() if name != "close_time"}
    row |= {"market": market, "date": day(time), "symbol": symbol, "open_time": time}
    row["vwap"] = average_price(market, symbol, bar)
    return row | {"segment_start": max(segment, time // DAY * DAY)} | in_force(rates, time)


def in_force(rates, time):
    """Looks back hour by hour for a payment whose own interval has not ended."""
    for hours in range(24):
        rate = rates.get((time // HOUR - hours) * HOUR)
        if rate and hours < rate["funding_interval_hours"]:
            return rate
    return NOTHING_IN_FORCE
