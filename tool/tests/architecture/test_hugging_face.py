"""config.json files: counts as transformers builds them, defaults, nesting, and everything that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tool.architecture import UnsupportedArchitecture, architecture_from_config, inventory, is_approximate
from tool.errors import BadRequest, FtcError
from tool.load import Repo

ROWS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("data").joinpath("transformers_counts.json").read_text(encoding="utf-8")
)["rows"]
LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "rope_scaling": {"factor": 8.0, "rope_type": "llama3"},
}


def test_counts_equal_those_of_transformers() -> None:
    """For every recorded config the count is what transformers builds on the meta device, for 85 model types."""
    assert len({row["config"]["model_type"] for row in ROWS}) >= 80
    off = []
    for row in ROWS:
        architecture, notes = architecture_from_config(row["config"])
        counted = inventory(architecture).total
        if counted != row["parameters"] or is_approximate(notes):
            off.append((row["config"]["model_type"], counted - row["parameters"], notes))
    assert off == []


PUBLISHED: list[tuple[str, dict[str, Any]]] = [
    ("meta-llama/Llama-3.1-8B", LLAMA),
    (
        "google/gemma-3-4b-it",
        {
            "architectures": ["Gemma3ForConditionalGeneration"],
            "model_type": "gemma3",
            "text_config": {
                "hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
                "num_hidden_layers": 34, "sliding_window": 1024,
            },
            "vision_config": {"hidden_size": 1152, "num_hidden_layers": 27},
        },
    ),
    (
        "openai-community/gpt2",
        {"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "vocab_size": 50257},
    ),
    (
        "tiiuae/falcon-7b",
        {
            "model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71,
            "multi_query": True, "parallel_attn": True, "bias": False, "alibi": False, "vocab_size": 65024,
        },
    ),
    (
        "LiquidAI/LFM2-1.2B",
        {
            "model_type": "lfm2", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
            "num_key_value_heads": 8, "block_ff_dim": 12288, "block_auto_adjust_ff_dim": True,
            "block_multiple_of": 256, "conv_L_cache": 3, "vocab_size": 65536, "tie_embedding": True,
            "full_attn_idxs": [2, 5, 8, 10, 12, 14],
        },
    ),
    (
        "Qwen/Qwen2.5-7B",
        {
            "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28,
            "num_hidden_layers": 28, "num_key_value_heads": 4, "vocab_size": 152064, "sliding_window": 131072,
            "use_sliding_window": False, "max_window_layers": 28,
        },
    ),
    (
        "google/flan-t5-base",
        {
            "model_type": "t5", "d_model": 768, "d_ff": 2048, "d_kv": 64, "num_heads": 12, "num_layers": 12,
            "num_decoder_layers": 12, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
            "vocab_size": 32128,
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("id", "config"), PUBLISHED, ids=[id for id, _ in PUBLISHED])
def test_published_configs_equal_the_registry(repo: Repo, id: str, config: dict[str, Any]) -> None:
    """A model's own config.json gives the shape and the count that the registry records."""
    architecture, _ = architecture_from_config(config)
    known = repo.models[id]
    assert inventory(architecture).total == known.parameters
    fields = ("hidden_size", "num_key_value_heads", "head_dim", "intermediate_size", "layer_kinds", "sliding_window")
    assert [getattr(architecture, name) for name in fields] == [getattr(known.architecture, name) for name in fields]


def test_omitted_sizes_take_the_default_of_the_type_and_say_so() -> None:
    """Gemma 3 files omit heads and vocabulary: the defaults of transformers fill in, each with a note."""
    _, notes = architecture_from_config(PUBLISHED[1][1])
    assert any(note.startswith("only the language part (text_config)") for note in notes)
    assert any("num_attention_heads" in note and "8" in note and "gemma3_text" in note for note in notes)


def test_null_is_not_the_default() -> None:
    """Mistral's default is 8 key/value heads, but a null means as many as attention heads (transformers)."""
    config = {**LLAMA, "model_type": "mistral", "num_key_value_heads": None}
    assert architecture_from_config(config)[0].num_key_value_heads == 32
    del config["num_key_value_heads"]
    assert architecture_from_config(config)[0].num_key_value_heads == 8


