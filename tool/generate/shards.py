"""`--shard i/n`: every n-th piece of the work, the same pieces on every machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from tool.errors import BadRequest

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """The `number`-th (from 1) of `count` shares."""

    number: int
    count: int

    def has(self, place: int) -> bool:
        """Whether the piece at this place (from 0) belongs to the shard."""
        return place % self.count == self.number - 1

    def part(self, items: Sequence[Item]) -> list[Item]:
        """Those of the items that belong to the shard."""
        return [item for place, item in enumerate(items) if self.has(place)]


def shard_of(text: str) -> Shard:
    """ "2/8" → the second of eight. Raises BadRequest for anything else."""
    found = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", text)
    if not found or int(found[1]) > int(found[2]):
        raise BadRequest("shard", f"{text[:40]!r} is no shard", "write number/count, e.g. 2/8")
    return Shard(int(found[1]), int(found[2]))
