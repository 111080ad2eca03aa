"""Failures that a user can mend, and the exit code of each kind.

Exit codes (design, section 3): 0 pass or no difference, 1 violation or does not fit, 2 bad usage or bad input,
3 nothing was evaluated, 4 inconclusive, 5 the base moved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class FtcError(Exception):
    """Base of every expected failure. `exit_code` is what the process ends with."""

    exit_code = 2


class Violation(FtcError):
    """A rule was broken, a difference was found, or a configuration does not fit."""

    exit_code = 1


class NothingEvaluated(FtcError):
    """The set to be judged is empty where one was expected."""

    exit_code = 3


class Inconclusive(FtcError):
    """The evidence does not decide."""

    exit_code = 4


class BaseMoved(FtcError):
    """The state that a change was prepared against is no longer the current one."""

    exit_code = 5


@dataclass(frozen=True, order=True)
class Fault:
    """One fault in one input file: where it is, what is wrong and how to mend it.

    `path` is relative to the repository root, `line` counts from 1 (0: the file as a whole), `field` is a
    dotted path such as `gpus.0.count` (empty: the document as a whole).
    """

    path: str
    line: int
    field: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        subject = f" {self.field}:" if self.field else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{place}:{subject} {self.message}{mend}"


def did_you_mean(name: str, known: Iterable[str], otherwise: str, cutoff: float = 0.6) -> str:
    """The mend for a name that is unknown: the known one that is spelled most like it, or `otherwise`."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"did you mean {close[0]!r}?" if close else otherwise


class InputFaults(FtcError):
    """Every fault of the inputs that were read, sorted by place."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class BadRequest(FtcError):
    """A request that cannot be answered: the field, what is wrong and the mend."""

    def __init__(self, field: str, message: str, mend: str = "") -> None:
        self.field = field
        self.message = message
        self.mend = mend
        super().__init__(f"{field}: {message}" + (f" ({mend})" if mend else ""))
