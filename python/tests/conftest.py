"""The lake of the demo, made once, and read by all tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import lakehouse
import pytest
from lakehouse._program import find_program


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> lakehouse.Lake:
    folder: Path = tmp_path_factory.mktemp("demo") / "lake"
    subprocess.run(
        [str(find_program()), "--lake", str(folder), "--quiet", "demo"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return lakehouse.connect(folder)
