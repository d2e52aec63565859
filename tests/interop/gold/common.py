"""What the checks of gold models share: reading archives without the program, reading a gold table, comparing.

Each model has a module here, named as its table, with a function `check(lake, archives)`. It computes the table again
from the CSV files inside the zips, with the module csv, exact decimals and plain loops, and raises AssertionError
where the table `gold.<model>` of the lake, read by the package deltalake, says something else.
"""

import csv
import io
import re
import zipfile
from collections import namedtuple
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, getcontext
from pathlib import Path

import pyarrow
from deltalake import DeltaTable
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

getcontext().prec = 80

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

TOLERANCE = 1e-12

BAR = ["open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trade_count"]
BAR += ["taker_buy_volume", "taker_buy_quote_volume", "ignore"]
TRADE = ["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"]
AGG_TRADE = ["agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time"]
AGG_TRADE += ["is_buyer_maker", "is_best_match"]
BOOK_TICKER = ["update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty"]
BOOK_TICKER += ["transaction_time", "event_time"]
METRICS = ["create_time", "symbol", "sum_open_interest", "sum_open_interest_value"]
METRICS += ["count_toptrader_long_short_ratio", "sum_toptrader_long_short_ratio", "count_long_short_ratio"]
METRICS += ["sum_taker_long_short_vol_ratio"]
LIQUIDATION = ["time", "side", "order_type", "time_in_force", "original_quantity", "price", "average_price"]
LIQUIDATION += ["order_status", "last_fill_quantity", "accumulated_fill_quantity"]
OPTION = ["date", "hour", "contract", "underlying", "type", "strike", "open", "high", "low", "close"]
OPTION += ["volume_contracts", "volume_usdt", "best_bid_price", "best_ask_price", "best_bid_qty", "best_ask_qty"]
OPTION += ["best_buy_iv", "best_sell_iv", "mark_price", "mark_iv", "delta", "gamma", "vega", "theta"]
OPTION += ["openinterest_contracts", "openinterest_usdt"]

# The columns of each folder of the archive, by their place: headers come and go, and some have a wrong name.
# Where a market has columns fewer than these, they are the last ones.
COLUMNS = {
    "klines": BAR,
    "premiumIndexKlines": BAR,
    "indexPriceKlines": BAR,
    "markPriceKlines": BAR,
    "trades": TRADE,
    "aggTrades": AGG_TRADE,
    "bookDepth": ["timestamp", "percentage", "depth", "notional"],
    "bookTicker": BOOK_TICKER,
    "fundingRate": ["calc_time", "funding_interval_hours", "last_funding_rate"],
    "metrics": METRICS,
    "liquidationSnapshot": LIQUIDATION,
    "BVOLIndex": ["calc_time", "symbol", "base_asset", "quote_asset", "index_value"],
    "EOHSummary": OPTION,
}

# The time of a row, of data types whose archives may hold rows just after their period.
EVENT_TIMES = {"metrics": "create_time", "fundingRate": "calc_time"}

WITH_INTERVAL = ("klines", "premiumIndexKlines", "indexPriceKlines", "markPriceKlines")

MARKETS = {"spot": "spot", "futures/um": "futures_um", "futures/cm": "futures_cm", "option": "options"}

Archive = namedtuple("Archive", "path market data_type symbol interval")


def published(archives):
    """Lists the archives below a folder laid out like the public archive, or like a lake's bronze, in order."""
    return [archive_at(path.relative_to(archives), path) for path in sorted(Path(archives).rglob("*.zip"))]


def archive_at(relative, path):
    """Reads market, folder, symbol and interval from a path in either layout."""
    parts = list(relative.parts[:-1])
    if parts[0] == "data":
        place = next(index for index, part in enumerate(parts) if part in ("daily", "monthly"))
        market = MARKETS["/".join(parts[1:place])]
        rest = parts[place + 1 :]
    else:
        market, rest = parts[0], parts[1:]
    data_type = "premiumIndexKlines" if rest[0] == "premiumIndex" else rest[0]
    return Archive(path, market, data_type, rest[1], rest[2] if len(rest) > 2 else None)


