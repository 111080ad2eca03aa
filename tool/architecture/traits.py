"""Fields of an architecture that follow from a config by a rule of its model type: experts, positions, hybrids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tool.architecture.config_reader import ConfigReader

Fields = dict[str, Any]
Derive = Callable[[ConfigReader], Fields]

ALL_BIASES: Fields = {"qkv_bias": True, "attn_out_bias": True, "mlp_bias": True}


def four_times(reader: ConfigReader) -> Fields:
    """An MLP four times as wide as the network where no width is given."""
    width = reader.number("intermediate_size", 1) or 4 * reader.count("hidden_size")
    return {"intermediate_size": width}


def learned_positions(extra: int = 0, stacks: int = 1) -> Derive:
    """Learned absolute positions, with `extra` rows for padding, in `stacks` stacks."""

    def positions(reader: ConfigReader) -> Fields:
        return {"position_embeddings": stacks * (reader.count("max_position_embeddings") + extra)}

    return positions


def experts(shared: Derive | None = None, **fixed: Any) -> Derive:
    """Mixture of experts; `moe_intermediate_size` or else `intermediate_size` is the width of one."""

    def derive(reader: ConfigReader) -> Fields:
        if not reader.number("num_experts"):
            return {}
        width = reader.number("moe_intermediate_size", 1) or reader.count("intermediate_size")
        given: Fields = {
            "num_experts": reader.count("num_experts"),
            "num_experts_per_tok": reader.count("num_experts_per_tok", 1),
            "intermediate_size": width,
        }
        return {"experts": {**given, **fixed, **(shared(reader) if shared else {})}}

    return derive


def shared_expert(reader: ConfigReader) -> Fields:
    """Qwen: one shared expert of its own width, scaled by a learned gate."""
    width = reader.number("shared_expert_intermediate_size") or 0
    return {"shared_intermediate_size": width, "shared_gate": bool(width), **sparse_layers(reader)}


def sparse_layers(reader: ConfigReader) -> Fields:
    """Layers without experts: those listed, or all but every n-th."""
    layers, step = reader.count("num_hidden_layers"), reader.number("decoder_sparse_step", 1) or 1
    listed = set(reader.numbers("mlp_only_layers"))
    dense = sum(index in listed or (index + 1) % step != 0 for index in range(layers))
    return {"dense_layers": dense}


def shared_multiple(reader: ConfigReader) -> Fields:
    """DeepSeek: n shared experts as one of n times the width; the first layers stay dense."""
    width = reader.number("moe_intermediate_size", 1) or reader.count("intermediate_size")
    names = ("n_shared_experts", "moe_num_shared_experts", "num_shared_experts")
    shared = next((number for name in names if (number := reader.number(name))), 0)
    dense = listed_dense(reader)["dense_layers"]
    if not reader.names("mlp_layer_types"):
        first = reader.number("first_k_dense_replace")
        dense = int(reader.model_type == "glm4_moe_lite") if first is None else first
    return {"shared_intermediate_size": shared * width, "dense_layers": dense}


def listed_dense(reader: ConfigReader) -> Fields:
    """Layers that `mlp_layer_types` calls dense."""
    return {"dense_layers": (reader.names("mlp_layer_types") or []).count("dense")}


def latent_attention(reader: ConfigReader) -> Fields:
    """DeepSeek's multi-head latent attention."""
    names = ("kv_lora_rank", "qk_nope_head_dim", "v_head_dim")
    ranks: Fields = {name: reader.count(name) for name in names}
    ranks["q_lora_rank"] = reader.number("q_lora_rank", 1)
    ranks["qk_rope_head_dim"] = reader.number("qk_rope_head_dim") or 0
    return {
        "latent_attention": ranks,
        "head_dim": ranks["qk_nope_head_dim"] + ranks["qk_rope_head_dim"],
        "num_key_value_heads": reader.count("num_attention_heads"),
    }


def linear_attention(reader: ConfigReader) -> Fields:
    """Gated delta layers of Qwen3-Next and Qwen3.5."""
    return {
        "linear_attention": {
            "num_key_heads": reader.count("linear_num_key_heads"),
            "num_value_heads": reader.count("linear_num_value_heads"),
            "key_head_dim": reader.count("linear_key_head_dim"),
            "value_head_dim": reader.count("linear_value_head_dim"),
            "conv_kernel": reader.count("linear_conv_kernel_dim"),
        },
        "attn_output_gate": "element",
        "query_key_norm": "head",
    }


def when(name: str, then: Fields, fallback: bool = False) -> Derive:
    return lambda reader: then if reader.flag(name, fallback) else {}


