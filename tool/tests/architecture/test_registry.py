"""The files of registry/models themselves."""

from __future__ import annotations

import pytest

from tool.load import Repo
from tool.load.yaml_file import YamlFile
from tool.schema.model import Model

ORDER = (
    "base", "family", "kind", "parameters", "checkpoint_parameters", "architecture", "aliases", "gated", "license",
    "release_date", "chat_template", "torch_dtype", "note", "sources",
)  # fmt: skip


def _named(model: Model) -> list[str]:
    """Fields that a source must back where they are set."""
    names = ("license", "release_date", "chat_template")
    return [name for name in names if getattr(model, name)]


def test_all_files_are_valid(repo: Repo) -> None:
    """Every file loads, and there are at least 350."""
    assert repo.models.load_all() == []
    assert len(repo.models) >= 350


def test_keys_stand_in_one_order(repo: Repo) -> None:
    """Files read alike: the same keys in the same order."""
    off = []
    for id in repo.models.ids():
        keys = list(YamlFile.read(repo.root, repo.models.path(id)).data)
        if keys != [key for key in ORDER if key in keys]:
            off.append(id)
    assert off == []


def test_every_fact_has_a_source(repo: Repo) -> None:
    """The count names what verified it, and licence, date and template name a source or are marked as recalled."""
    bare = []
    for model in repo.models:
        assert model.sources
        backed = {field for source in model.sources for field in source.supports or ()}
        if "parameters" not in backed:
            bare.append((model.id, "parameters"))
        bare += [(model.id, name) for name in _named(model) if name not in backed]
    assert bare == []


def test_recalled_values_say_what_they_support(repo: Repo) -> None:
    """A source marked as recalled names its fields, and each is a field of the record."""
    for model in repo.models:
        for source in model.sources:
            if not source.recalled:
                continue
            assert source.supports, model.id
            for field in source.supports:
                owner = model.architecture if field.startswith("architecture.") else model
                assert hasattr(owner, field.removeprefix("architecture.")), (model.id, field)


def test_most_variants_are_a_few_lines(repo: Repo) -> None:
    """A variant of the same shape inherits: at least 100 files have a base, half of them at most 8 lines."""
    texts = [(repo.root / repo.models.path(id)).read_text(encoding="utf-8") for id in repo.models.ids()]
    lengths = sorted(text.count("\n") for text in texts if text.startswith("base: "))
    assert len(lengths) >= 100
    assert lengths[len(lengths) // 2] <= 8


@pytest.mark.parametrize("kind", ["base", "instruct", "encoder", "encoder-decoder"])
def test_every_kind_is_there(repo: Repo, kind: str) -> None:
    """Decoders, instruct variants, encoders and encoder-decoders are all in the registry."""
    assert sum(model.kind == kind for model in repo.models) >= 10


def test_layer_kinds_fit_the_number_of_layers(repo: Repo) -> None:
    """Where layers differ there is one kind for each."""
    for model in repo.models:
        kinds = model.architecture.layer_kinds
        assert kinds is None or len(kinds) == model.architecture.num_hidden_layers, model.id
