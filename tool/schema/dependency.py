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


class Resolution(Record):
    """One proof that the pins resolve: for a Python version, on a day, to a number of packages."""

    python: str
    date: str
    packages: int = Field(ge=1)


class Stack(Record):
    """A set of versions that work together. `pins` maps a package to its exact version.

    `ranges` says within what an update may move a pin, as comparisons joined by commas; a pin without one stays.
    `from_image` names packages that the platform's image provides, which are never reinstalled. `python` is a
    version specifier. `torch_backend` (such as cu126) names PyTorch's own build for cards that the default wheel
    has dropped, in the spelling of `uv pip install --torch-backend`. `cuda` is the CUDA version that the default wheel
    of the pinned torch was built for (None where torch comes from the image or from `torch_backend`, which say it).
    `resolved` lists proofs for linux x86-64.
    """

    id: str
    title: str
    framework: str
    python: str
    pins: dict[str, str] = Field(min_length=1)
    ranges: dict[str, str] = {}
    from_image: dict[str, str] = {}
    torch_backend: str | None = None
    cuda: str | None = Field(default=None, pattern=r"^\d+\.\d$")
    min_compute_capability: str | None = Field(default=None, pattern=r"^\d+\.\d$")
    reasons: dict[str, str] = {}
    clashes: tuple[Clash, ...] = ()
    resolved: tuple[Resolution, ...] = ()
    as_of: str
    sources: tuple[Source, ...]
