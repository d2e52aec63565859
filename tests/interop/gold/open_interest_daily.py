"""Open interest of each day: sorts the rows of a day by time and looks at the first and last that know something."""

from collections import defaultdict

from gold.common import DAY, compare, day, micros, number, rows_of

KEY = ["market", "date", "symbol"]
RATIOS = ["count_toptrader_long_short_ratio", "sum_toptrader_long_short_ratio", "count_long_short_ratio"]
RATIOS += ["sum_taker_long_short_vol_ratio"]


def check(lake, archives):
    days = defaultdict(list)
    for market, symbol, row in rows_of(archives, "metrics"):
        time = micros(row["create_time"])
        days[market, time // DAY, symbol].append((time, row))
    compare(lake, "open_interest_daily", KEY, [summary(place, rows) for place, rows in days.items()])


def summary(place, rows):
    market, number_of_day, symbol = place
    amounts = known(rows, "sum_open_interest")
    values = known(rows, "sum_open_interest_value")
    result = {"market": market, "date": day(number_of_day * DAY), "symbol": symbol}
    result |= bar("", amounts) | bar("_value", values)
    for column in RATIOS:
        found = sorted((time, number(row[column])) for time, row in rows if row[column] is not None)
        result[column] = found[-1][1] if found else None
    result["last_time"] = amounts[-1][0] if amounts else None
    result["measured_count"] = len({time for time, _ in amounts})
    result["unknown_count"] = len(rows) - len(amounts)
    result["repeated_count"] = len(rows) - len({time for time, _ in rows})
    return result


def known(rows, column):
    return sorted((time, number(row[column])) for time, row in rows if number(row[column]))


def bar(ending, points):
    amounts = [amount for _, amount in points] or [None]
    return {
        f"open{ending}": amounts[0],
        f"high{ending}": max(amounts),
        f"low{ending}": min(amounts),
        f"close{ending}": amounts[-1],
    }
