"""Plans, ingests and refreshes, from the archives of the demo's bronze."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import lakehouse
import pytest
from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).parents[2] / "docs" / "run.schema.json"


@pytest.fixture
def source(demo: lakehouse.Lake, tmp_path: Path) -> Path:
    """A folder of archives that a test may change."""
    folder = tmp_path / "archives"
    selected = "market = 'spot' AND data_type = 'klines' AND symbol = 'BTCUSDT'"
    keys = demo.sql(f"SELECT archive FROM meta.archives WHERE {selected}").column("archive")
    for key in keys.to_pylist():
        published = folder / key
        published.parent.mkdir(parents=True, exist_ok=True)
        (held,) = Path(demo.location, "bronze").glob(f"spot/**/{published.name}")
        shutil.copy(held, published)
        shutil.copy(f"{held}.CHECKSUM", f"{published}.CHECKSUM")
    return folder


def klines(source: Path) -> dict[str, object]:
    return {
        "market": "spot",
        "data_type": ["klines"],
        "symbol": "BTC*",
        "interval": "1h",
        "source": source,
    }


def test_a_plan_lists_what_an_ingest_loads(source: Path, tmp_path: Path) -> None:
    lake = lakehouse.connect(tmp_path / "lake")
    plan = lake.plan(**klines(source))
    assert plan.fetch and plan.bytes > 0
    assert {archive.reason for archive in plan.fetch} == {"new"}
    run = lake.ingest(**klines(source))
    assert run.complete
    assert run.archives.new == len(plan.fetch)
    assert run.rows == lake.sql("SELECT count(*) AS n FROM klines").to_pylist()[0]["n"]
    silver = next(table for table in run.tables if table.table == "silver.klines")
    assert silver.after is not None and silver.after >= 1
    assert not lake.plan(**klines(source)).fetch


def test_a_run_is_found_in_the_table_of_runs(source: Path, tmp_path: Path) -> None:
    lake = lakehouse.connect(tmp_path / "lake")
    run = lake.ingest(**klines(source), stage="silver")
    recorded = lake.sql("SELECT run, command FROM meta.runs").to_pylist()
    assert [row["run"] for row in recorded] == [run.run]


def test_an_archive_that_fails_is_a_warning_or_an_error(source: Path, tmp_path: Path) -> None:
    lake = lakehouse.connect(tmp_path / "lake")
    broken = sorted(source.rglob("BTC*-1h-*.zip"))[0]
    broken.write_bytes(b"no archive")
    with pytest.warns(lakehouse.IncompleteWarning, match=broken.name):
        run = lake.ingest(**klines(source))
    assert not run.complete
    assert [Path(failure.name).name for failure in run.failures] == [broken.name]
    assert run.archives.new > 0
    with pytest.raises(lakehouse.IncompleteError) as caught:
        lakehouse.connect(tmp_path / "other").ingest(**klines(source), strict=True)
    assert caught.value.run.archives.new == run.archives.new


def test_a_wrong_selection_raises_what_is_valid(tmp_path: Path) -> None:
    lake = lakehouse.connect(tmp_path / "lake")
    with pytest.raises(lakehouse.LakehouseError, match="futures_um"):
        lake.plan(market="nowhere", symbol="BTCUSDT")
    with pytest.raises(lakehouse.LakehouseError, match="--all"):
        lake.ingest(data_type="klines")


def test_documents_of_all_commands_have_the_published_schema(source: Path, tmp_path: Path) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    lake = lakehouse.connect(tmp_path / "lake")
    documents = [
        lake.ingest(**klines(source)).document,
        lake.ingest(**klines(source)).document,
        lake.refresh(source=source).document,
    ]
    commands = [["gold"], ["gold", "--full"], ["maintain"], ["maintain", "--repair"]]
    for command in [*commands, ["gold", "--dry-run"], ["maintain", "--dry-run"]]:
        documents.append(lake._program.json(command)[1])
    for document in documents:
        validator.validate(document)
    rebuilt = documents[4]["tables"]
    assert all(table["version_after"] == table["version_before"] + 1 for table in rebuilt)
