"""What each supported model type has that its config.json does not say: norms, biases, positions, experts.

A family is fixed fields plus, where the config decides, a function of it. Source: the modelling code of
transformers 5.23 for each type; remote code for qwen, chatglm, baichuan and internlm2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tool.architecture.traits import (
    ALL_BIASES,
    Derive,
    Fields,
    bart,
    chatglm,
    deberta,
    encoder,
    experts,
    falcon,
    four_times,
    gemma3n,
    gemma4,
    granite_hybrid,
    latent_attention,
    learned_positions,
    lfm_moe,
    lfm_width,
    linear_attention,
    listed_dense,
    llama4,
    multi_query,
    nemotron_hybrid,
    opt,
    shared_expert,
    shared_multiple,
    short_conv,
    sparse_layers,
    t5,
    used_window,
    when,
)


@dataclass(frozen=True)
class Family:
    """Fixed fields of a model type, and functions that read more from the config; later ones win."""

    fixed: Fields = field(default_factory=dict)
    derive: tuple[Derive, ...] = ()


def _family(*derive: Derive, **fixed: Any) -> Family:
    return Family(fixed, derive)


LAYER_NORM: Fields = {"norm": "LayerNorm", "norm_bias": True}
PLAIN: Fields = {"mlp_type": "plain"}
CLASSIC: Fields = {**LAYER_NORM, **PLAIN, **ALL_BIASES}
"""GPT-2 and its time: LayerNorm, two-matrix MLP, biases everywhere."""


_HEADS = "num_attention_heads"
_HEAD_NORM: Fields = {"query_key_norm": "head"}
_QWEN_BIAS: Fields = {"qkv_bias": True, "attn_out_bias": False}
_NO_OUT: Fields = {"attn_out_bias": False}
_COHERE: Fields = {"norm": "LayerNorm", "norms_per_layer": 1}
_BERT = _family(encoder, learned_positions(), **CLASSIC, pooler=True)
_ROBERTA = _family(encoder, learned_positions(), **CLASSIC, pooler=True)
_LLAMA = _family()
_QWEN2 = _family(**_QWEN_BIAS)
_QWEN3 = _family(**_HEAD_NORM)
_GEMMA3 = _family(norms_per_layer=4, **_HEAD_NORM)

FAMILIES: dict[str, Family] = {
    **dict.fromkeys(
        ("llama", "mistral", "ministral", "ministral3", "granite", "gemma", "smollm3", "helium", "cwm", "vaultgemma"),
        _LLAMA,
    ),
    **dict.fromkeys(("phi3", "baichuan", "internlm2"), _LLAMA),
    "mixtral": _family(experts()),
    **dict.fromkeys(("qwen2", "qwen2_vl", "qwen2_5_vl", "qwen2_vl_text", "qwen2_5_vl_text"), _QWEN2),
    "qwen": _family(lambda r: {"intermediate_size": r.count("intermediate_size") // 2}, **_QWEN_BIAS),
    "qwen2_moe": _family(experts(shared_expert), when("qkv_bias", _QWEN_BIAS, True)),
    "qwen3": _QWEN3,
    "qwen3_vl_text": _QWEN3,
    "qwen3_moe": _family(experts(sparse_layers), **_HEAD_NORM),
    "qwen3_vl_moe_text": _family(experts(sparse_layers), **_HEAD_NORM),
    "qwen3_next": _family(linear_attention, experts(shared_expert)),
    "qwen3_5_text": _family(linear_attention),
    "qwen3_5_moe_text": _family(linear_attention, experts(shared_expert)),
    "gemma2": _family(norms_per_layer=4),
    "gemma3_text": _GEMMA3,
    "gemma3n_text": _family(gemma3n, norms_per_layer=4, **_HEAD_NORM),
    "gemma4_text": _family(gemma4),
    "phi": _family(
        when("qk_layernorm", {"query_key_norm": "head_with_bias"}), **CLASSIC, norms_per_layer=1, lm_head_bias=True
    ),
    "phimoe": _family(experts(), when("lm_head_bias", {"lm_head_bias": True}), **LAYER_NORM),
    "falcon": _family(four_times, falcon, **LAYER_NORM, **PLAIN),
    "olmo": _family(norm="non-parametric LayerNorm"),
    "olmo2": _family(query_key_norm="projection"),
    "olmo3": _family(query_key_norm="projection"),
    "olmoe": _family(experts(), query_key_norm="projection"),
    "stablelm": _family(
        lambda r: {"qkv_bias": r.flag("use_qkv_bias"), "head_dim": r.count("hidden_size") // r.count(_HEADS)},
        when("qk_layernorm", {"query_key_norm": "per_head"}),
        when("use_parallel_residual", {"norms_per_layer": 1}),
        **LAYER_NORM,
        **_NO_OUT,
    ),
    "granitemoe": _family(experts()),
    "granitemoeshared": _family(
        experts(lambda r: {"shared_intermediate_size": r.number("shared_intermediate_size") or 0})
    ),
    "granitemoehybrid": _family(granite_hybrid),
    "gpt_oss": _family(experts(router_bias=True, expert_bias=True), attention_sinks=True),
    "gpt2": _family(four_times, learned_positions(), **CLASSIC),
    "gpt_bigcode": _family(four_times, learned_positions(), multi_query, **CLASSIC),
    "gpt_neo": _family(four_times, learned_positions(), **LAYER_NORM, **PLAIN, attn_out_bias=True, mlp_bias=True),
    "gpt_neox": _family(
        when("attention_bias", {"qkv_bias": True, "attn_out_bias": True}), **LAYER_NORM, **PLAIN, mlp_bias=True
    ),
    "gptj": _family(four_times, **LAYER_NORM, **PLAIN, mlp_bias=True, norms_per_layer=1, lm_head_bias=True),
    "bloom": _family(four_times, **CLASSIC, outer_norms=2),
    "opt": _family(opt, learned_positions(2), **CLASSIC),
    "mpt": _family(lambda r: {"intermediate_size": 4 * r.count("hidden_size")}, norm="LayerNorm", **PLAIN),
    "starcoder2": _family(lambda r: dict.fromkeys(ALL_BIASES, r.flag("use_bias")), **LAYER_NORM, **PLAIN),
    "lfm2": _family(lfm_width, short_conv, **_HEAD_NORM),
    "lfm2_moe": _family(short_conv, lfm_moe, **_HEAD_NORM),
    "lfm3": _family(
        short_conv,
        when("use_sandwich_norm", {"norms_per_layer": 4}, True),
        when("use_attention_gate", {"attn_output_gate": "head"}, True),
        **_HEAD_NORM,
    ),
    "ernie4_5": _family(lambda r: dict.fromkeys(ALL_BIASES, r.flag("use_bias"))),
    "ernie4_5_moe": _family(
        experts(
            lambda r: {**shared_multiple(r), "dense_layers": r.number("moe_layer_start_index") or 0}, router_bias=True
        ),
        lambda r: dict.fromkeys(ALL_BIASES, r.flag("use_bias")),
    ),
    "seed_oss": _family(lambda r: {"attn_out_bias": r.flag("attention_out_bias")}),
    "glm": _family(**_NO_OUT),
    "glm4": _family(**_NO_OUT, norms_per_layer=4),
    "glm4_moe": _family(experts(shared_multiple), when("use_qk_norm", _HEAD_NORM), **_NO_OUT),
    "glm4_moe_lite": _family(latent_attention, experts(shared_multiple)),
    "dots1": _family(experts(shared_multiple), **_HEAD_NORM),
    "deepseek_v2": _family(latent_attention, experts(shared_multiple)),
    "deepseek_v3": _family(latent_attention, experts(shared_multiple)),
    "minimax_m2": _family(experts(), query_key_norm="projection"),
    "exaone4": _family(**_HEAD_NORM),
    "arcee": _family(**PLAIN),
    "nemotron": _family(**LAYER_NORM, **PLAIN),
    "nemotron_h": _family(nemotron_hybrid, **PLAIN, norms_per_layer=1),
    "mellum": _family(experts(listed_dense), used_window, **_HEAD_NORM),
    "jais2": _family(**LAYER_NORM, **PLAIN),
    "nanochat": _family(norm="non-parametric RMSNorm", **PLAIN),
    "granite_swa": _family(attention_sinks=True),
    "solar_open": _family(experts(shared_multiple), **_NO_OUT),
    "flex_olmo": _family(experts(), query_key_norm="projection"),
    "hunyuan_v1_moe": _family(
        experts(lambda r: {"shared_intermediate_size": r.count("intermediate_size")}), **_HEAD_NORM
    ),
    "exaone_moe": _family(experts(shared_multiple), qkv_bias=False, attn_out_bias=False, **_HEAD_NORM),
    "apertus": _family(**PLAIN, **_HEAD_NORM, scalars_per_layer=2),
    "hunyuan_v1_dense": _family(**_HEAD_NORM),
    "cohere": _family(when("use_qk_norm", {"query_key_norm": "per_head"}), **_COHERE),
    "cohere2": _family(**_COHERE),
    "llama4_text": _family(llama4),
    "chatglm": _family(chatglm),
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": _family(four_times, learned_positions(), **CLASSIC),
    "deberta-v2": _family(deberta, **CLASSIC),
    # two outer norms, but the first layer has no norm before its attention
    "modernbert": _family(
        lambda r: {"sliding_window": r.number("local_attention", 1), "norm_bias": r.flag("norm_bias")}, norm="LayerNorm"
    ),
    "t5": _family(t5),
    "mt5": _family(t5),
    "bart": _family(bart, learned_positions(2, 2), **CLASSIC),
    "mbart": _family(bart, learned_positions(2, 2), **CLASSIC, outer_norms=2),
}
"""Model type → family. ELECTRA, Pegasus, Falcon-H1 and others with parts of their own are not listed."""

ENCODERS = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "deberta-v2", "modernbert")
