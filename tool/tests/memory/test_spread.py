"""Bounds for networks of which only the size is known."""

from __future__ import annotations

import pytest

from tool.load import Repo
from tool.memory import fit
from tool.memory.overhead import load_calibration
from tool.memory.spread import spread
from tool.schema.fit import FitAnswer, FitRequest
from tool.schema.model import Model


def dense(repo: Repo) -> list[Model]:
    """One model of each shape of a dense decoder."""
    shapes = {model.architecture: model for model in repo.models if model.kind in ("base", "instruct")}
    return [model for model in shapes.values() if model.architecture.experts is None]


def bound(repo: Repo, framework: str, **subject: object) -> FitAnswer:
    request = {"method": "qlora", "framework": framework, "micro_batch": 2, "seq_len": 3000, "gpu": "A100-80GB"}
    return fit(repo, FitRequest.model_validate({**request, **subject}))


def test_a_size_alone_bounds_nearly_every_dense_network(repo: Repo) -> None:
    """At a point that was not fitted, the bound of the size holds the need of 19 in 20 dense networks of that size,
    and is within twice the need for half of them."""
    ratios = []
    for model in dense(repo):
        need = bound(repo, "open-finetune-config", model=model.id).allocated_gib
        most = bound(repo, "open-finetune-config", params_b=model.parameters / 1e9).upper_gib
        assert need is not None and most is not None
        ratios.append(most / need)
    ratios.sort()
    assert ratios[len(ratios) // 20] >= 1.0
    assert ratios[len(ratios) // 2] <= 2.0


def test_less_knowledge_is_a_wider_bound(repo: Repo) -> None:
    """A known network has the narrowest bound, a size a wider one, and an unknown framework the widest."""
    calibration = load_calibration(repo.root)
    for kind in ("constant", "varying", "mixed"):
        exact, sized, unknown = (calibration.bounds[name] for name in (kind, f"{kind} by size", "unknown"))
        assert exact.states < sized.states <= unknown.states
        assert exact.tokens < sized.tokens <= unknown.tokens


def test_the_committed_spread_is_that_of_the_registry(repo: Repo) -> None:
    """The bounds by size are the kinds' times what the registry's dense networks differ from their stand-ins."""
    states, tokens = spread(repo)
    bounds = load_calibration(repo.root).bounds
    assert bounds["constant by size"].states == pytest.approx(bounds["constant"].states * states, abs=0.01)
    assert bounds["constant by size"].tokens == pytest.approx(bounds["constant"].tokens * tokens, abs=0.01)
