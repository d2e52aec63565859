"""A lake: statements, tables and runs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from ._errors import IncompleteError, IncompleteWarning, LakehouseError
from ._program import Program, find_program
from ._results import Plan, Run

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Names = Union[str, Iterable[str], None]
Day = Union[str, date, None]
At = Union[int, str, date, datetime, None]
Value = Union[str, int, float, Decimal, bool, date, datetime]


def connect(
    lake: str | os.PathLike[str] = "lake",
    *,
    config: str | os.PathLike[str] | None = None,
    program: str | os.PathLike[str] | None = None,
) -> Lake:
    """Returns a lake by its folder or URL (``s3://bucket/prefix``); it need not exist yet.

    ``config`` is a configuration file. ``program`` is the program to run, if it is not the one
    that was installed with this module. Nothing is read yet.
    """
    return Lake(lake, config=config, program=program)


class Lake:
    """A lake. Each call runs the program, so it reads the newest version of the tables."""

    def __init__(
        self,
        lake: str | os.PathLike[str] = "lake",
        *,
        config: str | os.PathLike[str] | None = None,
        program: str | os.PathLike[str] | None = None,
    ) -> None:
        self.location = os.fspath(lake)
        flags = ["--lake", self.location]
        if config is not None:
            flags += ["--config", os.fspath(config)]
        self._program = Program(Path(program) if program else find_program(), flags)

    def __repr__(self) -> str:
        return f"lakehouse.connect({self.location!r})"

    # Statements

    def sql(self, text: str, *, at: At = None, **parameters: Value) -> pyarrow.Table:
        """Runs one SQL statement and returns its rows as a ``pyarrow.Table``.

        Parameters stand for ``$name`` in the statement. They are bound, so a value can hold
        anything. ``at`` is a version, a time or a day (UTC) to read the tables at.
        Raises :class:`LakehouseError` with the words of the program.
        """
        arrow = _module("pyarrow", "arrow")
        arguments = ["query", "--format", "arrow-stream", *_at(at), *_parameters(parameters), "-"]
        with self._program.output(arguments, text) as output:
            with arrow.ipc.open_stream(output) as reader:
                return reader.read_all()

    def pl(self, text: str, *, at: At = None, **parameters: Value) -> polars.DataFrame:
        """As :meth:`sql`, as a ``polars.DataFrame``."""
        polars_module = _module("polars", "polars")
        frame: polars.DataFrame = polars_module.from_arrow(self.sql(text, at=at, **parameters))
        return frame

    def df(self, text: str, *, at: At = None, **parameters: Value) -> pandas.DataFrame:
        """As :meth:`sql`, as a ``pandas.DataFrame``; decimals are ``decimal.Decimal``."""
        _module("pandas", "pandas")
        return self.sql(text, at=at, **parameters).to_pandas()

    def scan(
        self,
        table: str,
        *,
        version: int | None = None,
        storage_options: Mapping[str, str] | None = None,
    ) -> polars.LazyFrame:
        """Returns a table as a ``polars.LazyFrame`` over exactly the files of a version.

        ``table`` is a name such as ``silver.klines``. The newest version is meant if none is
        given. ``storage_options`` are those of ``polars.scan_delta``, for lakes in a bucket.
        """
        layer, _, name = table.partition(".")
        if layer not in ("silver", "gold", "meta") or not name:
            raise LakehouseError(
                f"{table!r} is no table; expected a name such as silver.klines, gold.daily_ohlcv "
                "or meta.archives"
            )
        polars_module = _module("polars", "polars")
        _module("deltalake", "polars")
        location = f"{self.location.rstrip('/')}/{layer}/{name}"
        if "://" not in location and not Path(location).is_dir():
            raise LakehouseError(f"there is no table {table} in {self.location}")
        options = dict(storage_options) if storage_options is not None else None
        rows: polars.LazyFrame = polars_module.scan_delta(
            location, version=version, storage_options=options
        )
        return rows

    # Runs

    def plan(
        self,
        *,
        market: Names = None,
        data_type: Names = None,
        symbol: Names = None,
        interval: Names = None,
        start: Day = None,
        end: Day = None,
        last: int | None = None,
        frequency: str | None = None,
        all: bool = False,
        source: str | os.PathLike[str] | None = None,
    ) -> Plan:
        """Returns what :meth:`ingest` would fetch, and why. Nothing is downloaded."""
        flags = _selection(
            market, data_type, symbol, interval, start, end, last, frequency, all, source
        )
        _, document, _ = self._program.json(["plan", *flags])
        return Plan.from_document(document)

    def ingest(
        self,
        *,
        market: Names = None,
        data_type: Names = None,
        symbol: Names = None,
        interval: Names = None,
        start: Day = None,
        end: Day = None,
        last: int | None = None,
        frequency: str | None = None,
        all: bool = False,
        source: str | os.PathLike[str] | None = None,
        stage: str | None = None,
        strict: bool = False,
    ) -> Run:
        """Fetches, checks and loads archives, and returns what was done.

        A selection without symbols needs ``all=True``. If some archives fail, the others land,
        and an :class:`IncompleteWarning` lists the failures; with ``strict`` that is an
        :class:`IncompleteError`.
        """
        flags = _selection(
            market, data_type, symbol, interval, start, end, last, frequency, all, source
        )
        return self._run(["ingest", *flags, *_flag("--stage", stage)], strict)

    def refresh(
        self,
        *,
        full: bool = False,
        source: str | os.PathLike[str] | None = None,
        strict: bool = False,
    ) -> Run:
        """Updates everything that the lake holds, and returns what was done.

        ``full`` lists all days again. ``strict`` is that of :meth:`ingest`.
        """
        flags = ["--full"] if full else []
        return self._run(["refresh", *flags, *_flag("--source", source)], strict)

    def _run(self, arguments: list[str], strict: bool) -> Run:
        code, document, words = self._program.json(arguments)
        run = Run.from_document(document)
        if code != 0:
            message = f"{run.command} is incomplete:\n{words}"
            if strict:
                raise IncompleteError(message, run)
            warnings.warn(message, IncompleteWarning, stacklevel=3)
        return run


def _module(name: str, extra: str) -> Any:
    """Imports a package that is needed for this call only."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise LakehouseError(
            f"this needs the package {name}: pip install 'lakehouse[{extra}]'"
        ) from error


