"""The engine under test, behind two functions: one recommends, one prices. Sabotage in tests replaces either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from typing import Any

from tool.errors import FtcError
from tool.load import Repo
from tool.memory.overhead import PATH as CALIBRATION
from tool.policy.digests import canonical_json, engine_digest, sha256
from tool.recommend import Knowledge
from tool.schema.fit import FitAnswer, FitRequest
from tool.schema.recommendation import Recommendation, RecommendRequest

DETERMINISTIC = "deterministic"
Recommend = Callable[[RecommendRequest], Recommendation]
Price = Callable[[Sequence[FitRequest]], Sequence[FitAnswer]]


@dataclass(frozen=True)
class Subject:
    """`digest` binds what was judged. `problem` is why the engine could not be opened; it then answers nothing.

    `carried` names the sources (recipe ids, sweeps) that the engine itself says it was fitted to.
    """

    version: str
    digest: str
    recommend: Recommend
    price: Price
    carried: frozenset[str] = field(default_factory=frozenset)
    problem: str = ""

    @property
    def intact(self) -> bool:
        return not self.problem


def open_subject(repo: Repo, version: str) -> Subject:
    """The recommender with one engine, or with none (`deterministic`).

    Raises FtcError for a version that does not exist; one that was tampered with is opened as broken.
    """
    from tool.memory import fit_many

    def price(requests: Sequence[FitRequest]) -> Sequence[FitAnswer]:
        return fit_many(repo, list(requests))

    problem, carried, knowledge = "", frozenset[str](), Knowledge()
    if version == DETERMINISTIC:
        knowledge = _priors_alone(repo)
        digest = _rules_digest(repo, knowledge)
    else:
        digest = _manifest_digest(repo, version)
        try:
            knowledge = _with_engine(repo, version)
            carried = _carried(repo, version)
        except FtcError as error:
            problem = str(error)
    return Subject(version, digest, recommender(repo, knowledge), price, carried, problem)


def recommender(repo: Repo, knowledge: Knowledge) -> Recommend:
    """The real recommender with that knowledge."""
    from tool.recommend import recommend

    return lambda request: recommend(repo, request, knowledge)


def _priors_alone(repo: Repo) -> Knowledge:
    from tool.recommend.knowledge import fresh_knowledge

    return Knowledge(priors=fresh_knowledge(repo).priors)


def _rules_digest(repo: Repo, knowledge: Knowledge) -> str:
    """What decides the answers where no engine does: priors, memory calibration, and the program's version."""
    priors = knowledge.priors.model_dump(mode="json") if knowledge.priors else None
    calibration = sha256((repo.root / CALIBRATION).read_bytes())
    parts: dict[str, Any] = {"priors": priors, "calibration": calibration, "tool": installed("open-finetune-config")}
    return sha256(canonical_json(parts))


def _manifest_digest(repo: Repo, version: str) -> str:
    from tool.learn.artifacts import read_manifest

    return engine_digest(read_manifest(repo.root, version))


def _with_engine(repo: Repo, version: str) -> Knowledge:
    from tool.recommend.knowledge import current_knowledge

    knowledge = current_knowledge(repo, version)
    if knowledge.engine is None or knowledge.engine.version != version:
        raise FtcError(f"engine {version}: the recommender answers without it")
    return knowledge


def _carried(repo: Repo, version: str) -> frozenset[str]:
    """Recipe ids and sweeps in the engine's tables; every artifact's digest is checked on the way."""
    from tool.learn import artifacts

    manifest = artifacts.read_manifest(repo.root, version)
    content = {role: artifacts.read_artifact(repo.root, version, manifest, role) for role in manifest.artifacts}
    tables = artifacts.unpack_tables(content["tables"], f"{artifacts.ENGINES}/{version}/tables")
    recipes = {str(row["id"]) for row in tables.get("neighbours", [])}
    return frozenset(recipes | {f"{row['task']}/{row['method']}" for row in tables.get("optima", [])})
