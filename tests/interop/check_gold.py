"""Computes every gold table of a lake again from the archives, without the program, and compares.

Usage: check_gold.py LAKE ARCHIVES, the folder of a lake and that of the archives it was made of, which may be its
own folder bronze. A table that nothing here computes fails too.
"""

import importlib
import sys
from pathlib import Path

MODELS = {path.stem for path in (Path(__file__).parent / "gold").glob("*.py")} - {"__init__", "common"}


def main(lake, archives):
    unknown = sorted({log.parent.name for log in (lake / "gold").glob("*/_delta_log")} - MODELS)
    for table in unknown:
        print(f"gold.{table}: there is no gold/{table}.py that computes it")
    failures = len(unknown)
    for model in sorted(MODELS):
        try:
            importlib.import_module(f"gold.{model}").check(lake, archives)
        except AssertionError as difference:
            print(f"gold.{model}: {difference}")
            failures += 1
    if failures:
        sys.exit(f"{failures} gold tables differ from what was computed")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
