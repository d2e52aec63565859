"""Large archives of several shapes, made here and not by the generator that lakehouse is developed with.

Each is an archive as it is published: rows in a CSV in a zip, with a checksum next to it. `write(folder, shape, rows)`
makes one below a folder that is laid out like the archive.
"""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

DAY = 1_778_198_400_000  # 2026-05-08, in milliseconds
ROWS_AT_ONCE = 500_000


@dataclass(frozen=True)
class Shape:
    """The columns of a CSV, each with its type: (precision, scale) of a decimal, "int", "bool" or "time"."""

    columns: dict
    header: bool
    unit: str
    key: str
    make: object = None
    # Rows that the archive's period has room for.
    most: int = 2**31

    def types(self, kinds, decimal):
        """Returns the type of each column in another program: `decimal` makes one of a precision and a scale."""
        return {column: kinds[kind] if isinstance(kind, str) else decimal(kind) for column, kind in self.columns.items()}

    def of_kind(self, wanted):
        return [column for column, kind in self.columns.items() if kind == wanted]


def futures_trades(start, rows, random):
    """Prices with one decimal, quantities with up to three, some trades in the same millisecond."""
    import numpy as np

    price = 940_000 + np.cumsum(random.integers(-3, 4, rows))
    quantity = np.maximum(1, random.lognormal(2.5, 1.6, rows)).astype(np.int64)
    time = DAY + np.sort(random.integers(0, 86_400_000, rows))
    buyer_is_maker = random.integers(0, 2, rows)
    for row in zip(range(start, start + rows), price.tolist(), quantity.tolist(), time.tolist(), buyer_is_maker.tolist()):
        number, cents, thousandths, at, maker = row
        quote = f"{cents * thousandths // 10_000}.{cents * thousandths % 10_000:04}"
        yield f"{number},{decimal(cents, 1)},{decimal(thousandths, 3)},{quote},{at},{'true' if maker else 'false'}\n"


def second_bars(start, rows, random):
    """Bars of one second of a quiet symbol: a third of them without a trade."""
    import numpy as np

    close = 230_000 + np.cumsum(random.integers(-2, 3, rows))
    trades = np.maximum(0, random.integers(-4, 9, rows))
    volume = trades * random.integers(1, 5_000, rows)
    spread = random.integers(0, 3, (2, rows))
    opening = 230_000
    for at in range(rows):
        closing, count, size = (int(column[at]) for column in (close, trades, volume))
        if count == 0:
            closing = opening
        high = max(opening, closing) + (int(spread[0][at]) if count else 0)
        low = min(opening, closing) - (int(spread[1][at]) if count else 0)
        begin = (DAY // 1_000 - 7 * 86_400 + start + at) * 1_000_000
        prices = ",".join(f"{decimal(price, 2)}000000" for price in (opening, high, low, closing))
        half = size // 2
        volumes = f"{decimal(size, 4)}0000,{begin + 999_999},{decimal(size * closing, 6)}00,{count}"
        taker = f"{decimal(half, 4)}0000,{decimal(half * closing, 6)}00"
        yield f"{begin},{prices},{volumes},{taker},0\n"
        opening = closing


def decimal(units, scale):
    whole, part = divmod(units, 10**scale)
    return f"{whole}.{part:0{scale}}"


SPOT_TRADES = Shape(
    {"id": "int", "price": (18, 8), "qty": (28, 8), "quote_qty": (28, 8), "time": "time", "is_buyer_maker": "bool",
     "is_best_match": "bool"},
    False, "us", "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2026-05-08.zip")
FUTURES_TRADES = Shape(
    {"id": "int", "price": (18, 8), "qty": (28, 8), "quote_qty": (28, 8), "time": "time", "is_buyer_maker": "bool"},
    True, "ms", "data/futures/um/daily/trades/BTCUSDT/BTCUSDT-trades-2026-05-08.zip", futures_trades)
SECOND_BARS = Shape(
    {"open_time": "time", "open": (18, 8), "high": (18, 8), "low": (18, 8), "close": (18, 8), "volume": (28, 8),
     "close_time": "time", "quote_volume": (28, 8), "count": "int", "taker_buy_volume": (28, 8),
     "taker_buy_quote_volume": (28, 8), "ignore": "int"},
    False, "us", "data/spot/monthly/klines/ETHUSDT/1s/ETHUSDT-1s-2026-05.zip", second_bars, 31 * 86_400)
SHAPES = {"spot-trades": SPOT_TRADES, "futures-trades": FUTURES_TRADES, "second-bars": SECOND_BARS}


def write(folder, shape, rows):
    """Makes an archive of a shape, unless it is there."""
    import numpy as np

    archive = Path(folder) / shape.key
    if archive.exists():
        return
    archive.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        with zipped.open(f"{archive.stem}.csv", "w", force_zip64=True) as csv:
            if shape.header:
                csv.write((",".join(shape.columns) + "\n").encode())
            rows = min(rows, shape.most)
            for start in range(0, rows, ROWS_AT_ONCE):
                lines = shape.make(start, min(ROWS_AT_ONCE, rows - start), random)
                csv.write("".join(lines).encode())
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.CHECKSUM").write_text(f"{digest}  {archive.name}\n")
