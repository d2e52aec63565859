"""The flow of Prefect returns the rows that arrived."""

import os
import sys

os.environ |= {"PREFECT_HOME": os.path.abspath("prefect"), "PREFECT_LOGGING_LEVEL": "WARNING"}
sys.path.insert(0, os.getcwd())

from lakehouse_prefect import refresh  # noqa: E402
from prefect.testing.utilities import prefect_test_harness  # noqa: E402

with prefect_test_harness(server_startup_timeout=120):
    assert refresh() == 1440
    assert refresh() == 0
