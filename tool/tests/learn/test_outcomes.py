"""Sweeps: curves, optimum, regret, and how far a measured optimum reaches."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from tool.errors import InputFaults
from tool.learn.correction import correct, optima
from tool.learn.facts import Facts
from tool.learn.outcomes import SWEEPS, Curve, load_curves
from tool.tests.learn.made import curve

SMALL = Facts("sft", "full", "code", "smollm", 0.135, hidden_size=576)


def test_the_optimum_of_a_parabola_is_its_vertex() -> None:
    """Between the points that were tried."""
    assert curve("a", "full", -3.3, steep=0.3).optimum() == pytest.approx(-3.3)


def test_a_neighbour_that_diverged_does_not_bend_the_optimum() -> None:
    """The best rate that was tried, and no vertex drawn away by an explosion."""
    found = replace(curve("a", "full", -3.5), losses=(2.0, 1.9, 1.5, 1.0, 9.0, 9.0, 9.0))
    assert found.optimum() == pytest.approx(-3.5)


def test_regret_is_zero_at_the_best_and_grows_away_from_it() -> None:
    """Relative loss above the best of the sweep, linear between points."""
    found = curve("a", "full", -3.5)
    assert found.regret(10**-3.5) == pytest.approx(0.0)
    assert found.regret(10**-3.0) == pytest.approx(0.25)
    assert found.regret(10**-3.25) == pytest.approx(0.125)
    assert found.regret(1e-9) == found.regret(10**-5.0)


def test_an_end_of_the_range_is_no_bracketed_optimum() -> None:
    """The lowest loss at the highest rate says only that higher rates are missing."""
    assert not curve("a", "full", -1.0).is_bracketed
    assert curve("a", "full", -3.5).is_bracketed


def test_near_the_swept_size_the_sweep_decides_and_far_from_it_hardly() -> None:
    """At the measured size the rate is the measured one; at 7e9 parameters recipes keep the say."""
    known = optima([curve("a", "full", -3.5), curve("b", "full", -3.5), curve("a", "lora-r8", -2.5)])
    near, far = correct(known, SMALL), correct(known, replace(SMALL, params_b=7.0, hidden_size=4096))
    assert near is not None
    assert far is not None
    assert near.rate == pytest.approx(-3.5, abs=0.1)
    assert near.weight == pytest.approx(3 / 3.25, abs=1e-3)
    assert far.weight < 0.05


def test_a_wider_model_of_the_same_size_takes_a_lower_rate() -> None:
    """The published exponent carries the optimum to another width."""
    known = optima([curve("a", "full", -3.5)])
    narrow, wide = correct(known, SMALL), correct(known, replace(SMALL, hidden_size=5760))
    assert narrow is not None
    assert wide is not None
    assert narrow.rate - wide.rate == pytest.approx(0.781, abs=0.01)


def test_the_rate_falls_with_the_rank_at_a_fixed_alpha_over_rank() -> None:
    """The square root that rsLoRA derives holds where one rank was swept; two ranks that differ more move it."""
    lora = replace(SMALL, adapter="lora")
    one, steep = (
        optima([curve("a", "lora-r8", -2.5)]),
        optima([curve("a", "lora-r8", -2.5), curve("a", "lora-r64", -3.6)]),
    )
    falls = []
    for known in (one, steep):
        low, high = correct(known, lora, lora_r=8), correct(known, lora, lora_r=64)
        assert low is not None
        assert high is not None
        falls.append((low.rate - high.rate) / math.log10(8))
    assert falls[0] == pytest.approx(0.5, abs=0.01)
    assert falls[0] + 0.2 < falls[1] < 1.1 / math.log10(8)


def test_half_the_alpha_takes_a_higher_rate() -> None:
    """What alpha / rank takes from an update, the rate gives back, at least in part."""
    known = optima([curve("a", "lora-r8", -2.5)])
    double, single = (correct(known, replace(SMALL, adapter="lora"), 8, ratio) for ratio in (2.0, 1.0))
    assert double is not None
    assert single is not None
    assert 0.5 * math.log10(2) <= single.rate - double.rate <= math.log10(2)


def test_a_method_that_was_never_swept_is_answered_from_the_others() -> None:
    """Full fine-tuning says what adapters need: ten times, at the rank where that rule holds."""
    found = correct(optima([curve(task, "full", -3.8, 0.3) for task in "ab"]), replace(SMALL, adapter="lora"), 16)
    assert found is not None
    assert found.rate == pytest.approx(-2.8, abs=0.05)


def test_another_architecture_trusts_the_sweep_less_and_a_smaller_model_longer() -> None:
    """Published exponents of families differ; below the swept size hardly any expert publishes."""
    known = optima([curve("a", "full", -3.5)])
    same, other = correct(known, SMALL), correct(known, replace(SMALL, family="gpt2"))
    smaller, larger = correct(known, replace(SMALL, params_b=0.0405)), correct(known, replace(SMALL, params_b=0.675))
    assert same is not None
    assert other is not None
    assert smaller is not None
    assert larger is not None
    assert other.weight == pytest.approx(0.6 * same.weight, rel=1e-4)
    assert larger.weight < 0.6 * same.weight < 0.8 * same.weight < smaller.weight


@pytest.mark.parametrize("objective", ["dpo", "orpo", "kto", "simpo", "grpo"])
def test_supervised_sweeps_say_nothing_of_preferences(objective: str) -> None:
    """Another loss, another scale of rates."""
    assert correct(optima([curve("a", "full", -3.5)]), replace(SMALL, objective=objective)) is None


def _sweep(root: Path, lines: list[str]) -> None:
    folder = root / SWEEPS
    folder.mkdir(parents=True)
    (root / "evaluation").mkdir()
    (root / "evaluation" / "reserved.yaml").write_text("recipes: {repositories: []}\n")
    (folder / "s.yaml").write_text("parameters: 134515008\nhidden_size: 576\n")
    (folder / "s.jsonl").write_text("".join(f"{line}\n" for line in lines))


def _row(rate: float, loss: float | None) -> dict[str, object]:
    losses = {"0": 3.0} if loss is None else {"0": 3.0, "60": loss}
    return {
        "id": f"t/full/{rate:g}/1",
        "model": "m",
        "task": "t",
        "task_type": "code",
        "objective": "sft",
        "method": "full",
        "adapter": "full",
        "lora_r": None,
        "lora_alpha": None,
        "learning_rate": rate,
        "seed": 1,
        "steps": 60,
        "batch": 8,
        "tokens": 100,
        "trained_tensors": 1,
        "held_out_loss": losses,
        "first_loss": 3.0,
        "last_loss": loss,
        "diverged": loss is None,
        "text_sha256": "0" * 64,
        "seconds": 1.0,
        "versions": {},
    }


def test_a_table_becomes_a_curve(tmp_path: Path) -> None:
    """Rows in any order; a diverged run counts as three times the untrained loss."""
    rows = [_row(1e-3, None), _row(1e-5, 2.0), _row(1e-4, 1.0), _row(3e-5, 1.5)]
    _sweep(tmp_path, [json.dumps(row) for row in rows])
    (found,) = load_curves(tmp_path)
    assert isinstance(found, Curve)
    assert found.rates == (1e-5, 3e-5, 1e-4, 1e-3)
    assert found.losses == (2.0, 1.5, 1.0, 9.0)


def test_a_second_seed_of_some_rates_does_not_make_them_look_better(tmp_path: Path) -> None:
    """An easy seed is levelled with the first; what it says of one rate against another counts half."""
    first = [_row(1e-5, 2.0), _row(1e-4, 1.0), _row(1e-3, 1.1), _row(1e-2, 2.0)]
    second = [{**_row(rate, loss), "seed": 2} for rate, loss in ((1e-4, 0.6), (1e-3, 0.5))]
    _sweep(tmp_path, [json.dumps(row) for row in first + second])
    (found,) = load_curves(tmp_path)
    assert found.losses == pytest.approx((2.0, 1.05, 1.05, 2.0))


def test_every_bad_line_is_named(tmp_path: Path) -> None:
    """File, line and field of each, all at once."""
    bad = {**_row(1e-4, 1.0), "learning_rate": -1.0}
    _sweep(tmp_path, [json.dumps(_row(1e-5, 2.0)), "{torn", json.dumps(bad)])
    with pytest.raises(InputFaults) as caught:
        load_curves(tmp_path)
    assert [(fault.line, fault.field) for fault in caught.value.faults] == [(2, ""), (3, "learning_rate")]


def test_the_committed_sweep_is_readable_and_finite() -> None:
    """The real table: every curve has finite losses, the best below the untrained loss."""
    root = Path(__file__).resolve().parents[3]
    curves = load_curves(root)
    assert curves
    assert all(math.isfinite(loss) for found in curves for loss in found.losses)
