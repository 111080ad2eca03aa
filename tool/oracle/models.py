"""Registry architecture → the real transformers model, pretended and shortened to the layers to be traced."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
import transformers

from tool.errors import FtcError
from tool.oracle.extrapolate import Depths
from tool.schema.model import Architecture

LAYER_TYPES = {"full": "full_attention", "sliding": "sliding_attention", "linear": "linear_attention"}
ENCODERS = ("bert", "roberta", "deberta-v2", "modernbert")
SHARED = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "intermediate_size",
    "vocab_size",
    "tie_word_embeddings",
    "max_position_embeddings",
    "sliding_window",
    "mlp_bias",
)
HEADLESS_WIDTH = ("bert", "roberta", "deberta-v2", "modernbert", "gpt2", "gpt_neox", "bloom", "falcon", "opt", "phi")
"""Architectures whose configuration derives the head width itself."""
LENGTH_SPARE = 8
"""Positions added above the traced length, for tables that start counting at 2."""


class CannotTrace(FtcError):
    """The architecture has no faithful transformers model here."""


def _experts(shape: Architecture) -> dict[str, Any]:
    experts = shape.experts
    if experts is None:
        return {}
    width = experts.intermediate_size
    return {
        "num_experts": experts.num_experts,
        "num_local_experts": experts.num_experts,
        "n_routed_experts": experts.num_experts,
        "num_experts_per_tok": experts.num_experts_per_tok,
        "moe_intermediate_size": width,
        "shared_expert_intermediate_size": experts.shared_intermediate_size,
        "first_k_dense_replace": experts.dense_layers,
        **({} if shape.intermediate_size else {"intermediate_size": width}),
    }


def _falcon(shape: Architecture) -> dict[str, Any]:
    grouped = shape.num_key_value_heads > 1
    return {"new_decoder_architecture": grouped, "multi_query": True, "num_kv_heads": shape.num_key_value_heads}


def _t5(shape: Architecture) -> dict[str, Any]:
    gated = shape.mlp_type == "gated"
    return {
        "d_model": shape.hidden_size,
        "d_kv": shape.head_dim,
        "d_ff": shape.intermediate_size,
        "num_layers": shape.num_hidden_layers,
        "num_decoder_layers": shape.num_hidden_layers,
        "num_heads": shape.num_attention_heads,
        "feed_forward_proj": "gated-gelu" if gated else "relu",
    }


def _bart(shape: Architecture) -> dict[str, Any]:
    ends = {
        f"{end}_{name}": value
        for end in ("encoder", "decoder")
        for name, value in (
            ("layers", shape.num_hidden_layers),
            ("attention_heads", shape.num_attention_heads),
            ("ffn_dim", shape.intermediate_size),
        )
    }
    # one table for each end, with two rows that no position uses
    positions = {"max_position_embeddings": shape.position_embeddings // 2 - 2}
    return {"d_model": shape.hidden_size, **ends, **positions}


def _mixtral(shape: Architecture) -> dict[str, Any]:
    return {"intermediate_size": shape.experts.intermediate_size} if shape.experts else {}


def _opt(shape: Architecture) -> dict[str, Any]:
    width = shape.embedding_size or shape.hidden_size
    positions = shape.position_embeddings - 2  # two rows that no position uses
    return {"ffn_dim": shape.intermediate_size, "word_embed_proj_dim": width, "max_position_embeddings": positions}


def _gemma4(shape: Architecture) -> dict[str, Any]:
    inputs = shape.per_layer_input
    return {
        "global_head_dim": shape.global_head_dim,
        "num_global_key_value_heads": shape.num_global_key_value_heads,
        "num_kv_shared_layers": shape.num_kv_shared_layers,
        "hidden_size_per_layer_input": inputs.hidden_size if inputs else 0,
        "vocab_size_per_layer_input": inputs.vocab_size if inputs else shape.vocab_size,
        "use_double_wide_mlp": shape.use_double_wide_mlp,
        "attention_k_eq_v": shape.attention_k_eq_v,
    }


def _qwen3_5(shape: Architecture) -> dict[str, Any]:
    mixer = shape.linear_attention
    if mixer is None:
        return {}
    return {
        "linear_num_key_heads": mixer.num_key_heads,
        "linear_num_value_heads": mixer.num_value_heads,
        "linear_key_head_dim": mixer.key_head_dim,
        "linear_value_head_dim": mixer.value_head_dim,
        "linear_conv_kernel_dim": mixer.conv_kernel,
    }


def _lfm2(shape: Architecture) -> dict[str, Any]:
    return {"block_auto_adjust_ff_dim": False, "conv_L_cache": shape.conv_kernel, "conv_bias": shape.conv_bias}


def _as_usual(shape: Architecture) -> dict[str, Any]:
    return {}


SPECIAL: dict[str, Callable[[Architecture], dict[str, Any]]] = {
    "falcon": _falcon,
    "t5": _t5,
    "bart": _bart,
    "mixtral": _mixtral,
    "olmoe": _mixtral,
    "granitemoe": _mixtral,
    "opt": _opt,
    "gemma4_text": _gemma4,
    "qwen3_5_text": _qwen3_5,
    "qwen3_next": _qwen3_5,
    "lfm2": _lfm2,
    "stablelm": lambda shape: {"use_qkv_bias": shape.qkv_bias},
    "gpt2": lambda shape: {"n_inner": shape.intermediate_size},
    "gpt_oss": _mixtral,
    "deberta-v2": lambda shape: {
        "type_vocab_size": shape.type_vocab_size,
        "relative_attention": shape.relative_embeddings > 0,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
    },
}


def layer_kinds(shape: Architecture) -> list[str]:
    """One word per layer; layers with the same word are built alike."""
    kinds = [str(kind) for kind in shape.layer_kinds or ["full"] * shape.num_hidden_layers]
    dense = shape.experts.dense_layers if shape.experts else 0
    return [f"{kind} dense" if index < dense else kind for index, kind in enumerate(kinds)]


def configuration(shape: Architecture, layers: int, attention: str, length: int) -> Any:
    """The transformers configuration of the first `layers` layers, with room for `length` tokens.

    Raises CannotTrace when transformers knows no such model type.
    """
    values = {name: getattr(shape, name) for name in SHARED if getattr(shape, name) is not None}
    values["attention_bias"] = shape.qkv_bias
    if shape.model_type in HEADLESS_WIDTH:
        values.pop("head_dim")
        values.pop("num_key_value_heads")
    if shape.type_vocab_size:
        values["type_vocab_size"] = shape.type_vocab_size
    if shape.norm_bias is False and shape.model_type == "modernbert":
        values["norm_bias"] = False
    values["max_position_embeddings"] = shape.position_embeddings or max(
        shape.max_position_embeddings or 0, length + LENGTH_SPARE
    )
    values |= _experts(shape) | SPECIAL.get(shape.model_type, _as_usual)(shape)
    if shape.layer_kinds:
        values["layer_types"] = [LAYER_TYPES.get(kind, kind) for kind in shape.layer_kinds]
    for name, value in list(values.items()):
        if name in ("num_hidden_layers", "num_layers", "num_decoder_layers", "encoder_layers", "decoder_layers"):
            values[name] = min(value, layers)
        elif name == "layer_types":
            values[name] = value[:layers]
    try:
        config = transformers.AutoConfig.for_model(shape.model_type, **values)
    except (ValueError, TypeError) as error:
        raise CannotTrace(
            f"transformers {transformers.__version__} cannot build {shape.model_type}: {error}"
        ) from error
    config._attn_implementation = {"eager": "eager"}.get(attention, "sdpa")
    config.use_cache = False
    return config


def _model_class(shape: Architecture, objective: str) -> Any:
    if objective == "classification":
        return transformers.AutoModelForSequenceClassification
    if shape.model_type in ("t5", "bart"):
        return transformers.AutoModelForSeq2SeqLM
    if shape.model_type in ENCODERS:
        return transformers.AutoModel
    return transformers.AutoModelForCausalLM


def build(shape: Architecture, layers: int, request: Any, dtype: Any) -> Any:
    """The model in training mode, weights in `dtype`, on the current (pretended) device."""
    config = configuration(shape, layers, request.attention, request.seq_len)
    if request.objective == "classification":
        config.problem_type = "single_label_classification"
    if config.is_encoder_decoder and getattr(config, "decoder_start_token_id", None) is None:
        config.decoder_start_token_id = config.pad_token_id
    model = _built(_model_class(shape, request.objective), config, dtype)
    model.train()
    return model


def _built(model_class: Any, config: Any, dtype: Any) -> Any:
    """The model; with eager attention where transformers has no other for it, as it says itself then."""
    try:
        return model_class.from_config(config, dtype=dtype)
    except ValueError as error:
        if "does not support an attention implementation" not in str(error):
            raise CannotTrace(str(error)) from error
    config._attn_implementation = "eager"
    return model_class.from_config(config, dtype=dtype)


def exact_parameters(shape: Architecture) -> int:
    """Parameters of the whole language model as transformers builds it, on the meta device."""
    config = configuration(shape, shape.num_hidden_layers, "sdpa", 1)
    with torch.device("meta"):
        model = _built(_model_class(shape, "sft"), config, torch.float32)
    return sum(parameter.numel() for parameter in model.parameters())


def layer_lists(model: Any) -> dict[str, Any]:
    """The stacks of layers of a model: path → ModuleList. An encoder-decoder has two."""
    wanted = [module for module in model.modules() if type(module).__name__.endswith("PreTrainedModel")] or [model]
    found = {
        path: module
        for path, module in wanted[0].named_modules()
        if isinstance(module, torch.nn.ModuleList)
        and path.rpartition(".")[2] in ("layers", "layer", "h", "block", "blocks")
    }
    return {path: stack for path, stack in found.items() if not any(path.startswith(other + ".") for other in found)}


def accepts(model: Any, name: str) -> bool:
    """Whether the model's forward takes an argument of that name."""
    return name in inspect.signature(model.forward).parameters


__all__ = ["CannotTrace", "Depths", "build", "configuration", "exact_parameters", "layer_kinds", "layer_lists"]
