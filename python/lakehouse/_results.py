"""What the program did or would do, as it prints it with ``--format json``.

``document`` of each object holds all fields, also those that have no attribute here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Archives:
    """The archives of a run, counted by outcome."""

    stored: int = 0
    new: int = 0
    skipped: int = 0
    corrected: int = 0
    not_published: int = 0
    failed: int = 0


@dataclass(frozen=True)
class TableVersions:
    """The versions of a table before a run's first commit and after its last."""

    table: str
    before: int | None
    after: int | None
    rows: int = 0


@dataclass(frozen=True)
class Failure:
    """An archive or a table that a run failed on."""

    name: str
    reason: str
    status: str = "failed"


@dataclass(frozen=True)
class Run:
    """What a run did."""

    command: str
    run: str | None
    complete: bool
    seconds: float
    archives: Archives
    rows: int
    rejected_rows: int
    bytes: int
    tables: tuple[TableVersions, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Run:
        """Reads the JSON document of a run."""
        return cls(
            command=document["command"],
            run=document.get("run"),
            complete=document["outcome"] == "done",
            seconds=document["seconds"],
            archives=_archives(document.get("archives", {})),
            rows=document.get("rows", 0),
            rejected_rows=document.get("rejected_rows", 0),
            bytes=document.get("bytes", 0),
            tables=tuple(_versions(table) for table in document.get("tables", [])),
            failures=tuple(_failure(failure) for failure in document.get("failures", [])),
            warnings=tuple(document.get("warnings", [])),
            document=document,
        )


@dataclass(frozen=True)
class PlannedArchive:
    """An archive that would be fetched, and why."""

    key: str
    table: str
    bytes: int | None
    reason: str


@dataclass(frozen=True)
class Plan:
    """What an ingest would do."""

    fetch: tuple[PlannedArchive, ...]
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def bytes(self) -> int:
        """The size of all archives that would be fetched, as far as it is known."""
        return sum(archive.bytes or 0 for archive in self.fetch)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Plan:
        """Reads the JSON document of a plan."""
        return cls(tuple(_planned(archive) for archive in document["fetch"]), document)


def _archives(counts: Mapping[str, int]) -> Archives:
    """Leaves out the counts that a newer program added."""
    known = {count.name for count in fields(Archives)}
    return Archives(**{name: count for name, count in counts.items() if name in known})


def _versions(table: Mapping[str, Any]) -> TableVersions:
    return TableVersions(table["table"], table.get("version_before"), table.get("version_after"), table.get("rows", 0))


def _failure(failure: Mapping[str, Any]) -> Failure:
    name = failure.get("archive") or failure["table"]
    return Failure(name, failure["reason"], failure.get("status", "failed"))


def _planned(archive: Mapping[str, Any]) -> PlannedArchive:
    return PlannedArchive(
        archive["key"], archive["table"], archive.get("bytes"), archive["reason"]
    )
