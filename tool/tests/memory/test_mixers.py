"""Layers that mix without attention, encoder-decoders, and adapters that reach only some layers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tool.architecture.inventory import Linear
from tool.load import Repo
from tool.memory.answer import program_of, sample
from tool.memory.blocks import Block, play
from tool.memory.layers import Matrix, Numbers
from tool.memory.mixers import Mixer
from tool.memory.resolve import Notes, setup_of
from tool.memory.shapes import adapted
from tool.schema.fit import FitRequest

NUMBERS = Numbers(hidden=2, compute=2, adapter=4, gradient=2, autocast=False, frozen=False, quantized=False)


def saved_per_token(block: Block) -> float:
    """Bytes that a block leaves for backward, per token."""
    return float(play(block, NUMBERS)[0].saved()[:, 1].sum())


def test_short_convolution_keeps_its_projection_and_three_products() -> None:
    """LFM2: the norm's two copies (6 bytes and the normed output 2), B·C·x (6), gated, convolved, product (2 each)."""
    size = 64
    block = Block(size, {"in": Matrix(size, 3 * size), "out": Matrix(size, size)}, mixer=Mixer("conv", size))
    assert saved_per_token(block) == size * ((4 + 2 + 2) + 6 + 3 * 2)


def test_delta_rule_keeps_a_state_for_every_chunk() -> None:
    """Wider heads of the same total width keep larger states: features · key_dim · 4 / 64 bytes for each token."""
    matrices = {"in_qkv": Matrix(64, 192), "in_z": Matrix(64, 64), "in_b": Matrix(64, 4), "out": Matrix(64, 64)}
    mixer = Mixer("delta", 64, 64, heads=4, key_dim=16)
    narrow = Block(64, matrices, mixer=mixer)
    wide = Block(64, matrices, mixer=replace(mixer, heads=4, key_dim=16, features=128))
    states = (128 - 64) * 16 * 4 / 64
    assert saved_per_token(wide) > saved_per_token(narrow) + states


def test_a_target_is_a_whole_name() -> None:
    """`v_proj` names the value projection, not `in_proj_qkv`, whose name ends in the same letter."""
    fused = Linear("linear_attn.in_proj_qkv", 64, 192, 1, "ssm")
    assert not adapted(fused, ("q", "v"), experts=False)
    assert adapted(fused, ("in_proj_qkv",), experts=False)


@pytest.mark.parametrize("model", ["LiquidAI/LFM2-1.2B", "Qwen/Qwen3.5-2B"])
def test_layers_before_the_first_adapter_keep_nothing(repo: Repo, model: str) -> None:
    """With adapters on attention alone, the mixer layers before it stay out of the graph."""
    request = {"model": model, "method": "lora", "lora_r": 8, "framework": "transformers", "grad_checkpointing": False}
    setup = setup_of(repo, FitRequest.model_validate({**request, "lora_targets": "q,v"}), Notes())
    assert setup is not None
    silent = [layers for block, layers in program_of(setup).blocks if block.silent]
    assert silent == [2 if model.startswith("Liquid") else 3]
    every = setup_of(repo, FitRequest.model_validate({**request, "lora_targets": "all-linear"}), Notes())
    assert every is not None
    assert not any(block.silent for block, _ in program_of(every).blocks)


def test_an_encoder_decoder_has_as_many_blocks_as_layers(repo: Repo) -> None:
    """T5-base: twelve layers with one attention, twelve with two, each with its feed-forward part."""
    request = FitRequest.model_validate({"model": "google-t5/t5-base", "method": "full", "framework": "transformers"})
    setup = setup_of(repo, request, Notes())
    assert setup is not None
    program = program_of(setup)
    assert [(block.cross, layers) for block, layers in program.blocks] == [(False, 12), (True, 12)]
    assert all(block.intermediate for block, _ in program.blocks)
    few, many = (
        float((program.totals() @ sample(setup, np.array(1.0), np.array(length))).max()) for length in (128.0, 2048.0)
    )
    assert few < many
