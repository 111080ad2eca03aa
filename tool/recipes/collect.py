"""Files of rows → a set of distinct recipes, and an account of every line that is not among them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tool.errors import Fault, InputFaults
from tool.load.repo import Repo
from tool.load.reserved import RESERVED_PATH, load_reserved
from tool.recipes.draft import Row
from tool.recipes.normalise import Rejection, normalise
from tool.recipes.read import UNNAMED, BadLine, read_rows
from tool.schema.recipe import Recipe

FOLDER = "registry/recipes"
NOT_JSON, ID_TWICE = "not a JSON object", "id: given twice"
_FORMAT = re.compile(r"(?:-unsloth)?(?:-bnb-4bit|-gptq(?:-int[48])?|-awq|-int[48]|-fp8|-bf16)$")


@dataclass(frozen=True, slots=True)
class Rejected:
    """One line that gave no recipe: where it is and why."""

    file: str
    line: int
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A recipe that says what another one said before it."""

    id: str
    same_as: str


@dataclass(frozen=True, slots=True)
class RecipeSet:
    """Distinct recipes in file order, and what became of all other lines.

    rows = recipes + duplicates + reserved + rejected. `schemas` counts (schema, rows, accepted).
    """

    rows: int
    recipes: tuple[Recipe, ...]
    duplicates: tuple[Duplicate, ...]
    reserved: int
    rejected: tuple[Rejected, ...]
    schemas: tuple[tuple[str, int, int], ...]

    @property
    def accepted(self) -> int:
        """Rows that were understood and are in scope, whether or not they are distinct or reserved."""
        return len(self.recipes) + len(self.duplicates) + self.reserved


def recipe_files(root: Path) -> list[Path]:
    """The JSONL files of the registry, sorted."""
    return sorted((root / FOLDER).glob("*.jsonl"))


def load_recipes(repo: Repo | Path, include_reserved: bool = False) -> RecipeSet:
    """The registry's recipes. Those of reserved repositories and model families are left out.

    `include_reserved` is for evaluation alone. Raises InputFaults when a line is no JSON object or its id was given
    before, or when evaluation/reserved.yaml cannot be read.
    """
    root = repo if isinstance(repo, Path) else repo.root
    reserved = load_reserved(root)

    def is_reserved(recipe: Recipe) -> bool:
        return not include_reserved and reserved.has_recipe(recipe.source.repo, recipe.family)

    files = [(path, path.relative_to(root).as_posix()) for path in recipe_files(root)]
    found = _with_registry_ids(read_recipes(files, is_reserved), Repo(root).models.ids())
    broken = [item for item in found.rejected if item.rejection.reason in (NOT_JSON, ID_TWICE)]
    if broken:
        raise InputFaults(fault_of(item) for item in broken)
    return found


def recipe_faults(root: Path) -> list[Fault]:
    """Every fault of registry/recipes and of the reserved list, for `ftc validate`. Rows out of scope are none."""
    try:
        reserved = load_reserved(root)
    except InputFaults as error:
        return list(error.faults)
    found = read_recipes((path, path.relative_to(root).as_posix()) for path in recipe_files(root))
    faults = [fault_of(item) for item in found.rejected if item.rejection.kind != "out_of_scope"]
    published = {recipe.source.repo for recipe in found.recipes}
    for repository in reserved.recipes.repositories:
        if repository not in published:
            mend = "correct the name, or remove it"
            faults.append(Fault(RESERVED_PATH, 0, "recipes.repositories", f"{repository} has no recipes", mend))
    return sorted(faults)


def _with_registry_ids(found: RecipeSet, ids: Iterable[str]) -> RecipeSet:
    """Name the registry's model where the published name is its id but for letter case, organisation or format.

    A name without the right organisation counts only where one model alone bears it. Declared aliases are not read
    here (that would parse every model file): tool.architecture.resolve knows them.
    """
    exact = {id.casefold(): id for id in ids}
    bare: dict[str, list[str]] = {}
    for id in exact.values():
        bare.setdefault(id.casefold().rpartition("/")[2], []).append(id)

    def known(recipe: Recipe) -> Recipe:
        name = (recipe.model or "").casefold()
        if name in exact:
            return replace(recipe, registry_model=exact[name])
        named = bare.get(_FORMAT.sub("", name.rpartition("/")[2]), [])
        return replace(recipe, registry_model=named[0]) if len(named) == 1 else recipe

    return replace(found, recipes=tuple(known(recipe) for recipe in found.recipes))


def fault_of(item: Rejected) -> Fault:
    """A rejected line as a fault with file, line, field, message and mend."""
    why = item.rejection
    return Fault(item.file, item.line, why.field, why.message or why.reason, why.mend)


def read_recipes(
    files: Iterable[tuple[Path, str]],
    is_reserved: object = None,
    schema: str | None = None,
) -> RecipeSet:
    """Read files (path, name to show). `schema` is assumed for rows that name none."""
    keep = is_reserved if callable(is_reserved) else None
    recipes: dict[object, Recipe] = {}
    duplicates: list[Duplicate] = []
    rejected: list[Rejected] = []
    rows, reserved = 0, 0
    ids: set[str] = set()
    seen: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    for path, name in files:
        for line, row in read_rows(path, schema):
            rows += 1
            if isinstance(row, BadLine):
                seen["(not JSON)"] += 1
                why = Rejection("", "", "invalid", NOT_JSON, row.field, row.message, row.mend)
                rejected.append(Rejected(name, line, why))
                continue
            result = _twice(row) if row.id in ids else normalise(row)
            if not row.id.startswith(UNNAMED):
                ids.add(row.id)
            seen[result.schema] += 1
            if isinstance(result, Rejection):
                rejected.append(Rejected(name, line, result))
                continue
            accepted[result.schema] += 1
            if keep is not None and keep(result):
                reserved += 1
                continue
            twin = recipes.setdefault(_key(result), result)
            if twin is not result:
                duplicates.append(Duplicate(result.id, twin.id))
    schemas = tuple((name, seen[name], accepted[name]) for name in sorted(seen))
    return RecipeSet(rows, tuple(recipes.values()), tuple(duplicates), reserved, tuple(rejected), schemas)


def _twice(row: Row) -> Rejection:
    return Rejection(row.id, row.schema, "invalid", ID_TWICE, "id", f"{row.id} was given before", "choose another id")


def _key(recipe: Recipe) -> object:
    """What makes two recipes the same. A measured outcome or an unnamed model makes a recipe its own."""
    if recipe.model is None or recipe.test_accuracy is not None:
        return recipe.id
    return (
        recipe.model.casefold(),
        recipe.dataset,
        recipe.task_type,
        recipe.objective,
        recipe.adapter,
        recipe.learning_rate,
        recipe.effective_batch_size,
    )


def recipes_digest(root: Path) -> str:
    """sha256 over everything that decides which recipes are learned from: the rows and the reserved list."""
    digest = hashlib.sha256()
    for path in [*recipe_files(root), root / RESERVED_PATH]:
        if path.is_file():
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
