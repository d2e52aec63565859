"""Copies archives with lines left out, so that what gold tables make of gaps can be checked.

Usage: holes.py BRONZE FOLDER, the folder bronze of a lake and a new folder, which becomes laid out like the archive.

Bars of a minute, volatility indexes and funding rates lose lines: single ones, gaps around an hour, which is the
longest that is filled, long ones, and the same across midnight. Every run leaves out the same lines.
"""

import random
import sys
import zipfile
from pathlib import Path

MARKETS = {"spot": "spot", "futures_um": "futures/um", "futures_cm": "futures/cm", "options": "option"}
BARS = ["klines", "markPriceKlines", "indexPriceKlines", "premiumIndex"]
FREQUENCIES = dict.fromkeys(BARS + ["BVOLIndex"], "daily") | {"fundingRate": "monthly"}
GAPS = [1, 2, 5, 30, 58, 59, 60, 61, 62, 63, 90, 300]


def main(bronze, folder):
    for path in sorted(bronze.rglob("*.zip")):
        market, data_type, *rest = path.relative_to(bronze).parts
        if data_type in FREQUENCIES and (data_type not in BARS or rest[1] == "1m"):
            kind = "premiumIndexKlines" if data_type == "premiumIndex" else data_type
            key = Path("data", MARKETS[market], FREQUENCIES[data_type], kind, *rest)
            copy(path, folder / key, random.Random(str(key)))


def copy(path, target, chance):
    with zipfile.ZipFile(path) as opened:
        name = opened.namelist()[0]
        lines = opened.read(name).decode().splitlines(keepends=True)
    header = [line for line in lines[:1] if not line[0].isdigit()]
    rows = lines[len(header) :]
    lost = left_out(len(rows), chance)
    kept = header + [row for place, row in enumerate(rows) if place not in lost]
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr(name, "".join(kept))


def left_out(count, chance):
    """Chooses the places of the lines that are lost: at either end around half an hour, and some gaps in between."""
    is_day = count > 1000
    ends = [chance.choice([0, 1, 29, 30, 31]) if is_day else 0 for _ in range(2)]
    lost = set(range(ends[0])) | set(range(count - ends[1], count))
    for gap in chance.sample(GAPS, 5) if is_day else [1, 2, 1]:
        start = chance.randrange(count)
        lost |= set(range(start, start + gap))
    return lost


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
