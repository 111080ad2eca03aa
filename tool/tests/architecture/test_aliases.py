"""Names that mean a model of the registry, and names that must not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tool.architecture import resolve
from tool.architecture.aliases import REPUBLISHERS
from tool.errors import InputFaults
from tool.load import Repo, open_repo


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("META-LLAMA/llama-3.1-8b-instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", "meta-llama/Llama-3.1-8B-Instruct"),
        ("unsloth/llama-3-8b", "meta-llama/Meta-Llama-3-8B"),
        ("unsloth/Qwen2.5-7B-unsloth-bnb-4bit", "Qwen/Qwen2.5-7B"),
        ("NousResearch/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B"),
        ("TheBloke/Mistral-7B-Instruct-v0.2-GPTQ", "mistralai/Mistral-7B-Instruct-v0.2"),
        ("Qwen/Qwen2.5-14B-Instruct-AWQ", "Qwen/Qwen2.5-14B-Instruct"),
        ("Qwen/Qwen2.5-14B-Instruct-GPTQ-Int4", "Qwen/Qwen2.5-14B-Instruct"),
        ("gpt2", "openai-community/gpt2"),
        ("Qwen2.5-7B", "Qwen/Qwen2.5-7B"),
    ],
)
def test_names_resolve(repo: Repo, name: str, id: str) -> None:
    """Letter case, declared aliases, republished copies and bare names find the original."""
    found = resolve(repo, name)
    assert found is not None
    assert found.id == id


@pytest.mark.parametrize(
    "name",
    [
        "somebody/Llama-3.1-8B",
        "unsloth/Llama-9.9-8B-bnb-4bit",
        "meta-llama/Llama-3.1-8B-Instruct-finetuned",
        "Qwen/Qwen2.5-7B-Instruct-2M",
        "Llama",
        "",
        " ",
        "/",
        "../gpus/t4",
        "x" * 100_000,
        "meta-llama/\x00",
    ],
)
def test_never_a_guess(repo: Repo, name: str) -> None:
    """A fine-tune, an unknown organisation, a family name or rubbish is no model of the registry."""
    assert resolve(repo, name) is None


def test_every_alias_resolves_to_its_owner(repo: Repo) -> None:
    """Each declared alias, as written, means the model that declares it and no other."""
    wrong = {}
    count = 0
    for model in repo.models:
        for alias in model.aliases:
            count += 1
            found = resolve(repo, alias)
            if found is None or found.id != model.id:
                wrong[alias] = found.id if found else None
    assert count >= 145
    assert wrong == {}


def _miniature(root: Path, files: dict[str, str]) -> Repo:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return open_repo(root)


BASE = """\
family: Tiny
kind: base
parameters: 100
architecture: {architecture: L, model_type: llama, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1,
  num_key_value_heads: 1, head_dim: 8, intermediate_size: 8, vocab_size: 8}
aliases: [other/Tiny]
sources: [{page: a test}]
"""


def test_ambiguous_names_resolve_to_nothing(tmp_path: Path) -> None:
    """Where two models have the name, neither is chosen; aliases do not descend to a variant."""
    repo = _miniature(
        tmp_path,
        {
            "registry/models/a/Tiny.yaml": BASE,
            "registry/models/b/Tiny.yaml": "base: a/Tiny\nkind: instruct\n",
            REPUBLISHERS: "organisations: [copier]\nsuffixes: [-awq]\n",
        },
    )
    assert resolve(repo, "copier/Tiny-AWQ") is None
    assert resolve(repo, "Tiny") is None
    found = resolve(repo, "Other/TINY")
    assert found is not None
    assert found.id == "a/Tiny"
    variant = resolve(repo, "b/tiny")
    assert variant is not None
    assert (variant.kind, variant.aliases, variant.family) == ("instruct", (), "Tiny")


def test_an_exact_id_reads_no_other_file(repo: Repo, tmp_path: Path) -> None:
    """An exact hit works although every other file of the registry is broken."""
    folder = tmp_path / "registry/models/meta-llama"
    folder.mkdir(parents=True)
    shutil.copy(repo.root / "registry/models/meta-llama/Llama-3.1-8B.yaml", folder)
    (folder / "Broken.yaml").write_text("a: [", encoding="utf-8")
    found = resolve(open_repo(tmp_path), "meta-llama/Llama-3.1-8B")
    assert found is not None
    assert found.parameters == 8_030_261_248


@pytest.mark.parametrize(
    "text", ["organisations: [", "organisations: unsloth\n", "- a\n", "suffix: [-awq]\n", "suffixes: [1]\n"]
)
def test_broken_republishers_are_a_fault(tmp_path: Path, text: str) -> None:
    """A broken list of republishers is a fault that names its file, not a traceback and not silence."""
    repo = _miniature(tmp_path, {"registry/models/a/Tiny.yaml": BASE, REPUBLISHERS: text})
    with pytest.raises(InputFaults) as caught:
        resolve(repo, "nobody/Nothing")
    assert caught.value.faults[0].path == REPUBLISHERS
