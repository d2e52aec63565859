"""Symbols of the archives: from the names of the files and the times in them.

The pairs follow from the assets that these archives are about, not by a list of quote assets.
"""

import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

from gold.common import compare, day, micros, published, rows_in

KEY = ["market", "symbol"]
BASES = ["BTCBVOL", "ETHBVOL", "1000000BOB", "1000BONK", "ADA", "ALGO", "ARB", "AVAX", "BTC", "ETH", "FIL", "KSM", "LINK"]
BASES += ["LTC", "NEAR", "OMG", "SOL", "ZIL", "币安人生"]
TIMES = ["open_time", "calc_time", "create_time", "transact_time", "transaction_time", "timestamp", "time", "date"]


def check(lake, archives):
    everything = published(archives)
    counts = Counter((archive.market, archive.symbol) for archive in everything)
    symbols = defaultdict(list)
    for archive in without_covered_days(everything):
        symbols[archive.market, archive.symbol].append(archive)
    expected = [summary(*key, found) | {"archive_count": counts[key]} for key, found in symbols.items()]
    compare(lake, "symbols", KEY, expected)


def without_covered_days(archives):
    """Leaves out the archives of days of which the archive of the month is there too: the month is ingested instead."""
    months = {series_and_name(archive) for archive in archives}
    return [archive for archive in archives if series_and_name(archive, days=True) not in months]


def series_and_name(archive, days=False):
    """Names an archive; with `days`, an archive of a day as the archive of its month."""
    name = archive.path.stem
    if days:
        name, found = re.subn(r"(-\d{4}-\d{2})-\d{2}$", r"\1", name)
        if not found:
            return None
    return archive.market, archive.data_type, name


def summary(market, symbol, archives):
    spans = sorted(span(archive) for archive in archives)
    covered = {first + timedelta(days=place) for first, last in spans for place in range((last - first).days + 1)}
    first, last = min(covered), max(covered)
    base = next(base for base in BASES if symbol.startswith(base))
    quote = symbol[len(base) :].split("_")[0]
    data_types = {archive.data_type.replace("premiumIndexKlines", "premiumIndex") for archive in archives}
    delivery = re.search(r"_(\d{6})$", symbol)
    return {
        "market": market,
        "symbol": symbol,
        "name": symbol,
        "base_asset": base,
        "quote_asset": quote,
        "contract_type": contract_type(market, data_types, "_" in symbol, delivery),
        "expiry": datetime.strptime(delivery[1], "%y%m%d").date() if delivery else None,
        "first_day": first,
        "last_day": last,
        "data_types": ",".join(sorted(data_types)),
        "longest_gap_days": longest_gap(sorted(covered)),
        "is_settled": False,
        "is_reused": False,
        "settled_variants": None,
        "is_leveraged": False,
        "base_is_stable": False,
        "quote_is_stable": quote == "USDT",
    }


def contract_type(market, data_types, has_mark, delivery):
    if market == "spot":
        return "spot"
    if market == "options":
        return "volatility_index" if "BVOLIndex" in data_types else "option"
    if delivery:
        return "delivery"
    return "index" if market == "futures_cm" and not has_mark else "perpetual"


def span(archive):
    """First and last day that an archive has rows of, within its period, or is named after where it has none."""
    period = re.search(r"(\d{4})-(\d{2})(?:-(\d{2}))?$", archive.path.stem)
    year, month, number = (int(part) if part else None for part in period.groups())
    begin = date(year, month, number or 1)
    end = begin if number else date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    days = {day(time_of(row)) for row in rows_in(archive)} or {begin, end}
    return max(begin, min(days)), min(end, max(days))


def time_of(row):
    return micros(next(row[column] for column in TIMES if column in row))


def longest_gap(days):
    return max(((later - earlier).days - 1 for earlier, later in zip(days, days[1:])), default=0)
