"""An architecture → its blocks (what one layer of each kind looks like) and the matrices that adapters sit on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from tool.architecture.attention import AttentionGroup, attention_groups
from tool.architecture.inventory import Inventory, Linear
from tool.architecture.parts import layer_kinds
from tool.memory.blocks import Block
from tool.memory.feed_forward import with_feed_forward
from tool.memory.kernels import Attention
from tool.memory.layers import Matrix
from tool.memory.mixers import Mixer
from tool.schema.model import Architecture

_LAST = {
    "q": ("q_proj", "q", "query", "query_proj", "q_lin", "q_b_proj", "q_a_proj"),
    "k": ("k_proj", "k", "key", "key_proj", "k_lin", "kv_a_proj_with_mqa"),
    "v": ("v_proj", "v", "value", "value_proj", "v_lin", "kv_b_proj"),
    "qkv": ("qkv_proj", "query_key_value", "c_attn", "W_pack", "wqkv", "Wqkv"),
    "gate": ("gate_proj", "w1", "wi_0"),
    "up": ("up_proj", "w3", "wi_1", "wi", "c_fc", "fc1", "fc_in", "dense_h_to_4h", "lin1"),
    "gate_up": ("gate_up_proj", "Wi", "input_linear"),
}
_APART = {
    "per_layer_input_gate": "side_in",
    "per_layer_projection": "side_out",
    "per_layer_model_projection": "outside",
    "project_in": "outside",
    "project_out": "outside",
}
_SHORT = {
    "q": ("q", "qkv"),
    "k": ("k", "qkv"),
    "v": ("v", "qkv"),
    "qkv": ("q", "k", "v", "qkv"),
    "o": ("o",),
    "gate": ("gate", "gate_up", "e_gate"),
    "up": ("up", "gate_up", "e_up"),
    "down": ("down", "e_down"),
    "mlp": ("gate", "up", "down", "gate_up", "e_gate", "e_up", "e_down"),
    "w1": ("gate", "e_gate"),
    "w2": ("down", "up", "e_down"),
    "w3": ("up", "e_up"),
    "in": ("in",),
    "out": ("out", "o"),
    "attention": ("q", "k", "v", "qkv"),
}
EVERYTHING = ("all-linear", "all", "all_linear")
HEADS = ("lm_head", "lm_", "output", "embed_tokens", "embed_out", "wte", "score")


@lru_cache(maxsize=16384)
def role_of(linear: Linear) -> str:
    """Short name of a matrix: q k v qkv o, gate up gate_up down (e_ for experts, s_ for shared), in out, router."""
    last = linear.name.rsplit(".", 1)[-1].split(" ")[0]
    if linear.role == "router":
        return "router"
    if last in _APART or linear.name.startswith("pooler"):
        return _APART.get(last, "outside")
    if linear.role in ("ssm", "conv"):
        return "out" if last.startswith("out") else "in"
    if linear.role == "attention":
        return next((role for role in ("q", "k", "v", "qkv") if last in _LAST[role]), "o")
    prefix = {"expert": "e_", "shared_expert": "s_"}.get(linear.role, "")
    if last in ("w1", "w2") and layout_uses_w1_as_gate(linear.name):
        return prefix + ("gate" if last == "w1" else "up")
    if linear.name.endswith("intermediate.dense"):  # BERT calls every way up and down `dense`
        return "up"
    found = next((role for role in ("gate", "up", "gate_up") if last in _LAST[role]), "down")
    return prefix + found


def layout_uses_w1_as_gate(name: str) -> bool:
    """Qwen 1 calls its matrices mlp.w1, mlp.w2 and mlp.c_proj; elsewhere w2 is the way down."""
    return name.startswith("mlp.w")


PARALLEL = ("gpt_neox", "gptj", "falcon", "phi", "codegen", "cohere", "cohere2")
"""Model types whose layers run attention and feed-forward on the same input."""
WRITTEN_OUT = ("phi", "gpt2", "gptj", "gpt_neo", "codegen")
"""Model types with `gelu_new`, which keeps x, x/2, tanh and 1 + tanh (transformers `NewGELUActivation`)."""
DROPOUT = ("t5", "mt5", "bart", "mbart", "bert", "roberta", "opt", "gpt2")
"""Model types whose published configurations drop a tenth of each branch (`dropout`, `dropout_rate`: 0.1)."""
RELU = ("opt", "t5")
"""Model types with a ReLU in a plain feed-forward part: it keeps its result, not its input."""
SCORE_DROPOUT = ("t5", "mt5", "bert", "roberta", "gpt2")
"""Those that drop attention weights too; fused kernels keep a seed for it, eager attention a mask and a copy."""
SOFTCAPPED = ("gemma2", "gemma3n_text", "nanochat", "vaultgemma")
"""Model types that bend their logits: divided, tanh, multiplied (transformers 5.23, `final_logit_softcapping`)."""


def split_targets(targets: str | Iterable[str] | None) -> tuple[str, ...]:
    """The names in a target specification, `_proj` dropped."""
    if targets is None:
        return ()
    if not isinstance(targets, str):
        targets = ",".join(targets)
    text = targets.strip()
    inner = re.search(r"\((.*)\)", text)
    if text.upper().startswith("DEFAULT"):
        text = inner.group(1) if inner else "attention"
        text = "q,k,v" if "attention" in text else text
    names = [part.strip() for part in re.split(r"[,+|\s]+", text) if part.strip()]
    return tuple(name.removesuffix("_proj").removesuffix("_proj") for name in names)


def adapted(linear: Linear, targets: tuple[str, ...], experts: bool) -> bool:
    """Whether an adapter sits on this matrix. `experts`: the framework reaches the expert matrices."""
    role = role_of(linear)
    if role == "router" or (linear.role == "expert" and not experts):
        return False
    plain = role.removeprefix("s_")
    last = linear.name.rsplit(".", 1)[-1]
    for target in targets:
        if target.lower() in EVERYTHING:
            return True
        if target in HEADS:
            continue
        if plain in _SHORT.get(target, ()) or role in _SHORT.get(target, ()):
            return True
        if last.removesuffix("_proj") == target or f".{linear.name}".endswith(f".{target}"):
            return True
    return False


def attention_of(architecture: Architecture, group: AttentionGroup, kernel: str, expanded: bool) -> Attention:
    """Heads of a group of equal layers. Latent attention expands to full heads before the kernel.

    transformers has no SDPA path for attention sinks (`GptOssPreTrainedModel._supports_sdpa`).
    """
    sinks = architecture.attention_sinks and kernel in ("sdpa", "eager", "math")
    kernel, expanded = ("eager", True) if sinks else (kernel, expanded)
    latent = architecture.latent_attention
    head_dim = latent.qk_nope_head_dim + latent.qk_rope_head_dim if latent else group.head_dim
    kv_heads = architecture.num_attention_heads if latent else group.key_value_heads
    rotary = not architecture.position_embeddings and not architecture.relative_attention_num_buckets
    return Attention(
        heads=architecture.num_attention_heads,
        kv_heads=max(1, kv_heads),
        head_dim=head_dim,
        kernel=kernel,
        expanded=expanded,
        sinks=sinks,
        gate={"element": architecture.num_attention_heads * head_dim, "head": architecture.num_attention_heads}.get(
            architecture.attn_output_gate, 0
        ),
        query_norm=architecture.query_key_norm not in ("none",),
        softcap=architecture.model_type == "gemma2",
        narrow_softmax=architecture.model_type in ("falcon", "gpt2", "t5", "mt5"),
        dropout=architecture.model_type in SCORE_DROPOUT,
        rotary=rotary and architecture.model_type not in ("bloom", "mpt", "bert"),
    )


def _matrices(linears: Iterable[Linear], marks: dict[str, bool], packed: bool) -> dict[str, Matrix]:
    found: dict[str, Matrix] = {}
    for linear in linears:
        role = role_of(linear)
        last = linear.name.rsplit(".", 1)[-1]
        if role == "in" and last.startswith("in_proj_"):  # Qwen's delta networks project in several times
            role = last.replace("in_proj_", "in_")
        known = found.get(role)
        if known is not None and role in ("in", "out"):
            found[role] = replace(known, outputs=known.outputs + linear.out_features)
        elif known is None:
            is_packed = packed and role != "router"
            found[role] = Matrix(linear.in_features, linear.out_features, marks[linear.name], is_packed)
    return found


def _fused_names(matrices: dict[str, Matrix], gated: bool) -> dict[str, Matrix]:
    """A gated feed-forward with one way up holds gate and up in that matrix (ChatGLM)."""
    if not gated or "gate" in matrices or "gate_up" in matrices or "up" not in matrices:
        return matrices
    return {("gate_up" if name == "up" else name): matrix for name, matrix in matrices.items()}


@lru_cache(maxsize=4096)
def blocks_of(
    architecture: Architecture,
    counted: Inventory,
    targets: tuple[str, ...],
    *,
    experts: bool,
    packed: bool,
    kernel: str,
    expanded: bool,
    expert_loop: bool = False,
) -> tuple[tuple[Block, int], ...]:
    """Every distinct block with the number of layers that have it; they add up to the layers of the network."""
    marks = {linear.name: adapted(linear, targets, experts) for linear in counted.linears}
    gated = architecture.mlp_type == "gated"
    matrices = _fused_names(_matrices(counted.linears, marks, packed), gated)
    base = Block(
        architecture.hidden_size,
        matrices,
        gated=gated,
        expert_loop=expert_loop,
        parallel=architecture.model_type in PARALLEL,
        activation_copies=4 if architecture.model_type in WRITTEN_OUT else 1,
        post_norms=architecture.norms_per_layer >= 4,
        dropout=architecture.model_type in DROPOUT,
        inner_dropout=architecture.model_type in ("t5", "mt5"),
        keeps_result=not gated and architecture.model_type in RELU,
        norm_keeps_input=architecture.model_type in ("t5", "mt5"),
        clamped=architecture.model_type == "gpt_oss",
    )
    mixers: list[tuple[Block, int]] = []
    for group in attention_groups(architecture):
        heads = attention_of(architecture, group, kernel, expanded)
        mixers.append((replace(base, attention=heads), group.layers))
    kinds = layer_kinds(architecture)
    other = sum(kind in _MIXING for kind in kinds)
    if other and "out" in matrices:
        mixers.append((replace(base, mixer=mixer_of(architecture, kinds, matrices["out"].inputs)), other))
    blocks = with_feed_forward(architecture, counted, base, mixers)
    if architecture.num_decoder_layers:
        blocks.append((replace(blocks[0][0], cross=True), architecture.num_decoder_layers))
    return tuple(_silenced(blocks, kinds))


_MIXING = ("linear", "mamba", "conv")


def _silenced(blocks: list[tuple[Block, int]], kinds: Sequence[str]) -> list[tuple[Block, int]]:
    """Set the mixer layers before the first attention layer apart where only attention has adapters."""
    leading = next((index for index, kind in enumerate(kinds) if kind not in _MIXING), 0)
    apart = []
    for block, layers in blocks:
        attends = ("q", "k", "v", "qkv", "o")
        own = [matrix.adapted for name, matrix in block.matrices.items() if name not in attends]
        some = any(matrix.adapted for matrix in block.matrices.values())
        quiet = min(leading, layers) if block.mixer is not None and some and not any(own) else 0
        if quiet:
            apart.append((replace(block, silent=True), quiet))
            leading -= quiet
        if layers > quiet:
            apart.append((block, layers - quiet))
    return apart


def mixer_of(architecture: Architecture, kinds: Sequence[str], features: int) -> Mixer:
    """The layers that do not attend: a delta network, a short convolution, or a state space."""
    delta = architecture.linear_attention
    if delta is not None and "linear" in kinds:
        key_features = delta.num_key_heads * delta.key_head_dim
        return Mixer("delta", features, key_features, delta.num_value_heads, delta.key_head_dim)
    return Mixer("conv" if "conv" in kinds else "state", features)


def head_widths(architecture: Architecture) -> tuple[int, int]:
    """(width, vocabulary) of the output head."""
    return architecture.embedding_size or architecture.hidden_size, architecture.vocab_size
