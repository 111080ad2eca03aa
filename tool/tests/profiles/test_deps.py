"""Locks: the resolver is asked the right question, a lock that no longer fits is told, and all checked-in ones fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tool import deps
from tool.deps import update, uv
from tool.errors import FtcError
from tool.load import Repo, open_repo
from tool.tests.conftest import ROOT

REPO = open_repo(ROOT)
Ftc = Callable[..., tuple[int, str, str]]


def small_lock(id: str, *extra: str) -> str:
    """A lock of that stack with its pins and nothing else but `extra`."""
    stack = REPO.stacks[id]
    return deps.header(stack) + deps.requirements(stack) + "".join(f"{line}\n" for line in extra)


def test_every_stack_has_a_lock_that_belongs_to_its_pins() -> None:
    """Pins and lock are one source: no lock is missing, stale, or holds another version than its stack pins."""
    for stack in REPO.stacks:
        assert deps.lock_problems(ROOT, stack) == []


def test_locks_pin_everything_with_hashes_and_name_no_host() -> None:
    """Each requirement of a lock is exact and followed by at least one hash, and no address stands in it."""
    for stack in REPO.stacks:
        text = (ROOT / deps.lock_path(stack.id)).read_text()
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        heads = [position for position, line in enumerate(lines) if not line.startswith(" ")]
        assert len(heads) > 40, stack.id
        for head in heads:
            assert "==" in lines[head], lines[head]
            assert re.match(r"^    --hash=sha256:[0-9a-f]{64}", lines[head + 1]), lines[head]
        assert "://" not in text


def test_what_the_platform_provides_is_not_in_the_lock() -> None:
    """Image packages and a torch from PyTorch's own index are left out, and so is what only they need."""
    for stack in REPO.stacks:
        versions = deps.locked((ROOT / deps.lock_path(stack.id)).read_text())
        for name in deps.provided(stack):
            assert name not in versions, stack.id
        if deps.provided(stack):
            assert not [name for name in versions if name.startswith("nvidia-")], stack.id


def test_the_command_resolves_with_hashes_on_the_day_of_the_stack() -> None:
    """The lock of a day asks for hashes and nothing newer than that day, and overrides only what is provided."""
    stack, pascal = REPO.stacks["trl"], REPO.stacks["trl-pascal"]
    command = uv.command_line("uv", deps.overrides(stack), *deps.until(stack.as_of))
    assert "--generate-hashes" in command
    assert command[command.index("--exclude-newer") + 1].startswith(stack.as_of)
    assert "--override" not in command
    assert "--override" in uv.command_line("uv", deps.overrides(pascal))


def test_a_changed_pin_makes_the_lock_stale() -> None:
    """Another pin, day or image gives other inputs, so that the digest in the lock no longer matches."""
    stack = REPO.stacks["trl"]
    others = [
        stack.model_copy(update={"pins": {**stack.pins, "trl": "1.15.0"}}),
        stack.model_copy(update={"as_of": "2026-11-23"}),
        stack.model_copy(update={"from_image": {"numpy": "2.5.5"}}),
    ]
    digests = {deps.inputs_digest(one) for one in [stack, *others]}
    assert len(digests) == 4


def test_a_stale_or_missing_lock_is_told_with_its_mend(profiles_copy: Path) -> None:
    """A pin that was changed without a new lock, and a lock that was deleted, are named with the command to run."""
    path = profiles_copy / "profiles/dependencies/trl.yaml"
    path.write_text(path.read_text().replace("trl: 1.16.0", "trl: 1.15.0", 1))
    (profiles_copy / deps.lock_path("oumi")).unlink()
    repo = Repo(profiles_copy)
    stale = deps.lock_problems(profiles_copy, repo.stacks["trl"])
    assert any("belongs to other pins" in problem and "--write" in problem for problem in stale)
    assert any("holds 1.16.0 for trl, the stack pins 1.15.0" in problem for problem in stale)
    assert "is missing" in deps.lock_problems(profiles_copy, repo.stacks["oumi"])[0]


def test_moved_names_what_changed_came_and_went() -> None:
    """Two locks are compared by package, whatever the spelling of its name."""
    before, after = "a_b==1.0\nc==1.0\nsame==2.0\n", "a-b==1.1\nd==1.0\nsame==2.0 ; python_version < '3.12'\n"
    assert deps.moved(before, after) == {"a-b": ("1.0", "1.1"), "c": ("1.0", ""), "d": ("", "1.0")}


