"""What the wheel of a release has to do, in the folder of the demo's lake."""

import importlib.metadata
import shutil
from decimal import Decimal
from pathlib import Path

import lakehouse
from lakehouse._program import find_program

# The program is found without PATH, next to the Python that imports the module.
assert find_program() == Path(shutil.which("lakehouse")), find_program()

lake = lakehouse.connect("lakehouse-demo")
bars = lake.pl("SELECT close FROM klines WHERE symbol = $symbol ORDER BY open_time LIMIT 5", symbol="BTCUSDT")
assert bars.height == 5 and isinstance(bars["close"][0], Decimal), bars
rows = lake.scan("silver.klines").select("symbol").collect().height
(count,) = lake.sql("SELECT count(*) AS rows FROM klines").column("rows").to_pylist()
assert rows == count, (rows, count)
files = {str(file) for file in importlib.metadata.files("lakehouse")}
assert any(name.endswith("lakehouse.cyclonedx.json") for name in files), files
assert "lakehouse/py.typed" in files, files
print(f"{rows} rows read through Python")
