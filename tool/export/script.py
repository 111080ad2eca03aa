"""Scripts that run as they stand: the notebooks' own cells, in the percent format that editors open as a notebook.

One source: the templates of the notebooks. `tool/templates/scripts/` replaces the few blocks that differ (head and
packages; for Unsloth how the model is loaded); pre-flight, record of the run, data and training are the same blocks.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from tool.errors import BadRequest
from tool.export.engine import Native, Plan
from tool.render.notebook import cells, template_for
from tool.render.templates import FOLDER, environment
from tool.render.view import view

if TYPE_CHECKING:
    from jinja2 import Environment

    from tool.render import NotebookContext
    from tool.schema.recommendation import Recommendation


def render(plan: Plan, flavour: str | None = None) -> str:
    """The script as text. `flavour` names a folder of blocks of its own: unsloth.

    Raises BadRequest when the plan has no answer to render.
    """
    if plan.source is None:
        raise BadRequest("export", "a script is rendered from an answer, and there is none", "ask ftc recommend for it")
    answer, context = plan.source
    name = template_for(answer, context)
    values = view(answer, context, name)
    if flavour == "unsloth":
        values["is_encoder"] = True  # no parameter for fused experts: Unsloth picks their layers by itself
    text = _environment(flavour).get_template(f"{name}/notebook.py.j2").render(**values)
    return "\n\n".join(_block(kind, source) for kind, source in cells(text)) + "\n"


def start(plan: Plan, native: Native) -> None:
    """What holds of every script: the cells know each field of an answer, so that none is lost."""
    native.command = native.start = "python FILE"
    native.lost.clear()
    if plan.objective == "cpt":
        native.implied.add("objective")  # to a reader of calls it is supervised fine-tuning on a column of texts
    if plan.objective == "grpo":
        native.implied.add("max_length")  # prompts are dropped that leave no room for an answer within it
    if plan.precision == "fp32":
        native.implied.add("precision")  # neither bf16 nor fp16 is on


def on_one_gpu(answer: Recommendation, context: NotebookContext) -> tuple[Recommendation, NotebookContext]:
    """The same run on one card: accumulated longer, unsharded, and with no forecast where that was for a share."""
    gpus, config = context.gpus, dict(answer.config)
    if gpus == 1:
        return answer, context
    sharded = config.get("sharding") in ("fsdp", "zero2", "zero3")
    config["gradient_accumulation_steps"] = config.get("gradient_accumulation_steps", 1) * gpus
    config["sharding"] = "none"
    bounds = () if sharded else context.upper_bounds
    return answer.model_copy(update={"config": config}), replace(context, gpus=1, upper_bounds=bounds)


def _block(kind: str, source: str) -> str:
    """One cell of the percent format; text becomes comments."""
    if kind == "code":
        return f"# %%\n{source}"
    return "# %% [markdown]\n" + "\n".join(
        f"# {line}".rstrip() for line in re.sub(r"\n{3,}", "\n\n", source).split("\n")
    )


@cache
def _environment(flavour: str | None) -> Environment:
    """The notebooks' environment, in which blocks of scripts come first. `base/…` is a block as notebooks have it."""
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

    own = [FOLDER / "scripts" / flavour] if flavour else []
    folders = [*own, FOLDER / "scripts", FOLDER]
    loaders = [*map(FileSystemLoader, folders), PrefixLoader({"base": FileSystemLoader(FOLDER)})]
    return environment().overlay(loader=ChoiceLoader(loaders))
