"""Bounds learn per card: upward only, from several sources, and from failures as well as from peaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tool.load import open_repo
from tool.memory import bounds, fit
from tool.memory.calibrate import document
from tool.memory.cards import LARGEST_NEED, card_terms
from tool.memory.cases import cases_of
from tool.memory.measurements import Measurement
from tool.memory.overhead import PATH, CardTerm, load_calibration
from tool.recommend import recommend
from tool.recommend.knowledge import Knowledge
from tool.retrain.candidate import needier
from tool.schema.fit import FitRequest
from tool.schema.recommendation import RecommendRequest
from tool.tests.conftest import ROOT

ASKED = {
    "model": "Qwen/Qwen2.5-7B",
    "method": "lora",
    "framework": "open-finetune-config",
    "micro_batch": 4,
    "seq_len": 2048,
    "seq_len_kind": "padded-max",
    "gpu": "L4",
}


def row(source: str, number: int = 0, **seen: Any) -> Measurement:
    """A surprise of one source, as a row of registry/measurements/telemetry.jsonl."""
    usual = {"outcome": "ok", "completeness": "full", "source": {"repo_or_title": f"telemetry/{source}"}}
    return Measurement.model_validate({"id": f"{source}-{number}", **ASKED, **usual, **seen})


def peak(source: str, gib: float, number: int = 0) -> Measurement:
    return row(source, number, peak_gib=gib, peak_allocated_gib=gib, peak_kind="allocated")


def terms(*rows: Measurement) -> dict[str, CardTerm]:
    repo = open_repo(ROOT)
    known = {card.id: card.usable_gib for card in repo.gpus}
    return card_terms(cases_of(repo, rows), load_calibration(ROOT), known)


def forecast() -> tuple[float, float]:
    """Bound on the need of the usual run, and what is thought free of its card (GiB)."""
    answer = fit(open_repo(ROOT), FitRequest.model_validate(ASKED))
    assert answer.upper_gib is not None and answer.usable_gib is not None
    return answer.upper_gib, answer.usable_gib


def test_the_third_most_needy_source_decides() -> None:
    """Two sources that exaggerate change nothing beyond the third, and low ones lower nothing."""
    upper, _ = forecast()
    honest = [peak(f"team-{number}", upper * (1.1 + number / 100)) for number in range(5)]
    plain = terms(*honest)["L4"]
    assert 1.1 < plain.need < 1.2
    assert terms(*honest, *(peak(f"low-{number}", 0.2) for number in range(9)))["L4"].need == plain.need
    loud = terms(*honest, peak("loud-1", upper * 9), peak("loud-2", upper * 9))["L4"].need
    assert plain.need <= loud <= 1.2


def test_two_sources_teach_nothing() -> None:
    """What fewer than three sources needed is no property of a card."""
    upper, _ = forecast()
    assert terms(peak("a", upper * 1.2), peak("b", upper * 1.3)) == {}


def test_failures_teach_that_a_run_does_not_fit() -> None:
    """After three sources ran out of memory where the bound said that it fits, it says so no more."""
    upper, usable = forecast()
    assert upper <= usable
    term = terms(*(row(name, outcome="oom") for name in "abc"))["L4"]
    assert usable < upper * term.need
    assert term.usable_gib is None


def test_less_free_memory_is_learned_as_such() -> None:
    """Failures on cards that showed less free memory teach the figure; the need of the runs is not blamed for it."""
    lower = [row(name, outcome="oom", gpu="L4 (19.50 GiB)") for name in "abc"]
    term = terms(*lower, row("d", outcome="oom", gpu="L4 (11.00 GiB)"))["L4"]
    assert term.usable_gib == 19.5
    assert term.need == pytest.approx(1.0, abs=0.05)


def test_few_runs_above_the_bound_teach_nothing() -> None:
    """What a bound leaves out of a source's runs is no surprise; one run more is, and then the least of them counts."""
    upper, _ = forecast()

    def told(runs: int) -> dict[str, CardTerm]:
        rows = []
        for name in "abc":
            source = {"repo_or_title": name, "of": 100}
            rows.append(peak(name, upper * 1.5, 0).model_copy(update={"source": source | {"runs": 2}}))
            rows.append(peak(name, upper * 1.2, 1).model_copy(update={"source": source | {"runs": runs}}))
        return terms(*rows)

    assert told(1) == {}
    assert told(2)["L4"].need == pytest.approx(1.2, rel=0.05)


def test_what_was_learned_is_not_unlearned() -> None:
    """Of two rows of one configuration the needier stays, with the larger share of runs."""
    low = {"outcome": "ok", "peak_gib": 5.0, "source": {"runs": 9, "of": 10}}
    high = {"outcome": "ok", "peak_gib": 6.0, "source": {"runs": 1, "of": 90}}
    failed = {"outcome": "oom", "source": {"runs": 1, "of": 90}}
    for first, second in ((low, high), (high, low)):
        assert needier(first, second) == high | {"source": {"runs": 9, "of": 10}}
    assert needier(failed, high)["outcome"] == "oom"


def test_no_term_is_beyond_belief() -> None:
    """A factor beyond the largest is a fault of the forecast, not of a card."""
    assert terms(*(peak(name, 500.0) for name in "abc"))["L4"].need == LARGEST_NEED


@pytest.fixture
def learned(tmp_path: Path) -> Path:
    """A repository in which the L4 needs 1.2 times its bound and has 20 GiB free."""
    for name in ("profiles", "registry", "policies", "evaluation"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "registry").unlink()
    (tmp_path / "registry").mkdir()
    for path in (ROOT / "registry").iterdir():
        if path.name != "measurements":
            (tmp_path / "registry" / path.name).symlink_to(path)
    (tmp_path / PATH).parent.mkdir()
    term = CardTerm(need=1.2, usable_gib=20.0, rows=9, sources=3)
    calibration = load_calibration(ROOT).model_copy(update={"cards": {"L4": term}})
    (tmp_path / PATH).write_text(document(calibration))
    return tmp_path


def test_fit_uses_what_its_card_has_learned(learned: Path) -> None:
    """The bound is 1.2 times that of the arithmetic and less is free, on this card and no other."""
    upper, usable = forecast()
    context = load_calibration(ROOT).context_gib["default"]
    found = fit(open_repo(learned), FitRequest.model_validate(ASKED))
    assert found.usable_gib == 20.0 < usable
    assert found.upper_gib == pytest.approx((upper - context) * 1.2 + context, rel=0.01)
    many = bounds(open_repo(learned), FitRequest.model_validate(ASKED), [4.0], [2048.0])
    assert many[0] == pytest.approx(found.upper_gib, rel=0.001)
    other = FitRequest.model_validate(ASKED | {"gpu": "RTX-4090"})
    assert fit(open_repo(learned), other) == fit(open_repo(ROOT), other)


def test_recommendations_become_smaller(learned: Path) -> None:
    """A batch that filled the card before is not recommended any more."""
    asked = RecommendRequest.model_validate({"model": ASKED["model"], "task": "chat", "adapter": "lora", "gpu": "L4"})
    before, after = (recommend(open_repo(root), asked, Knowledge()) for root in (ROOT, learned))
    assert before.vram is not None and after.vram is not None
    assert after.vram.upper_gib is not None and after.vram.upper_gib <= after.vram.usable_gib == 20.0
    assert after.config["per_device_train_batch_size"] < before.config["per_device_train_batch_size"]
