"""How large the columns of a lake are in each encoding: encodings.py LAKE… (needs pyarrow).

Takes the largest data file of every silver table and writes each column that is no text by itself, as data files are
written: zstd, level 1, pages of format 2. Prints bytes per row, and CPU time of pyarrow's writer, which is not ours.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ENCODINGS = {
    "dictionary": lambda column: {"use_dictionary": True},
    "plain": lambda column: {"use_dictionary": False},
    "delta": lambda column: {"use_dictionary": False, "column_encoding": {column: "DELTA_BINARY_PACKED"}},
    "delta of bytes": lambda column: {"use_dictionary": False, "column_encoding": {column: "DELTA_BYTE_ARRAY"}},
}


def write(rows, column, options, file):
    start = time.process_time()
    as_integer = pa.types.is_decimal(rows[column].type) and rows[column].type.precision <= 18
    common = {"compression": "zstd", "compression_level": 1, "data_page_version": "2.0", "row_group_size": 1 << 20}
    pq.write_table(rows.select([column]), file, store_decimal_as_integer=as_integer, **common, **options)
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


print(f"| table | column | type | distinct | {' | '.join(ENCODINGS)} |")
print("|---|---|---|--:|" + "--:|" * len(ENCODINGS))
with tempfile.TemporaryDirectory() as folder:
    for table in sorted(table for lake in sys.argv[1:] for table in Path(lake, "silver").iterdir()):
        files = sorted(table.rglob("*.parquet"), key=lambda file: file.stat().st_size)
        if files:
            measure(table.name, files[-1])