@pytest.mark.parametrize(
    ("version", "condition", "holds"),
    [
        ("2.13.0", ">=2.11", True),
        ("2.9.1", ">=2.11", False),
        ("2.11.0+cu128", "2.11.0+cu128", True),
        ("4.8.5", "<4.8.5", False),
        ("1.16", "1.16.0", True),
        ("0.9", "*", True),
    ],
)
def test_versions_compare_as_numbers(version: str, condition: str, holds: bool) -> None:
    """Conditions of known clashes compare part by part as numbers, without the local part."""
    assert deps.satisfies(version, condition) is holds


def test_an_unreadable_condition_is_told() -> None:
    """A condition in another form is an error that says how to write it, never silently false."""
    with pytest.raises(FtcError, match=r"cannot read the version condition '~=1.0'"):
        deps.satisfies("1.0", "~=1.0")
    for stack in REPO.stacks:
        deps.applying_clashes(stack, small_lock(stack.id))


def test_a_known_clash_applies_where_its_packages_meet() -> None:
    """A clash is told when all its packages are present in a version that it names, and only then."""
    stack = REPO.stacks["trl"]
    found = {clash.id for clash in deps.applying_clashes(stack, small_lock("trl"))}
    assert "datasets-with-llamafactory" not in found
    found = {clash.id for clash in deps.applying_clashes(stack, small_lock("trl", "llamafactory==0.9.5"))}
    assert "datasets-with-llamafactory" in found


def fake(text: Callable[[str], str]) -> Callable[..., str]:
    """A resolver that needs no network: the given text for each stack id."""
    return lambda stack: text(stack.id)


def test_lock_shows_first_and_writes_only_when_told(
    profiles_copy: Path, ftc: Ftc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ftc deps lock` shows what would move and leaves the file alone; `--write` replaces it; then nothing changes."""
    (profiles_copy / "registry").mkdir()
    monkeypatch.setattr(deps, "resolve", fake(lambda id: small_lock(id, "newcomer==1.0")))
    path = profiles_copy / deps.lock_path("trl")
    before = path.read_bytes()
    arguments = ("deps", "lock", "--root", profiles_copy, "--stack", "trl")
    code, out, _ = ftc(*arguments)
    assert (code, path.read_bytes()) == (0, before)
    assert "trl: would change" in out
    assert "newcomer: absent -> 1.0" in out
    assert "trl: written" in ftc(*arguments, "--write")[1]
    assert path.read_text() == small_lock("trl", "newcomer==1.0")
    assert "trl: unchanged" in ftc(*arguments)[1]


def test_check_tells_what_would_move_and_fails_on_a_stale_lock(
    profiles_copy: Path, ftc: Ftc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ftc deps check` passes with news about newer releases, and exits 1 once a lock belongs to other pins."""
    (profiles_copy / "registry").mkdir()
    (profiles_copy / deps.lock_path("trl")).write_text(small_lock("trl", "numpy==2.5.5"))
    newer = uv.Compiled(small_lock("trl", "numpy==2.6.0"))
    monkeypatch.setattr(update, "compile_lock", lambda *arguments: newer)
    arguments = ("deps", "check", "--root", profiles_copy, "--stack", "trl", "--output", "json")
    code, out, _ = ftc(*arguments)
    assert code == 0
    assert json.loads(out)["trl"]["would_move"] == {"numpy": ["2.5.5", "2.6.0"]}
    path = profiles_copy / "profiles/dependencies/trl.yaml"
    path.write_text(path.read_text().replace("trl: 1.16.0", "trl: 1.15.0", 1))
    code, out, _ = ftc(*arguments, "--offline")
    assert code == 1
    assert json.loads(out)["trl"]["problems"]


def test_an_unknown_stack_is_told_with_the_nearest(ftc: Ftc) -> None:
    """A wrong stack id is bad input (exit 2) with a suggestion."""
    code, _, error = ftc("deps", "check", "--root", ROOT, "--offline", "--stack", "axolotll")
    assert code == 2
    assert "did you mean 'axolotl'" in error


@pytest.mark.prove
def test_a_lock_resolves_to_the_very_same_bytes_again() -> None:
    """Resolving each stack anew, on its own day, gives the lock that is checked in, hashes and all (needs an index)."""
    for stack in REPO.stacks:
        assert deps.resolve(stack) == (ROOT / deps.lock_path(stack.id)).read_text()


@pytest.mark.prove
def test_pins_that_cannot_meet_are_one_clear_error() -> None:
    """Pins that contradict each other end in one message that names the stack (needs an index)."""
    stack = REPO.stacks["trl"].model_copy(update={"pins": {**REPO.stacks["trl"].pins, "tokenizers": "0.10.1"}})
    with pytest.raises(FtcError, match="stack trl does not resolve"):
        deps.resolve(stack)