def _selection(
    market: Names,
    data_type: Names,
    symbol: Names,
    interval: Names,
    start: Day,
    end: Day,
    last: int | None,
    frequency: str | None,
    everything: bool,
    source: str | os.PathLike[str] | None,
) -> list[str]:
    flags = [
        *_flag("--market", market),
        *_flag("--data-type", data_type),
        *_flag("--symbol", symbol),
        *_flag("--interval", interval),
        *_flag("--start", start),
        *_flag("--end", end),
        *_flag("--last", None if last is None else f"{last}d"),
        *_flag("--frequency", frequency),
        *_flag("--source", source),
    ]
    return [*flags, "--all"] if everything else flags


def _flag(name: str, value: Names | Day | int | os.PathLike[str]) -> list[str]:
    """Returns a flag with its value, written with `=` because a value may begin with a dash."""
    if value is None:
        return []
    if isinstance(value, date):
        return [f"{name}={_day(value)}"]
    if isinstance(value, (str, int)):
        return [f"{name}={value}"]
    if isinstance(value, os.PathLike):
        return [f"{name}={os.fspath(value)}"]
    return [f"{name}={','.join(value)}"]


def _at(at: At) -> list[str]:
    if isinstance(at, datetime):
        return ["--at", _time(at)]
    return _flag("--at", at)


def _parameters(parameters: Mapping[str, Value]) -> list[str]:
    return [f"--param={name}={_value(value)}" for name, value in parameters.items()]


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, date):
        return value.isoformat()
    # Decimals in plain digits: an exponent would make a number of floating point of them.
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _day(day: date) -> str:
    return (day.date() if isinstance(day, datetime) else day).isoformat()


def _time(time: datetime) -> str:
    """A time without a zone is UTC, as all times of the lake are."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
