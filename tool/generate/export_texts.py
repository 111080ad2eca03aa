"""An answer for every framework, as `ftc recommend --export` prints it; the page copies these."""

from __future__ import annotations

from dataclasses import replace

from tool.errors import BadRequest
from tool.export.engine import Plan
from tool.generate.context import notebook_context
from tool.generate.export_memory import sized_for
from tool.load import Repo
from tool.recommend.question import Question
from tool.schema.recommendation import Recommendation, RecommendRequest


def export_texts(repo: Repo, answer: Recommendation) -> dict[str, str]:
    """Export → text, for all frameworks that can train this: configurations, and scripts that run as they stand."""
    from tool.export import export, names
    from tool.recommend.question import ask

    question = ask(repo, RecommendRequest.model_validate(answer.request))
    if question.subject.kind != "causal_lm":
        return {}
    texts = {}
    for name in names():
        try:
            texts[name] = export(name, export_plan(repo, question, answer, name)).text
        except BadRequest:
            continue  # this framework does not train this objective or this model
    return texts


def export_plan(repo: Repo, question: Question, answer: Recommendation, name: str) -> Plan:
    """What is to be exported: the answer, sized for the framework; for a script with the notebook's surroundings.

    A script names no digests, so none are computed. Raises BadRequest for what the framework cannot hold.
    """
    from tool.export import data_of, plan_of
    from tool.export.files import SCRIPTS, framework

    data = data_of(question.task, answer.config["objective"], question.request.dataset_rows)
    sized, memory = sized_for(repo, question, answer, name)
    context = None
    if name in SCRIPTS:
        context = notebook_context(repo, sized, {"tool_version": "", "sources": {}})
        stack = framework(name).stack
        if stack is not None:  # of the framework's own, instead of the packages that were chosen
            sized, context = sized.model_copy(update={"dependencies": None}), replace(context, stack=repo.stacks[stack])
    plan = plan_of(sized, question.subject.name, data, question.gpus, context)
    return replace(plan, warnings=memory)
