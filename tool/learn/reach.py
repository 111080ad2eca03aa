"""How far the data reach: what lies outside is answered with a constrained-safe setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tool.learn.facts import Facts

BEYOND = 2.0  # a size or length up to this factor beyond the published range still counts as within reach
FEWEST = 2  # recipes of an objective with an adapter kind; fewer are an anecdote


@dataclass(frozen=True)
class Reach:
    """Ranges and names that published recipes cover. `params_b` in billions, `seq_len` in tokens."""

    families: tuple[str, ...]
    kinds: tuple[str, ...]
    params_b: tuple[float, float]
    seq_len: tuple[int, int]
    gpus: int

    def plain(self) -> dict[str, Any]:
        return {
            "families": list(self.families),
            "kinds": list(self.kinds),
            "params_b": list(self.params_b),
            "seq_len": list(self.seq_len),
            "gpus": self.gpus,
        }

    @staticmethod
    def of(data: Mapping[str, Any]) -> Reach:
        low, high = data["params_b"]
        short, long = data["seq_len"]
        return Reach(tuple(data["families"]), tuple(data["kinds"]), (low, high), (short, long), int(data["gpus"]))

    def outside(self, facts: Facts) -> list[str]:
        """Why this case is out of reach, in words; empty when it is within."""
        found = []
        kind = kind_of(facts)
        if facts.model_kind == "causal_lm" and kind not in self.kinds:
            found.append(f"no published recipe for {facts.objective} with {facts.adapter}")
        if facts.family is not None and facts.family not in self.families:
            found.append(f"family {facts.family} is in no published recipe")
        low, high = self.params_b
        if facts.params_b is not None and not low / BEYOND <= facts.params_b <= high * BEYOND:
            found.append(f"{facts.params_b:g}e9 parameters are outside the published {low:g} to {high:g}e9")
        short, long = self.seq_len
        if facts.seq_len is not None and not short / BEYOND <= facts.seq_len <= long * BEYOND:
            found.append(f"length {facts.seq_len} is outside the published {short} to {long} tokens")
        if facts.gpus is not None and facts.gpus > self.gpus * BEYOND:
            found.append(f"{facts.gpus} GPUs are beyond the published {self.gpus}")
        return found


def kind_of(facts: Facts) -> str:
    """The kind of run as far as recipes are compared: objective group and whether an adapter is trained."""
    return f"{facts.group}/{'adapter' if facts.is_adapter else 'full'}"


def measure(cases: Iterable[Facts], families: Iterable[str]) -> Reach:
    """The reach of published cases. `families` adds those of the model registry: their architecture is known."""
    known = list(cases)
    counts: dict[str, int] = {}
    for facts in known:
        counts[kind_of(facts)] = counts.get(kind_of(facts), 0) + 1
    sizes = [facts.params_b for facts in known if facts.params_b]
    lengths = [facts.seq_len for facts in known if facts.seq_len]
    named = {facts.family for facts in known if facts.family} | set(families)
    kinds = sorted(kind for kind, count in counts.items() if count >= FEWEST)
    largest = max((facts.gpus for facts in known if facts.gpus), default=1)
    return Reach(tuple(sorted(named)), tuple(kinds), (min(sizes), max(sizes)), (min(lengths), max(lengths)), largest)
