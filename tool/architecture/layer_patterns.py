"""Which kind each layer is: spelled out in the config, or by the rule of its model type (transformers 5.23)."""

from __future__ import annotations

from tool.architecture.config_reader import ConfigReader
from tool.errors import BadRequest
from tool.schema.model import LayerKind

KINDS: dict[str, LayerKind] = {
    "full_attention": "full",
    "attention": "full",
    "sliding_attention": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "linear",
    "mamba": "mamba",
    "mamba2": "mamba",
    "conv": "conv",
    "mlp": "mlp",
    "moe": "moe",
}
LETTERS: dict[str, LayerKind] = {"M": "mamba", "*": "full", "-": "mlp", "E": "moe"}
"""Nemotron-H's `hybrid_override_pattern`."""
FULL_EVERY: dict[str, tuple[LayerKind, int]] = {
    "gemma2": ("sliding", 2),
    "vaultgemma": ("sliding", 2),
    "gemma3_text": ("sliding", 6),
    "gemma4_text": ("sliding", 6),
    "gemma3n_text": ("sliding", 5),
    "exaone_moe": ("sliding", 4),
    "cohere2": ("sliding", 4),
    "olmo3": ("sliding", 4),
    "gpt_oss": ("sliding", 2),
    "exaone4": ("sliding", 4),
    "qwen3_next": ("linear", 4),
    "qwen3_5_text": ("linear", 4),
    "qwen3_5_moe_text": ("linear", 4),
    "llama4_text": ("chunked", 4),
}
"""Every n-th layer attends fully, the others are of the named kind."""
_MAMBA_TYPES = ("granitemoehybrid", "nemotron_h")


def layer_kinds_of(reader: ConfigReader) -> tuple[LayerKind, ...] | None:
    """One kind per layer, or None where all layers are alike. Raises BadRequest for a list of the wrong length."""
    kinds = _spelled_out(reader) or _by_rule(reader)
    if kinds is None:
        return None
    layers = reader.number("num_hidden_layers", 1) if reader.has("num_hidden_layers") else None
    if layers is not None and len(kinds) != layers:
        raise BadRequest(f"{reader.prefix}layer_types", f"has {len(kinds)} entries for {layers} layers", "correct it")
    return None if set(kinds) == {"full"} else kinds


def _spelled_out(reader: ConfigReader) -> tuple[LayerKind, ...] | None:
    if pattern := reader.text("hybrid_override_pattern"):
        unknown = set(pattern) - set(LETTERS)
        if unknown:
            field = f"{reader.prefix}hybrid_override_pattern"
            raise BadRequest(field, f"unknown letters {sorted(unknown)}", f"known: {' '.join(LETTERS)}")
        return tuple(LETTERS[letter] for letter in pattern)
    key = next((key for key in ("layer_types", "layers_block_type") if reader.config.get(key)), "layer_types")
    names = reader.names(key)
    if not names:
        return None
    if unknown := set(names) - set(KINDS):
        raise BadRequest(f"{reader.prefix}{key}", f"unknown kind {sorted(unknown)[0]!r}", f"known: {', '.join(KINDS)}")
    # Granite and Nemotron call their Mamba layers linear attention since transformers 5
    mamba = reader.model_type in _MAMBA_TYPES
    return tuple("mamba" if mamba and name == "linear_attention" else KINDS[name] for name in names)


def _by_rule(reader: ConfigReader) -> tuple[LayerKind, ...] | None:
    if not reader.has("num_hidden_layers"):
        return None
    layers = reader.count("num_hidden_layers")
    if reader.model_type == "modernbert":
        every = reader.number("global_attn_every_n_layers", 1) or 3
        return tuple("sliding" if index % every else "full" for index in range(layers))
    if reader.model_type == "lfm2":
        full = reader.numbers("full_attn_idxs") or list(range(layers))
        return tuple("full" if index in full else "conv" for index in range(layers))
    if reader.model_type == "lfm3":
        return tuple("full" if i % 4 == 2 else "sliding" if i % 4 == 0 and i else "conv" for i in range(layers))
    if reader.model_type == "granitemoehybrid":
        return tuple("mamba" for _ in range(layers))
    if reader.model_type not in FULL_EVERY:
        return None
    other, every = FULL_EVERY[reader.model_type]
    letters = reader.text("sliding_window_pattern")
    if letters and set(letters) <= {"L", "G"}:
        # EXAONE: L is local, G global, repeated
        return tuple(other if letters[index % len(letters)] == "L" else "full" for index in range(layers))
    every = reader.number("sliding_window_pattern", 1) or reader.number("full_attention_interval", 1) or every
    kinds: list[LayerKind] = [other if (index + 1) % every else "full" for index in range(layers)]
    if reader.model_type == "gemma4_text":
        kinds[-1] = "full"
    return tuple(kinds)
