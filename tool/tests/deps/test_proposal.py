"""What the job that tries new packages hands over is data, and is taken only where it can be made again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tool import deps
from tool.deps import proposal, pythons
from tool.deps import update as updating
from tool.deps.uv import Compiled
from tool.load import open_repo

Ftc = Callable[..., tuple[int, str, str]]
Forge = Callable[[dict[str, Any]], Any]
STACK, LOCK = "profiles/dependencies/trl.yaml", "profiles/dependencies/locks/trl.txt"
DAY, NOW = "2026-12-01", "2026-12-03T00:00:00Z"


@pytest.fixture
def ready(repo_copy: Path, ftc: Ftc, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose index has a newer transformers, and beside it what the first job handed over, two days ago."""
    held = {stack.id: stack.pins for stack in open_repo(repo_copy).stacks}
    newest: dict[str, str] = {}

    def answer(requirements: str, overrides: str, *options: str) -> Compiled:
        assert "--no-build" in options
        names = [line.replace("=", " ").replace(">", " ").split()[0] for line in requirements.splitlines()]
        lines = [f"{name}=={newest.get(name, held['trl'][name])}" for name in names]
        return Compiled("".join(f"{line} \\\n    --hash=sha256:{'0' * 64}\n" for line in lines))

    monkeypatch.setattr(updating, "compile_lock", answer)
    monkeypatch.setattr(pythons, "installable", lambda lock, python, complete: dict.fromkeys("abc", "1"))
    start = ("deps", "update", "--root", repo_copy, "--now", f"{DAY}T00:00:00Z")
    ftc(*start, "--write")
    newest["transformers"] = "5.24.0"
    ftc(*start, "--proposal", repo_copy / "proposal")
    return repo_copy


def adopt(root: Path, ftc: Ftc, *options: object) -> tuple[int, str, str]:
    return ftc("deps", "adopt", root / "proposal", "--root", root, "--now", NOW, *options)


def content(root: Path) -> dict[str, bytes]:
    """Every file below profiles/ and .github/, and whatever lies beside the repository."""
    below = [path for part in ("profiles", ".github") for path in (root / part).rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in below} | {str(path): b"" for path in root.parent.iterdir()}


def forged(root: Path, forge: Forge) -> None:
    """Another document in the place of the proposal."""
    path = root / "proposal" / proposal.NAME
    document = json.loads(path.read_text())
    changed = forge(document)
    path.write_text(json.dumps(document if changed is None else changed))


def test_an_honest_proposal_is_taken_over(ready: Path, ftc: Ftc) -> None:
    """The pins, locks and description are those that `ftc deps update --write` makes, of the day that was proposed."""
    code, out, _ = adopt(ready, ftc)
    assert code == 0
    assert "trl: would change\n  transformers: 5.23.0 -> 5.24.0" in out
    code, out, _ = adopt(ready, ftc, "--write", "--body", ready / "body.md", "--output", "json")
    assert (code, json.loads(out)["trl"]["written"]) == (0, True)
    repo = open_repo(ready)
    moved = [stack for stack in repo.stacks if stack.ranges]
    assert {(stack.pins["transformers"], stack.as_of) for stack in moved} == {("5.24.0", DAY)}
    assert [deps.lock_problems(ready, stack) for stack in moved] == [[]] * len(moved)
    assert "| transformers | 5.23.0 | 5.24.0 | trl" in (ready / "body.md").read_text()


def put(path: str, text: Any) -> Forge:
    return lambda document: document["files"].update({path: text})


def edit(path: str, old: str, new: str) -> Forge:
    return lambda document: document["files"].update({path: document["files"][path].replace(old, new, 1)})


