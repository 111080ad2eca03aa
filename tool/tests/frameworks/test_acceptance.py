"""Every framework's own parser takes what is exported for it, and reads what was recommended out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tool.lint.finding import Finding
from tool.lint.keys_rule import key_findings
from tool.lint.read import read
from tool.load import open_repo
from tool.tests.conftest import ROOT
from tool.tests.frameworks.compare import differences
from tool.tests.frameworks.design import LEAST, Case, cases
from tool.tests.frameworks.probing import NAMES, probe

pytestmark = pytest.mark.prove

TYPOS = {
    "trl": ("learning_rate", "gradient_accumulation_steps", "lora_r", "max_length"),
    "axolotl": ("learning_rate", "micro_batch_size", "sequence_len", "lora_r"),
    "llamafactory": ("learning_rate", "cutoff_len", "lora_rank", "finetuning_type"),
    "torchtune": ("batch_size", "gradient_accumulation_steps", "epochs", "lora_rank"),
    "oumi": ("learning_rate", "model_max_length", "trainer_type", "lora_r"),
    "ms-swift": ("learning_rate", "max_length", "lora_rank", "tuner_type"),
}
"""Keys to misspell: two letters change places."""


@dataclass(frozen=True)
class Outcome:
    """All cases of one framework, what its parser said to them, and what it said to misspelled and mistyped files."""

    cases: list[Case]
    answers: list[dict[str, Any]]
    typos: dict[str, tuple[str, dict[str, Any]]]
    mistyped: tuple[str, dict[str, Any]]


def misspelled(text: str, key: str) -> str:
    """The file with two letters of one key exchanged."""
    wrong = key[:2] + key[3] + key[2] + key[4:]
    changed, count = re.subn(rf"(?m)^(\s*(?:- )?){key}:", rf"\g<1>{wrong}:", text)
    assert count, key
    return changed


@cache
def outcome(name: str) -> Outcome:
    """Ask one framework's parser once, about everything."""
    made = cases(open_repo(ROOT), name)
    whole = next(case for case in made if case.plan.adapter == "lora" and case.plan.objective == "sft")
    typos = {key: misspelled(whole.done.text, key) for key in TYPOS[name]}
    mistyped = re.sub(r"(?m)^(\s*(?:learning_rate|lr|num_epochs|epochs)): .*$", r"\1: fast", whole.done.text)
    files = [_file(case, case.done.text) for case in made]
    files += [_file(whole, text) for text in (*typos.values(), mistyped)]
    answers = probe(name, files)
    after = answers[len(made) :]
    paired = {key: (text, answer) for (key, text), answer in zip(typos.items(), after, strict=False)}
    return Outcome(made, answers[: len(made)], paired, (mistyped, after[-1]))


def _file(case: Case, text: str) -> dict[str, Any]:
    """A file as the probes want it, with what starts it."""
    native = case.done.native
    return {"text": text, "command": native.command, "start": native.start, "gpus": case.plan.gpus}


@pytest.mark.parametrize("name", NAMES)
def test_every_export_is_accepted(name: str) -> None:
    """Forty and more diverse exports: the framework's own parser refuses none of them."""
    found = outcome(name)
    refusals = [f"{case.request}: {answer['error']}" for case, answer in _pairs(found) if not answer["accepted"]]
    assert len(found.answers) >= LEAST
    assert not refusals, f"{len(refusals)} of {len(found.answers)}\n" + "\n".join(refusals[:5])


@pytest.mark.parametrize("name", NAMES)
def test_the_parsed_objects_hold_what_was_recommended(name: str) -> None:
    """Batch, length, schedule, warm-up, targets, quantisation, precision, β and group size are ours, or a warning."""
    found = outcome(name)
    wrong = [
        f"{case.plan.objective} {case.plan.adapter} on {case.plan.gpus}: {difference}"
        for case, answer in _pairs(found)
        if answer["accepted"]
        for difference in differences(name, case, answer["read"])
    ]
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:20])


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelled_key_is_refused(name: str, tmp_path: Path) -> None:
    """By the framework; and where it ignores what it does not know, by `ftc lint`'s list of its keys."""
    for key, (text, answer) in outcome(name).typos.items():
        if answer["accepted"]:
            found = [finding for finding in linted(name, text, tmp_path) if finding.rule == "unknown-key"]
            assert any(key in finding.text for finding in found), (key, found)


@pytest.mark.parametrize("name", NAMES)
def test_a_word_for_a_number_is_refused(name: str, tmp_path: Path) -> None:
    """A learning rate or number of epochs that is no number: the framework refuses it, or `ftc lint` does."""
    text, answer = outcome(name).mistyped
    if answer["accepted"]:
        found = [finding for finding in linted(name, text, tmp_path) if finding.level == "error"]
        assert any("fast" in finding.text for finding in found), found


def linted(name: str, text: str, folder: Path) -> list[Finding]:
    """What `ftc lint` says to the keys of a file."""
    file = folder / "config.yaml"
    file.write_text(text)
    return [finding for document in read(file) for finding in key_findings(name, document)]


def _pairs(found: Outcome) -> list[tuple[Case, dict[str, Any]]]:
    return list(zip(found.cases, found.answers, strict=True))
