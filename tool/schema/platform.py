"""Places to run: each platform has plans, and each plan offers cards."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tool.schema.base import Record, Source

DAY = r"^\d{4}-\d{2}-\d{2}$"


class CardOffer(Record):
    """A card that a plan offers. `usable_gib` (GiB) overrides the card's own figure where the image shows less."""

    gpu: str
    count: int = Field(ge=1)
    usable_gib: float | None = Field(default=None, gt=0)
    label: str | None = None


class Plan(Record):
    """One plan or instance type. The first card is the one that a request without `gpu` gets.

    `stack` is an id of profiles/dependencies. `valid_until` is when somebody should look again at the source.
    """

    aliases: tuple[str, ...] = ()
    cards: tuple[CardOffer, ...] = Field(min_length=1)
    stack: str
    host_ram_gib: float | None = Field(default=None, gt=0)
    disk_gib: float | None = Field(default=None, gt=0)
    runtime_limit_hours: float | None = Field(default=None, gt=0)
    image: dict[str, str] = {}
    as_of: str = Field(pattern=DAY)
    valid_until: str = Field(pattern=DAY)
    notes: str | None = None
    sources: tuple[Source, ...]


class Platform(Record):
    """A provider's offering. `default_plan` answers a request that names no plan."""

    id: str
    title: str
    provider: str
    kind: Literal["notebook", "cloud", "local"]
    aliases: tuple[str, ...] = ()
    default_plan: str
    plans: dict[str, Plan] = Field(min_length=1)
