"""Options by underlying, expiry and hour: looks for the strike at the money among pairs of a call and a put."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from gold.common import compare, micros, number, ratio, rows_of

KEY = ["market", "date", "symbol", "underlying", "expiry", "time"]


def check(lake, archives):
    # Of rows of one contract and hour, the one with the largest volume counts.
    largest = {}
    for market, symbol, row in rows_of(archives, "EOHSummary"):
        place = market, symbol, row["date"], row["hour"], row["contract"]
        known = largest.get(place)
        if known is None or number(known["volume_contracts"]) < number(row["volume_contracts"]):
            largest[place] = row
    hours = defaultdict(list)
    for (market, symbol, date, hour, _), row in largest.items():
        expiry, row["strike"] = row["strike"].split("-")
        hours[market, date, symbol, row["underlying"], expiry, hour].append(row)
    compare(lake, "options_summary_1h", KEY, [summary(place, rows) for place, rows in hours.items()])


def summary(place, rows):
    market, date, symbol, underlying, expiry, hour = place
    result = {
        "market": market,
        "date": datetime.fromisoformat(date).date(),
        "symbol": symbol,
        "underlying": underlying,
        "expiry": datetime.strptime(expiry, "%y%m%d").date(),
        "time": micros(f"{date} {hour}:00:00"),
    }
    for name, kind in (("call", "C"), ("put", "P")):
        side = [row for row in rows if row["type"] == kind]
        result[f"{name}_count"] = len(side)
        result[f"{name}_volume"] = total(side, "volume_contracts") or Decimal(0)
        result[f"{name}_open_interest"] = total(side, "openinterest_contracts")
        result[f"{name}_open_interest_usdt"] = total(side, "openinterest_usdt")
    result["put_call_volume_ratio"] = ratio(result["put_volume"], result["call_volume"])
    result["put_call_open_interest_ratio"] = ratio(result["put_open_interest"], result["call_open_interest"])
    return result | at_the_money(rows)


def total(rows, column):
    known = [number(row[column]) for row in rows if row[column] is not None]
    return sum(known) if known else None


def at_the_money(rows):
    pairs = defaultdict(dict)
    for row in rows:
        if number(row["mark_iv"]):
            pairs[number(row["strike"])][row["type"]] = (number(row["mark_price"]), number(row["mark_iv"]))
    prices = [(abs(pair["C"][0] - pair["P"][0]), strike, pair) for strike, pair in pairs.items() if len(pair) == 2]
    if not prices:
        return dict.fromkeys(("atm_strike", "forward_price", "atm_iv", "atm_call_iv", "atm_put_iv"))
    _, strike, pair = min(prices, key=lambda found: found[:2])
    (call, call_iv), (put, put_iv) = pair["C"], pair["P"]
    return {
        "atm_strike": strike,
        "forward_price": strike + call - put,
        "atm_iv": ratio(call_iv + put_iv, 2),
        "atm_call_iv": call_iv,
        "atm_put_iv": put_iv,
    }
