"""Statements and tables, compared with what the program and Polars read by themselves."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import lakehouse
import polars as pl
import pyarrow as pa
import pytest


def test_an_answer_is_an_arrow_table_with_exact_types(demo: lakehouse.Lake) -> None:
    answer = demo.sql("SELECT symbol, price, time FROM trades ORDER BY market, symbol, id LIMIT 3")
    assert isinstance(answer, pa.Table)
    assert answer.num_rows == 3
    assert pa.types.is_decimal(answer.schema.field("price").type)
    assert answer.schema.field("time").type == pa.timestamp("us", tz="UTC")


def test_an_answer_without_rows_has_its_columns(demo: lakehouse.Lake) -> None:
    answer = demo.sql("SELECT symbol FROM klines WHERE false")
    assert (answer.num_rows, answer.column_names) == (0, ["symbol"])


def test_an_answer_of_many_batches_is_whole(demo: lakehouse.Lake) -> None:
    counted = demo.sql("SELECT count(*) AS n, sum(qty) AS total FROM trades").to_pylist()[0]
    rows = demo.pl("SELECT qty FROM trades")
    assert rows.height == counted["n"] > 100_000
    assert sum(rows["qty"].to_list()) == counted["total"]


@pytest.mark.parametrize(
    "value",
    ["BTCUSDT", "a'b\"c; DROP TABLE x --", "", "=", "Ünïcode\n$name", 7, -1.5, True]
    + [Decimal("0.00000001"), Decimal("1E+3"), Decimal("-12345678901234567890.123")],
)
def test_a_parameter_comes_back_as_it_was(demo: lakehouse.Lake, value: object) -> None:
    assert demo.sql("SELECT $value AS value", value=value).to_pylist() == [{"value": value}]


def test_parameters_are_compared_in_the_type_of_the_column(demo: lakehouse.Lake) -> None:
    day = demo.sql("SELECT max(date) AS day FROM klines").to_pylist()[0]["day"]
    text = "SELECT count(*) AS n FROM klines WHERE date = $day AND open_time >= $time"
    start = datetime.datetime(day.year, day.month, day.day)
    assert demo.sql(text, day=day, time=start).to_pylist()[0]["n"] > 0


def test_polars_and_pandas_hold_the_same_rows(demo: lakehouse.Lake) -> None:
    text = "SELECT * FROM gold.daily_ohlcv ORDER BY market, symbol, date"
    frame = demo.pl(text)
    assert frame.height > 0
    assert demo.df(text).to_dict("list")["close"] == frame["close"].to_list()


def test_a_scan_reads_the_files_of_the_version_that_is_named(demo: lakehouse.Lake) -> None:
    count = "SELECT count(*) AS n FROM silver.klines"
    for version in (0, None):
        rows = demo.scan("silver.klines", version=version).select(pl.len()).collect().item()
        assert rows == demo.sql(count, at=version).to_pylist()[0]["n"]


def test_a_failed_statement_raises_the_words_of_the_program(demo: lakehouse.Lake) -> None:
    with pytest.raises(lakehouse.LakehouseError, match="did you mean `close`"):
        demo.sql("SELECT clos FROM klines")
    with pytest.raises(lakehouse.LakehouseError, match="only reading is possible"):
        demo.sql("DELETE FROM silver.klines")
    with pytest.raises(lakehouse.LakehouseError, match=r"\$symbol"):
        demo.sql("SELECT * FROM klines WHERE symbol = $symbol")


def test_a_statement_that_fails_after_its_first_rows_raises(demo: lakehouse.Lake) -> None:
    with pytest.raises(lakehouse.LakehouseError, match="type int"):
        demo.sql("SELECT CAST(id * 1000000 AS INT) AS id FROM trades")


def test_a_name_that_is_no_table_is_refused(demo: lakehouse.Lake) -> None:
    with pytest.raises(lakehouse.LakehouseError, match="expected a name such as silver.klines"):
        demo.scan("klines")
    with pytest.raises(lakehouse.LakehouseError, match="no table silver.nothing"):
        demo.scan("silver.nothing")


def test_a_program_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROGRAM", str(tmp_path / "nothing"))
    with pytest.raises(lakehouse.ProgramNotFound, match="LAKEHOUSE_PROGRAM names"):
        lakehouse.connect(tmp_path)
