"""What is made from memory equals what is made anew, whatever was edited, lost or damaged in between."""

from __future__ import annotations

import json
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tool.generate import plan
from tool.generate.answered import Answered
from tool.generate.inputs import SHARED_FILES, SHARED_FOLDERS
from tool.generate.remembered import FOLDER, memo_of, validated
from tool.load import open_repo
from tool.memo import Memo
from tool.render import templates

Ftc = Callable[..., tuple[int, str, str]]
KEPT = (
    "Qwen/Qwen2.5-0.5B-Instruct",
    "Qwen/Qwen2.5-0.5B",
    "meta-llama/Llama-3.1-8B-Instruct",
    "meta-llama/Llama-3.1-8B",
)


@pytest.fixture
def small(repo_copy: Path) -> Path:
    """A repository of few models and recipes, so that a whole plan takes a moment."""
    folder = repo_copy / "registry/models"
    for path in folder.rglob("*.yaml"):
        if path.relative_to(folder).as_posix().removesuffix(".yaml") not in KEPT:
            path.unlink()
    for path in sorted((repo_copy / "registry/recipes").glob("*.jsonl"))[3:]:
        path.unlink()
    return repo_copy


@pytest.fixture
def own_templates(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the templates that a test may edit."""
    copy = tmp_path_factory.mktemp("templates") / "templates"
    shutil.copytree(templates.FOLDER, copy)
    monkeypatch.setattr(templates, "FOLDER", copy)
    templates.environment.cache_clear()
    yield copy
    templates.environment.cache_clear()


def fresh(root: Path) -> dict[str, bytes]:
    """The plan without a memo, in a process state that knows nothing of `root` before the edit."""
    _forget_readings()
    return plan(open_repo(root))


def incremental(root: Path) -> tuple[dict[str, bytes], Memo]:
    _forget_readings()
    repo = open_repo(root)
    memo = memo_of(repo)
    validated(memo)
    return plan(repo, memo=memo), memo


def _forget_readings() -> None:
    """Caches that a new process would not have."""
    from tool.memory.frameworks import framework_of, frameworks
    from tool.memory.overhead import load_calibration
    from tool.policy.safety import read_bounds
    from tool.site import needs

    for cached in (framework_of, frameworks, load_calibration, read_bounds):
        cached.cache_clear()
    needs._MADE.clear()
    templates.environment.cache_clear()


def test_nothing_changed_makes_nothing(small: Path) -> None:
    """The second run takes everything from memory and gives the same bytes."""
    first, memo = incremental(small)
    assert memo.made_anew and first == fresh(small)
    second, memo = incremental(small)
    assert not memo.made_anew and second == first


def test_one_card_redoes_only_its_dependants(small: Path) -> None:
    """Another card redoes the entry that does not fit, which names cards that would do; the T4 redoes them all."""
    planned, _ = incremental(small)
    index = json.loads(planned["generated/index.json"])
    entries: dict[bool, set[str]] = {True: set(), False: set()}
    for row in index["entries"]:
        name = f"{row['model']}/{row['task']}_{row['adapter']}_{row['place'].replace('/', '_')}"
        entries[row["fits"]].add(f"production/{name}")
    assert entries[True] and entries[False]
    for card, usable, redone in (("RTX-4090", 23.0, entries[False]), ("T4", 14.1, entries[True] | entries[False])):
        _edit(small / f"profiles/gpus/{card}.yaml", r"usable_gib: [\d.]+", f"usable_gib: {usable}")
        planned, memo = incremental(small)
        assert {name for name in memo.made_anew if name.startswith("production/")} == redone
        assert not any(name.startswith("site/needs/") for name in memo.made_anew)
        assert planned == fresh(small)


def test_one_template_redoes_only_the_notebooks_that_use_it(small: Path, own_templates: Path) -> None:
    """The template of DPO is part of one entry of the small catalogue."""
    incremental(small)
    body = own_templates / "dpo" / "notebook.py.j2"
    assert body.exists()
    body.write_text(body.read_text() + "\n# %% [markdown]\nEdited.\n")
    planned, memo = incremental(small)
    assert [name for name in memo.made_anew if "preference" not in name] == []
    assert memo.made_anew
    assert planned == fresh(small)
    assert any(b"Edited." in content for content in planned.values())


@pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.prove)])
def test_random_edits_leave_incremental_equal_to_clean(small: Path, own_templates: Path, rounds: int) -> None:
    """After each of a series of random edits to cards, models, tasks, places, stacks, rules and templates."""
    chance = random.Random(20261124 + rounds)
    edits = [edit for edit in EDITS for _ in range(rounds)]
    chance.shuffle(edits)
    incremental(small)
    moved, before = 0, fresh(small)
    for edit in edits:
        edit(small, own_templates, chance)
        clean = fresh(small)
        assert incremental(small)[0] == clean, edit.__name__
        moved += clean != before
        before = clean
    assert moved > len(edits) / 3


def test_a_damaged_memory_is_harmless(small: Path) -> None:
    """Records that are cut, forged, swapped, emptied or replaced by folders are made again."""
    expected, _ = incremental(small)
    records = sorted((small / FOLDER).glob("*.made"))
    contents = [path.read_bytes() for path in records[:7]]
    damages = [b"", b"{", contents[0][:-40], contents[1], contents[4].replace(b'"value"', b'"valve"'), b"\xff\n[]"]
    for path, damage in zip(records[:6], damages, strict=True):
        path.write_bytes(damage)
    records[6].unlink()
    records[6].mkdir()
    planned, memo = incremental(small)
    assert planned == expected and len(memo.made_anew) >= 4
    assert {path.name for path in (small / FOLDER).glob("*.made")} == {path.name for path in records}
    shutil.rmtree(small / ".cache")
    assert incremental(small)[0] == expected


def test_every_file_that_is_opened_is_among_the_recorded_inputs(small: Path) -> None:
    """Answering an entry opens no file of the repository that is neither recorded nor shared by all."""
    from tool.generate.entries import entries
    from tool.generate.plan import answer_all
    from tool.recommend.knowledge import fresh_knowledge

    repo = open_repo(small)
    knowledge = fresh_knowledge(repo)
    for entry in entries(repo):
        _forget_readings()
        anew = open_repo(small)
        opened = _opened(small, lambda anew=anew, entry=entry: answer_all(anew, knowledge, None, [entry]))  # type: ignore[misc]
        item: Answered = opened[1][0]
        shared = {path for path in opened[0] if path in SHARED_FILES or path.startswith(SHARED_FOLDERS)}
        others = opened[0] - shared - set(item.inputs)
        assert not {path for path in others if not path.startswith(("registry/engines/", "policies/", "registry/rep"))}


def _opened(root: Path, act: Callable[[], object]) -> tuple[set[str], list[Answered]]:
    """Files below root that are opened while `act` runs, relative to root, and what it returns."""
    found: set[str] = set()
    _LISTENERS.append((root, found))
    if len(_LISTENERS) == 1:
        sys.addaudithook(_listen)
    try:
        result = act()
    finally:
        _LISTENERS[-1] = (Path("/nowhere"), set())
    return found, result  # type: ignore[return-value]


_LISTENERS: list[tuple[Path, set[str]]] = []


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | Path):
        root, found = _LISTENERS[-1]
        path = Path(str(arguments[0]))
        if path.is_absolute() and root in path.parents and path.is_file():
            found.add(path.relative_to(root).as_posix())


def test_the_command_remembers_checks_and_forgets(small: Path, ftc: Ftc) -> None:
    """`generate` fills .cache/; the fast check agrees with the full one before and after an edit of an output."""
    where = ("--root", str(small))
    assert ftc("generate", *where)[0] == 0
    assert list((small / FOLDER).glob("*.made"))
    page = small / "generated/README.md"
    page.write_text(page.read_text() + "by hand\n")
    for check in (("--check",), ("--check", "--fast")):
        assert ftc("generate", *where, *check)[0] == 1
    assert ftc("generate", *where, "--clean")[0] == 0
    assert ftc("generate", *where, "--check", "--fast")[0] == 0
    assert ftc("generate", *where, "--fast")[0] == 2


def test_shares_of_several_machines_come_together(small: Path, tmp_path: Path, ftc: Ftc) -> None:
    """Each machine keeps its share; with the records of all in one folder nothing of theirs is made again."""
    expected, records = fresh(small), tmp_path / "records"
    for number in ("1/3", "2/3", "3/3"):
        machine = tmp_path / number[0]
        shutil.copytree(small, machine)
        assert ftc("generate", "--root", str(machine), "--shard", number, "--jobs", "1")[0] == 0
        assert files_below(machine / "generated") == files_below(small / "generated")
        shutil.copytree(machine / FOLDER, records, dirs_exist_ok=True)
    shutil.copytree(records, small / FOLDER)
    planned, memo = incremental(small)
    assert planned == expected
    shared = ("production/", "site/exports/", "site/needs/", "validated/")
    assert memo.made_anew and not [name for name in memo.made_anew if name.startswith(shared)]
    assert ftc("generate", "--root", str(small), "--shard", "4/3")[0] == 2
    assert ftc("generate", "--root", str(small), "--shard", "1/3", "--check")[0] == 2


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def _edit(path: Path, pattern: str, text: str) -> None:
    before = path.read_text()
    after = re.sub(pattern, text, before, count=1)
    assert after != before, path
    path.write_text(after)


def _card(root: Path, own: Path, chance: random.Random) -> None:
    path = chance.choice(sorted((root / "profiles/gpus").glob("*.yaml")))
    _edit(path, r"usable_gib: [\d.]+", f"usable_gib: {chance.uniform(4, 12):.2f}")


def _used_card(root: Path, own: Path, chance: random.Random) -> None:
    _edit(root / "profiles/gpus/T4.yaml", r"usable_gib: [\d.]+", f"usable_gib: {chance.uniform(9, 14):.3f}")


def _model(root: Path, own: Path, chance: random.Random) -> None:
    path = root / "registry/models/Qwen/Qwen2.5-0.5B.yaml"
    _edit(path, r"max_position_embeddings: \d+", f"max_position_embeddings: {chance.randrange(512, 4097)}")


def _task(root: Path, own: Path, chance: random.Random) -> None:
    path = root / "profiles/tasks/instruction_following.yaml"
    _edit(path, r"max_length: \d+", f"max_length: {chance.randrange(256, 1281)}")


def _stack(root: Path, own: Path, chance: random.Random) -> None:
    path = chance.choice(sorted((root / "profiles/dependencies").glob("trl*.yaml")))
    _edit(path, r"title: .*", f"title: Edited {chance.randrange(10**6)}")


def _another_stack(root: Path, own: Path, chance: random.Random) -> None:
    path = root / "profiles/dependencies/trl.yaml"
    path.with_name(f"trl-copy{chance.randrange(10**6)}.yaml").write_text(path.read_text())


def _policy(root: Path, own: Path, chance: random.Random) -> None:
    path = chance.choice(sorted((root / "policies/safety").glob("learning-rate*.yaml")))
    _edit(path, r"high: [\d.e+-]+", f"high: {chance.uniform(1e-5, 3e-5):.2e}")


def _template(root: Path, own: Path, chance: random.Random) -> None:
    path = chance.choice(sorted((own / "shared").glob("*.md.j2")))
    path.write_text(f"{path.read_text().rstrip()}\nEdit {chance.random()}.\n")


def _catalogue(root: Path, own: Path, chance: random.Random) -> None:
    path = root / "profiles/catalog.yaml"
    places = ("local/rtx-4090", "colab/pro", "kaggle/t4x2")
    place = chance.choice([place for place in places if f"colab/free, {place}]" not in path.read_text()])
    _edit(path, r"platforms: \[[^\]]*\]", f"platforms: [colab/free, {place}]")


EDITS = (_card, _used_card, _model, _task, _stack, _another_stack, _policy, _template, _catalogue)
