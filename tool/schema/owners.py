"""Contract of `policies/owners.yaml`: who must approve a change, by path."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from tool.schema.base import Record

Team = Annotated[str, StringConstraints(pattern=r"^@[A-Za-z0-9-]+(/[A-Za-z0-9_.-]+)?$")]


class Owner(Record):
    """One line of CODEOWNERS: a path pattern, the teams or people of whom one must approve, and why."""

    path: str = Field(pattern=r"^(\*|/\S*)$")
    teams: tuple[Team, ...] = Field(min_length=1)
    why: str


class Owners(Record):
    """All owners, in the order in which they count: the last match decides."""

    owners: tuple[Owner, ...] = Field(min_length=1)
