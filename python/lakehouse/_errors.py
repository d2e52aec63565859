"""What calls of this module raise, in the words of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._results import Run


class LakehouseError(Exception):
    """The program ended with an error. The message is the program's own."""


class ProgramNotFound(LakehouseError):
    """The program ``lakehouse`` is not installed where the module looks for it."""


class IncompleteError(LakehouseError):
    """A run ended with failures and ``strict`` was set; ``run`` holds what was done."""

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run


class IncompleteWarning(UserWarning):
    """A run ended, but some archives failed, or rows were rejected."""