def granite_hybrid(reader: ConfigReader) -> Fields:
    """Granite 4: a shared MLP in each layer, beside experts or alone; Mamba-2 in most layers of the h models."""
    heads, shared = reader.count("mamba_n_heads"), reader.number("shared_intermediate_size") or 0
    inner = reader.count("mamba_expand") * reader.count("hidden_size")
    moe = experts(lambda _: {"shared_intermediate_size": shared})(reader)
    mamba = {
        "num_heads": heads,
        "head_dim": inner // heads,
        "n_groups": reader.count("mamba_n_groups"),
        "state_size": reader.count("mamba_d_state"),
        "conv_kernel": reader.count("mamba_d_conv"),
        "conv_bias": reader.flag("mamba_conv_bias"),
        "proj_bias": reader.flag("mamba_proj_bias"),
    }
    return {**moe, **({} if moe else {"intermediate_size": shared}), "mamba": mamba}


def nemotron_hybrid(reader: ConfigReader) -> Fields:
    """Nemotron-H: each layer is one mixer, MLP or set of experts, with one norm."""
    shared = reader.number("moe_shared_expert_intermediate_size") or 0
    shared *= bool(reader.number("n_shared_experts"))
    latent = reader.number("moe_latent_size") or 0
    moe = experts(gated=False, shared_intermediate_size=shared, latent_size=latent)(reader)
    mamba = {
        "num_heads": reader.count("mamba_num_heads"),
        "head_dim": reader.count("mamba_head_dim"),
        "n_groups": reader.count("n_groups"),
        "state_size": reader.count("ssm_state_size"),
        "conv_kernel": reader.count("conv_kernel"),
        "conv_bias": reader.flag("use_conv_bias"),
        "proj_bias": reader.flag("use_bias"),
    }
    return {**moe, "mamba": mamba, "qkv_bias": False, "attn_out_bias": False}


def drop_unused(reader: ConfigReader, fields: Fields) -> Fields:
    """Leave out experts and Mamba shapes that no layer of a hybrid uses."""
    kinds = fields.get("layer_kinds") or ()
    if "mamba" not in kinds:
        fields.pop("mamba", None)
    if reader.model_type == "nemotron_h" and "moe" not in kinds:
        fields.pop("experts", None)
    return fields


def gemma4(reader: ConfigReader) -> Fields:
    """Gemma 4: wider heads in full layers, shared keys and values, per-layer inputs or experts."""
    same = reader.flag("attention_k_eq_v")
    head_dim, heads = _global_shape(reader)
    per_layer = reader.number("hidden_size_per_layer_input") or 0
    shared = reader.number("num_kv_shared_layers") or 0
    fields: Fields = {
        "global_head_dim": head_dim,
        "num_global_key_value_heads": heads if same else None,
        "attention_k_eq_v": same,
        "num_kv_shared_layers": shared,
        "use_double_wide_mlp": reader.flag("use_double_wide_mlp"),
        "norms_per_layer": 4,
        "query_key_norm": "head",
    }
    if per_layer:
        size = reader.count("vocab_size_per_layer_input")
        fields["per_layer_input"] = {"vocab_size": size, "hidden_size": per_layer}
    if reader.flag("enable_moe_block"):
        fields |= experts(beside_mlp=True, router_scales=True)(reader) | {"norms_per_layer": 7}
    return fields


def gemma3n(reader: ConfigReader) -> Fields:
    """Gemma 3n: parallel residual streams, per-layer inputs, shared keys and values."""
    size, width = reader.count("vocab_size_per_layer_input"), reader.count("hidden_size_per_layer_input")
    return {
        "altup": {"num_inputs": reader.count("altup_num_inputs"), "laurel_rank": reader.count("laurel_rank")},
        "per_layer_input": {"vocab_size": size, "hidden_size": width},
        "num_kv_shared_layers": reader.number("num_kv_shared_layers") or 0,
    }


def _global_shape(reader: ConfigReader) -> tuple[int, int | None]:
    """Head width and key/value heads of full-attention layers; newer configs list them for each such layer."""
    listed = reader.config.get("per_layer_config")
    own = next(iter(listed.values()), None) if isinstance(listed, dict) else None
    nested = ConfigReader(own if isinstance(own, dict) else {}, "", f"{reader.prefix}per_layer_config.")
    head_dim = reader.number("global_head_dim", 1) or nested.number("head_dim", 1) or 512
    return head_dim, reader.number("num_global_key_value_heads", 1) or nested.number("num_key_value_heads", 1)


def falcon(reader: ConfigReader) -> Fields:
    """Falcon: one or two norms and key/value heads by generation (7B multi-query, 40B grouped, RW neither)."""
    new, heads = reader.flag("new_decoder_architecture"), reader.count("num_attention_heads")
    grouped = reader.number("num_key_value_heads", 1) or heads
    key_value_heads = grouped if new else (1 if reader.flag("multi_query") else heads)
    norms = reader.number("num_ln_in_parallel_attn", 1) or (2 if new else 1)
    if not reader.flag("parallel_attn"):
        norms = 2
    bias = reader.flag("bias")
    biases: Fields = dict.fromkeys(ALL_BIASES, bias)
    return {**biases, "num_key_value_heads": key_value_heads, "norms_per_layer": norms}


