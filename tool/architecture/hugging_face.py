"""A Hugging Face config.json → `Architecture`, with notes on everything that had to be assumed."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from tool.architecture.config_reader import ConfigReader
from tool.architecture.families import ENCODERS, FAMILIES, Family
from tool.architecture.layer_patterns import layer_kinds_of
from tool.architecture.traits import drop_unused
from tool.errors import BadRequest, FtcError
from tool.schema.model import Architecture

APPROXIMATE = "approximate"
"""A note that starts with this word says that the shape is a stand-in: good for a bound, not for a verdict."""

NESTED = ("text_config", "llm_config", "language_config", "decoder_config")
SYNONYMS = {
    "gemma3": "gemma3_text",
    "gemma3n": "gemma3n_text",
    "gemma4": "gemma4_text",
    "gemma4_unified": "gemma4_text",
    "llama4": "llama4_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "qwen3_vl": "qwen3_vl_text",
    "qwen3_vl_moe": "qwen3_vl_moe_text",
    "xlm_roberta": "xlm-roberta",
    "deberta_v2": "deberta-v2",
    "RefinedWebModel": "falcon",
    "RefinedWeb": "falcon",
}
_GENERIC = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")


class UnsupportedArchitecture(FtcError):
    """A config of a model type that cannot be counted, not even roughly. `model_type` names it."""

    def __init__(self, model_type: str) -> None:
        self.model_type = model_type
        super().__init__(
            f"model_config: model type {model_type!r} is not supported, and it lacks the fields of a plain "
            f"transformer ({', '.join(_GENERIC)}) (name the size with params_b instead)"
        )


def architecture_from_config(config: dict[str, Any]) -> tuple[Architecture, tuple[str, ...]]:
    """The architecture that a config.json describes, and notes on what was assumed.

    Of a multimodal model it is the language part. An unknown model type with the fields of a plain transformer is
    read as a Llama-like decoder: a note then starts with `APPROXIMATE`. Raises UnsupportedArchitecture for any
    other unknown type, and BadRequest, naming the field, for values that cannot be.
    """
    if not isinstance(config, dict):
        raise BadRequest("model_config", "must be a JSON object", "give a model's config.json")
    text, prefix, notes = _language_part(config)
    model_type = _model_type(text)
    reader = ConfigReader(text, model_type, prefix)
    family = FAMILIES.get(model_type)
    if family is None:
        family, note = _closest(reader)
        notes.append(note)
        _plain_layers(text)
    fields = _fields(reader, family)
    return _validated(fields, prefix), tuple(notes + _unique(reader.notes))


def is_approximate(notes: tuple[str, ...]) -> bool:
    """Whether the notes of `architecture_from_config` say that the shape is only a stand-in."""
    return any(note.startswith(APPROXIMATE) for note in notes)


def _language_part(config: dict[str, Any]) -> tuple[dict[str, Any], str, list[str]]:
    """The config of the language model inside a multimodal one, where its fields are, and a note saying so."""
    for name in NESTED:
        nested = config.get(name)
        if nested is None:
            continue
        if not isinstance(nested, dict):
            raise BadRequest(name, "must be a JSON object", "copy the model's own config.json")
        part = dict(nested)
        for key in ("tie_word_embeddings", "model_type", "architectures"):
            if key in config:
                part.setdefault(key, config[key])
        return part, f"{name}.", [f"only the language part ({name}) is counted, not its encoders of other media"]
    return dict(config), "", []


def _model_type(config: dict[str, Any]) -> str:
    model_type = config.get("model_type", "unnamed")
    if not isinstance(model_type, str):
        raise BadRequest("model_type", f"must be a name, got {model_type!r}", "copy the model's own config.json")
    return SYNONYMS.get(model_type, model_type)


def _closest(reader: ConfigReader) -> tuple[Family, str]:
    """The plain decoder as a stand-in for an unknown type. Raises UnsupportedArchitecture where it cannot be."""
    if not all(reader.has(name) for name in _GENERIC):
        raise UnsupportedArchitecture(reader.model_type)
    mixture = reader.has("num_experts") and bool(reader.number("num_experts"))
    family = FAMILIES["qwen3_moe"] if mixture else FAMILIES["llama"]
    like = "a mixture-of-experts" if mixture else "a Llama-like"
    return family, f"{APPROXIMATE}: model type {reader.model_type!r} is unknown and is read as {like} decoder"


def _plain_layers(config: dict[str, Any]) -> None:
    """Of an unknown type only attention can be read: layers of any other kind count as attention."""
    config.pop("hybrid_override_pattern", None)
    for key in ("layer_types", "layers_block_type"):
        if not set(map(str, config.get(key) or ())) <= {"full_attention", "sliding_attention"}:
            config.pop(key)


def _fields(reader: ConfigReader, family: Family) -> dict[str, Any]:
    """Fields of the architecture: what every config says, then what is particular to the family."""
    kinds = layer_kinds_of(reader)
    for required in ("hidden_size",) if kinds else ("hidden_size", "num_hidden_layers"):
        if not reader.has(required):
            raise BadRequest(reader.prefix + required, "is missing", "copy the model's own config.json")
    fields = {**_common(reader, len(kinds) if kinds else None), **family.fixed}
    for derive in family.derive:
        fields.update(derive(reader))
    fields["layer_kinds"] = kinds
    if reader.model_type in ENCODERS:
        # encoders are counted bare: no output head
        fields["tie_word_embeddings"] = True
    return drop_unused(reader, fields)


def _common(reader: ConfigReader, layers: int | None) -> dict[str, Any]:
    hidden, heads = reader.count("hidden_size"), reader.count("num_attention_heads")
    key_value_heads = reader.number("num_key_value_heads") or heads
    head_dim = reader.number("head_dim") or _head_dim(reader, hidden, heads)
    if heads % key_value_heads:
        field = f"{reader.prefix}num_key_value_heads"
        raise BadRequest(field, f"{key_value_heads} does not divide {heads} attention heads", "correct it")
    bias = reader.flag("attention_bias")
    return {
        "architecture": _class_name(reader),
        "model_type": reader.model_type,
        "hidden_size": hidden,
        "num_hidden_layers": layers or reader.count("num_hidden_layers"),
        "num_attention_heads": heads,
        "num_key_value_heads": key_value_heads,
        "head_dim": head_dim,
        "intermediate_size": reader.number("intermediate_size") or 0,
        "vocab_size": reader.count("vocab_size"),
        "tie_word_embeddings": reader.flag("tie_word_embeddings"),
        "max_position_embeddings": reader.number("max_position_embeddings"),
        "sliding_window": _window(reader),
        "qkv_bias": bias,
        "attn_out_bias": bias,
        "mlp_bias": reader.flag("mlp_bias"),
    }


def _head_dim(reader: ConfigReader, hidden: int, heads: int) -> int:
    # latent attention names its head widths otherwise
    if hidden % heads and reader.find("kv_lora_rank")[1] is None:
        field = f"{reader.prefix}num_attention_heads"
        raise BadRequest(field, f"{heads} does not divide hidden_size {hidden}", "correct it, or give head_dim")
    return hidden // heads


def _window(reader: ConfigReader) -> int | None:
    """The sliding window; Qwen names one that it does not use."""
    unused = reader.find("use_sliding_window")[1] is False
    return None if unused else reader.number("sliding_window", 1)


def _class_name(reader: ConfigReader) -> str:
    names = reader.config.get("architectures")
    if isinstance(names, list) and names and isinstance(names[0], str):
        return names[0]
    return reader.model_type


def _validated(fields: dict[str, Any], prefix: str) -> Architecture:
    try:
        return Architecture.model_validate({key: value for key, value in fields.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadRequest(prefix + name, str(first["msg"]), "correct the config.json") from None


def _unique(notes: list[str]) -> list[str]:
    return list(dict.fromkeys(notes))
