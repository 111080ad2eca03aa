"""Profiles of frameworks: found by what people write, each word belonging to one profile."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tool.load import Repo, open_repo
from tool.memory import fit
from tool.memory.frameworks import framework_of, frameworks
from tool.schema.fit import FitRequest
from tool.tests.memory.conftest import LLAMA


@pytest.mark.parametrize(
    ("written", "profile"),
    [
        ("trl 0.12", "huggingface"),
        ("TRL 1.16.0", "trl_1"),
        ("hf+peft", "huggingface"),
        ("hf+peft(measure.py single step)", "single_step"),
        ("hf-trainer+trl(transformers4.45.2,peft0.13.2,trl0.11.4,torch2.4.1)", "fms_445"),
        ("hf-trainer+trl(transformers4.52.4,peft0.14,trl0.17,torch2.6)", "fms"),
        ("ms-swift 2.x (hf-trainer)", "ms_swift"),
        ("unsloth+trl", "unsloth"),
        ("llama-factory", "llama_factory"),
        ("axolotl 0.19", "huggingface"),
        ("litgpt", "litgpt"),
        ("DeepSpeed-Chat", "huggingface"),
        ("llama-recipes + FSDP", "llama_recipes"),
        ("NVIDIA NeMo 2.0", "nemo"),
    ],
)
def test_the_longest_match_decides(root: Path, written: str, profile: str) -> None:
    """The most specific profile whose word is part of the name is taken."""
    found, known = framework_of(root, written)
    assert known
    assert found.id == profile


def test_unknown_names_get_the_default(root: Path) -> None:
    """A name without a profile is priced as transformers with peft, and known to be a guess."""
    for name in (None, "something else", "torchforge", "PyTorch Lightning"):
        found, known = framework_of(root, name)
        assert (found.id, known) == ("huggingface", False)


def test_no_word_belongs_to_two_profiles(root: Path) -> None:
    """A match names one profile, in lower case, and every profile has a source."""
    words = Counter(word for profile in frameworks(root) for word in profile.matches)
    assert [word for word, count in words.items() if count > 1 or word != word.casefold()] == []
    assert all(profile.sources for profile in frameworks(root))


def test_habits_that_no_run_bears_out_keep_the_wide_bound(root: Path) -> None:
    """A profile written from memory alone says how a framework trains, but does not narrow the bound."""
    repo = open_repo(root)
    row = {**LLAMA, "optimizer": "sgd"}
    bounds = {
        name: fit(repo, FitRequest.model_validate({**row, "framework": name})).upper_gib
        for name in ("llama-recipes", "transformers", "something else")
    }
    assert bounds["llama-recipes"] is not None and bounds["transformers"] is not None
    assert bounds["llama-recipes"] > 1.5 * bounds["transformers"]


QLORA_OF_EXPERTS = {
    "model": "Qwen/Qwen3-30B-A3B",
    "method": "qlora",
    "quant": "nf4",
    "gpu": "A100-80GB",
    "micro_batch": 1,
    "seq_len": 1024,
}


@pytest.mark.parametrize(
    ("framework", "packed"),
    [
        ("open-finetune-config", False),
        ("open-finetune-plain", False),
        ("trl-1.16", False),
        ("axolotl, transformers 5", False),
        ("llama-factory, transformers 5", False),
        ("ms-swift", False),
        (None, False),
        ("unsloth", True),
        ("transformers 4.46", True),
        ("hf-trainer+trl(transformers4.48.1)", True),
    ],
)
def test_experts_stay_in_16_bits_where_bitsandbytes_does_not_reach_them(
    repo: Repo, framework: str | None, packed: bool
) -> None:
    """transformers 5 holds experts as one parameter, which bitsandbytes leaves alone: 30B is then 57 GiB, not 16."""
    answer = fit(repo, FitRequest.model_validate({**QLORA_OF_EXPERTS, "framework": framework}))
    assert (answer.terms["weights"] < 20) == packed
    assert (answer.terms["weights"] > 50) == (not packed)
    assert any(line.startswith("experts: not quantised") for line in answer.assumptions) == (not packed)


def test_packed_checkpoints_and_dense_models_are_as_before(repo: Repo) -> None:
    """GPTQ checkpoints hold experts packed, and a dense model has none: nothing is said of experts."""
    for change in ({"quant": "gptq-int4"}, {"model": "Qwen/Qwen2.5-7B"}):
        answer = fit(repo, FitRequest.model_validate({**QLORA_OF_EXPERTS, **change, "framework": "trl-1.16"}))
        assert answer.terms["weights"] < 20
        assert not any(line.startswith("experts") for line in answer.assumptions)