def test_unknown_plain_transformer_is_approximated() -> None:
    """An unknown type with the fields of a plain transformer gets a Llama-like shape and says that it is a stand-in."""
    architecture, notes = architecture_from_config({**LLAMA, "model_type": "brandnew"})
    assert is_approximate(notes)
    assert "brandnew" in notes[0]
    assert inventory(architecture).total == 8_030_261_248


def test_unknown_mixture_keeps_its_experts() -> None:
    """An unknown type that names experts is read as a mixture of experts, not as a dense model."""
    config = {**LLAMA, "model_type": "brandnewmoe", "num_experts": 8, "num_experts_per_tok": 2}
    architecture, notes = architecture_from_config(config)
    assert is_approximate(notes)
    assert architecture.experts is not None
    assert inventory(architecture).total > 40e9


def test_unknown_layer_kinds_of_unknown_types_do_not_fail() -> None:
    """A hybrid that nobody knows is still bounded: its layers count as attention."""
    config = {**LLAMA, "model_type": "brandnew", "layer_types": ["quantum_attention"] * 32}
    architecture, notes = architecture_from_config(config)
    assert is_approximate(notes)
    assert architecture.layer_kinds is None
    assert config["layer_types"]


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "mamba", "hidden_size": 768, "num_hidden_layers": 24, "state_size": 16, "vocab_size": 50280},
        {"model_type": "clip", "projection_dim": 512},
        {"model_type": "whisper", "d_model": 384, "encoder_layers": 4},
        {},
    ],
)
def test_unsupported_types_are_named(config: dict[str, Any]) -> None:
    """What is no plain transformer and not listed raises UnsupportedArchitecture with its model type."""
    with pytest.raises(UnsupportedArchitecture) as caught:
        architecture_from_config(config)
    assert caught.value.model_type == config.get("model_type", "unnamed")
    assert caught.value.model_type in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", -4096),
        ("hidden_size", 0),
        ("hidden_size", "4096"),
        ("hidden_size", True),
        ("hidden_size", 10**12),
        ("hidden_size", float("nan")),
        ("num_hidden_layers", 10**9),
        ("num_hidden_layers", 2.5),
        ("num_attention_heads", 31),
        ("num_key_value_heads", 5),
        ("num_key_value_heads", [8]),
        ("vocab_size", None),
        ("vocab_size", -1),
        ("intermediate_size", "big"),
        ("tie_word_embeddings", "yes"),
        ("attention_bias", 3),
        ("head_dim", -1),
        ("layer_types", ["full_attention"] * 3),
        ("layer_types", ["magic"] * 32),
        ("layer_types", 7),
        ("text_config", "llama"),
        ("model_type", 5),
    ],
)
def test_absurd_values_name_the_field(field: str, value: object) -> None:
    """A value that cannot be is a BadRequest that names its field; never another exception."""
    with pytest.raises(BadRequest) as caught:
        architecture_from_config({**LLAMA, field: value})
    assert caught.value.field.split(".")[-1] == field


def test_absurd_nested_values_name_the_path() -> None:
    """Inside text_config the field is named with its path."""
    config = {"model_type": "gemma3", "text_config": {"hidden_size": -1, "num_hidden_layers": 2}}
    with pytest.raises(BadRequest) as caught:
        architecture_from_config(config)
    assert caught.value.field == "text_config.hidden_size"


@pytest.mark.parametrize("field", ["hidden_size", "num_hidden_layers"])
def test_missing_size_is_not_assumed(field: str) -> None:
    """Width and depth are never taken from a default: without them the config is no config."""
    config = {key: value for key, value in LLAMA.items() if key != field}
    with pytest.raises(BadRequest) as caught:
        architecture_from_config(config)
    assert caught.value.field == field


def test_not_an_object() -> None:
    """A list or a string is refused with a clear message."""
    for value in ([], "llama", 3, None):
        with pytest.raises(BadRequest):
            architecture_from_config(value)  # type: ignore[arg-type]


def test_any_broken_config_fails_cleanly() -> None:
    """Each field of each recorded config, replaced by nonsense, gives an answer or an FtcError, never a traceback."""
    for row in ROWS[::3]:
        for field in row["config"]:
            for nonsense in (None, -1, 0, "x", [], {}, 1e300, [None], {"a": 1}):
                try:
                    inventory(architecture_from_config({**row["config"], field: nonsense})[0])
                except FtcError:
                    continue