def rows_of(archives, data_type, interval=None):
    """Yields (market, symbol, row) for every line of a data type; a row has text by column, None where it is empty.

    `interval` narrows klines to one, such as "1m".
    """
    wanted = [
        archive
        for archive in published(archives)
        if archive.data_type == data_type and interval in (None, archive.interval)
    ]
    time = EVENT_TIMES.get(data_type)
    owned = days_owned(wanted, time) if time else set()
    for archive in wanted:
        for row in rows_in(archive):
            if not (time and is_left(archive, micros(row[time]) // DAY, owned)):
                yield archive.market, archive.symbol, row


def days_owned(archives, time):
    """Returns the days of which an archive whose period has them has rows."""
    owned = set()
    for archive in archives:
        for row in rows_in(archive):
            number_of_day = micros(row[time]) // DAY
            if in_period(archive, number_of_day):
                owned.add((archive.market, archive.symbol, number_of_day))
    return owned


def is_left(archive, number_of_day, owned):
    """Says whether rows outside the period of their archive belong to the archive of that day."""
    outside = not in_period(archive, number_of_day)
    return outside and (archive.market, archive.symbol, number_of_day) in owned


def in_period(archive, number_of_day):
    """Says whether a day, counted from 1970, is in the day or month that an archive is named after."""
    period = re.search(r"\d{4}-\d\d(-\d\d)?$", archive.path.stem).group()
    return day(number_of_day * DAY).isoformat().startswith(period)


def rows_in(archive):
    """Yields the lines of one archive; one with too many fields is two that were joined, which are rejected."""
    columns = COLUMNS[archive.data_type]
    if archive.data_type == "liquidationSnapshot" and archive.market == "futures_um":
        columns = columns[:1] + ["symbol"] + columns[1:]
    with zipfile.ZipFile(archive.path) as opened, opened.open(f"{archive.path.stem}.csv") as member:
        for place, line in enumerate(csv.reader(io.TextIOWrapper(member, "utf-8", newline=""))):
            if place == 0 and not line[0][:1].isdigit():
                continue
            if len(line) <= len(columns):
                yield {column: text or None for column, text in zip(columns, line)}


def number(text):
    """An exact decimal; None stays None."""
    return None if text is None else Decimal(text)


def truth(text):
    """A boolean of either spelling."""
    return {"true": True, "false": False}[text.lower()]


def micros(text):
    """UTC microseconds since 1970 of a time in milliseconds, microseconds, or as text."""
    if text.isdigit():
        value = int(text)
        return value if value >= 10**14 else value * 1000
    return to_micros(datetime.fromisoformat(text))


def to_micros(time):
    """UTC microseconds since 1970 of a datetime; one without a zone is in UTC."""
    time = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return (time - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def day(time):
    """The UTC day of a time in microseconds."""
    return date(1970, 1, 1) + timedelta(days=time // DAY)


def ratio(dividend, divisor):
    """The quotient as a floating-point number, None where there is none."""
    if dividend is None or not divisor:
        return None
    return float(Decimal(dividend) / Decimal(divisor))


def table(lake, model):
    """Reads a gold table: a dictionary for each row, times in microseconds. A table that is not there has no rows."""
    folder = Path(lake) / "gold" / model
    if not DeltaTable.is_deltatable(str(folder)):
        return []
    # With the files read by deltalake, whose threads may outlive the interpreter, it aborts at its end now and then.
    files = SubTreeFileSystem(str(folder.resolve()), LocalFileSystem())
    rows = DeltaTable(folder).to_pyarrow_table(filesystem=files)
    for place, field in enumerate(rows.schema):
        if pyarrow.types.is_timestamp(field.type):
            rows = rows.set_column(place, field.name, rows[place].cast(pyarrow.int64()))
    return rows.to_pylist()


def compare(lake, model, key, expected):
    """Compares a gold table with the rows that were expected, each a dictionary of all its columns, and returns it.

    Floating-point numbers may differ by a billionth of a thousandth of their value, everything else not at all.
    """
    found = by_key(model, key, table(lake, model))
    expected = by_key(model, key, expected)
    missing, unexpected = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    assert not missing, f"gold.{model} lacks {len(missing)} rows, the first {missing[0]}"
    assert not unexpected, f"gold.{model} has {len(unexpected)} rows too many, the first {unexpected[0]}"
    for place, row in expected.items():
        assert row.keys() == found[place].keys(), f"gold.{model} has the columns {list(found[place])}"
        for column, value in row.items():
            other = found[place][column]
            assert is_same(value, other), f"gold.{model} {place} {column}: expected {value!r}, found {other!r}"
    print(f"gold.{model}: {len(expected)} rows are as computed from the archives")
    return found


def by_key(model, key, rows):
    result = {tuple(row[column] for column in key): row for row in rows}
    assert len(result) == len(rows), f"gold.{model}: {key} is not unique"
    return result


def is_same(value, other):
    if isinstance(value, float) and isinstance(other, float):
        return abs(value - other) <= TOLERANCE * max(abs(value), abs(other))
    return value == other and isinstance(value, float) == isinstance(other, float)
