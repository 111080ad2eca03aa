"""Dependency stacks: the single source of pins for answers, notebooks and locks."""

from __future__ import annotations

from pydantic import Field

from tool.schema.base import Record, Source


class Clash(Record):
    """Two packages or a package and a card that are known not to work together."""

    id: str
    packages: dict[str, str]
    effect: str
    mend: str
    sources: tuple[Source, ...]


class Stack(Record):
    """A set of versions that work together. `pins` maps a package to its exact version.

    `from_image` names packages that the platform's image provides, which are never reinstalled.
    """

    id: str
    title: str
    framework: str
    python: str
    pins: dict[str, str] = Field(min_length=1)
    from_image: dict[str, str] = {}
    min_compute_capability: str | None = None
    reasons: dict[str, str] = {}
    clashes: tuple[Clash, ...] = ()
    as_of: str
    sources: tuple[Source, ...]
