"""Asks a lake of the demo the questions of a page and compares the answers with what Python computes.

Usage: check_cookbook.py LAKE PROGRAM PAGE. A block that begins with "```sql NAME.sql" is a question; the function NAME
of a module in cookbook/ computes its answer from the tables, as Polars reads them, without SQL. Rows are compared in
order, exact numbers exactly, floating-point numbers to a billionth. A question that nothing computes fails too.
"""

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import polars
from cookbook.common import Lake, difference, plain_rows, rows_of_file

MODULES = ("prices", "symbols", "derivatives", "resampling", "book")

TRADE = ["symbol", "time", "id", "price", "qty"]

# What a question with parameters is run with.
PARAMETERS = {"one_symbol": ["--param", "symbol=BTCUSDT", "--param", "day=2026-05-07"]}


def main(lake, program, page):
    questions = dict(blocks(Path(page).read_text()))
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, statement in questions.items():
            found = ask(program, lake, name, statement, Path(folder))
            failures += report(name, found, Lake(lake))
        failures += check_parts(program, lake, Path(folder) / "trades")
    if not questions or failures:
        sys.exit(f"{failures} of {len(questions)} questions of {page} are not answered as Python answers them")
    print(f"{page}: {len(questions)} questions are answered as Python answers them")


def blocks(page):
    """Yields name and statement of each block of SQL."""
    for text in page.split("```sql ")[1:]:
        name, statement = text.split("```")[0].split("\n", 1)
        yield name.removesuffix(".sql"), statement


def ask(program, lake, name, statement, folder):
    """Returns the rows of an answer, or the error."""
    question, answer = folder / f"{name}.sql", folder / f"{name}.arrow"
    question.write_text(statement)
    command = [program, "--lake", lake, "--quiet", "query", "-f", question, "-o", answer, *PARAMETERS.get(name, [])]
    run = subprocess.run(command, text=True, stderr=subprocess.PIPE)
    return run.stderr if run.returncode else rows_of_file(answer)


def check_parts(program, lake, folder):
    """Exports a table in parts, reads them as another program does, and returns 1 if rows differ."""
    statement = f"SELECT {', '.join(TRADE)} FROM silver.trades WHERE market = 'spot'"
    command = [program, "--lake", lake, "--quiet", "query", "-o", folder, "--partition-by", "symbol", statement]
    run = subprocess.run(command, text=True, stderr=subprocess.PIPE)
    wrong = run.stderr
    if run.returncode == 0:
        parts = polars.scan_parquet(folder, hive_partitioning=True).select(TRADE)
        trades = Lake(lake).rows("silver.trades", market="spot", sort=TRADE)
        wrong = difference([{name: row[name] for name in TRADE} for row in trades], plain_rows(parts, TRADE))
    if wrong:
        print(f"export in parts: {wrong}")
    return int(bool(wrong))


def report(name, found, lake):
    """Prints how an answer differs, and returns 1 if it does."""
    compute = computation(name)
    if compute is None:
        wrong = "there is no function in cookbook/ that computes it"
    elif isinstance(found, str):
        wrong = found
    else:
        wrong = difference(compute(lake), found)
    if wrong:
        print(f"{name}: {wrong}")
    return int(wrong is not None)


def computation(name):
    modules = (importlib.import_module(f"cookbook.{module}") for module in MODULES)
    return next((getattr(module, name) for module in modules if hasattr(module, name)), None)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
