"""A shape from a size alone."""

from __future__ import annotations

import numpy as np
import pytest

from tool.architecture import architecture_for_size, inventory
from tool.architecture.generic import MLP_RATIO, WIDTH_FACTOR, WIDTH_POWER
from tool.errors import BadRequest
from tool.load import Repo
from tool.schema.model import Architecture


def _typical(architecture: Architecture) -> bool:
    """Dense decoder with a gated MLP and RMSNorm, as the law was fitted on."""
    kinds = set(architecture.layer_kinds or ())
    return (
        architecture.experts is None
        and kinds <= {"full", "sliding"}
        and (architecture.mlp_type, architecture.norm) == ("gated", "RMSNorm")
        and architecture.per_layer_input is None
        and not architecture.is_encoder_decoder
    )


def _shapes(repo: Repo) -> list[tuple[int, Architecture]]:
    shapes = {model.architecture: model.parameters for model in repo.models if _typical(model.architecture)}
    modern = [
        (parameters, shape)
        for shape, parameters in shapes.items()
        if parameters <= 2e9 or shape.num_key_value_heads < shape.num_attention_heads
    ]
    return sorted(modern, key=lambda pair: (pair[0], pair[1].model_dump_json()))


@pytest.mark.parametrize("parameters", [1e7, 1.35e8, 5e8, 1e9, 1.5e9, 3e9, 7e9, 8e9, 13e9, 32e9, 70e9, 405e9, 1e12])
def test_size_is_met(parameters: float) -> None:
    """The shape has the wanted number of parameters within 1 %."""
    architecture = architecture_for_size(parameters)
    assert inventory(architecture).total == pytest.approx(parameters, rel=0.01)
    assert architecture.num_attention_heads % architecture.num_key_value_heads == 0


def test_law_is_that_of_the_registry(repo: Repo) -> None:
    """The constants are the least-squares fit to the registry's dense decoders, within a few per cent."""
    shapes = _shapes(repo)
    assert len(shapes) >= 80
    sizes = np.log([parameters for parameters, _ in shapes])
    widths = np.log([shape.hidden_size for _, shape in shapes])
    power, intercept = np.polyfit(sizes, widths, 1)
    assert power == pytest.approx(WIDTH_POWER, abs=0.02)
    for size in (1e9, 8e9, 7e10):
        assert WIDTH_FACTOR * size**WIDTH_POWER == pytest.approx(np.exp(intercept) * size**power, rel=0.05)
    ratio = np.median([shape.intermediate_size / shape.hidden_size for _, shape in shapes])
    assert ratio == pytest.approx(MLP_RATIO, rel=0.1)


def test_real_models_are_near(repo: Repo) -> None:
    """For 9 of 10 dense decoders of the registry the stand-in is within a factor of 1.6 in width and 2 in depth."""
    near = []
    for parameters, shape in _shapes(repo):
        stand_in = architecture_for_size(parameters)
        width = max(stand_in.hidden_size, shape.hidden_size) / min(stand_in.hidden_size, shape.hidden_size)
        layers = (stand_in.num_hidden_layers, shape.num_hidden_layers)
        near.append(width <= 1.6 and max(layers) / min(layers) <= 2)
    assert np.mean(near) >= 0.9


@pytest.mark.parametrize("parameters", [0, -7e9, 7, 1e15, float("nan"), float("inf")])
def test_absurd_sizes_are_refused(parameters: float) -> None:
    """A size that no model has is a BadRequest on params_b."""
    with pytest.raises(BadRequest) as caught:
        architecture_for_size(parameters)
    assert caught.value.field == "params_b"
