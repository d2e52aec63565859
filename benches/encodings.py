"""How large columns are in each encoding, and files with each setting: encodings.py LAKE… (needs pyarrow).

Takes the largest data file of every silver table and writes each column that is no text by itself, as data files are
written: zstd, level 1, pages of format 2. Then writes the file as a whole, with one setting changed at a time. Prints
bytes per row, and CPU time of pyarrow's writer and reader, which are not ours.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# As data files are written.
COMMON = {"compression": "zstd", "compression_level": 1, "data_page_version": "2.0", "row_group_size": 1 << 20}
ENCODINGS = {
    "dictionary": lambda column: {"use_dictionary": True},
    "plain": lambda column: {"use_dictionary": False},
    "delta": lambda column: {"use_dictionary": False, "column_encoding": {column: "DELTA_BINARY_PACKED"}},
    "delta of bytes": lambda column: {"use_dictionary": False, "column_encoding": {column: "DELTA_BYTE_ARRAY"}},
}


def write(rows, column, options, file):
    start = time.process_time()
    as_integer = pa.types.is_decimal(rows[column].type) and rows[column].type.precision <= 18
    pq.write_table(rows.select([column]), file, store_decimal_as_integer=as_integer, **COMMON, **options)
    return os.path.getsize(file), time.process_time() - start


def measure(table, file):
    rows = pq.ParquetFile(file).read()
    for column in rows.column_names:
        kind, values = rows[column].type, rows[column]
        if pa.types.is_string(kind) or pa.types.is_boolean(kind) or values.null_count == len(values):
            continue
        cells = []
        for encoding in ENCODINGS.values():
            try:
                size, cpu = write(rows, column, encoding(column), os.path.join(folder, "column.parquet"))
                cells.append(f"{size / len(rows):.2f} ({cpu / len(rows) * 1e9:.0f} ns)")
            except (OSError, pa.ArrowException):
                cells.append("")
        distinct = len(values.unique()) / len(values)
        print(f"| {table} | {column} | {kind} | {distinct:.0%} | {' | '.join(cells)} |")


SETTINGS = {
    "as data files are": {},
    "Snappy": {"compression": "snappy", "compression_level": None},
    "zstd, level 3": {"compression_level": 3},
    "zstd, level 9": {"compression_level": 9},
    "row groups of 131,072 rows": {"row_group_size": 1 << 17},
    "row groups of 4,194,304 rows": {"row_group_size": 1 << 22},
    "pages of 5,000 rows": {"max_rows_per_page": 5_000},
    "pages of 80,000 rows": {"max_rows_per_page": 80_000},
}
# Settings of smaller files are lost in what a file costs in any case.
LARGE_ENOUGH = 500_000


def measure_settings(table, file):
    rows = pq.ParquetFile(file).read()
    longs = [field.name for field in rows.schema if is_long(field.type)]
    others = [name for name in rows.column_names if name not in longs]
    defaults = COMMON | {
        "max_rows_per_page": 20_000,
        "store_decimal_as_integer": True,
        "use_dictionary": others,
        "column_encoding": {name: "DELTA_BINARY_PACKED" for name in longs},
    }
    target = os.path.join(folder, "file.parquet")
    for setting, change in SETTINGS.items():
        start = time.process_time()
        pq.write_table(rows, target, **(defaults | change))
        wrote = time.process_time()
        pq.ParquetFile(target).read()
        read = time.process_time() - wrote
        per_row = [seconds / len(rows) * 1e9 for seconds in (wrote - start, read)]
        size = os.path.getsize(target) / len(rows)
        print(f"| {table} | {setting} | {size:.2f} | {per_row[0]:.0f} ns | {per_row[1]:.0f} ns |")


def is_long(kind):
    long = pa.types.is_int64(kind) or pa.types.is_timestamp(kind)
    return long or (pa.types.is_decimal(kind) and 10 <= kind.precision <= 18)


def largest_files():
    for table in sorted(table for lake in sys.argv[1:] for table in Path(lake, "silver").iterdir()):
        files = sorted(table.rglob("*.parquet"), key=lambda file: file.stat().st_size)
        if files:
            yield table.name, files[-1]


with tempfile.TemporaryDirectory() as folder:
    print(f"| table | column | type | distinct | {' | '.join(ENCODINGS)} |")
    print("|---|---|---|--:|" + "--:|" * len(ENCODINGS))
    for table, file in largest_files():
        measure(table, file)
    print("\n| table | setting | bytes a row | writing | reading |\n|---|---|--:|--:|--:|")
    for table, file in largest_files():
        if file.stat().st_size > LARGE_ENOUGH:
            measure_settings(table, file)
