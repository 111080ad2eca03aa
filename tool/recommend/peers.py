"""What careful people chose for a case like this: how far their choices spread, and the nearest recipes with links."""

from __future__ import annotations

from typing import Any

from tool.load import Repo
from tool.recommend.question import ask
from tool.recommend.strategy import Knowledge
from tool.schema.recommendation import Recommendation, RecommendRequest

SITE = "https://github.com"


def peers(repo: Repo, knowledge: Knowledge, request: RecommendRequest, answer: Recommendation) -> dict[str, Any] | None:
    """`spread` {field: [low, high]}, which holds nine of ten published choices, and `nearest`, one recipe a repository.

    None without an engine, outside of what the data support, and for kinds of models that recipes do not cover.
    """
    if knowledge.engine is None or answer.constrained_safe:
        return None
    spread, nearest = knowledge.engine.peers(ask(repo, request), str(answer.config["adapter"]))
    if not spread:
        return None
    shown = [item | {"link": link_of(str(item["link"]))} for item in nearest]
    return {"spread": {name: list(ends) for name, ends in spread.items()}, "nearest": shown}


def link_of(place: str) -> str:
    """The page of `owner/repository/path`, without what follows a `#` (the how-manieth command of a file)."""
    owner, repository, *path = place.split("#", 1)[0].split("/")
    return f"{SITE}/{owner}/{repository}/blob/HEAD/{'/'.join(path)}"


def peer_lines(found: dict[str, Any]) -> list[str]:
    """The same for a terminal."""
    lines = ["nine of ten published choices lie within:"]
    lines += [f"  {name:<22} {low:g} to {high:g}" for name, (low, high) in found["spread"].items()]
    lines.append("nearest published recipes:")
    for item in found["nearest"]:
        values = ", ".join(f"{name} {value:g}" for name, value in item["values"].items())
        lines += [
            f"  {item['model'] or 'model not named'} (likeness {item['likeness']:.2f}): {values}",
            f"    {item['link']}",
        ]
    return lines
