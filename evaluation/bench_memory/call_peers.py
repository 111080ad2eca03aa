# mypy: disable-error-code=import-not-found
"""Runs in the peers' environment: cases on stdin, one answer a line on stdout. Imports nothing of this repository.

Each peer is called through the function behind its own command line, with the model's config.json handed over
where the command would download it. An answer is GiB by peer; a peer that says itself that it does not cover a
case (method, experts, sharding) gives a text instead.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

GIB = 2**30
MIB_PER_GIB = 1024
FULL_NAMES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
Case = dict[str, Any]


class NotCovered(Exception):
    """The peer does not claim to answer this."""


def _single(case: Case) -> None:
    if case.get("sharding", "none") not in ("none", "ddp"):
        raise NotCovered("sharding")


def _plain(case: Case, *losses: str) -> None:
    """Refuse what the estimator has no input for: other quantisers, fused losses, in-backward optimizers."""
    if case.get("quant", "none") not in ("none", "nf4", "nf4-dq", "int8"):
        raise NotCovered(case["quant"])
    if case.get("optimizer_in_backward"):
        raise NotCovered("optimizer in backward")
    if case.get("chunked_or_fused_loss") and "fused" not in losses:
        raise NotCovered("fused loss")


def _dtype(case: Case) -> str:
    text = str(case.get("dtype", "bf16"))
    return next((name for name in FULL_NAMES if text.startswith(name)), "bf16")


def fitcheck(case: Case) -> float:
    """fitcheck-llm: estimate(); its own overhead belongs to the driver's figure, not to the allocator's peak."""
    from fitcheck import config_parser, estimator, gpu_db

    _single(case)
    _plain(case)
    if case["method"] not in ("full", "lora", "qlora"):
        raise NotCovered(case["method"])
    config_parser._reject_unsupported(case["config"], case.get("model", ""))
    fields = config_parser._parse_fields(case["config"])
    model = config_parser.ModelConfig(name=case["model"], num_params=case["parameters"], **vars(fields))
    optimizer = str(case.get("optimizer", "adamw"))
    eight = "8bit" in optimizer
    if not optimizer.startswith(("adam", "paged_adam", "sgd")):
        raise NotCovered(optimizer)
    quant = case.get("quant", "none")
    training = estimator.TrainingConfig(
        precision=_dtype(case),
        quantization="nf4" if quant == "nf4-dq" else quant,
        double_quant=quant == "nf4-dq",
        optimizer="adam8bit" if eight else "sgd" if optimizer.startswith("sgd") else "adamw",
        optimizer_dtype="bf16" if case["method"] == "full" and _dtype(case) == "bf16" else "fp32",
        batch_size=case["micro_batch"],
        seq_len=case["seq_len"],
        lora_rank=None if case["method"] == "full" else case.get("lora_r", 16),
        grad_checkpoint=bool(case.get("grad_checkpointing")),
        flash_attn=case.get("attention") in ("flash", "sdpa"),
        **({} if case["method"] == "full" else {"lora_targets": _fitcheck_targets(case)}),
    )
    card = gpu_db.get_gpu(vram_mib=int((case.get("usable_gib") or 80.0) * MIB_PER_GIB))
    report = estimator.estimate(model, training, card)
    if case.get("kind") == "allocated":
        return float(report.total_mib - report.overhead_mib) / MIB_PER_GIB
    return float(report.total_mib) / MIB_PER_GIB


def _fitcheck_targets(case: Case) -> list[str]:
    short = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj"}
    feed_forward = {"gate": "gate_proj", "up": "up_proj", "down": "down_proj"}
    every = short | feed_forward
    targets = case.get("lora_targets") or "q,v"
    if isinstance(targets, str):
        targets = list(every) if "all" in targets else targets.split(",")
    return [every[name.strip()] for name in targets if name.strip() in every] or ["q_proj", "v_proj"]


def canifinetune(case: Case) -> float:
    """canifinetune: estimate() with an architecture override; without its safety margin, and for the allocator's
    peak without its share for CUDA."""
    from canifinetune.estimator.memory import EstimateRequest, estimate

    _single(case)
    _plain(case, "fused")
    if case["method"] not in ("full", "lora", "qlora"):
        raise NotCovered(case["method"])
    quant = case.get("quant", "none")
    targets = str(case.get("lora_targets"))
    optimizer = str(case.get("optimizer", "adamw"))
    request = EstimateRequest(
        model_id=case["model"],
        method=case["method"],
        gpu_vram_gb=case.get("usable_gib") or 80.0,
        seq_len=case["seq_len"],
        micro_batch_size=case["micro_batch"],
        lora_rank=case.get("lora_r", 16),
        lora_target_scope="all_linear" if "all" in targets or "up" in targets else "attention",
        quantization={"nf4-dq": "nf4_double_quant", "none": "nf4"}.get(quant, quant),
        base_dtype=_dtype(case),
        optimizer=optimizer if optimizer in ("paged_adamw_8bit", "adamw_8bit", "sgd") else "adamw_torch",
        gradient_checkpointing=bool(case.get("grad_checkpointing")),
        attention_implementation={"flash": "flash_attention_2", "eager": "eager"}.get(
            str(case.get("attention")), "sdpa"
        ),
        loss_backend="liger" if case.get("chunked_or_fused_loss") else "stock",
        use_network=False,
        override={
            **case["config"],
            "family": _canifinetune_family(case["config"]["model_type"]),
            "total_params": case["parameters"],
        },
    )
    memory = estimate(request).memory
    total = memory.total_estimated_gb - memory.safety_margin_gb
    return float(total - memory.cuda_overhead_gb if case.get("kind") == "allocated" else total)


def _canifinetune_family(model_type: str) -> str:
    return {"qwen2": "qwen2.5", "gemma2": "gemma2", "gemma": "gemma"}.get(model_type, model_type)


@cache
def _model_folder(config: str) -> str:
    folder = tempfile.mkdtemp(prefix="peer-model-")
    (Path(folder) / "config.json").write_text(config, encoding="utf-8")
    return folder


@cache
def _ibm() -> Any:
    """fm-training-estimator's theory, with its regressors (they need the user's own runs) left out."""
    regressor, data = types.ModuleType("regressor"), types.ModuleType("data")
    regressor.LookupRegressor = regressor.GetRegressor = data.format_query = None  # type: ignore[attr-defined]
    sys.modules["fm_training_estimator.regressor"] = regressor
    sys.modules["fm_training_estimator.data"] = data
    from fm_training_estimator.memory.full import full

    class Tokenizer:
        """Only its length is asked for; the model's own positions overrule it."""

        model_max_length = 10**6

        @classmethod
        def from_pretrained(cls, path: str) -> Tokenizer:
            return cls()

    class Optimizers:
        """transformers' names, with one that transformers 5 dropped and the estimator still reads."""

        ADAMW_TORCH, ADAMW_HF, SGD = "adamw_torch", "adamw_hf", "sgd"

        def __new__(cls, name: str) -> str:  # type: ignore[misc]
            return name

    full.AutoTokenizer, full.OptimizerNames = Tokenizer, Optimizers
    from fm_training_estimator.config import arguments
    from fm_training_estimator.memory import fsdp, lora, qlora

    return types.SimpleNamespace(arguments=arguments, full=full, fsdp=fsdp, lora=lora, qlora=qlora)


