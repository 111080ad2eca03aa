"""Score the memory model on the published runs, every family left out of its own calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tool.load import Repo
from tool.memory.calibrate import by_family, calibrate
from tool.memory.cases import METHODS, Case, Forecast, case_of, cases_of, forecast
from tool.memory.measurements import Measurement, load_measurements

LEAST = 10
"""A family counts in the averages with at least so many full rows."""
ROOMY = 0.8
"""A run that took at most this share of the card should not be called oom or tight."""


@dataclass(frozen=True)
class Scored:
    """A case and its forecast by a calibration that has not seen the case's family."""

    case: Case
    forecast: Forecast

    @property
    def error(self) -> float:
        measured = self.case.row.judged_gib
        assert measured is not None
        return abs(self.forecast.judged / measured - 1.0)

    @property
    def signed(self) -> float:
        measured = self.case.row.judged_gib
        assert measured is not None
        return self.forecast.judged / measured - 1.0

    @property
    def slack(self) -> float:
        """Bound over measured need."""
        return self.forecast.upper / (self.case.need or 1.0)


@dataclass(frozen=True)
class FamilyScore:
    """Errors and verdicts of one source family. Shares are of the rows that the measure applies to."""

    family: str
    rows: int
    exact_rows: int
    median: float
    p90: float
    exact_median: float | None
    exact_p90: float | None
    covered: float
    looseness: float
    ooms: int
    ooms_called: int
    roomy: int
    roomy_flagged: int
    fitted: int
    fitted_called_oom: int


def leave_one_out(repo: Repo, rows: Sequence[Measurement] | None = None) -> list[Scored]:
    """Every row, forecast by a calibration on all other families (reserved rows are never calibrated on)."""
    every = cases_of(repo, rows if rows is not None else load_measurements(repo.root, include_reserved=True))
    usable = {row.id for row in load_measurements(repo.root)}
    scored = []
    for family, members in sorted(by_family(every).items()):
        others = [case for case in every if case.row.family != family and case.row.id in usable]
        calibration = calibrate(others)
        scored += [Scored(case, forecast(case, calibration)) for case in members]
    return scored


def _percentile(values: Sequence[float], share: float) -> float | None:
    return float(np.percentile(values, share)) if len(values) else None


def family_scores(scored: Sequence[Scored]) -> list[FamilyScore]:
    """One line a family, of its full rows."""
    result = []
    for family in sorted({item.case.row.family for item in scored}):
        full = [item for item in scored if item.case.row.family == family and item.case.row.completeness == "full"]
        ran = [item for item in full if item.case.row.outcome == "ok" and item.case.row.judged_gib]
        exact = [item.error for item in ran if item.case.row.seq_len_exact]
        with_card = [item for item in full if item.forecast.verdict is not None]
        ooms = [item for item in with_card if item.case.row.outcome == "oom"]
        fitted = [item for item in with_card if item.case.row.outcome == "ok" and item.case.row.judged_gib]
        roomy = [i for i in fitted if (i.case.row.judged_gib or 0.0) <= ROOMY * (i.case.usable or 0.0)]
        if not ran:
            continue
        errors = [item.error for item in ran]
        result.append(
            FamilyScore(
                family=family,
                rows=len(ran),
                exact_rows=len(exact),
                median=float(np.median(errors)),
                p90=float(np.percentile(errors, 90)),
                exact_median=_percentile(exact, 50),
                exact_p90=_percentile(exact, 90),
                covered=float(np.mean([item.slack >= 1.0 for item in ran])),
                looseness=float(np.median([item.slack for item in ran])),
                ooms=len(ooms),
                ooms_called=sum(item.forecast.verdict in ("oom", "tight") for item in ooms),
                roomy=len(roomy),
                roomy_flagged=sum(item.forecast.verdict != "fits" for item in roomy),
                fitted=len(fitted),
                fitted_called_oom=sum(item.forecast.verdict == "oom" for item in fitted),
            )
        )
    return result


@dataclass(frozen=True)
class Summary:
    """The figures of the bars: families averaged, rows pooled."""

    exact_median: float
    exact_p90: float
    median: float
    p90: float
    covered: float
    looseness: float
    oom_recall: float
    roomy_flagged: float
    fitted_called_oom: float
    coverage: float


def summarise(repo: Repo, scored: Sequence[Scored]) -> Summary:
    """Average the errors over families with enough rows, and pool the verdicts."""
    scores = family_scores(scored)
    enough = [score for score in scores if score.rows >= LEAST]
    exact = [score for score in scores if score.exact_rows >= LEAST]
    full = [i for i in scored if i.case.row.completeness == "full" and i.case.row.outcome == "ok"]
    ran = [item for item in full if item.case.row.judged_gib]
    return Summary(
        exact_median=float(np.mean([score.exact_median for score in exact if score.exact_median is not None])),
        exact_p90=float(np.mean([score.exact_p90 for score in exact if score.exact_p90 is not None])),
        median=float(np.mean([score.median for score in enough])),
        p90=float(np.mean([score.p90 for score in enough])),
        covered=float(np.mean([item.slack >= 1.0 for item in ran])),
        looseness=float(np.median([item.slack for item in ran])),
        oom_recall=sum(s.ooms_called for s in scores) / max(1, sum(s.ooms for s in scores)),
        roomy_flagged=sum(s.roomy_flagged for s in scores) / max(1, sum(s.roomy for s in scores)),
        fitted_called_oom=sum(s.fitted_called_oom for s in scores) / max(1, sum(s.fitted for s in scores)),
        coverage=_coverage(repo),
    )


def _coverage(repo: Repo) -> float:
    """Share of the full rows with a registry model that get a forecast (abstention for want of a card apart)."""
    from tool.architecture import resolve

    rows = [row for row in load_measurements(repo.root, include_reserved=True) if row.completeness == "full"]
    known = [row for row in rows if row.method in METHODS and row.model and resolve(repo, row.model) is not None]
    return float(np.mean([case_of(repo, row) is not None for row in known])) if known else 0.0
