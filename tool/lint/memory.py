"""What a configuration costs on the card, priced as `ftc fit` prices it, and what would fit instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tool.lint.finding import Finding
from tool.lint.known import newest
from tool.lint.names import NAMES
from tool.lint.requests import valid
from tool.lint.rules.sharding import deepspeed_key, fsdp_key
from tool.lint.view import View
from tool.load import Repo
from tool.load.gpu_names import resolve_gpu
from tool.memory import fit
from tool.memory.explain import cheapest_changes
from tool.recommend.question import Question
from tool.schema.fit import FitAnswer, FitRequest

TERMS_SHOWN = 3
SHORTEST = 256
_FRAMEWORKS = {
    "trl": f"trl-{newest('trl')}",
    "unsloth": "unsloth",
    "ms-swift": "ms-swift",
    "llamafactory": "llama-factory",
}
_ATTENTION = {"flash_attention_2": "flash", "flash_attention_3": "flash", "fa2": "flash", "flash_attn": "flash"}
_ATTENTION |= {"flash": "flash", "sdpa": "sdpa", "eager": "eager", "disabled": "eager"}
_FUSED: tuple[str, ...] = (
    "use_liger_kernel",
    "use_liger",
    "enable_liger_kernel",
    "liger_fused_linear_cross_entropy",
    "use_liger_loss",
)
_FUSED += ("cut_cross_entropy", "chunked_cross_entropy", "liger_cross_entropy")
_OFFLOADS = ("activation_offloading", "enable_activation_offloading", "activation_cpu_offload")


def fit_request(view: View, question: Question | None) -> FitRequest | None:
    """The question that `ftc fit` would be asked; None where the file names no model."""
    draft = view.draft
    if draft is None or (draft.model is None and question is None) or draft.modality != "text":
        return None
    full = view.adapter == "full"
    sharding, gpus = _sharding(view), view.target.gpus or draft.gpus or draft.data_parallel
    if question is not None and question.hardware is not None:
        gpus = view.target.gpus or (question.hardware.count if view.target.platform else gpus)
    fields: dict[str, Any] = {
        "method": "full" if full else view.adapter,
        "objective": view.objective,
        "framework": _FRAMEWORKS.get(view.framework, view.framework),
        "dtype": draft.precision,
        "quant": "none" if full else _quant(draft.base_quantization),
        "optimizer": draft.optim,
        "lora_r": None if full else draft.lora_r,
        "lora_targets": None if full else _targets(draft.target_modules),
        "micro_batch": draft.micro_batch,
        "seq_len": draft.max_length,
        "seq_len_kind": "packed" if draft.packing else "padded-max",
        "grad_checkpointing": _checkpointing(view),
        "attention": _attention(view),
        "chunked_or_fused_loss": True if view.on(*_FUSED) or _is_chunked(view) else None,
        "optimizer_in_backward": True if view.on("optimizer_in_bwd") else None,
        "activation_offload": True if view.on(*_OFFLOADS) else None,
        "gpus": gpus,
        "sharding": sharding,
    }
    fields |= _model(view, question)
    return valid(FitRequest, fields)


def _model(view: View, question: Question | None) -> dict[str, Any]:
    from tool.recipes.models import parameters_of

    named = view.draft.model if view.draft else None
    fields: dict[str, Any] = {"model": named}
    if question is not None:
        subject, hardware = question.subject, question.hardware
        fields = {"model": subject.name, "params_b": None if subject.exact else subject.parameters / 1e9}
        if hardware is not None:
            fields["gpu"] = f"{hardware.gpu.id} ({hardware.usable_gib} GiB)"
    elif named:
        fields["params_b"] = parameters_of(named)
    return fields


def _is_chunked(view: View) -> bool:
    """torchtune's losses that never hold all logits."""
    component = view.word("loss._component_")[1]
    return "chunkedoutput" in component or "linearcrossentropy" in component


def _quant(stored: str) -> str:
    return {"4bit": "gptq-int4", "fp8": "none"}.get(stored, stored)


def _targets(targets: str | tuple[str, ...] | None) -> str | list[str] | None:
    return targets if targets is None or isinstance(targets, str) else list(targets)


def _checkpointing(view: View) -> bool | None:
    """Unsloth writes the word `unsloth` for its own, Axolotl `offload`."""
    value = view.draft.gradient_checkpointing if view.draft else None
    if value is None and view.has("use_gradient_checkpointing"):
        return not view.off("use_gradient_checkpointing")
    return value


def _attention(view: View) -> str | None:
    _, word = view.word("attn_implementation", "attn_impl", "flash_attn")
    if word in _ATTENTION:
        return _ATTENTION[word]
    if view.on("flash_attention", "use_flash_attn"):
        return "flash"
    return "sdpa" if view.on("sdp_attention") else "eager" if view.on("eager_attention") else None


