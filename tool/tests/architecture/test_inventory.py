"""Counts from architecture fields, against recorded exact counts."""

from __future__ import annotations

import pytest

from tool.architecture import Inventory, inventory
from tool.load import Repo
from tool.schema.model import Architecture


def _shapes(repo: Repo, id: str) -> dict[str, list[tuple[int, int, int]]]:
    shapes: dict[str, list[tuple[int, int, int]]] = {}
    for linear in inventory(repo.models[id].architecture).linears:
        shapes.setdefault(linear.name, []).append((linear.in_features, linear.out_features, linear.count))
    return shapes


def test_every_model_counts_exactly(repo: Repo) -> None:
    """The count computed from the architecture fields equals the recorded exact count of each registry model."""
    assert len(repo.models) >= 391
    off = {
        model.id: inventory(model.architecture).total - model.parameters
        for model in repo.models
        if inventory(model.architecture).total != model.parameters
    }
    assert off == {}


def test_parts_add_up(repo: Repo) -> None:
    """Linear layers, embedding, head and the rest are the total, and a tied head counts nothing."""
    for id in ("meta-llama/Llama-3.2-1B", "Qwen/Qwen3-30B-A3B", "google-bert/bert-base-uncased"):
        architecture = repo.models[id].architecture
        counted = inventory(architecture)
        assert counted.total == counted.linear + counted.embedding + counted.lm_head + counted.other
        assert (counted.lm_head == 0) == architecture.tie_word_embeddings


def test_gemma_4_shares_keys_and_doubles_the_mlp(repo: Repo) -> None:
    """Gemma 4 E2B: 20 of 35 layers own no keys and have the double MLP; full layers have wider heads."""
    shapes = _shapes(repo, "google/gemma-4-E2B")
    assert shapes["self_attn.q_proj"] == [(1536, 2048, 28), (1536, 4096, 7)]
    assert shapes["self_attn.k_proj"] == [(1536, 256, 12), (1536, 512, 3)]
    assert shapes["mlp.down_proj"] == [(6144, 1536, 15), (12288, 1536, 20)]
    assert shapes["per_layer_model_projection"] == [(1536, 8960, 1)]


def test_experts_are_counted_per_layer(repo: Repo) -> None:
    """Mixtral: 8 experts in each of 32 layers; `per_layer` says how many one layer holds."""
    experts = [
        linear
        for linear in inventory(repo.models["mistralai/Mixtral-8x7B-v0.1"].architecture).linears
        if linear.role == "expert"
    ]
    assert {linear.count for linear in experts} == {256}
    assert {linear.per_layer for linear in experts} == {8}
    assert sum(linear.parameters for linear in experts) == 45_097_156_608


def test_latent_attention(repo: Repo) -> None:
    """DeepSeek-V2-Lite compresses keys and values to 512 features and keeps the first layer dense."""
    shapes = _shapes(repo, "deepseek-ai/DeepSeek-V2-Lite")
    assert shapes["self_attn.kv_a_proj_with_mqa"] == [(2048, 576, 27)]
    assert shapes["self_attn.kv_b_proj"] == [(512, 4096, 27)]
    assert shapes["mlp.gate_proj"] == [(2048, 10944, 1)]


def test_hybrid_layers(repo: Repo) -> None:
    """Nemotron 3 Nano: 23 Mamba layers, 23 of experts, 6 of attention, nothing else in each."""
    shapes = _shapes(repo, "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16")
    assert shapes["mixer.in_proj"] == [(2688, 10304, 23)]
    assert shapes["mixer.experts.*.up_proj"] == [(2688, 1856, 23 * 128)]
    assert shapes["mixer.q_proj"] == [(2688, 4096, 6)]


def test_encoder_decoder_has_cross_attention(repo: Repo) -> None:
    """T5's decoder attends to itself and to the encoder; names are those of the modules."""
    shapes = _shapes(repo, "google-t5/t5-small")
    assert shapes["decoder.layer.1.EncDecAttention.q"] == [(512, 512, 6)]
    assert shapes["encoder.layer.1.DenseReluDense.wi"] == [(512, 2048, 6)]
    assert len(shapes) == 16


_BLOOM_NAMES = "self_attention.query_key_value self_attention.dense mlp.dense_h_to_4h mlp.dense_4h_to_h"


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("microsoft/Phi-3-mini-4k-instruct", "self_attn.qkv_proj self_attn.o_proj mlp.gate_up_proj mlp.down_proj"),
        ("openai-community/gpt2", "attn.c_attn attn.c_proj mlp.c_fc mlp.c_proj"),
        ("tiiuae/falcon-7b", _BLOOM_NAMES),
        ("answerdotai/ModernBERT-base", "attn.Wqkv attn.Wo mlp.Wi mlp.Wo"),
    ],
)
def test_names_are_module_suffixes(repo: Repo, id: str, expected: str) -> None:
    """Linear layers carry the suffixes that PEFT's target_modules matches, fused where the model fuses."""
    assert set(_shapes(repo, id)) == set(expected.split())


def test_a_new_architecture_needs_only_fields() -> None:
    """A hand-written shape of an unlisted type counts as the sum of its matrices and norms."""
    shape = Architecture(
        architecture="NewForCausalLM", model_type="new", hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, intermediate_size=100, vocab_size=1000,
    )  # fmt: skip
    layer = 64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 100 + 2 * 64
    counted = inventory(shape)
    assert isinstance(counted, Inventory)
    assert counted.total == 2 * layer + 64 + 2 * 1000 * 64