@cache
def _ibm_estimator(
    method: str, folder: str, dtype: str, checkpointed: bool, rank: int, targets: tuple[str, ...]
) -> Any:
    ibm = _ibm()
    model = ibm.arguments.FMArguments(base_model_path=folder, torch_dtype=dtype, block_size=1, technique=method)
    training = ibm.arguments.HFTrainingArguments(
        output_dir=folder, per_device_train_batch_size=1, gradient_checkpointing=checkpointed
    )
    if method == "full":
        return ibm.full.FullParameterTuningEstimator(model, training)
    adapter = ibm.arguments.PeftLoraConfig(r=rank, target_modules=list(targets))
    if method == "lora":
        return ibm.lora.LoraEstimator(model, training, adapter)
    return ibm.qlora.QLoraEstimator(model, training, adapter, ibm.arguments.PeftQLoraConfig())


def ibm(case: Case) -> float:
    """fm-training-estimator: get_total_mem_estimate() of the method's class; FSDP for full fine-tuning."""
    method, sharding = case["method"], case.get("sharding", "none")
    if method not in ("full", "lora", "qlora") or case["config"].get("num_local_experts"):
        raise NotCovered("method or experts")
    if sharding not in ("none", "ddp") and (method, sharding) != ("full", "fsdp"):
        raise NotCovered("sharding")
    folder = _model_folder(json.dumps(case["config"], sort_keys=True))
    dtype = FULL_NAMES[_dtype(case)]
    targets = tuple(_fitcheck_targets(case))
    checkpointed = bool(case.get("grad_checkpointing"))
    estimator = _ibm_estimator(method, folder, dtype, checkpointed, case.get("lora_r", 16), targets)
    estimator.b, estimator.s = case["micro_batch"], case["seq_len"]
    if sharding == "fsdp":
        arguments = _ibm().arguments.HFTrainingArguments(output_dir=folder)
        arguments.fsdp = ["full_shard"]
        sharded = _ibm().fsdp.FSDPEstimator(estimator.fm_args, arguments, estimator, 80 * GIB)
        sharded.set_number_of_gpus(case.get("gpus", 1))
        estimator = sharded
    return float(estimator.get_total_mem_estimate()) / GIB


