"""The ordered steps of one answer: ask, decide, clamp, size, explain."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from tool.errors import BadRequest
from tool.load import Repo
from tool.recommend import laws
from tool.recommend.alternatives import what_would_fit
from tool.recommend.confidence import confidence, fit_probability
from tool.recommend.hours import estimated_hours
from tool.recommend.laws import Value
from tool.recommend.question import Question, ask
from tool.recommend.reach import beyond_reach
from tool.recommend.safety import clamp, conservative
from tool.recommend.sizing import LEAST_KTO, Setup, first_setup, solve, tightest
from tool.recommend.stacks import Choice, choose_stack
from tool.recommend.strategy import Knowledge, decide
from tool.rounding import rounded, significant
from tool.schema.dependency import Stack
from tool.schema.recommendation import Dependencies, Reason, Recommendation, RecommendRequest

WITHOUT_CARD_MICRO_BATCH = 4
TRANSFORMERS_5 = "huggingface/transformers 5.23.0, src/transformers/integrations/bitsandbytes.py"
EAGER = "huggingface/transformers 5.23.0, `_supports_sdpa` in the model's modeling file"
OF_EXPERTS = {
    "quantization": "experts are one parameter, not linear modules: they are not quantised",
    "target_modules": "experts are one parameter, not linear modules: target_parameters would name them",
}
"""What the reasons of a mixture of experts add: neither bitsandbytes nor `all-linear` reaches its experts."""
INTERNAL = frozenset({"effective_batch_size", "lora_alpha_ratio"})


@dataclass(frozen=True)
class Draft:
    """One adapter's answer before it is written out."""

    question: Question
    strategy: str
    values: dict[str, Value]
    setup: Setup
    accumulation: int
    fits: bool
    warnings: tuple[str, ...]


def recommend(repo: Repo, request: RecommendRequest, knowledge: Knowledge | None = None) -> Recommendation:
    """Answer one request. Raises BadRequest for a request that cannot be understood.

    A configuration that does not fit is still an answer: its `vram.verdict` says so and `warnings` say what would fit.
    """
    knowledge = knowledge or Knowledge()
    question = reached(ask(repo, request), knowledge)
    drafts = (draft(repo, question, adapter, knowledge) for adapter in adapters(question))
    first: Draft | None = None
    for candidate in drafts:
        first = first or candidate
        if candidate.fits:
            return write_out(repo, candidate, knowledge)
        last = candidate
    return write_out(repo, last if question.adapter == "auto" else first or last, knowledge)


def reached(question: Question, knowledge: Knowledge) -> Question:
    """The question with all that lies beyond what was learned or published among what is outside."""
    engine = knowledge.engine
    beyond = engine.outside(question) if engine is not None else beyond_reach(question)
    return replace(question, outside=question.outside + beyond)


def adapters(question: Question) -> list[str]:
    """Adapters to try, the preferred one first. A requested adapter is the only one."""
    if question.adapter != "auto":
        return [question.adapter]
    small = question.subject.parameters < 1e9
    wholly = question.subject.kind != "causal_lm" or question.objective == "cpt" or small
    order = ["full", "lora", "qlora"] if wholly and question.subject.parameters < 8e9 else ["lora", "qlora"]
    if question.outside:
        order = ["lora", "qlora"]
    hardware = question.hardware
    if hardware is not None and not hardware.gpu.bitsandbytes_nf4:
        order.remove("qlora")
    return order


