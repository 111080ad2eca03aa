"""What an answer needs in memory when another framework trains it: answers are priced as our notebooks train."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tool.generate.context import setup_from
from tool.load import Repo
from tool.memory import fit
from tool.recommend.question import Question
from tool.recommend.sizing import request_for
from tool.schema.fit import FitAnswer
from tool.schema.recommendation import Recommendation

TRAINERS = {
    "trl": "trl-1.16",
    "axolotl": "axolotl, transformers 5",
    "llamafactory": "llama-factory, transformers 5",
    "torchtune": "torchtune",
    "unsloth": "unsloth",
    "oumi": "oumi, transformers 5",
    "ms-swift": "ms-swift",
}
"""Export → the framework in the words of `ftc fit`, with what its pins take; the rest trains as the notebooks do."""
STATES = ("weights", "gradients", "optimizer_states", "master_weights")
"""Terms that a smaller batch does not lower."""
PREPARED = ("orpo", "simpo")
"""Objectives whose trainers in TRL 1.16 prepare quantised weights (trl/experimental/{orpo,cpo}); the others do not."""
ORDER = ("fits", "tight", "abstain", "oom")
"""Verdicts, the best first."""


def sized_for(
    repo: Repo, question: Question, answer: Recommendation, name: str
) -> tuple[Recommendation, tuple[str, ...]]:
    """The answer with the micro-batch that fits when this framework trains it, and what to say about that.

    The effective batch stays: what the micro-batch loses, accumulation gains. An answer that fits, or that was sized
    for no card, or that does not fit our own notebooks either, comes back as it is.
    """
    if answer.vram is None or answer.vram.verdict not in ("fits", "tight") or name not in TRAINERS:
        return answer, ()
    first = _priced(repo, question, answer, name)
    if _good_enough(first, answer):
        return answer, ()
    tried = [(answer, first)]
    for smaller in _smaller(answer):
        tried.append((smaller, _priced(repo, question, smaller, name)))
        if _good_enough(tried[-1][1], answer):
            break
    best, found = min(tried, key=lambda pair: ORDER.index(pair[1].verdict))
    if best is not answer:
        return best, (_lowered(answer, best, first), *(() if found.verdict != "oom" else (_too_much(answer, found),)))
    return answer, (_too_much(answer, first),) if first.verdict == "oom" else ()


def _good_enough(found: FitAnswer, answer: Recommendation) -> bool:
    assert answer.vram is not None
    return ORDER.index(found.verdict) <= ORDER.index(answer.vram.verdict)


def _priced(repo: Repo, question: Question, answer: Recommendation, name: str) -> FitAnswer:
    request = request_for(question, setup_from(answer))
    changes: dict[str, Any] = dict.fromkeys(("kbit_preparation", "chunked_or_fused_loss", "amp"))
    changes["framework"] = TRAINERS[name]
    if name == "trl":
        changes["kbit_preparation"] = question.objective in PREPARED
    if name == "llamafactory":
        changes["master_weights"] = False  # the export asks for pure_bf16
    if name == "unsloth":
        changes |= {"gpus": 1, "sharding": "none"}
    return fit(repo, request.model_copy(update=changes))


def _smaller(answer: Recommendation) -> Iterator[Recommendation]:
    """The same answer with half the micro-batch and twice the accumulation, and again, down to one or an odd number."""
    micro = answer.config["per_device_train_batch_size"]
    accumulation = answer.config["gradient_accumulation_steps"]
    while micro % 2 == 0:
        micro, accumulation = micro // 2, accumulation * 2
        batch = {"per_device_train_batch_size": micro, "gradient_accumulation_steps": accumulation}
        yield answer.model_copy(update={"config": answer.config | batch})


def _lowered(answer: Recommendation, best: Recommendation, first: FitAnswer) -> str:
    def batch(of: Recommendation) -> str:
        return f"{of.config['per_device_train_batch_size']} x {of.config['gradient_accumulation_steps']}"

    return (
        f"memory: micro-batch x accumulation is {batch(best)} instead of {batch(answer)}, which {_needs(answer, first)}"
    )


def _too_much(answer: Recommendation, found: FitAnswer) -> str:
    return f"memory: it {_needs(answer, found)}: {_mend(_most(answer, found))}"


def _needs(answer: Recommendation, found: FitAnswer) -> str:
    assert answer.vram is not None
    return (
        f"needs in this framework's way of training about {found.allocated_gib}, at most {found.upper_gib} of "
        f"{found.usable_gib} GiB (ours: {answer.vram.allocated_gib}, most of the difference in "
        f"{_most(answer, found).replace('_', ' ')})"
    )


def _most(answer: Recommendation, found: FitAnswer) -> str:
    assert answer.vram is not None
    ours = answer.vram.terms
    return max(found.terms, key=lambda term: found.terms[term] - ours.get(term, 0.0))


def _mend(term: str) -> str:
    if term in STATES:
        return "share it out (FSDP or ZeRO-3), or train an adapter"
    return "turn gradient checkpointing on, or shorten max_length"
