"""Language models: architecture fields as a Hugging Face config.json names them, plus governance facts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tool.schema.base import Record, Source

LayerKind = Literal["full", "sliding", "linear", "mamba", "conv", "mlp", "chunked", "moe"]
QueryKeyNorm = Literal["none", "head", "projection", "head_with_bias", "per_head"]


class Experts(Record):
    """Mixture of experts. Sizes are features, counts are per MoE layer."""

    num_experts: int = Field(ge=1)
    num_experts_per_tok: int = Field(ge=1)
    intermediate_size: int = Field(ge=1)
    shared_intermediate_size: int = Field(default=0, ge=0)
    """Width of all shared experts together; 0: none."""
    dense_layers: int = Field(default=0, ge=0)
    """Layers that keep a plain MLP instead of experts."""
    gated: bool = True
    """Experts have gate, up and down matrices (False: up and down)."""
    beside_mlp: bool = False
    """The layer runs a dense MLP of `intermediate_size` beside its experts."""
    router_bias: bool = False
    """One learned correction or bias per expert (a buffer is not counted)."""
    expert_bias: bool = False
    shared_gate: bool = False
    """One learned gate for the shared expert."""
    latent_size: int = Field(default=0, ge=0)
    """Experts work in a projected space of this width; 0: in the hidden size."""
    router_scales: bool = False
    """Gemma 4: the router holds one scale per feature and one per expert."""


class LinearAttention(Record):
    """Gated delta network (Qwen3-Next, Qwen3.5): heads, their widths, and the short convolution before them."""

    num_key_heads: int = Field(ge=1)
    num_value_heads: int = Field(ge=1)
    key_head_dim: int = Field(ge=1)
    value_head_dim: int = Field(ge=1)
    conv_kernel: int = Field(ge=1)


class Mamba(Record):
    """Mamba-2 mixer: heads × head_dim is the inner width."""

    num_heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    n_groups: int = Field(ge=1)
    state_size: int = Field(ge=1)
    conv_kernel: int = Field(ge=1)
    conv_bias: bool = True
    proj_bias: bool = False


class LatentAttention(Record):
    """Multi-head latent attention (DeepSeek): low-rank keys and values. `q_lora_rank` None: queries are full rank."""

    kv_lora_rank: int = Field(ge=1)
    q_lora_rank: int | None = Field(default=None, ge=1)
    qk_nope_head_dim: int = Field(ge=1)
    qk_rope_head_dim: int = Field(ge=0)
    v_head_dim: int = Field(ge=1)


class PerLayerInput(Record):
    """Gemma 4 small models: an embedding of its own for every layer."""

    vocab_size: int = Field(ge=1)
    hidden_size: int = Field(ge=1)


class AltUp(Record):
    """Gemma 3n: parallel copies of the residual stream, and a low-rank bypass of attention (LAuReL) in each layer."""

    num_inputs: int = Field(ge=1)
    laurel_rank: int = Field(ge=1)


class Architecture(Record):
    """Shape of one network: everything that parameter and memory arithmetic needs.

    Names follow the Hugging Face config.json of the model. Sizes are features, counts are counts.
    Whatever Llama lacks has a default that stands for "not there". `intermediate_size` is the width that the
    matrices have (LFM2 and Qwen 1 name a nominal width in their config.json).
    """

    architecture: str
    model_type: str
    hidden_size: int = Field(ge=1)
    num_hidden_layers: int = Field(ge=1)
    num_attention_heads: int = Field(ge=0)
    num_key_value_heads: int = Field(ge=0)
    head_dim: int = Field(ge=0)
    intermediate_size: int = Field(ge=0)
    vocab_size: int = Field(ge=1)
    tie_word_embeddings: bool = False
    max_position_embeddings: int | None = None
    sliding_window: int | None = None
    mlp_type: Literal["gated", "plain"] = "gated"
    norm: str = "RMSNorm"
    qkv_bias: bool = False
    attn_out_bias: bool = False
    mlp_bias: bool = False
    experts: Experts | None = None
    layer_kinds: tuple[LayerKind, ...] | None = None
    """One kind per layer; None: all layers attend to everything (or all within `sliding_window`)."""

    # norms
    norms_per_layer: int = Field(default=2, ge=0)
    outer_norms: int = Field(default=1, ge=0)
    """Norms of hidden size outside the layers (the final one, one after the embedding)."""
    norm_bias: bool = False
    query_key_norm: QueryKeyNorm = "none"

    # embeddings and head
    position_embeddings: int = Field(default=0, ge=0)
    """Learned absolute positions, padding rows included; encoder and decoder together."""
    relative_embeddings: int = Field(default=0, ge=0)
    """Rows of hidden size for relative positions (DeBERTa)."""
    relative_attention_num_buckets: int = Field(default=0, ge=0)
    """T5: one learned bias per bucket and head, in encoder and decoder."""
    type_vocab_size: int = Field(default=0, ge=0)
    embedding_size: int | None = Field(default=None, ge=1)
    """Width of the token embedding where it is not the hidden size (OPT-350m)."""
    lm_head_bias: bool = False
    pooler: bool = False

    # attention
    attn_output_gate: Literal["none", "element", "head"] = "none"
    """A learned gate on the attention output: as wide as the queries, or one per head."""
    attention_sinks: bool = False
    global_head_dim: int | None = Field(default=None, ge=1)
    """Head width of the full-attention layers where it differs from the sliding ones (Gemma 4)."""
    num_global_key_value_heads: int | None = Field(default=None, ge=1)
    attention_k_eq_v: bool = False
    """Full-attention layers use the keys as values."""
    num_kv_shared_layers: int = Field(default=0, ge=0)
    """The last so many layers reuse keys and values of an earlier one."""
    latent_attention: LatentAttention | None = None

    # other mixers and extras
    linear_attention: LinearAttention | None = None
    mamba: Mamba | None = None
    conv_kernel: int = Field(default=0, ge=0)
    """Kernel of the short convolution in `conv` layers (LFM2: conv_L_cache)."""
    conv_bias: bool = False
    per_layer_input: PerLayerInput | None = None
    altup: AltUp | None = None
    use_double_wide_mlp: bool = False
    """Layers that share keys and values have an MLP of twice the width (Gemma 4 E2B)."""
    scalars_per_layer: int = Field(default=0, ge=0)
    """Learned single numbers in each layer (Apertus: two of its activation)."""

    # encoder-decoder
    num_decoder_layers: int | None = Field(default=None, ge=1)
    """Set for encoder-decoders, whose `num_hidden_layers` are those of the encoder."""
    decoder_attention_heads: int | None = Field(default=None, ge=1)
    decoder_intermediate_size: int | None = Field(default=None, ge=1)

    @property
    def is_encoder_decoder(self) -> bool:
        return self.num_decoder_layers is not None


class Model(Record):
    """One model of the registry. The id is `<org>/<name>`, from the path of its file."""

    id: str
    family: str
    kind: Literal["base", "instruct", "encoder", "encoder-decoder"]
    architecture: Architecture
    parameters: int = Field(ge=1)
    checkpoint_parameters: int | None = None
    """Parameters of the published checkpoint where it holds more (vision towers, prediction layers)."""
    aliases: tuple[str, ...] = ()
    gated: bool = False
    license: str | None = None
    release_date: str | None = None
    chat_template: str | None = None
    torch_dtype: str | None = None
    note: str | None = None
    sources: tuple[Source, ...]
