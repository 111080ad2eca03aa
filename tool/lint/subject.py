"""Model and card of a view, resolved as `ftc recommend` resolves them."""

from __future__ import annotations

from tool.lint.requests import valid
from tool.lint.view import View
from tool.load import Repo
from tool.recipes.models import canonical_name, parameters_of
from tool.recipes.vocabulary import OBJECTIVES
from tool.recommend.question import Question, ask
from tool.schema.recommendation import RecommendRequest


def question_of(view: View, repo: Repo) -> Question | None:
    """The question behind the file; None where it names no model that has a size, and no card is given.

    Raises BadRequest for a card, platform or plan that is not known.
    """
    target, draft = view.target, view.draft
    name = canonical_name(draft.model) if draft and draft.model else None
    size = parameters_of(name) if name else None
    objective = view.objective if view.objective in OBJECTIVES else "sft"
    fields = {
        "objective": objective,
        "gpu": target.gpu,
        "gpus": target.gpus or _gpus(view),
        "platform": target.platform,
        "plan": target.plan,
        "model": name if name and _is_sized(repo, name, size) else None,
        "params_b": size,
    }
    if fields["model"] is None and size is None:
        if target.gpu is None and target.platform is None:
            return None
        fields["size_bucket"] = "medium"
    return ask(repo, valid(RecommendRequest, fields))


def _gpus(view: View) -> int | None:
    draft = view.draft
    if draft is None or view.target.platform is not None:
        return None
    return draft.gpus or draft.data_parallel


def _is_sized(repo: Repo, name: str, size: float | None) -> bool:
    """Whether the question can be put by name: a model of the registry, or one whose name tells its size."""
    from tool.architecture.aliases import resolve

    return size is not None or resolve(repo, name) is not None