def llm_analysis(case: Case) -> float:
    """llm-analysis: LLMAnalysis.training(), full fine-tuning; ZeRO and FSDP by its ZeRO stages."""
    from llm_analysis import analysis, config

    stages = {"none": 0, "ddp": 0, "zero2": 2, "zero3": 3, "fsdp": 3}
    if case["method"] != "full" or case.get("sharding", "none") not in stages:
        raise NotCovered("adapters")
    shape = case["config"]
    model = config.ModelConfig(
        name=case["model"],
        num_layers=shape["num_hidden_layers"],
        n_head=shape["num_attention_heads"],
        hidden_dim=shape["hidden_size"],
        vocab_size=shape["vocab_size"],
        max_seq_len=max(case["seq_len"], shape["max_position_embeddings"]),
        num_key_value_heads=shape["num_key_value_heads"],
        ffn_embed_dim=shape["intermediate_size"],
        expansion_ratio=shape["intermediate_size"] / shape["hidden_size"],
        model_type=shape["model_type"],
        moe_num_experts=shape.get("num_local_experts", 1),
        moe_top_k=shape.get("num_experts_per_tok", 1),
    )
    bits = 32 if _dtype(case) == "fp32" else 16
    dtype = config.DtypeConfig(name="mixed", weight_bits=bits, activation_bits=bits, embedding_bits=bits)
    gpus = case.get("gpus", 1)
    machine = analysis.LLMAnalysis(
        model,
        config.get_gpu_config_by_name("a100-sxm-80gb"),
        dtype,
        config.ParallelismConfig(dp_size=gpus),
    )
    recompute = (
        analysis.ActivationRecomputation.FULL
        if case.get("grad_checkpointing")
        else (analysis.ActivationRecomputation.NONE)
    )
    summary = machine.training(
        batch_size_per_gpu=case["micro_batch"],
        gradient_accumulation_steps=1,
        global_batch_size=case["micro_batch"] * gpus,
        seq_len=case["seq_len"],
        activation_recomputation=recompute,
        ds_zero=analysis.DSZeRO(stages[case.get("sharding", "none")]),
        flash_attn=case.get("attention") in ("flash", "sdpa"),
        mlp_gated_linear_units=shape["model_type"] not in ("gpt2", "gpt_neox", "gpt_bigcode", "bloom", "opt", "phi"),
    )
    return float(summary["(weight+op_state+grad+act)_memory_per_gpu"]) / GIB


def accelerate_rule(case: Case) -> float:
    """accelerate estimate-memory: peak of estimate_training_usage(), full fine-tuning with Adam on one GPU."""
    from accelerate.commands.estimate import estimate_training_usage

    if case["method"] != "full":
        raise NotCovered("adapters")
    _single(case)
    sizes = estimate_training_usage(case["parameters"] * 4, FULL_NAMES[_dtype(case)])
    return float(max(sizes.values())) / GIB


PEERS: dict[str, Callable[[Case], float]] = {
    "fitcheck-llm": fitcheck,
    "canifinetune": canifinetune,
    "fm-training-estimator": ibm,
    "llm-analysis": llm_analysis,
    "accelerate": accelerate_rule,
}


def answer(case: Case) -> dict[str, Any]:
    """GiB or the reason of silence, by peer."""
    answers: dict[str, Any] = {"id": case["id"]}
    for name, peer in PEERS.items():
        try:
            answers[name] = round(peer(case), 4)
        except Exception as refusal:  # a peer's own error is its answer
            answers[name] = f"{type(refusal).__name__}: {refusal}"[:200]
    return answers


def main() -> None:
    """Answer every line of stdin."""
    logging.disable(logging.CRITICAL)
    warnings.filterwarnings("ignore")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
