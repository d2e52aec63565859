"""Funding of a day: the payments, by the day of the hour that is nearest to each."""

from collections import defaultdict

from .common import HOUR, compare, day, micros, number, ratio, rows_of


def check(lake, archives):
    days = defaultdict(list)
    for market, symbol, row in rows_of(archives, "fundingRate"):
        date = day(round(micros(row["calc_time"]) / HOUR) * HOUR)
        days[market, symbol, date].append((number(row["last_funding_rate"]), int(row["funding_interval_hours"])))
    expected = [paid(*place, *zip(*payments)) for place, payments in days.items()]
    compare(lake, "funding_daily", ["market", "date", "symbol"], expected)


def paid(market, symbol, date, rates, hours):
    row = {"market": market, "symbol": symbol, "date": date, "funding_rate_sum": sum(rates)}
    row |= {"funding_rate_mean": ratio(sum(rates), len(rates)), "funding_count": len(rates)}
    row |= {"funding_rate_min": min(rates), "funding_rate_max": max(rates), "covered_hours": sum(hours)}
    row |= {"min_interval_hours": min(hours), "max_interval_hours": max(hours)}
    return row | {"annualised_rate": ratio(sum(rates) * 24 * 365, sum(hours))}
