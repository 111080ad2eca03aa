"""What is kept for the golden set: enough of it, strictly loaded, and out of reach of priors and learning."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tool.errors import InputFaults
from tool.load.reserved import load_reserved
from tool.priors import compute_priors, load_priors
from tool.recipes import load_recipes, recipe_faults
from tool.schema.reserved import Reserved

ROOT = Path(__file__).resolve().parents[3]


def test_enough_is_reserved() -> None:
    """Expect at least 250 recipe rows of at least 8 repositories, of every adapter, size and most objectives."""
    reserved = load_reserved(ROOT)
    everything = load_recipes(ROOT, include_reserved=True)
    rows = [r for r in everything.recipes if reserved.has_recipe(r.source.repo, r.family)]
    assert load_recipes(ROOT).reserved >= 250
    assert len({recipe.source.repo for recipe in rows}) >= 8
    assert {recipe.adapter for recipe in rows} >= {"full", "lora", "qlora"}
    assert {recipe.objective for recipe in rows} >= {"sft", "dpo", "orpo", "kto", "simpo", "cpt", "grpo"}
    assert min(Counter(recipe.size_bucket for recipe in rows if recipe.size_bucket).values()) >= 10


def test_reserved_repositories_exist() -> None:
    """Expect every reserved repository to have rows, so that a typo cannot unreserve one."""
    published = {recipe.source.repo for recipe in load_recipes(ROOT, include_reserved=True).recipes}
    assert set(load_reserved(ROOT).recipes.repositories) <= published


def test_recipes_for_learning_exclude_reserved_sources() -> None:
    """Expect no recipe of a reserved repository or family in what priors and learning are given."""
    reserved = load_reserved(ROOT)
    for recipe in load_recipes(ROOT).recipes:
        assert recipe.source.repo not in reserved.recipes.repositories
        assert recipe.family not in reserved.model_families


def repository(tmp_path: Path, reserved: str) -> Path:
    """Three repositories of recipes; one chose a rate far from the others'."""
    (tmp_path / "registry/recipes").mkdir(parents=True, exist_ok=True)
    (tmp_path / "evaluation").mkdir(exist_ok=True)
    (tmp_path / "evaluation/reserved.yaml").write_text(reserved)
    rows = []
    for repo, rate in (("free/one", 1e-4), ("free/two", 1e-4), ("kept/golden", 7e-3)):
        config = {"model": f"org/{repo[-3:]}-7B", "objective": "sft", "adapter": "lora", "learning_rate": rate}
        rows.append({"id": repo, "schema": "canonical", "source": {"repo": repo, "path": "a"}, "config": config})
    (tmp_path / "registry/recipes/x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_reserving_a_repository_removes_it_from_priors(tmp_path: Path) -> None:
    """Expect the priors to be those of the free repositories alone, and to change with the list."""
    kept = load_priors(repository(tmp_path, "recipes: {repositories: [kept/golden]}\n"))
    free = [recipe for recipe in load_recipes(tmp_path, include_reserved=True).recipes if "free" in recipe.id]
    assert kept.groups == compute_priors(free).groups
    assert kept.repositories == 2
    everything = load_priors(repository(tmp_path, "recipes: {repositories: []}\n"))
    assert everything.repositories == 3
    assert everything.digest != kept.digest


def test_reserving_a_family(tmp_path: Path) -> None:
    """Expect a reserved family to be excluded whatever repository published it."""
    root = repository(tmp_path, "model_families: [falcon]\n")
    row = {"id": "f", "schema": "canonical", "source": {"repo": "free/one", "path": "b"}}
    row["config"] = {"model": "tiiuae/Falcon3-7B", "objective": "sft", "adapter": "lora", "learning_rate": 5e-5}
    with (root / "registry/recipes/x.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    found = load_recipes(root)
    assert found.reserved == 1
    assert all(recipe.family != "falcon" for recipe in found.recipes)


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("recipes: {repositorys: [a/b]}\n", 1, "did you mean 'repositories'"),
        ("recipes:\n  repositories: [a/b, a/b]\n", 2, "named twice"),
        ("recipes:\n  repositories: a/b\n", 2, "tuple"),
        ("- a\n", 1, "is not a mapping"),
        ("recipes: {\n", 0, "not valid YAML"),
        ("", 0, "is empty"),
    ],
)
def test_bad_reserved_file(tmp_path: Path, text: str, line: int, part: str) -> None:
    """Expect file, line and mend: a list that cannot be read must not become an empty one."""
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation/reserved.yaml").write_text(text)
    with pytest.raises(InputFaults) as caught:
        load_reserved(tmp_path)
    fault = caught.value.faults[0]
    assert fault.path == "evaluation/reserved.yaml"
    assert part in str(fault)
    assert line in (0, fault.line)


def test_reserving_an_unpublished_repository_is_a_fault(tmp_path: Path) -> None:
    """Expect a misspelt repository to be named, since it would reserve nothing."""
    root = repository(tmp_path, "recipes: {repositories: [kept/goldn]}\n")
    assert [fault.message for fault in recipe_faults(root)] == ["kept/goldn has no recipes"]


def test_missing_reserved_file_stops_loading(tmp_path: Path) -> None:
    """Expect recipes not to load at all without the list: else learning would read the golden set."""
    root = repository(tmp_path, "")
    (root / "evaluation/reserved.yaml").unlink()
    with pytest.raises(InputFaults, match="reserved"):
        load_recipes(root)


def test_measurements_and_recipes_of_the_schema() -> None:
    """Expect the questions that loaders ask to be answered from the lists."""
    reserved = Reserved.model_validate(
        {"recipes": {"repositories": ["a/b"]}, "model_families": ["falcon"], "measurements": {"rows": ["m1"]}}
    )
    assert reserved.has_recipe("a/b", None)
    assert reserved.has_recipe("c/d", "falcon")
    assert not reserved.has_recipe("c/d", None)
    assert reserved.has_measurement("m1")
    assert not reserved.has_measurement("m2")
