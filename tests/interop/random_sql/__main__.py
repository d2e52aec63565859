"""Asks the program and DuckDB random statements over a lake.

Usage: python -m random_sql LAKE PROGRAM [--statements N] [--seed N]. The same seed draws the same statements from the
same tables. Fails if an answer differs, or is missing, without a reason that is documented.
"""

import argparse
import random
import sys
from collections import Counter

from . import numbers, texts_and_times  # noqa: F401: register what they draw
from .answers import difference
from .engines import Database, Failure, Program
from .lake import open_lake
from .reasons import reason_of
from .reduce import reduced
from .statements import Statements
from .text import for_duckdb, for_program

# How much DuckDB has to answer for a run to mean something.
LEAST_COMPARED = 0.9


def main():
    options = parsed()
    connection, tables = open_lake(options.lake)
    engines = Program(options.program, options.lake), Database(connection)
    drawn = Statements(random.Random(options.seed), tables)
    counts, findings = Counter(), 0
    for number in range(options.statements):
        statement = drawn.next()
        outcome, detail = compare(statement, *engines)
        reason = reason_of(for_program(statement.text()), detail) if outcome in FINDINGS else None
        counts[reason or outcome] += 1
        if options.verbose and outcome in (UNCOMPARED, NEITHER):
            print(f"\n{number}: {outcome}\n{for_duckdb(statement.text())}\n{detail}", flush=True)
        if outcome in FINDINGS and not reason:
            findings += 1
            if not options.as_drawn:
                statement = reduced(statement, outcome, lambda smaller: compare(smaller, *engines)[0])
            show(number, outcome, statement, engines)
    engines[0].close()
    summarise(options, counts, findings)


def parsed():
    parser = argparse.ArgumentParser(prog="random_sql", description=__doc__)
    parser.add_argument("lake")
    parser.add_argument("program")
    parser.add_argument("--statements", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-drawn", action="store_true", help="print statements that differ as they were drawn")
    parser.add_argument("--verbose", action="store_true", help="print statements that are not compared, too")
    return parser.parse_args()


EQUAL = "equal"
DIFFERENT = "different answers"
ERROR = "error, where DuckDB has an answer"
UNCOMPARED = "answered, where DuckDB has an error"
NEITHER = "error in both"
FINDINGS = (DIFFERENT, ERROR)


def compare(statement, program, database):
    """Returns the outcome and what the difference or the error is."""
    text = statement.text()
    answers, errors = [], []
    for engine in (program, database):
        try:
            answers.append(engine.ask(text))
            errors.append("")
        except Failure as failure:
            answers.append(None)
            errors.append(str(failure))
    ours, theirs = answers
    if ours is None or theirs is None:
        outcome = NEITHER if ours is theirs else ERROR if ours is None else UNCOMPARED
        return outcome, "\n".join(error for error in errors if error)
    found = difference(ours, theirs, statement.is_ordered)
    return (DIFFERENT, found) if found else (EQUAL, "")


def show(number, outcome, statement, engines):
    """Prints a statement that differs, made small, with both texts if they are not the same."""
    text = statement.text()
    print(f"\n{number}: {outcome}\n{for_program(text)}")
    if for_program(text) != for_duckdb(text):
        print(f"DuckDB: {for_duckdb(text)}")
    print(compare(statement, *engines)[1], flush=True)


def summarise(options, counts, findings):
    print(f"{options.statements} statements of seed {options.seed}:")
    for outcome, count in counts.most_common():
        print(f"  {count:6} {outcome}")
    compared = counts[EQUAL] + findings
    if compared < LEAST_COMPARED * options.statements:
        sys.exit("too few statements have an answer in both")
    if findings:
        sys.exit(f"{findings} statements are not answered as DuckDB answers them")


main()
