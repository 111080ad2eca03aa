"""The page in a real browser, every entry clicked: slow, so a part of `make prove`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tool.generate import plan
from tool.generate.entries import entries
from tool.generate.export_texts import export_texts
from tool.generate.write import replace_file
from tool.load import Repo, open_repo
from tool.memory import fit
from tool.recommend import recommend
from tool.recommend.confidence import within_card
from tool.recommend.knowledge import current_knowledge
from tool.recommend.question import ask
from tool.recommend.sizing import first_setup, request_for
from tool.schema.recommendation import RecommendRequest
from tool.site.needs import MICRO_BATCHES
from tool.tests.conftest import ROOT

CHECKS = (
    *(
        "console",
        "requests",
        "views",
        "width",
        "steady",
        "accessible",
        "accessible, lesser findings",
        "keyboard",
        "by hand",
        "canary",
    ),
    *("first view", "published", "heat map", "entries", "reachable", "notebooks", "exports"),
)


def expected(repo: Repo) -> list[dict[str, Any]]:
    """Every entry that fits, answered as `ftc recommend` answers it, with its text for each framework."""
    knowledge = current_knowledge(repo)
    found = []
    for entry in entries(repo):
        answer = recommend(
            repo, RecommendRequest.model_validate(entry.request().model_dump(exclude_none=True)), knowledge
        )
        if answer.vram is None or answer.vram.verdict != "fits":
            assert answer.vram is None or not within_card(answer.vram)
            continue
        key = (entry.model, entry.task, answer.config["objective"])
        place = {"key": key, "place": entry.place, "adapter": entry.adapter}
        found.append({**place, "answer": answer.model_dump(mode="json"), "exports": export_texts(repo, answer)})
    return found


def cells(repo: Repo) -> list[dict[str, Any]]:
    """Cells of the heat map: the largest standard micro-batch that `ftc fit` finds to fit, model by card."""
    knowledge, found = current_knowledge(repo), []
    models = ("Qwen/Qwen2.5-7B-Instruct", "google/gemma-2-9b-it", "meta-llama/Llama-3.1-70B-Instruct")
    asked = (("sft", "instruction_following", "lora", 4096), ("dpo", "preference", "qlora", 2048))
    for model, (objective, task, adapter, length) in ((model, how) for model in models for how in asked):
        request = {"model": model, "task": task, "adapter": adapter}
        config = recommend(repo, RecommendRequest.model_validate(request), knowledge).config
        query = f"objective={objective}&adapter={adapter}&length={length}&name={model.split('/')[1]}"
        for card in ("T4", "RTX-4090", "L40S", "H100-SXM5-80GB", "B300-SXM"):
            question = ask(repo, RecommendRequest.model_validate({**request, "gpu": card}))
            setup = first_setup(question, adapter, config["optim"], config["lora_r"])
            priced = request_for(question, setup).model_copy(update={"grad_checkpointing": True, "seq_len": length})
            verdicts = {n: fit(repo, priced.model_copy(update={"micro_batch": n})).verdict for n in MICRO_BATCHES}
            batch = max((size for size, verdict in verdicts.items() if verdict == "fits"), default=0)
            found.append({"model": model, "card": card, "query": query, "batch": batch})
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser found on the page of this very repository, generated anew."""
    python = os.environ.get("FTC_BROWSER_PYTHON")
    assert python, "run this by `make prove`, which makes the browser's environment"
    folder = tmp_path_factory.mktemp("browser")
    repo = open_repo(ROOT)
    for path, content in plan(repo).items():
        if path.startswith(("generated/site/", "generated/notebooks/")):
            replace_file(folder / path, content)
    answers, told = folder / "answers.json", folder / "report.json"
    answers.write_text(json.dumps({"answers": expected(repo), "cells": cells(repo)}))
    here = Path(__file__).parent
    axe = Path(python).parent.parent / "node_modules/axe-core/axe.min.js"
    command = [python, str(here / "browser"), str(folder / "generated/site"), str(answers), str(axe), str(told)]
    pictures = os.environ.get("FTC_PICTURES")
    done = subprocess.run([*command, *([pictures] if pictures else [])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(told.read_text())
    return result


@pytest.mark.prove
@pytest.mark.parametrize("check", CHECKS)
def test_the_page_in_chromium(report: dict[str, Any], check: str) -> None:
    """Clean console, own files only, every view readable by all, no mouse needed, every entry reached and equal."""
    assert report[check]["looked_at"] > 0
    assert report[check]["wrong"] == []


@pytest.mark.prove
def test_every_entry_was_reached(report: dict[str, Any]) -> None:
    """As many entries as the catalogue has."""
    index = json.loads((ROOT / "generated/index.json").read_text())["entries"]
    assert report["reachable"]["looked_at"] == sum(row["fits"] for row in index)
