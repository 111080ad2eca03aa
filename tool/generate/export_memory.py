"""What an answer needs in memory when another framework trains it: answers are priced as our notebooks train."""

from __future__ import annotations

from typing import Any

from tool.generate.context import setup_from
from tool.load import Repo
from tool.memory import fit
from tool.recommend.question import Question
from tool.recommend.sizing import request_for
from tool.schema.recommendation import Recommendation

TRAINERS = {
    "trl": "trl-1.16",
    "axolotl": "axolotl",
    "llamafactory": "llama-factory",
    "torchtune": "torchtune",
    "unsloth": "unsloth",
    "oumi": "oumi",
    "ms-swift": "ms-swift",
}
"""Export → the framework in the words of `ftc fit`; what is not here trains as the notebooks do."""
PREPARED = ("orpo", "simpo")
"""Objectives whose trainers in TRL 1.16 prepare quantised weights (trl/experimental/{orpo,cpo}); the others do not."""


def memory_warning(repo: Repo, question: Question, answer: Recommendation, name: str) -> str | None:
    """Why this does not fit under the framework although the answer fits; None where it does, or no card is named."""
    if answer.vram is None or answer.vram.verdict not in ("fits", "tight") or name not in TRAINERS:
        return None
    request = request_for(question, setup_from(answer))
    changes: dict[str, Any] = dict.fromkeys(("kbit_preparation", "chunked_or_fused_loss", "amp"))
    changes["framework"] = TRAINERS[name]
    if name == "trl":
        changes["kbit_preparation"] = question.objective in PREPARED
    if name == "unsloth":
        changes |= {"gpus": 1, "sharding": "none"}
    found = fit(repo, request.model_copy(update=changes))
    if found.verdict != "oom":
        return None
    return (
        f"memory: trained in this framework's way it needs about {found.allocated_gib} of {found.usable_gib} GiB "
        f"(ours: {answer.vram.allocated_gib}, most of the difference in {_most(answer, found.terms)}): lower the "
        "micro-batch and accumulate longer, or turn gradient checkpointing on"
    )


def _most(answer: Recommendation, terms: dict[str, float]) -> str:
    ours = answer.vram.terms if answer.vram else {}
    return max(terms, key=lambda name: terms[name] - ours.get(name, 0.0)).replace("_", " ")
