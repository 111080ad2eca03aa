"""An answer in every framework's own configuration, as `ftc recommend --export` prints it; the page copies these."""

from __future__ import annotations

from dataclasses import replace

from tool.errors import BadRequest
from tool.generate.export_memory import memory_warning
from tool.load import Repo
from tool.schema.recommendation import Recommendation, RecommendRequest


def export_texts(repo: Repo, answer: Recommendation) -> dict[str, str]:
    """Framework → text, for all that can train this and are told by a file (a program is what the notebook is for)."""
    from tool.export import data_of, export, names, plan_of
    from tool.export.files import SCRIPTS
    from tool.recommend.question import ask

    question = ask(repo, RecommendRequest.model_validate(answer.request))
    if question.subject.kind != "causal_lm":
        return {}
    data = data_of(question.task, answer.config["objective"], question.request.dataset_rows)
    target = plan_of(answer, question.subject.name, data, question.gpus)
    texts = {}
    for name in names():
        if name in SCRIPTS:
            continue
        memory = memory_warning(repo, question, answer, name)
        try:
            texts[name] = export(name, replace(target, warnings=(memory,) if memory else ())).text
        except BadRequest:
            continue  # this framework does not train this objective or this model
    return texts
