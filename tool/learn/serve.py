"""Answers from a trained engine: numpy alone, no scikit-learn. The recommender's door to what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tool.errors import FtcError
from tool.learn import artifacts, confidence
from tool.learn.correction import Correction, Optimum, correct
from tool.learn.facts import Facts, facts_of_request
from tool.learn.fields import FIELDS
from tool.learn.forest import Forest
from tool.learn.neighbours import Neighbour, Neighbours
from tool.learn.predictor import Predictor
from tool.learn.reach import Reach, kind_of
from tool.learn.rerank import RATE, Reranker, candidates
from tool.rounding import significant

DETERMINISTIC, HYBRID, HYBRID_ML = "deterministic", "hybrid", "hybrid_ml"
MEASURED_DECIDES = 0.5  # a correction that counts at least this much makes the measured outcome the decider
CAUSAL = "causal_lm"
_WHOLE = ("effective_batch_size", "lora_r", "max_length")


@dataclass(frozen=True)
class Prediction:
    """A value in native units with the 90 % interval of careful people, the rule that gave it, its source, and n."""

    value: float
    low: float
    high: float
    rule: str
    source: str
    n: int


class Engine:
    """One immutable version of what was learned. Methods take `Facts`, or plain data under the names of `Facts`."""

    def __init__(self, version: str, tables: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        self.version = version
        self._tables, self._arrays = tables, arrays
        self._predictors: dict[str, Predictor] = {}
        self.optima = tuple(Optimum(**item) for item in tables["optima"])
        self.reach = Reach.of(tables["reach"])
        self.auto = {row["kind"]: row for row in tables["auto"]}

    def strategies(self) -> tuple[str, ...]:
        return (DETERMINISTIC, HYBRID, HYBRID_ML)

    def predictor(self, field: str) -> Predictor:
        """The predictor of one field, unpacked on first use."""
        if field not in self._predictors:
            row = self._tables["predictors"][field]
            forest = Forest.from_arrays(dict(self._arrays), field)
            self._predictors[field] = Predictor(
                field, forest, row["law_share"], row["level"], row["widen"], row["rows"], row["repositories"]
            )
        return self._predictors[field]

    @cached_property
    def known(self) -> Neighbours:
        return Neighbours(self._tables["neighbours"])

    @cached_property
    def reranker(self) -> Reranker:
        return Reranker(Forest.from_arrays(dict(self._arrays), "reranker"))

    def best_strategy(self, request: Facts | Mapping[str, Any]) -> str:
        """The strategy with the least held-out error for this kind; measured outcomes near by come first."""
        facts = as_facts(request)
        if facts.model_kind != CAUSAL:
            return DETERMINISTIC
        found = self.correction(facts)
        if found is not None and found.weight >= MEASURED_DECIDES:
            return HYBRID_ML
        row = self.auto.get(kind_of(facts))
        return str(row["chosen"]) if row else DETERMINISTIC

    def why_strategy(self, request: Facts | Mapping[str, Any]) -> str:
        """The evidence behind `best_strategy`, in words."""
        facts = as_facts(request)
        found = self.correction(facts)
        if found is not None and found.weight >= MEASURED_DECIDES:
            return f"measured outcomes: {found.source}, {found.curves} curves"
        row = self.auto.get(kind_of(facts))
        if row is None:
            return f"no held-out score for {kind_of(facts)}"
        scores = ", ".join(f"{name} {score:g}" for name, score in sorted(row["error"].items()))
        return f"held-out log10 error for {row['kind']}: {scores} ({row['repositories']} repositories)"

    def values(
        self, strategy: str, request: Facts | Mapping[str, Any], alpha_ratio: float | None = None
    ) -> dict[str, Prediction]:
        """Predictions by field for a strategy. None for the deterministic one, whose answer is priors and laws,
        and for encoders and encoder-decoders, which the recipes do not cover.

        The learning rate is that for the rank predicted here, and for `alpha_ratio` (alpha / rank) where it is given.
        """
        facts = as_facts(request)
        if strategy not in self.strategies():
            raise ValueError(f"unknown strategy {strategy!r}")
        if strategy == DETERMINISTIC or facts.model_kind != CAUSAL:
            return {}
        found = {}
        for name, field in FIELDS.items():
            if not field.applies(facts) or (name == "num_train_epochs" and facts.rows is not None):
                continue  # epochs by rows are a law that recipes cannot teach: they rarely state their rows
            if name != RATE:
                found[name] = self._field(strategy, name, facts)
        rank = found["lora_r"].value if "lora_r" in found else None
        return {RATE: self._rate(strategy, facts, self.correction(facts, rank, alpha_ratio))} | found

    def predict(self, request: Facts | Mapping[str, Any]) -> dict[str, Prediction]:
        """The HP predictor alone, every field that applies."""
        facts = as_facts(request)
        return {name: self._learned(name, facts) for name, field in FIELDS.items() if field.applies(facts)}

    def correction(
        self, request: Facts | Mapping[str, Any], rank: float | None = None, alpha_ratio: float | None = None
    ) -> Correction | None:
        """What sweeps say of this case, with this rank and alpha / rank (None: the usual ones)."""
        return correct(self.optima, as_facts(request), rank, alpha_ratio)

    def neighbours(self, request: Facts | Mapping[str, Any], count: int = 5) -> list[Neighbour]:
        """The nearest published recipes, one a repository, with links."""
        return self.known.nearest(as_facts(request), count)

    def confidence(self, request: Facts | Mapping[str, Any], rate: float, fits: float = 1.0) -> float:
        """P(an expert's learning rate is within a factor of two of `rate`) × P(the run fits), calibrated."""
        predictor = self.predictor(RATE)
        mass = predictor.spread(as_facts(request)).mass(FIELDS[RATE].scale(rate), FIELDS[RATE].radius)
        return confidence.apply(self.confidence_curve, mass) * fits

    @property
    def confidence_curve(self) -> tuple[float, float]:
        """(offset, slope) of the calibration."""
        curve = self._tables["confidence"]
        return curve["offset"], curve["slope"]

    def out_of_distribution(self, request: Facts | Mapping[str, Any]) -> list[str]:
        """Why the data do not support this case; empty when they do."""
        return self.reach.outside(as_facts(request))

    def _learned(self, name: str, facts: Facts) -> Prediction:
        predictor = self.predictor(name)
        if predictor.law_share >= 1:
            rule = "published law; held-out repositories gave the learned blend no advantage"
        else:
            rule = f"forest over published recipes, law weighted {predictor.law_share:g}"
        source = f"registry/recipes ({predictor.repositories} repositories), tool/priors/laws.py"
        return self._prediction(name, predictor.point(facts), facts, rule, source, predictor.rows)

    def _field(self, strategy: str, name: str, facts: Facts) -> Prediction:
        near = self.known.point(facts, name) if strategy == HYBRID else None
        if near is None:
            return self._learned(name, facts)
        point, _, count = near
        return self._prediction(name, point, facts, "weighted median of the nearest recipes", "registry/recipes", count)

    def _rate(self, strategy: str, facts: Facts, found: Correction | None) -> Prediction:
        predictor = self.predictor(RATE)
        law = predictor.spec.law(facts)
        near = self.known.point(facts, RATE) if strategy == HYBRID else None
        if near is not None:
            point, count, rule = near[0], near[2], "weighted median of the nearest recipes"
        elif found is not None and found.weight >= MEASURED_DECIDES:
            point, count, rule = law, found.curves, "rule of thumb"
        else:
            point = self.reranker.best(candidates(facts, predictor, self.known), law)
            count, rule = predictor.rows, "best of the candidates by the reranker"
        source = "tool/priors/laws.py" if rule == "rule of thumb" else "registry/recipes"
        if found is not None and found.weight > 0.01:
            point = (1 - found.weight) * point + found.weight * found.rate
            rule += f", drawn {found.weight:.0%} of the way to the measured optimum"
            source += f", {found.source}"
        return self._prediction(RATE, point, facts, rule, source, count)

    def _prediction(self, name: str, point: float, facts: Facts, rule: str, source: str, n: int) -> Prediction:
        field = FIELDS[name]
        low, high = self.predictor(name).interval(facts)
        low, high = max(low, field.lowest), min(high, field.highest)
        value, low, high = field.back(point), field.back(min(low, point)), field.back(max(high, point))
        if name in _WHOLE:
            value = float(max(1, round(value)))
        digits = 2 if name == RATE else 4
        return Prediction(significant(value, digits), significant(low), significant(high), rule, source, n)


def as_facts(request: Facts | Mapping[str, Any]) -> Facts:
    return request if isinstance(request, Facts) else facts_of_request(request)


def open_engine(root: Path, version: str | None) -> Engine | None:
    """An engine of the repository, all digests checked before anything is read; None when no version is asked for.

    Raises FtcError when the version does not exist, or when a file of it is missing or was changed.
    """
    if version is None:
        return None
    manifest = artifacts.read_manifest(root, version)
    content = {role: artifacts.read_artifact(root, version, manifest, role) for role in sorted(manifest.artifacts)}
    missing = [role for role in artifacts.SERVED if role not in content]
    if missing:
        place = f"{artifacts.ENGINES}/{version}/{artifacts.MANIFEST}"
        raise FtcError(f"{place}: artifacts: {', '.join(missing)} missing ({artifacts.RETRAIN})")
    place = f"{artifacts.ENGINES}/{version}"
    tables = artifacts.unpack_tables(content["tables"], f"{place}/tables")
    arrays = artifacts.unpack_arrays(content["serving"], f"{place}/serving")
    try:
        return Engine(version, tables, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise FtcError(f"{place}: tables do not have the shape of an engine: {error!r} ({artifacts.RETRAIN})") from None
