"""How far published recipes reach in size, length and cards, for answers without a trained engine.

An engine measures this itself (tool.learn.reach); these bounds are those of registry/recipes, and a test holds them.
"""

from __future__ import annotations

from tool.recommend.question import Question

PARAMETERS = (0.014e9, 1.6e12)
TOKENS = (128, 1_048_576)
GPUS = 256
BEYOND = 2.0
"""A size up to this factor beyond the published range still counts as within reach."""


def beyond_reach(question: Question) -> tuple[str, ...]:
    """Why no recipe is within reach of a question, in words; empty when some are."""
    found = []
    parameters, length = question.subject.parameters, question.seq_len
    if not PARAMETERS[0] / BEYOND <= parameters <= PARAMETERS[1] * BEYOND:
        low, high = (value / 1e9 for value in PARAMETERS)
        found.append(f"{parameters / 1e9:g}e9 parameters are outside the published {low:g} to {high:g}e9")
    if length is not None and not TOKENS[0] / BEYOND <= length <= TOKENS[1] * BEYOND:
        found.append(f"length {length} is outside the published {TOKENS[0]} to {TOKENS[1]} tokens")
    if question.gpus > GPUS * BEYOND:
        found.append(f"{question.gpus} GPUs are beyond the published {GPUS}")
    return tuple(found)
