"""The catalogue, spelled out: one entry for each combination that is answered and checked in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tool.load import Repo
from tool.schema.catalog import CatalogGroup
from tool.schema.recommendation import RecommendRequest


@dataclass(frozen=True, order=True)
class Entry:
    """One request of the catalogue. `place` is `platform/plan` or `platform/plan/gpu`."""

    model: str
    task: str
    adapter: str
    place: str
    objective: str | None = None

    @property
    def slug(self) -> str:
        """Path below recommendations/ and notebooks/, without ending."""
        parts = [self.task, *([self.objective] if self.objective else []), self.adapter, *self.place.split("/")]
        return f"{self.model}/{'_'.join(part.replace('.', '-') for part in parts)}"

    def request(self) -> RecommendRequest:
        platform, plan, *gpu = self.place.split("/")
        return RecommendRequest.model_validate(
            {
                "model": self.model,
                "task": self.task,
                "objective": self.objective,
                "adapter": self.adapter,
                "platform": platform,
                "plan": plan,
                "gpu": gpu[0] if gpu else None,
            }
        )


def entries(repo: Repo) -> list[Entry]:
    """All entries of profiles/catalog.yaml, sorted, each once."""
    return sorted({entry for group in repo.catalog.groups for entry in _of(group)}, key=lambda e: e.slug)


def _of(group: CatalogGroup) -> Iterator[Entry]:
    for model in group.models:
        for task in group.tasks:
            for place in group.platforms:
                for adapter in group.adapters:
                    yield Entry(model, task, adapter, place, group.objective)
