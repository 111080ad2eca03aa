"""Fit registry/measurements/calibration.yaml on the published runs that are not reserved.

    python -m tool.memory.calibrate            show what would change
    python -m tool.memory.calibrate --write    write it

Few numbers, each a grid search over a robust score in which every source family counts the same. Bounds are
split-conformal: for each group the smallest factors that cover the wanted share of its rows (Vovk; with the finite
sample correction (n + 1) / n).
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from tool.load import Repo, find_root, open_repo
from tool.memory.cards import card_terms
from tool.memory.cases import Case, cases_of, forecast
from tool.memory.groups import KINDS
from tool.memory.measurements import load_measurements
from tool.memory.overhead import PATH, Bound, Calibration, gap_of, load_calibration
from tool.memory.spread import by_size

COMMAND = "python -m tool.memory.calibrate --write"
TELEMETRY = "telemetry"
"""Rows that uploads of telemetry gave: registry/measurements/telemetry.jsonl."""
COVERAGE = {"constant": 0.97, "varying": 0.93, "mixed": 0.96}
"""Share of the rows of a group that its bound has to cover: 0.97 of all rows together. Padded batches get less, since
their published figures hold cache that the allocator would give back before it runs out."""
LEAST_ROWS = 15
"""A group with fewer rows takes the default bound."""
GAPS = np.round(np.arange(0.0, 3.01, 0.05), 2)
STATES = (1.02, 1.05, 1.08)
TOKENS = np.round(np.arange(1.0, 8.01, 0.05), 2)
DRIVER_CONTEXT = 0.45
"""GiB of a CUDA context on Ampere and later, seen with nothing allocated (recalled; not separable in the rows)."""
UNSURE = 1.25
"""Bounds of unknown models and frameworks are this much wider than the widest group."""


def by_family(cases: Sequence[Case]) -> dict[str, list[Case]]:
    grouped: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        grouped[case.row.family].append(case)
    return dict(grouped)


def _score(cases: Sequence[Case], calibration: Calibration) -> float:
    """Mean over families of the median relative error."""
    errors = []
    for members in by_family(cases).values():
        errors.append(float(np.median([_error(case, calibration) for case in members])))
    return float(np.mean(errors)) if errors else 0.0


def _error(case: Case, calibration: Calibration) -> float:
    measured = case.row.judged_gib
    assert measured is not None
    return abs(forecast(case, calibration).judged / measured - 1.0)


def _best(values: Sequence[float], score: Callable[[float], float]) -> float:
    """The value with the least score; of equals the smallest."""
    return float(min(values, key=lambda value: (round(score(value), 5), value)))


def _context(cases: Sequence[Case]) -> dict[str, float]:
    """Median of driver minus allocator where both were seen, by architecture of the card."""
    seen: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        row = case.row
        if row.process_gib and row.peak_reserved_gib and case.card and case.gpus == 1:
            seen[case.card.casefold()].append(row.process_gib - row.peak_reserved_gib)
    table = {name: float(np.median(values)) for name, values in sorted(seen.items())}
    return {"default": DRIVER_CONTEXT, **table}


def calibrate(cases: Sequence[Case]) -> Calibration:
    """Fit everything on these cases."""
    ran = [case for case in cases if case.row.outcome == "ok" and case.row.judged_gib]
    full = [case for case in ran if case.row.completeness == "full"]
    start = Calibration(
        command=COMMAND,
        rows=len(ran),
        context_gib=_context(ran),
        collective_gib=0.0,
        gaps={},
        bounds={"unknown": Bound(tokens=2.0, states=1.05, rows=0)},
    )
    calibration = _fit_gaps(full, start)
    failed = [case for case in cases if case.row.outcome == "oom" and case.row.completeness == "full" and case.usable]
    return calibration.model_copy(update={"bounds": _bounds(full, failed, calibration)})


def _with_driver(cases: Sequence[Case]) -> list[Case]:
    """Rows that publish the driver's figure beside the allocator's, judged by the former."""
    judged = []
    for case in cases:
        if case.row.peak_nvidia_smi_gib and case.row.peak_kind == "allocated":
            update = {"peak_kind": "nvidia-smi", "peak_gib": case.row.peak_nvidia_smi_gib, "process_gib": None}
            row = case.row.model_copy(update=update)
            judged.append(Case(**{**case.__dict__, "row": row}))
    return judged


def _with_reserved(cases: Sequence[Case]) -> list[Case]:
    judged = []
    for case in cases:
        if case.row.peak_kind == "reserved":
            judged.append(case)
        elif case.row.peak_reserved_gib:
            row = case.row.model_copy(update={"peak_kind": "reserved", "peak_gib": case.row.peak_reserved_gib})
            judged.append(Case(**{**case.__dict__, "row": row}))
    return judged


def _with_gap(calibration: Calibration, kind: str, gap: float) -> Calibration:
    return calibration.model_copy(update={"gaps": {**calibration.gaps, kind: gap}})


def _score_of(cases: Sequence[Case], trials: dict[float, Calibration], value: float) -> float:
    return _score(cases, trials[value])


def _fit_gaps(cases: Sequence[Case], start: Calibration) -> Calibration:
    """Gaps of both kinds, then the collective buffers, from reserved and driver figures."""
    seen = [*_with_reserved(cases), *_with_driver(cases)]
    calibration = start
    for kind in KINDS:
        members = [case for case in seen if case.shapes == kind and case.gpus == 1 and not case.expandable]
        if not members:
            continue

        trials = {float(gap): _with_gap(calibration, kind, float(gap)) for gap in GAPS}
        calibration = trials[_best(list(trials), partial(_score_of, members, trials))]
    several = [case for case in seen if case.gpus > 1 and case.row.peak_kind == "nvidia-smi"]
    if several:
        sizes = [round(float(gib), 1) for gib in np.arange(0.0, 4.01, 0.1)]
        options = {gib: calibration.model_copy(update={"collective_gib": gib}) for gib in sizes}
        calibration = options[_best(sizes, partial(_score_of, several, options))]
    return calibration


def _bounds(cases: Sequence[Case], failed: Sequence[Case], calibration: Calibration) -> dict[str, Bound]:
    """One bound for each kind with enough rows, and a wider one for what is not known.

    `failed` ran out of memory: a bound is raised until it calls none of them safe.
    """
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.group].append(case)
    fitted = {name: _bound(groups[name], calibration) for name in KINDS if len(groups[name]) >= LEAST_ROWS}
    for name, bound in fitted.items():
        fitted[name] = _unsafe_no_more(bound, [case for case in failed if case.group == name], calibration)
    tokens = max((bound.tokens for bound in fitted.values()), default=2.0)
    states = max((bound.states for bound in fitted.values()), default=1.1)
    wide = Bound(tokens=round(tokens * UNSURE, 2), states=round(states * UNSURE, 2), rows=0)
    return {**fitted, "unknown": wide}


def _bound(cases: Sequence[Case], calibration: Calibration) -> Bound:
    """The factors that cover enough rows with the least median of bound / measured.

    They are never below what the allocator is expected to hold.
    """
    needed = min(len(cases), math.ceil((len(cases) + 1) * COVERAGE.get(cases[0].group, 0.97)))
    best: tuple[float, float, float] | None = None
    for states in STATES:
        low, high = int(np.searchsorted(TOKENS, 1.0 + gap_of(calibration, cases[0].group))), len(TOKENS) - 1
        while low < high:
            middle = (low + high) // 2
            if _covered(cases, calibration, states, float(TOKENS[middle])) >= needed:
                high = middle
            else:
                low = middle + 1
        tokens = float(TOKENS[low])
        option = (round(_looseness(cases, calibration, states, tokens), 4), states, tokens)
        if _covered(cases, calibration, states, tokens) >= needed and (best is None or option < best):
            best = option
    if best is None:
        return Bound(tokens=float(TOKENS[-1]), states=STATES[-1], rows=len(cases))
    return Bound(tokens=best[2], states=best[1], rows=len(cases))


def _unsafe_no_more(bound: Bound, failed: Sequence[Case], calibration: Calibration) -> Bound:
    """The bound, raised on `tokens` until no run that was seen to run out of memory fits by it."""
    for tokens in TOKENS[bound.tokens <= TOKENS]:
        raised_bound = bound.model_copy(update={"tokens": float(tokens)})
        bounds = {**calibration.bounds, **{case.group: raised_bound for case in failed}}
        trial = calibration.model_copy(update={"bounds": bounds})
        if not any(forecast(case, trial).verdict == "fits" for case in failed):
            return raised_bound
    return bound


def _ratios(cases: Sequence[Case], calibration: Calibration, states: float, tokens: float) -> np.ndarray:
    trial = calibration.model_copy(update={"bounds": {cases[0].group: Bound(tokens=tokens, states=states, rows=0)}})
    return np.array([forecast(case, trial).upper / (case.need or 1.0) for case in cases])


def _covered(cases: Sequence[Case], calibration: Calibration, states: float, tokens: float) -> int:
    return int((_ratios(cases, calibration, states, tokens) >= 1.0).sum())


def _looseness(cases: Sequence[Case], calibration: Calibration, states: float, tokens: float) -> float:
    return float(np.median(_ratios(cases, calibration, states, tokens)))


def document(calibration: Calibration) -> str:
    """The file, in its one form."""
    data = calibration.model_dump(mode="json")
    for key in ("context_gib", "gaps"):
        data[key] = {name: float(f"{value:.4g}") for name, value in data[key].items()}
    if not data["cards"]:
        del data["cards"]
    header = "# Fitted on the rows of this folder that evaluation/reserved.yaml does not keep. Do not edit.\n"
    return header + str(yaml.safe_dump(data, sort_keys=True))


def fitted(repo: Repo) -> Calibration:
    """The calibration of a repository's own measurements. Rows from telemetry teach only terms of cards, and upward."""
    rows = load_measurements(repo.root)
    published = calibrate(cases_of(repo, [row for row in rows if row.family != TELEMETRY]))
    known = {card.id: card.usable_gib for card in repo.gpus}
    told = cases_of(repo, [row for row in rows if row.family == TELEMETRY])
    fitted_kinds = {name: bound for name, bound in published.bounds.items() if name in KINDS}
    bounds = published.bounds | by_size(repo, fitted_kinds, published.bounds["unknown"])
    return published.model_copy(update={"cards": card_terms(told, published, known), "bounds": bounds})


def main() -> int:
    """Show or write the calibration. 1 when it differs from what is committed and was not written."""
    root = find_root(Path.cwd())
    text = document(fitted(open_repo(root)))
    path = root / PATH
    if "--write" in sys.argv[1:]:
        path.write_text(text, encoding="utf-8")
        load_calibration.cache_clear()
        return 0
    print(text, end="")
    return int(text != path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