def opt(reader: ConfigReader) -> Fields:
    """OPT: positions with two padding rows; the 350m projects its embedding and has no final norm."""
    hidden, bias = reader.count("hidden_size"), reader.flag("enable_bias", True)
    width = reader.number("word_embed_proj_dim", 1) or hidden
    fields: Fields = dict.fromkeys(ALL_BIASES, bias)
    fields["outer_norms"] = int(reader.flag("do_layer_norm_before", True))
    return {**fields, "embedding_size": None if width == hidden else width}


def used_window(reader: ConfigReader) -> Fields:
    """A window that no layer uses is none: without a list of layer types all layers attend fully."""
    return {} if reader.config.get("layer_types") else {"sliding_window": None}


def lfm_width(reader: ConfigReader) -> Fields:
    """LFM2 shrinks its nominal width to two thirds, rounded up to a multiple."""
    width = reader.number("block_ff_dim", 1) or reader.count("intermediate_size")
    if reader.flag("block_auto_adjust_ff_dim"):
        multiple = reader.number("block_multiple_of", 1) or 256
        width = int(2 * width / 3)
        width = multiple * ((width + multiple - 1) // multiple)
    return {"intermediate_size": width}


def short_conv(reader: ConfigReader) -> Fields:
    return {"conv_kernel": reader.count("conv_L_cache"), "conv_bias": reader.flag("conv_bias")}


def lfm_moe(reader: ConfigReader) -> Fields:
    dense = reader.number("num_dense_layers") or 0
    return experts(dense_layers=dense, router_bias=False)(reader)


def llama4(reader: ConfigReader) -> Fields:
    """Llama 4: every n-th layer has experts and one shared expert of their width; the others a wide MLP."""
    layers, step = reader.count("num_hidden_layers"), reader.number("interleave_moe_layer_step", 1) or 1
    listed, width = reader.numbers("moe_layers"), reader.count("intermediate_size")
    dense = layers - (len(listed) or layers // step)
    moe = experts(dense_layers=dense, shared_intermediate_size=width)(reader)
    return {**moe, "intermediate_size": reader.number("intermediate_size_mlp", 1) or width}


def multi_query(reader: ConfigReader) -> Fields:
    return {"num_key_value_heads": 1} if reader.flag("multi_query", True) else {}


def chatglm(reader: ConfigReader) -> Fields:
    groups = reader.number("multi_query_group_num", 1) if reader.flag("multi_query_attention") else None
    fields: Fields = {"num_key_value_heads": groups} if groups else {}
    return {**fields, "qkv_bias": reader.flag("add_qkv_bias", True), "attn_out_bias": False}


def encoder(reader: ConfigReader) -> Fields:
    """Token types of BERT-like encoders."""
    return {"type_vocab_size": reader.number("type_vocab_size") or 0}


def deberta(reader: ConfigReader) -> Fields:
    """DeBERTa-v2/v3: relative positions (two per bucket) with a norm of their own, or absolute ones."""
    buckets, limit = reader.number("position_buckets", -1) or -1, reader.number("max_relative_positions", -1) or -1
    span = buckets if buckets > 0 else limit if limit > 0 else reader.count("max_position_embeddings")
    relative = reader.flag("relative_attention")
    norm = "layer_norm" in reader.text("norm_rel_ebd")
    positions = reader.count("max_position_embeddings") if reader.flag("position_biased_input", True) else 0
    return {
        "relative_embeddings": 2 * span if relative else 0,
        "position_embeddings": positions,
        "outer_norms": 2 if relative and norm else 1,
        "type_vocab_size": reader.number("type_vocab_size") or 0,
    }


def t5(reader: ConfigReader) -> Fields:
    """T5: gated from version 1.1; one decoder layer per encoder layer unless said otherwise."""
    return {
        "num_decoder_layers": reader.number("num_decoder_layers", 1) or reader.count("num_hidden_layers"),
        "mlp_type": "gated" if reader.text("feed_forward_proj").startswith("gated") else "plain",
        "relative_attention_num_buckets": reader.count("relative_attention_num_buckets"),
        "num_key_value_heads": reader.count("num_attention_heads"),
    }


def bart(reader: ConfigReader) -> Fields:
    heads = reader.count("decoder_attention_heads")
    width = reader.count("decoder_ffn_dim")
    same = (heads, width) == (reader.count("num_attention_heads"), reader.count("intermediate_size"))
    own: Fields = {} if same else {"decoder_attention_heads": heads, "decoder_intermediate_size": width}
    return {"num_decoder_layers": reader.count("decoder_layers"), **own}
