"""Reads every table of a lake with other programs and compares what they find with `lakehouse query`.

Usage: check_readers.py LAKE LAKEHOUSE READER..., the folder of a lake, the program that made it, and modules of reader/.

For each column of each table, a reader finds the number of NULLs, the least and the greatest value, how many different
texts there are, and a sum that no rounding touches. Then it counts the rows that filters find: those that ask for the
least and the greatest value, or a range from there, in the table and in single partitions. That is where a reader
trusts statistics and partition values to skip files. All readers have to agree in every figure. Each runs in its own
environment (see the script `environment`), and in its own process.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from reader import lakehouse
from reader.common import Table

LAYERS = ["silver", "gold", "recent", "meta"]
RANGED = ("decimal", "timestamp")


def main(lake, program, readers):
    logs = sorted(log for layer in LAYERS for log in (lake / layer).glob("*/_delta_log"))
    if not logs:
        sys.exit(f"there is no table in {lake}")
    own = lakehouse.Reader(lake, program)
    tables = [described(log) for log in logs]
    expected = {}
    for table in tables:
        expected[table.name] = own.aggregates(table)
        table.filters = dict(filters(table, expected[table.name], ends_in_partitions(own, table)))
        expected[table.name] |= own.counts(table)
    lost = [f"{name}: {key}" for name in expected for key in lost_by_all(expected[name])]
    for filter in lost:
        print(f"lakehouse: {filter} finds nothing, and asks for a value that is there")
    differences = sum(check(reader, tables, expected) for reader in readers)
    if lost or differences:
        sys.exit(f"{len(lost) + differences} figures differ")


def described(log):
    """Reads the columns of a table from the newest metadata in its log."""
    metadata = None
    for commit in sorted(log.glob("*.json")):
        for line in commit.read_text().splitlines():
            metadata = json.loads(line).get("metaData", metadata)
    columns = {field["name"]: field["type"] for field in json.loads(metadata["schemaString"])["fields"]}
    folder = log.parent.resolve()
    return Table(f"{folder.parent.name}.{folder.name}", str(folder), columns, metadata["partitionColumns"], {})


def lost_by_all(figures):
    return [key for key, value in figures.items() if key.startswith("where ") and value == "0"]


def ends_in_partitions(own, table):
    """Finds the greatest value of some columns in the first, a middle and the last partition."""
    columns = [column for column, kind in table.columns.items() if kind.startswith(RANGED)]
    if not table.partition_columns or not columns:
        return []
    found = own.greatest_by_partition(table, columns)
    chosen = sorted({0, len(found) // 2, len(found) - 1}) if found else []
    return [found[place] for place in chosen]


def filters(table, found, partitions):
    """Yields filters by their names; each is a list of (column, operator, value) that all have to hold."""
    for column, kind in table.columns.items():
        ends = {end: found[f"{column}.{end}"] for end in ("min", "max")}
        if kind in ("double", "boolean") or ends["min"] is None:
            continue
        for end, value in ends.items():
            yield f"where {column} = {end}", [(column, "=", value)]
        if kind.startswith(RANGED):
            yield f"where {column} <= min", [(column, "<=", ends["min"])]
            yield f"where {column} >= max", [(column, ">=", ends["max"])]
    for partition, greatest in partitions:
        inside = [(column, "=", value) for column, value in partition.items()]
        name = " and ".join(f"{column} = {value}" for column, value in partition.items())
        yield f"where {name}", inside
        for column, value in greatest.items():
            if value is not None:
                yield f"where {column} = {value} and {name}", [*inside, (column, "=", value)]
                yield f"where {column} = {value}", [(column, "=", value)]


def check(reader, tables, expected):
    """Compares one reader's figures of all tables and returns how many of them differ."""
    start = time.monotonic()
    found = answers(reader, tables)
    differences = compared = equal = 0
    for table in tables:
        different = different_figures(reader, table.name, expected[table.name], found[table.name])
        compared += len(expected[table.name])
        equal += not different
        differences += different
    took = f"{time.monotonic() - start:.0f} s"
    print(f"{reader}: {equal} of {len(tables)} tables are the same, of {compared} figures {differences} differ; {took}")
    return differences


def answers(reader, tables):
    """Runs a reader in its environment; returns by table its figures, or why it has none."""
    here = Path(__file__).parent
    python = subprocess.run([here / "environment", reader], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        questions, answers = Path(folder, "questions.json"), Path(folder, "answers.json")
        questions.write_text(json.dumps([asdict(table) for table in tables]))
        subprocess.run([python, "-m", "reader", reader, questions, answers], cwd=here, check=True)
        return json.loads(answers.read_text())


def different_figures(reader, name, expected, found):
    """Prints the figures of a table that differ, and counts them; without an answer, all do."""
    if isinstance(found, str):
        print(f"{reader}: {name}: {found}")
        return len(expected)
    different = [key for key in expected if found.get(key, "nothing") != expected[key]]
    for key in different:
        print(f"{reader}: {name}: {key}: {found.get(key)!r} instead of {expected[key]!r}")
    return len(different)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