def _sharding(view: View) -> str | None:
    """The stage is read off the name of DeepSpeed's file, as everyone names them."""
    key = deepspeed_key(view)
    if key:
        text = f"{view.word(key)[1]} {view.word('zero_stage')[1]} {view.word('deepspeed.zero_optimization.stage')[1]}"
        return next((f"zero{stage}" for stage in "321" if stage in text.replace("bf16", "")), "zero2")
    return "fsdp" if fsdp_key(view) else None


def memory(view: View, repo: Repo, request: FitRequest, answer: FitAnswer) -> Iterator[Finding]:
    """One finding where the run does not fit or only just; none without a card."""
    if answer.verdict not in ("oom", "tight") or answer.upper_gib is None:
        return
    head = "does not fit" if answer.verdict == "oom" else "may not fit"
    message = f"{head}: {need(answer)}, peak in {answer.peak_phase} ({largest(answer)})"
    changes = cheapest_changes(repo, request)
    fitting = [change for change in changes if change["verdict"] == "fits"]
    mend = "; or ".join(f"{item['change']} ({item['upper_gib']:g} GiB)" for item in fitting)
    mend = mend or together(repo, request) or "nothing usual is enough: take a larger card, or more of them"
    place = next((view.key_of(name) for name in ("micro_batch", "max_length", "model") if view.key_of(name)), "")
    yield view.find("memory", place, message, mend, "error" if answer.verdict == "oom" else "warning")


def together(repo: Repo, request: FitRequest) -> str:
    """The first of the usual changes, one on top of the other, with which it fits; empty where none is enough."""
    made: list[str] = []
    bound = fit(repo, request).upper_gib
    for name, change in _ladder(repo, request):
        changed = request.model_copy(update=change)
        answer = fit(repo, changed)
        if answer.upper_gib is None or bound is None or answer.upper_gib >= bound:
            continue  # the framework does so by itself
        request, bound = changed, answer.upper_gib
        made = [step for step in made if step.split()[0] != name.split()[0]] + [name]
        if answer.verdict == "fits":
            return f"together: {', '.join(made)} ({answer.upper_gib:g} GiB)"
    return ""


def _ladder(repo: Repo, request: FitRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    """What costs time first, then what costs quality."""
    if (request.micro_batch or 1) > 1:
        yield "micro-batch 1 with more accumulation", {"micro_batch": 1}
    if request.grad_checkpointing is not True:
        yield "gradient checkpointing", {"grad_checkpointing": True}
    if request.chunked_or_fused_loss is not True:
        yield "a fused or chunked loss", {"chunked_or_fused_loss": True}
    if request.method == "full":
        yield "LoRA instead of full fine-tuning", {"method": "lora", "master_weights": None, "lora_r": 16}
    card = resolve_gpu(repo, request.gpu) if request.gpu else None
    if request.method != "qlora" and card is not None and card[0].bitsandbytes_nf4:
        yield "QLoRA (NF4)", {"method": "qlora", "quant": "nf4-dq"}
    length = (request.seq_len or 2048) // 2
    while length >= SHORTEST:
        yield f"length {length}", {"seq_len": length}
        length //= 2


def need(answer: FitAnswer) -> str:
    """What the framework allocates, and the bound on what the run needs, in GiB a card."""
    usable = "" if answer.usable_gib is None else f" of {answer.usable_gib:g}"
    return f"about {answer.allocated_gib:g} GiB, at most {answer.upper_gib:g}{usable}"


def largest(answer: FitAnswer) -> str:
    """The largest terms in words."""
    terms = sorted(answer.terms.items(), key=lambda item: (-item[1], item[0]))[:TERMS_SHOWN]
    return ", ".join(f"{name.replace('_', ' ')} {size:.1f}" for name, size in terms)


def steps(view: View) -> Iterator[Finding]:
    """Steps against the rows that the user named: batches beyond them, warm-ups without end, many passes over few."""
    draft, rows = view.draft, view.target.rows
    if draft is None or rows is None or not draft.micro_batch:
        return
    ranks = view.target.gpus or draft.data_parallel or draft.gpus or 1
    batch = draft.micro_batch * (draft.accumulation or 1) * ranks
    if batch > rows:
        key = view.key_of("micro_batch")
        message = f"{batch} sequences a step ({draft.micro_batch} × {draft.accumulation or 1} × {ranks}) of {rows} rows"
        yield view.find("batch-above-rows", key, message, "one step would be more than one epoch: lower it")
    total = draft.max_steps or (draft.epochs or 0) * rows / batch
    if draft.max_steps and draft.max_steps * batch > 10 * rows:
        key = view.key_of("max_steps")
        passes = draft.max_steps * batch / rows
        message = f"{key} of {draft.max_steps} is {passes:.0f} passes over {rows} rows"
        yield view.find("many-passes", key, message, f"{max(1, 3 * rows // batch)} steps are three", "warning")
    warm = draft.warmup_steps or 0
    if total and warm >= total and not view.number(*NAMES["max_steps"])[1]:
        key = view.key_of("warmup_steps")
        message = f"{key} is {warm:g} of {total:.0f} steps: the full rate is never reached"
        yield view.find("warmup-too-long", key, message, f"use at most {max(1, int(total) // 10)}", "error")
