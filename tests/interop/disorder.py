"""Copies archives with lines shuffled, repeated and left out, so that gold tables are checked where silver is untidy.

Usage: disorder.py BRONZE FOLDER, the folder bronze of a lake and a new folder, which becomes laid out like the archive.

Trades, quotes, books, metrics, liquidations and options are copied. Open interest is unknown here and there, and quotes
lack a price. Every run does the same.
"""

import random
import sys
import zipfile
from pathlib import Path

MARKETS = {"spot": "spot", "futures_um": "futures/um", "futures_cm": "futures/cm", "options": "option"}
KINDS = ["trades", "aggTrades", "bookDepth", "bookTicker", "metrics", "liquidationSnapshot", "EOHSummary"]

# The field that is blanked now and then, and what is written there.
UNKNOWN = {"metrics": (2, "0E-8"), "bookTicker": (1, "0.00000000")}


def main(bronze, folder):
    for path in sorted(bronze.rglob("*.zip")):
        market, kind, symbol, name = path.relative_to(bronze).parts[:4]
        if kind in KINDS:
            key = Path("data", MARKETS[market], "daily", kind, symbol, name)
            copy(path, kind, folder / key, random.Random(str(key)))


def copy(path, kind, target, chance):
    with zipfile.ZipFile(path) as opened:
        name = opened.namelist()[0]
        lines = opened.read(name).decode().splitlines(keepends=True)
    header = [line for line in lines[:1] if not line[0].isdigit()]
    rows = disordered(lines[len(header) :], UNKNOWN.get(kind), chance)
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr(name, "".join(header + rows))


def disordered(rows, unknown, chance):
    """One row in ten is lost, one in ten is there twice or three times, one in ten does not know something."""
    result = []
    for row in rows:
        if unknown and chance.random() < 0.1:
            place, text = unknown
            fields = row.split(",")
            row = ",".join(fields[:place] + [text] + fields[place + 1 :])
        result += [row] * chance.choice([0, 1, 1, 1, 1, 1, 1, 1, 1, chance.choice([2, 3])])
    chance.shuffle(result)
    return result


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
