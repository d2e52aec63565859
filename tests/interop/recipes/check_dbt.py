"""The model of dbt has a row for each day of the lake's table."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import duckdb_extension_delta

# The extension comes as a package here, and not from the network.
(packaged,) = Path(next(iter(duckdb_extension_delta.__path__))).rglob("delta.duckdb_extension")
(platform,) = duckdb.sql("PRAGMA platform").fetchone()
installed = Path.home() / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / platform
installed.mkdir(parents=True)
shutil.copy(packaged, installed)
subprocess.run([shutil.which("lakehouse"), "--quiet", "refresh"], check=True)
dbt = Path(sys.executable).with_name("dbt")
subprocess.run([dbt, "--quiet", "--no-send-anonymous-usage-stats", "build"], cwd="dbt", check=True)
models = duckdb.connect(os.path.join("dbt", "models.duckdb"))
rows = models.sql("SELECT symbol, date, price_range > 0 FROM daily_range ORDER BY date").fetchall()
assert [(symbol, day.isoformat(), positive) for symbol, day, positive in rows] == [
    ("BTCUSDT", "2026-05-06", True),
    ("BTCUSDT", "2026-05-07", True),
], rows
