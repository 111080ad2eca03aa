"""Language models: architecture fields as a Hugging Face config.json names them, plus governance facts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tool.schema.base import Record, Source

LayerKind = Literal["full", "sliding", "linear", "mamba", "conv", "mlp", "chunked"]


class Experts(Record):
    """Mixture of experts. Sizes are features, counts are per MoE layer."""

    num_experts: int = Field(ge=1)
    num_experts_per_tok: int = Field(ge=1)
    intermediate_size: int = Field(ge=1)
    shared_intermediate_size: int = Field(default=0, ge=0)


class Architecture(Record):
    """Shape of one network: everything that parameter and memory arithmetic needs.

    Names follow the Hugging Face config.json of the model. Sizes are features, counts are counts.
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


class Model(Record):
    """One model of the registry. The id is `<org>/<name>`, from the path of its file."""

    id: str
    family: str
    kind: Literal["base", "instruct", "encoder", "encoder-decoder"]
    architecture: Architecture
    parameters: int = Field(ge=1)
    aliases: tuple[str, ...] = ()
    gated: bool = False
    license: str | None = None
    release_date: str | None = None
    chat_template: str | None = None
    torch_dtype: str | None = None
    sources: tuple[Source, ...]
