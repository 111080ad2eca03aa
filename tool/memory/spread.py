"""How far a network of known size and unknown shape may be from the stand-in that is priced for it.

The dense decoders of the registry are each priced as they are and as a stand-in of their size
(tool/architecture/generic.py); the factors cover the wanted share of them with the least median bound. Experts are
left out: the answer says that it assumes a dense decoder.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.load import Repo
from tool.memory.answer import price, program_of, sample
from tool.memory.overhead import Bound
from tool.memory.resolve import Notes, setup_of
from tool.schema.fit import FitRequest
from tool.schema.model import Model

COVERAGE = 0.97
"""Share of the networks, for each method apart, whose need the factors cover: that of the bounds of measured runs."""
METHODS = ("full", "lora", "qlora")
POINTS = ((1, 512), (1, 2048), (4, 2048), (1, 8192), (8, 1024))
"""(micro-batch, tokens) from the least that is trained to what fills a card."""
STATES = np.round(np.arange(1.05, 1.41, 0.05), 2)
TOKENS = np.round(np.arange(1.0, 8.01, 0.05), 2)
Floats = NDArray[np.float64]


def by_size(repo: Repo, fitted: dict[str, Bound], widest: Bound) -> dict[str, Bound]:
    """The bounds of each kind of shapes, widened for networks of which only the size is known, up to the widest."""
    states, tokens = spread(repo)
    return {
        f"{name} by size": Bound(
            tokens=min(round(bound.tokens * tokens, 2), widest.tokens),
            states=min(round(bound.states * states, 2), widest.states),
            rows=bound.rows,
        )
        for name, bound in fitted.items()
    }


def spread(repo: Repo) -> tuple[float, float]:
    """(factor on states, factor on what comes with the tokens)."""
    shapes = {model.architecture: model for model in repo.models if model.kind in ("base", "instruct")}
    dense = [model for model in shapes.values() if model.architecture.experts is None]
    options = []
    for states in STATES:
        ratios = {method: _ratios(repo, dense, method, float(states)) for method in METHODS}
        covered = np.min([(table >= 1.0).mean(axis=0) for table in ratios.values()], axis=0)
        enough = np.flatnonzero(covered >= COVERAGE)
        if enough.size:
            place = int(enough[0])
            loose = float(np.median([np.median(table[:, place]) for table in ratios.values()]))
            options.append((round(loose, 3), float(states), float(TOKENS[place])))
    _, states, tokens = min(options)
    return states, tokens


def _ratios(repo: Repo, models: list[Model], method: str, states: float) -> Floats:
    """Bound / need of each network at each point (rows), for each factor of TOKENS (columns)."""
    rows = []
    for model in models:
        for micro_batch, length in POINTS:
            need = (_moments(repo, method, micro_batch, length, model=model.id)).sum(axis=0).max()
            held, taken = _moments(repo, method, micro_batch, length, params_b=model.parameters / 1e9)
            rows.append((states * held + TOKENS[:, None] * taken).max(axis=1) / need)
    return np.array(rows)


@lru_cache(maxsize=20_000)
def _moments(repo: Repo, method: str, micro_batch: int, length: int, **subject: Any) -> Floats:
    """GiB of states and of what comes with the tokens (rows), at each moment of a step as our notebooks train."""
    request = FitRequest(
        **subject, method=method, framework="open-finetune-config", micro_batch=micro_batch, seq_len=length
    )
    setup = setup_of(repo, request, Notes())
    assert setup is not None
    priced = price(program_of(setup), sample(setup, np.array([float(micro_batch)]), np.array([float(length)])))
    return np.stack([priced.states[0], priced.tokens[0]])