FORGERIES: dict[str, tuple[Forge, str]] = {
    "a workflow": (put(".github/workflows/gates.yml", "on: push"), "files['.github/workflows/gates.yml']: is neither"),
    "the program": (put("tool/errors.py", ""), "files['tool/errors.py']: is neither a stack with ranges nor its lock"),
    "out of the checkout": (put("profiles/dependencies/../../../x", ""), "is neither a stack with ranges nor its lock"),
    "an absolute path": (put("/etc/passwd", ""), "files['/etc/passwd']: is neither"),
    "another spelling": (put(f"./{STACK}", ""), "is neither a stack with ranges nor its lock"),
    "a new stack": (put("profiles/dependencies/evil.yaml", "title: x"), "is neither a stack with ranges nor its lock"),
    "a stack without ranges": (put("profiles/dependencies/locks/axolotl.txt", ""), "is neither a stack with ranges"),
    "no text": (put(LOCK, ["x"]), f"files['{LOCK}']: is no text"),
    "another hash": (edit(LOCK, "sha256:" + "0" * 64, "sha256:" + "1" * 64), "not what its ranges resolve to"),
    "another index": (edit(LOCK, "accelerate==", "--extra-index-url https://example.org\naccelerate=="), "line 4 is"),
    "one more package": (lambda d: put(LOCK, d["files"][LOCK] + "evil==1.0\n")(d), "is 'evil==1.0', not what"),
    "a pin": (edit(STACK, "transformers: 5.24.0", "transformers: 5.23.9"), "not what its ranges resolve to"),
    "a wider range": (edit(STACK, "'>=1.16,<2'", "'>=0'"), "not what its ranges resolve to"),
    "less than moved": (lambda d: d["files"].pop(LOCK) and None, f"files['{LOCK}']: is missing"),
    "nothing": (lambda d: {**d, "files": {}}, "files: maps no path to a text"),
    "more keys": (lambda d: {**d, "run": "x"}, "is no object of exactly day and files"),
    "a list": (lambda d: [d], "is no object of exactly day and files"),
    "a day ahead": (lambda d: {**d, "day": "2026-12-04"}, "2026-12-04 is later than today"),
    "a day gone by": (lambda d: {**d, "day": "2020-01-01"}, "2020-01-01 is before"),
    "no day": (lambda d: {**d, "day": "2026-11-31"}, "day: 2026-11-31 is no day"),
    "a word for a day": (lambda d: {**d, "day": "--index-url"}, "day: is no YYYY-MM-DD"),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forged_proposal_is_refused(kind: str, ready: Path, ftc: Ftc) -> None:
    """One message says what and where, exit code 2, and not a byte is written."""
    forge, message = FORGERIES[kind]
    forged(ready, forge)
    before = content(ready)
    code, out, err = adopt(ready, ftc, "--write", "--body", ready / "body.md")
    assert (code, out) == (2, "")
    assert message in err
    assert "nothing was written" in err
    assert content(ready) == before
    assert not (ready / "body.md").exists()


def test_all_faults_are_told_at_once(ready: Path, ftc: Ftc) -> None:
    """Two foreign files are two lines."""
    forged(ready, lambda document: document["files"].update({"a": "", "b": ""}))
    assert adopt(ready, ftc)[2].count("is neither a stack") == 2


def test_only_one_plain_file_of_a_sane_size_is_read(ready: Path, ftc: Ftc, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second file beside it, a link, a large file, one that is no JSON and none at all are refused by name."""
    folder = ready / "proposal"
    made = folder / proposal.NAME
    (folder / "extra.py").write_text("")
    assert "an unexpected file lies beside it: 'extra.py'" in adopt(ready, ftc)[2]
    (folder / "extra.py").unlink()
    kept = made.rename(ready / "kept.json")
    assert "is not in" in adopt(ready, ftc)[2]
    os.symlink(kept, made)
    assert "is no plain file" in adopt(ready, ftc)[2]
    made.unlink()
    for text in ("{", "[" * 100_000, "\ud800".encode(errors="surrogatepass").decode(errors="replace")):
        made.write_text(text)
        assert "is no JSON" in adopt(ready, ftc)[2]
    kept.rename(made)
    monkeypatch.setattr(proposal, "LARGEST_BYTES", made.stat().st_size - 1)
    assert "bytes, more than" in adopt(ready, ftc)[2]
    monkeypatch.undo()


def test_where_nothing_moves_nothing_is_proposed(ready: Path, ftc: Ftc) -> None:
    """After the move was taken over, the same proposal is refused, and a new update proposes nothing."""
    assert adopt(ready, ftc, "--write")[0] == 0
    assert "nothing moves in it as of" in adopt(ready, ftc)[2]
    ftc("deps", "update", "--root", ready, "--now", NOW, "--proposal", ready / "again")
    assert not (ready / "again").exists()
