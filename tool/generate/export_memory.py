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
STATES = ("weights", "gradients", "optimizer_states", "master_weights")
"""Terms that a smaller batch does not lower."""
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
    if name == "llamafactory":
        changes["master_weights"] = False  # the export asks for pure_bf16
    if name == "unsloth":
        changes |= {"gpus": 1, "sharding": "none"}
    found = fit(repo, request.model_copy(update=changes))
    if found.verdict != "oom":
        return None
    ours = answer.vram.terms
    most = max(found.terms, key=lambda term: found.terms[term] - ours.get(term, 0.0))
    return (
        f"memory: trained in this framework's way it needs about {found.allocated_gib} of {found.usable_gib} GiB "
        f"(ours: {answer.vram.allocated_gib}, most of the difference in {most.replace('_', ' ')}): {_mend(most)}"
    )


def _mend(term: str) -> str:
    if term in STATES:
        return "share it out (FSDP or ZeRO-3), or train an adapter"
    return "lower the micro-batch and accumulate longer, or turn gradient checkpointing on"
