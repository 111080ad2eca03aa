"""Updates move pins within the ranges of a stack, and nothing else; what they write is what validate accepts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tool import deps
from tool.deps import pythons
from tool.deps import update as updating
from tool.deps.update import rewritten, update, wanted
from tool.deps.uv import Compiled
from tool.errors import FtcError
from tool.load import open_repo
from tool.tests.conftest import ROOT

REPO = open_repo(ROOT)
TRL = REPO.stacks["trl"]
Ftc = Callable[..., tuple[int, str, str]]


def index(monkeypatch: pytest.MonkeyPatch, **newest: str) -> None:
    """An index that answers every range with the present pin, save for the packages named."""

    def answer(requirements: str, overrides: str, *options: str) -> Compiled:
        names = [line.replace("=", " ").replace(">", " ").split()[0] for line in requirements.splitlines()]
        lines = [f"{name}=={newest.get(name, TRL.pins[name])}" for name in names]
        return Compiled("".join(f"{line} \\\n    --hash=sha256:{'0' * 64}\n" for line in lines))

    monkeypatch.setattr(updating, "compile_lock", answer)


def test_pins_lie_in_their_ranges_and_ranges_name_pins() -> None:
    """Every range of every stack is one that its own pin satisfies, and the notebooks' stacks have ranges."""
    with_ranges = [stack for stack in REPO.stacks if stack.ranges]
    assert {stack.framework for stack in with_ranges} >= {"trl"}
    assert [(s.id, name) for s in with_ranges for name in s.ranges if not deps.inside(s, name)] == []


def test_what_an_update_may_choose_from() -> None:
    """A pin with a range is asked for by it, one without stays exact, and what the image brings is not asked for."""
    lines = wanted(TRL).split()
    assert f"transformers{TRL.ranges['transformers']}" in lines
    assert f"torch=={TRL.pins['torch']}" in lines
    assert not [line for line in wanted(REPO.stacks["trl-pascal"]).split() if line.startswith("torch")]


def test_only_what_moved_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file differs in the moved pin and the day, and reads back as the updated stack."""
    index(monkeypatch, transformers="5.24.0")
    found = update(TRL, "2026-12-01")
    assert found.moved_pins(TRL) == {"transformers": ("5.23.0", "5.24.0")}
    before = (ROOT / "profiles/dependencies/trl.yaml").read_text().splitlines()
    after = rewritten("\n".join(before) + "\n", TRL, found.stack).splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [
        ("  transformers: 5.23.0", "  transformers: 5.24.0"),
        (f"as_of: '{TRL.as_of}'", "as_of: '2026-12-01'"),
    ]


def test_versions_that_differ_by_python_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A range that needs two versions on two Pythons has no single pin: the mend is a narrower range."""
    two = "peft==0.21.2 ; python_full_version < '3.12' \\\npeft==0.22.0 ; python_full_version >= '3.12' \\\n"
    monkeypatch.setattr(updating, "compile_lock", lambda *arguments: Compiled(two))
    with pytest.raises(FtcError, match="narrow ranges"):
        update(TRL.model_copy(update={"ranges": {"peft": ">=0.21,<1"}}), "2026-12-01")


def test_ranges_that_nothing_satisfies_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the resolver says is passed on, with the stack's name."""
    monkeypatch.setattr(updating, "compile_lock", lambda *arguments: Compiled(problem="No solution found"))
    with pytest.raises(FtcError, match="stack trl: nothing satisfies its ranges: No solution found"):
        update(TRL)


def test_the_command_shows_writes_and_then_rests(repo_copy: Path, ftc: Ftc, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ftc deps update` shows first; `--write` makes pins and lock belong together; then nothing is left to move."""
    monkeypatch.setattr(pythons, "installable", lambda lock, python, complete: dict.fromkeys("abc", "1"))
    index(monkeypatch)
    base = ("deps", "update", "--root", repo_copy, "--stack", "trl", "--now", "2026-12-01T00:00:00Z")
    ftc(*base, "--write")
    index(monkeypatch, transformers="5.24.0")
    file, lock = repo_copy / "profiles/dependencies/trl.yaml", repo_copy / deps.lock_path("trl")
    kept = (file.read_bytes(), lock.read_bytes())
    code, out, _ = ftc(*base)
    assert code == 0
    assert "trl: would change\n  transformers: 5.23.0 -> 5.24.0" in out
    assert (file.read_bytes(), lock.read_bytes()) == kept
    code, out, _ = ftc(*base, "--write", "--body", repo_copy / "body.md", "--output", "json")
    assert json.loads(out)["trl"]["pins"] == {"transformers": ["5.23.0", "5.24.0"]}
    assert "| transformers | 5.23.0 | 5.24.0 | trl |" in (repo_copy / "body.md").read_text()
    written = open_repo(repo_copy).stacks["trl"]
    assert deps.lock_problems(repo_copy, written) == []
    assert [(one.python, one.packages) for one in written.resolved] == [("3.11", 3), ("3.12", 3), ("3.13", 3)]
    assert "trl: unchanged" in ftc(*base)[1]


def test_a_pin_outside_of_its_range_is_a_problem(repo_copy: Path) -> None:
    """A pin edited by hand beyond its range is told by the check."""
    path = repo_copy / "profiles/dependencies/trl.yaml"
    path.write_text(path.read_text().replace("  trl: 1.16.0", "  trl: 3.0.0", 1))
    problems = deps.lock_problems(repo_copy, open_repo(repo_copy).stacks["trl"])
    assert "stack trl pins trl 3.0.0, outside of its own range" in problems


def test_images_install_what_was_trained() -> None:
    """Stacks of images and older cards lock the versions of the one that notebooks train under, torch aside."""
    trained = deps.locked((ROOT / deps.lock_path("trl")).read_text())
    for stack in REPO.stacks:
        if stack.framework == "trl":
            held = deps.locked((ROOT / deps.lock_path(stack.id)).read_text())
            assert {name: version for name, version in held.items() if trained.get(name) != version} == {}, stack.id
