"""From shortened models to the whole one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tool.oracle.extrapolate import Depths, Trace, extend, phase_peaks, plan_depths

FULL = "full"


def invented(layers: int, per_layer: int, checkpoint: int, head: int, gradient: int) -> Trace:
    """A run whose moments are known: the forward fills up, the backward trades activations for gradients."""

    def moment(total: int) -> dict[str, int]:
        return {"weights": total - 1, "activations": 1, "total": total}

    weights = layers * per_layer
    trace = {
        "load": moment(weights),
        "forward": moment(weights),
        "backward": moment(weights + layers * checkpoint + head),
    }
    for index in range(layers):
        trace[f"forward/layers/{index}"] = moment(weights + (index + 1) * checkpoint)
        left = layers - index
        trace[f"backward/layers/{index}"] = moment(weights + (index + 1) * checkpoint + left * gradient + 7)
    return trace


@given(
    whole=st.integers(5, 80),
    per_layer=st.integers(1, 10**9),
    checkpoint=st.integers(0, 10**8),
    head=st.integers(0, 10**9),
    gradient=st.integers(0, 10**8),
)
def test_two_short_runs_give_the_whole_one(
    whole: int, per_layer: int, checkpoint: int, head: int, gradient: int
) -> None:
    """Extending three and four layers gives every phase's peak at the whole depth, exactly."""
    depths = Depths(3, 1, whole)
    sizes = (per_layer, checkpoint, head, gradient)
    extended = extend(invented(3, *sizes), invented(4, *sizes), depths)
    assert phase_peaks(extended) == phase_peaks(invented(whole, *sizes))


def test_uniform_layers_need_three_and_four() -> None:
    """Like layers are traced three and four deep."""
    assert plan_depths([FULL] * 32) == Depths(3, 1, 32)


def test_a_period_is_kept_whole() -> None:
    """Five sliding layers and one full one: depths differ by six, and end where the model ends in its period."""
    kinds = [("full" if index % 6 == 5 else "sliding") for index in range(26)]
    depths = plan_depths(kinds)
    assert depths is not None
    assert depths.period == 6
    assert (depths.whole - depths.short) % 6 == 0
    assert depths.short + 6 < 26


def test_an_irregular_front_is_kept() -> None:
    """One dense layer before layers of experts stays in both traces."""
    depths = plan_depths(["full dense"] + ["full"] * 26)
    assert depths is not None
    assert depths.period == 1
    assert depths.short >= 3


def test_shallow_models_are_traced_whole() -> None:
    """Where the shortcut would not be shorter, there is none."""
    assert plan_depths([FULL] * 4) is None
    assert plan_depths(["a", "b", "c", "d", "e"]) is None


def test_first_step_is_kept_apart() -> None:
    """Segments of the first step do not enter the steady peaks."""
    trace = {"forward": {"total": 5}, "first forward": {"total": 9}, "first backward/layers/0": {"total": 3}}
    assert phase_peaks(trace) == {"forward": {"total": 5}}
    assert phase_peaks(trace, "first ") == {"forward": {"total": 9}, "backward": {"total": 3}}
