"""Reading a Hugging Face config.json: names that differ by model type, defaults that files omit, absurd values."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from tool.errors import BadRequest

LARGEST = 10_000_000
"""No size or count of a real network is above this; a larger number is a mistake."""
LARGEST_COUNT = 10_000
"""Nor are there more layers, heads or experts than this."""

NAMES: dict[str, tuple[str, ...]] = {
    "hidden_size": ("hidden_size", "n_embd", "n_embed", "d_model", "dim"),
    "num_hidden_layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers"),
    "num_attention_heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"),
    "num_key_value_heads": ("num_key_value_heads", "num_kv_heads"),
    "head_dim": ("head_dim", "d_kv", "kv_channels", "attention_head_dim"),
    "intermediate_size": (
        "intermediate_size",
        "n_inner",
        "ffn_dim",
        "d_ff",
        "hidden_dim",
        "encoder_ffn_dim",
        "ffn_hidden_size",
    ),
    "vocab_size": ("vocab_size", "padded_vocab_size"),
    "max_position_embeddings": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    "num_experts": ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"),
    "num_experts_per_tok": ("num_experts_per_tok", "moe_topk", "moe_k", "top_k_experts", "num_experts_per_token"),
}
"""Our name → the names a config.json may use for it, in order of preference."""


@lru_cache(maxsize=1)
def _all_defaults() -> dict[str, dict[str, Any]]:
    text = Path(__file__).with_name("config_defaults.json").read_text(encoding="utf-8")
    return cast(dict[str, dict[str, Any]], json.loads(text))


class ConfigReader:
    """Typed access to one config. `notes` collects every size that was taken from a default."""

    def __init__(self, config: dict[str, Any], model_type: str, prefix: str = "") -> None:
        self.config, self.model_type, self.prefix = config, model_type, prefix
        self.defaults = _all_defaults().get(model_type, {})
        self.notes: list[str] = []

    def has(self, name: str) -> bool:
        return any(candidate in self.config for candidate in NAMES.get(name, (name,)))

    def find(self, name: str) -> tuple[str, Any]:
        """The key in use and its value: from the file, else from the defaults of the model type, else None.

        A null in the file stays null: it does not stand for the default.
        """
        names = NAMES.get(name, (name,))
        for candidate in names:
            if candidate in self.config:
                return candidate, self.config[candidate]
        for candidate in names:
            if self.defaults.get(candidate) is not None:
                value = self.defaults[candidate]
                if name in NAMES and name != "max_position_embeddings":
                    source = f"the default of {self.model_type} in transformers 5.23"
                    self.notes.append(f"{candidate} is not in the config: assumed {value}, {source}")
                return candidate, value
        return names[0], None

    def number(self, name: str, minimum: int = 0) -> int | None:
        """An integer, or None where absent or null. Raises BadRequest for anything that cannot be a size."""
        key, value = self.find(name)
        if value is None:
            return None
        field = self.prefix + key
        if name == "intermediate_size" and isinstance(value, list) and value == value[:1] * len(value):
            value = value[0] if value else None  # Gemma 3n lists one equal width for each layer
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadRequest(field, f"must be a whole number, got {_short(value)}", "copy the model's own config.json")
        largest = LARGEST_COUNT if name.startswith("num_") or "layers" in key else LARGEST
        if name == "max_position_embeddings":
            largest *= 1000  # some files write 10^9 for "no limit"
        if not minimum <= value <= largest:
            raise BadRequest(field, f"must be between {minimum} and {largest}, got {_short(value)}", "correct it")
        return value

    def count(self, name: str, fallback: int | None = None) -> int:
        """A number of at least 1. Raises BadRequest where it is missing and there is no fallback."""
        value = self.number(name, 1)
        if value is None:
            value = fallback
        if value is None:
            raise BadRequest(self.prefix + name, "is missing", "copy the model's own config.json")
        return value

    def flag(self, name: str, fallback: bool = False) -> bool:
        """A boolean. Raises BadRequest for anything else but null."""
        value = self.find(name)[1]
        if value is None:
            return fallback
        if not isinstance(value, bool):
            raise BadRequest(self.prefix + name, f"must be true or false, got {_short(value)}", "correct it")
        return value

    def text(self, name: str) -> str:
        value = self.find(name)[1]
        return value if isinstance(value, str) else ""

    def names(self, name: str) -> list[str] | None:
        """A list of strings, or None. Raises BadRequest for anything else."""
        value = self.find(name)[1]
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BadRequest(self.prefix + name, f"must be a list of names, got {_short(value)}", "correct it")
        return value

    def numbers(self, name: str) -> list[int]:
        """A list of integers, empty where absent."""
        value = self.find(name)[1] or []
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise BadRequest(self.prefix + name, f"must be a list of numbers, got {_short(value)}", "correct it")
        return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
