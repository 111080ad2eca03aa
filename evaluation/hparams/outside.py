"""What must not happen: a request beyond the data taken for one within, and a measured out-of-memory run for safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from evaluation.hparams.experts import Unseen
from tool.errors import BadRequest
from tool.learn.facts import Facts
from tool.learn.serve import Engine
from tool.load import Repo
from tool.schema.recommendation import RecommendRequest

KNOWN = Facts("sft", "lora", "chat", "llama", 8.0, seq_len=2048, gpus=1)
FOREIGN_FAMILIES = ("hyena", "retnet", "perceiver", "kan_lm", "liquid_s4", "diffusion_lm", "titans", "xlstm")
FOREIGN_TASKS = ("protein_folding", "text_to_speech", "image_captioning", "machine_olfaction", "robot_control")
FOREIGN_OBJECTIVES = ("ppo_clip2", "contrastive", "masked_lm", "diffusion", "energy_based")


def foreign_facts() -> Iterator[tuple[str, Facts]]:
    """Cases beyond the published data, one reason each."""
    for family in FOREIGN_FAMILIES:
        for size in (0.5, 7.0, 70.0):
            yield "family", replace(KNOWN, family=family, params_b=size)
    for size in (0.001, 0.01, 5e3, 2e4):
        for adapter in ("full", "lora", "qlora"):
            yield "size", replace(KNOWN, adapter=adapter, params_b=size)
    for length in (8, 16, 32, 4_000_000, 50_000_000):
        for adapter in ("full", "lora", "qlora"):
            yield "length", replace(KNOWN, adapter=adapter, seq_len=length)
    for gpus in (1024, 4096, 50_000):
        yield "hardware", replace(KNOWN, gpus=gpus)


def foreign_requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Whole requests beyond the vocabulary."""
    for task in FOREIGN_TASKS:
        for size in (0.5, 7.0, 70.0):
            yield "task", {"task": task, "params_b": size}
    for objective in FOREIGN_OBJECTIVES:
        for size in (0.5, 7.0, 70.0):
            yield "objective", {"task": "chat", "objective": objective, "params_b": size}
    for adapter in ("prompt_tuning", "hypernetwork", "bitfit"):
        yield "adapter", {"task": "chat", "adapter": adapter, "params_b": 7.0}
    for name in ("acme/hyena-7b", "lab/retnet-3b", "nobody/zorp-13b"):
        yield "family", {"task": "chat", "model": name, "params_b": 7.0}


def detected(repo: Repo, engine: Engine) -> list[tuple[str, str, bool]]:
    """(kind, case, seen as outside) of every foreign case."""
    from tool.recommend.question import ask

    rows = []
    for kind, facts in foreign_facts():
        rows.append((kind, str(facts), bool(engine.out_of_distribution(facts))))
    for kind, request in foreign_requests():
        try:
            seen = bool(ask(repo, RecommendRequest.model_validate(request)).outside)
        except BadRequest:
            seen = False  # taken for a typo: an error and not a safe answer
        rows.append((kind, str(request), seen))
    return rows


def flagged(everyone: Sequence[Unseen]) -> list[tuple[str, str, bool]]:
    """(repository, case, flagged) of every unseen expert's case, judged by the engine that did not know it."""
    return [
        (unseen.repository, str(item.facts), bool(unseen.engine.out_of_distribution(item.facts)))
        for unseen in everyone
        for item in unseen.items
    ]


def measured_ooms(repo: Repo) -> list[tuple[str, bool]]:
    """(id, called safe) of every measured out-of-memory run whose setup is published in full."""
    from tool.memory import fit
    from tool.memory.measurements import load_measurements

    rows = load_measurements(repo.root, include_reserved=True)
    full = [row for row in rows if row.outcome == "oom" and row.completeness == "full"]
    return [(row.id, fit(repo, row.request()).verdict == "fits") for row in full]