def draft(repo: Repo, question: Question, adapter: str, knowledge: Knowledge) -> Draft:
    """Decide the hyperparameters for one adapter, clamp them, and size the run."""
    if adapter == "qlora" and question.hardware and not question.hardware.gpu.bitsandbytes_nf4:
        card = question.hardware.gpu.id
        raise BadRequest("adapter", f"{card} cannot run 4-bit bitsandbytes weights", "use --adapter lora")
    strategy, values, notes = decided(question, adapter, knowledge)
    values = clamp(repo, question, adapter, values)
    target = batch_target(values)
    per_gpu = sequences_per_gpu(target, question.gpus, least_step(question, values))
    rank = rank_of(values) if "lora_r" in values else None
    wanted = first_setup(question, adapter, str(values["optim"].value), rank)
    warnings = list(notes)
    if per_gpu * question.gpus >= 2 * target:
        total = f"{per_gpu * question.gpus} on {question.gpus} GPUs"
        warnings.append(f"the effective batch is {total}, above the {target} of practice: use fewer GPUs")
    setup, fits = sized(repo, question, wanted, per_gpu, rank, warnings)
    return Draft(question, strategy, values, setup, max(1, per_gpu // setup.micro_batch), fits, tuple(warnings))


def decided(question: Question, adapter: str, knowledge: Knowledge) -> tuple[str, dict[str, Value], tuple[str, ...]]:
    """(strategy, values by field, warnings) before any card is looked at; conservative values outside of the data."""
    strategy, values, notes = decide(question, adapter, knowledge)
    if question.outside:
        law = laws.learning_rate(question.objective, adapter, question.subject.kind, question.subject.parameters)
        values = conservative(values, law)
    return strategy, values, notes


def rank_of(values: dict[str, Value]) -> int:
    """Rank as the nearest power of two: kernels and published practice agree on these."""
    return max(1, 1 << round(math.log2(max(1.0, float(values["lora_r"].value)))))


def batch_target(values: dict[str, Value]) -> int:
    """Effective batch as the nearest power of two: it splits over cards and accumulation without a rest."""
    target = max(1.0, float(values["effective_batch_size"].value))
    power = 1
    while power * 2 <= target * 1.42:
        power *= 2
    return power


def least_step(question: Question, values: dict[str, Value]) -> int:
    """What the sequences of one GPU in an optimizer step must be a multiple of.

    KTO pairs rows, and TRL refuses a GRPO generation batch (per device x accumulation x GPUs) that num_generations
    does not divide (trl/trainer/grpo_config.py, GRPOConfig.__post_init__).
    """
    if question.objective == "kto":
        return LEAST_KTO
    group = int(values["num_generations"].value) if "num_generations" in values else 1
    return group // math.gcd(group, question.gpus)


def sequences_per_gpu(target: int, gpus: int, step: int) -> int:
    """Sequences of one GPU in an optimizer step: the multiple of `step` that comes nearest to the target."""
    return step * max(1, round(target / gpus / step))


def sized(
    repo: Repo, question: Question, wanted: Setup, per_gpu: int, rank: int | None, warnings: list[str]
) -> tuple[Setup, bool]:
    """The setup for the card, and whether it fits. Without a card: a small micro-batch and no memory claim."""
    if question.hardware is None:
        least = LEAST_KTO if question.objective == "kto" else 1
        micro = max(size for size in range(least, WITHOUT_CARD_MICRO_BATCH + 1) if per_gpu % size == 0)
        return replace(wanted, micro_batch=micro, gradient_checkpointing=True), True
    found = solve(repo, question, wanted, per_gpu)
    if found is None:
        failed = tightest(repo, question, wanted)
        warnings.append(
            f"does not fit on {question.hardware.gpu.id}, even with the smallest micro-batch and checkpointing"
        )
        warnings.extend(what_would_fit(repo, question, failed, rank))
        return failed, False
    if found.max_length < wanted.max_length:
        warnings.append(f"length lowered from {wanted.max_length} to {found.max_length} tokens to fit the card")
    return found, True


def config_of(done: Draft) -> dict[str, Any]:
    """The configuration under the names of the design, section 2."""
    setup, values, question = done.setup, done.values, done.question
    config: dict[str, Any] = {name: value.value for name, value in values.items() if name not in INTERNAL}
    rank = setup.lora_r
    config |= {
        "task_type": question.task.id,
        "objective": question.objective,
        "adapter": setup.adapter,
        "per_device_train_batch_size": setup.micro_batch,
        "gradient_accumulation_steps": done.accumulation,
        "max_length": setup.max_length,
        "optim": setup.optim,
        "lora_r": rank,
        "lora_alpha": max(1, round(rank * float(values["lora_alpha_ratio"].value))) if rank else None,
        "lora_dropout": config.get("lora_dropout"),
        "target_modules": setup.target_modules,
        "gradient_checkpointing": setup.gradient_checkpointing,
        "packing": setup.packing,
        "precision": setup.precision,
        "quantization": setup.quantization,
        "attn_implementation": setup.attention,
        "sharding": setup.sharding,
    }
    if setup.adapter == "qlora":
        config["kbit_preparation"] = False
    return dict(sorted(rounded(config).items()))


def write_out(repo: Repo, done: Draft, knowledge: Knowledge) -> Recommendation:
    """The contract's answer from a draft."""
    question, setup = done.question, done.setup
    constrained = bool(question.outside)
    config = config_of(done)
    choice = choose_stack(repo, question)
    rate = done.values["learning_rate"]
    sure = confidence(rate, setup.vram, constrained)
    if knowledge.engine is not None and not constrained:
        sure = knowledge.engine.confidence(question, setup.adapter, float(rate.value), fit_probability(setup.vram))
    warnings = [*question.warnings, *done.warnings]
    if setup.vram is not None and setup.vram.verdict == "abstain":
        warnings.append(f"memory is bounded, not forecast: {setup.vram.abstained_because}")
    if constrained:
        warnings.append("constrained-safe setting, because " + "; ".join(question.outside))
    if choice.stack is None and choice.ruled_out:
        warnings.append("no dependency stack was chosen: " + "; ".join(choice.ruled_out))
    hours = estimated_hours(question, setup, float(done.values["num_train_epochs"].value))
    limit = question.hardware.plan.runtime_limit_hours if question.hardware and question.hardware.plan else None
    if hours and limit and hours > limit:
        warnings.append(f"about {hours:.1f} h of training, beyond the plan's limit of {limit:g} h: save checkpoints")
    return Recommendation(
        id=question.request.id,
        engine=knowledge.engine.version if knowledge.engine else None,
        slot=knowledge.slot,
        strategy=done.strategy,
        request=question.request.model_dump(by_alias=True, exclude_none=True, exclude={"id"}),
        config=config,
        effective_batch_size=setup.micro_batch * done.accumulation * question.gpus,
        vram=setup.vram,
        confidence=significant(sure),
        constrained_safe=constrained,
        dependencies=_dependencies(choice.stack) if choice.stack else None,
        reasons=(*reasons(done, config), *stack_reason(choice)),
        warnings=tuple(dict.fromkeys(warnings)),
        estimated_hours=significant(hours, 2) if hours is not None else None,
    )


def stack_reason(choice: Choice) -> list[Reason]:
    """Why it is this stack, where the card ruled out a more usual one."""
    if choice.stack is None or not choice.ruled_out:
        return []
    rule = "the newest that runs there: " + "; ".join(choice.ruled_out)
    return [Reason(field="dependencies", value=choice.stack.id, rule=rule, source="policies/safety (kind offer)")]


def _dependencies(stack: Stack) -> Dependencies:
    return Dependencies(stack=stack.id, pins=dict(stack.pins), from_image=dict(stack.from_image))


def reasons(done: Draft, config: dict[str, Any]) -> list[Reason]:
    """One reason a field, in the order of the names."""
    found = []
    for name in sorted(config):
        if config[name] is None:
            continue
        value = done.values.get(name) or derived_reason(done, name)
        found.append(Reason(field=name, value=config[name], rule=value.rule, source=value.source, n=value.n))
    batch = done.values["effective_batch_size"]
    total = done.setup.micro_batch * done.accumulation * done.question.gpus
    found.append(Reason(field="effective_batch_size", value=total, rule=batch.rule, source=batch.source, n=batch.n))
    return found


def derived_reason(done: Draft, name: str) -> Value:
    """Reasons of fields that follow from the card, the task or other fields."""
    question, hardware = done.question, done.question.hardware
    if name == "lora_alpha":
        ratio = done.values["lora_alpha_ratio"]
        return replace(ratio, rule=f"rank x {ratio.value:g}: {ratio.rule}")
    card = f"profiles/gpus/{hardware.gpu.id}.yaml" if hardware else "no card named"
    task = f"profiles/tasks/{question.task.id}.yaml"
    memory = "memory bound (tool/memory)" if hardware else "no card named: not sized"
    rules = {
        "per_device_train_batch_size": ("largest that fits under the memory bound", memory),
        "gradient_accumulation_steps": ("reaches the effective batch", "effective_batch_size"),
        "gradient_checkpointing": ("only when the card needs it", memory),
        "sharding": ("only as much as the cards need", memory),
        "max_length": ("the request's length" if question.seq_len else "the task's length, halved until it fits", task),
        "precision": ("bf16 where the card computes in it, else fp16", card),
        "quantization": ("4-bit NormalFloat, double-quantised, for QLoRA only", laws.QLORA),
        "target_modules": ("all linear layers", laws.QLORA),
        "kbit_preparation": ("TRL leaves what is not quantised in 16 bits; fp32 copies would double it", laws.TRL),
        "packing": ("the task's choice", task),
        "task_type": ("the request", task),
        "objective": ("the request or the task's default", task),
        "adapter": _adapter_rule(question),
        "attn_implementation": ("works on every card, no extra package", laws.TRL)
        if done.setup.attention != "eager"
        else ("transformers has no other for this kind of model without an extra package", EAGER),
    }
    rule, source = rules[name]
    if question.subject.architecture.experts is not None and name in OF_EXPERTS:
        return Value(None, f"{rule}; {OF_EXPERTS[name]}", f"{source}; {TRANSFORMERS_5}")
    return Value(None, rule, source)


def _adapter_rule(question: Question) -> tuple[str, str]:
    if question.adapter != "auto":
        return "the request", "request"
    return "the most capable adapter that fits: full for small models and encoders, else LoRA, else QLoRA", laws.TRL
