"""The public market-data archive of Binance as Delta Lake tables, from Python.

    import lakehouse

    lake = lakehouse.connect("lake")
    lake.ingest(market="spot", data_type="klines", symbol="BTCUSDT", interval="1h", last=30)
    lake.pl("SELECT open_time, close FROM klines WHERE symbol = $symbol", symbol="BTCUSDT")
    lake.scan("silver.klines").filter(...).collect()

The module runs the program ``lakehouse`` that is installed with it, and has no other part.
"""

from ._errors import IncompleteError, IncompleteWarning, LakehouseError, ProgramNotFound
from ._lake import Lake, connect
from ._results import Archives, Failure, Plan, PlannedArchive, Run, TableVersions

__all__ = [
    "Archives",
    "Failure",
    "IncompleteError",
    "IncompleteWarning",
    "Lake",
    "LakehouseError",
    "Plan",
    "PlannedArchive",
    "ProgramNotFound",
    "Run",
    "TableVersions",
    "connect",
]
