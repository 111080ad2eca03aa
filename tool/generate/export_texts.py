"""An answer in every framework's own configuration, as `ftc recommend --export` prints it; the page copies these."""

from __future__ import annotations

from dataclasses import replace

from tool.errors import BadRequest
from tool.generate.export_memory import sized_for
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
    texts = {}
    for name in names():
        if name in SCRIPTS:
            continue
        sized, memory = sized_for(repo, question, answer, name)
        target = plan_of(sized, question.subject.name, data, question.gpus)
        try:
            texts[name] = export(name, replace(target, warnings=memory)).text
        except BadRequest:
            continue  # this framework does not train this objective or this model
    return texts
