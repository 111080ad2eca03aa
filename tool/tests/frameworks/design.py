"""A seeded design of requests for one framework: every objective with every adapter, on cards, lengths and sizes drawn.

Every other time around the answers are exported as the recommender gives them; else some values are set as a person or
a policy might, so that schedules, quantisations and targets that no answer has at present are seen as well.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace
from typing import Any

from tool.errors import BadRequest
from tool.export import Export, data_of, export, plan_of
from tool.export.engine import Plan
from tool.export.files import framework
from tool.load import Repo
from tool.recommend import recommend
from tool.recommend.question import ask
from tool.schema.recommendation import RecommendRequest

LEAST = 40
"""Exports that each framework's parser must take."""

OBJECTIVES = ("sft", "cpt", "dpo", "orpo", "kto", "simpo", "grpo")
ADAPTERS = ("full", "lora", "qlora", "dora")
TASKS = ("chat", "instruction_following", "code", "reasoning", "summarization")
MODELS = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "meta-llama/Llama-3.2-1B",
    "meta-llama/Llama-3.2-3B-Instruct",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "Qwen/Qwen2.5-1.5B",
    "Qwen/Qwen2.5-7B-Instruct",
)
OTHER_MODELS = ("google/gemma-2-2b-it", "mistralai/Mistral-7B-v0.1", "HuggingFaceTB/SmolLM2-1.7B-Instruct")
"""torchtune has no builder for some of these, so it is not asked for them."""

CARDS = (("T4", 1), ("T4", 2), ("RTX-4090", 1), ("RTX-4090", 4), ("A100-80GB", 1), ("A100-80GB", 2), ("H100-80GB", 8))
LENGTHS = (None, 512, 1024, 2048, 4096)
ROWS = (None, 200, 3_000, 50_000)


@dataclass(frozen=True)
class Case:
    """One export with the plan that it was made of."""

    request: dict[str, Any]
    plan: Plan
    done: Export


def requests(name: str) -> list[dict[str, Any]]:
    """The framework's requests: as often through all objectives and adapters as it takes for enough of them."""
    trained = [objective for objective in OBJECTIVES if objective in framework(name).objectives]
    pairs = list(itertools.product(trained, ADAPTERS))
    models = MODELS if name == "torchtune" else MODELS + OTHER_MODELS
    found = []
    for number in range(-(-LEAST // len(pairs)) * len(pairs)):
        objective, adapter = pairs[number % len(pairs)]
        draw = random.Random(f"{name} {number}")
        gpu, gpus = draw.choice(CARDS)
        request = {"model": draw.choice(models), "objective": objective, "adapter": adapter, "gpu": gpu, "gpus": gpus}
        request |= {"seq_len": draw.choice(LENGTHS), "dataset_rows": draw.choice(ROWS)}
        if objective == "sft":
            request["task"] = draw.choice(TASKS)
        found.append({key: value for key, value in request.items() if value is not None})
    return found


def plan_for(repo: Repo, request: dict[str, Any]) -> Plan:
    """What is exported for one request."""
    question = ask(repo, RecommendRequest.model_validate(request))
    answer = recommend(repo, question.request)
    data = data_of(question.task, answer.config["objective"], request.get("dataset_rows"))
    return plan_of(answer, question.subject.name, data, question.gpus)


def varied(plan: Plan, seed: str) -> Plan:
    """The plan with some values set otherwise."""
    draw = random.Random(seed)
    values = plan.values | {
        "lr_scheduler_type": draw.choice(["linear", "constant", "constant_with_warmup", "cosine"]),
        "optim": draw.choice(["adamw_torch", "adamw_torch_fused", "adamw_bnb_8bit", "paged_adamw_8bit"]),
        "weight_decay": draw.choice([0.0, 0.01, 0.1]),
        "warmup_ratio": draw.choice([0.0, 0.05, 0.1]),
        "num_train_epochs": draw.choice([1.0, 1.5, 3.0]),
        "precision": draw.choice(["bf16", "bf16", "fp16", "fp32"]),
        "seed": draw.randrange(1000),
    }
    if plan.objective in ("sft", "cpt"):
        values["packing"] = draw.random() < 0.5
    if plan.adapter != "full":
        values["target_modules"] = draw.choice(["all-linear", ["q_proj", "v_proj"], ["q_proj", "k_proj", "o_proj"]])
        values |= {"lora_r": draw.choice([8, 64]), "lora_alpha": draw.choice([16, 128]), "lora_dropout": 0.05}
    if plan.adapter == "qlora":
        values["quantization"] = draw.choice(["nf4", "nf4-dq"])
    elif plan.adapter in ("lora", "dora"):
        values["quantization"] = draw.choice(["none", "int8"])
    if values.get("beta"):
        values["beta"] = draw.choice([0.05, 0.2, 2.5])
    return replace(plan, values=values)


def cases(repo: Repo, name: str) -> list[Case]:
    """The exports of one framework."""
    found = []
    around = len(framework(name).objectives) * len(ADAPTERS)
    for number, request in enumerate(requests(name)):
        plan = plan_for(repo, request)
        plan = varied(plan, f"{name} values {number}") if number // around % 2 else plan
        found.append(Case(request, plan, export(name, plan)))
    return found


def refused(repo: Repo, name: str) -> dict[str, str]:
    """Objective → the refusal, for each that the framework lacks; or the export, which fails the caller's check."""
    answers = {}
    for objective in OBJECTIVES:
        if objective not in framework(name).objectives:
            plan = plan_for(repo, {"model": MODELS[0], "objective": objective, "adapter": "lora", "gpu": "A100-80GB"})
            try:
                answers[objective] = export(name, plan).text
            except BadRequest as error:
                answers[objective] = str(error)
    return answers
