"""Generation: pure, repeatable, whole files only, and a check that finds every difference."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from tool.generate import compare, plan, write
from tool.load import open_repo
from tool.tests.conftest import ROOT

Ftc = Callable[..., tuple[int, str, str]]


@pytest.fixture
def generated(repo_copy: Path) -> Path:
    write(repo_copy, plan(open_repo(repo_copy)))
    return repo_copy


def test_two_copies_in_different_folders_give_the_same_bytes(
    repo_copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No path, clock or order of this machine gets into an output."""
    other = tmp_path_factory.mktemp("elsewhere") / "deeper" / "copy"
    shutil.copytree(repo_copy, other)
    assert plan(open_repo(repo_copy)) == plan(open_repo(other))


def test_the_work_shared_by_processes_gives_the_same_bytes(repo_copy: Path) -> None:
    """--jobs changes nothing but the time."""
    assert plan(open_repo(repo_copy), jobs=2) == plan(open_repo(repo_copy))


def test_outputs_carry_their_provenance_and_no_machine(generated: Path) -> None:
    """Digests of the very inputs; no absolute path anywhere."""
    for path in (generated / "generated").rglob("*.json"):
        assert str(generated) not in path.read_text()
    answer = json.loads(next((generated / "generated/recommendations").rglob("*colab*.json")).read_text())
    sources = answer["provenance"]["sources"]
    assert "profiles/gpus/T4.yaml" in sources
    assert "profiles/platforms/colab.yaml" in sources
    assert any(name.startswith("registry/models/") for name in sources)


def test_an_inherited_model_names_its_base_among_its_inputs(generated: Path) -> None:
    """A change of the base is a change of the answer."""
    found = [json.loads(p.read_text()) for p in (generated / "generated/recommendations/meta-llama").rglob("*.json")]
    assert all("registry/models/meta-llama/Llama-3.1-8B.yaml" in answer["provenance"]["sources"] for answer in found)


def test_notebooks_are_valid(generated: Path) -> None:
    """Every notebook is nbformat 4.5 and compiles."""
    notebooks = list((generated / "generated/notebooks").rglob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        assert len({cell.id for cell in book.cells}) == len(book.cells)


@pytest.mark.parametrize("fault", ["changed", "missing", "extra"])
def test_the_check_finds_what_differs(generated: Path, ftc: Ftc, fault: str) -> None:
    """An edited, a missing and an extra file each end in exit 1 and are named."""
    victim = generated / "generated" / "index.json"
    if fault == "changed":
        victim.write_text(victim.read_text() + " ")
    elif fault == "missing":
        victim.unlink()
    else:
        victim = generated / "generated" / "notes.txt"
        victim.write_text("hand made")
    code, out, err = ftc("generate", "--check", "--root", generated)
    assert code == 1
    assert f"{fault}: generated/{victim.name}" in out
    assert "make generate" in err


def test_a_current_tree_passes_the_check_and_is_not_touched(generated: Path, ftc: Ftc) -> None:
    """Nothing is rewritten that is already right."""
    before = {path: path.stat().st_mtime_ns for path in (generated / "generated").rglob("*") if path.is_file()}
    assert ftc("generate", "--check", "--root", generated)[0] == 0
    assert ftc("generate", "--root", generated)[0] == 0
    after = {path: path.stat().st_mtime_ns for path in (generated / "generated").rglob("*") if path.is_file()}
    assert before == after


def test_an_extra_folder_and_a_link_are_removed(generated: Path) -> None:
    """generated/ holds outputs and nothing else."""
    (generated / "generated/old/deep").mkdir(parents=True)
    (generated / "generated/old/deep/file").write_text("x")
    os.symlink("/etc", generated / "generated/link")
    write(generated, plan(open_repo(generated)))
    assert not (generated / "generated/old").exists()
    assert not (generated / "generated/link").is_symlink()


def test_bad_input_writes_nothing(generated: Path, ftc: Ftc) -> None:
    """With a fault in the inputs, the outputs stay as they are."""
    before = {p: p.read_bytes() for p in (generated / "generated").rglob("*") if p.is_file()}
    with (generated / "profiles/gpus/T4.yaml").open("a") as file:
        file.write("colour: red\n")
    code, _, err = ftc("generate", "--root", generated)
    assert code == 2
    assert "unknown key 'colour'" in err and "nothing was written" in err
    assert before == {p: p.read_bytes() for p in (generated / "generated").rglob("*") if p.is_file()}


def test_a_disk_that_refuses_is_one_clear_error(generated: Path, monkeypatch: pytest.MonkeyPatch, ftc: Ftc) -> None:
    """Read-only disk: exit 2, one line, no temporary file left."""
    (generated / "generated/index.json").write_text("old")

    def refuse(*arguments: object, **named: object) -> None:
        raise OSError(30, "Read-only file system", str(generated / "generated/index.json"))

    monkeypatch.setattr(os, "replace", refuse)
    code, _, err = ftc("generate", "--root", generated)
    assert code == 2
    assert "Read-only file system" in err and "Traceback" not in err
    assert not list((generated / "generated").rglob("*.tmp"))
    assert (generated / "generated/index.json").read_text() == "old"


@pytest.mark.parametrize("delay", [0.7, 1.2, 1.8])
def test_a_kill_leaves_only_whole_files(repo_copy: Path, delay: float) -> None:
    """SIGINT at any moment: each file is old or new; the next run completes and removes leftovers."""
    planned = plan(open_repo(repo_copy))
    start = "from tool.cli import main; print(flush=True); main()"  # starting up is not the subject
    command = [sys.executable, "-c", start, "generate", "--root", str(repo_copy)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert "Traceback" not in err
    for path in (repo_copy / "generated").rglob("*"):
        if path.is_file() and not path.name.endswith(".tmp"):
            assert path.read_bytes() == planned[path.relative_to(repo_copy).as_posix()]
    write(repo_copy, planned)
    assert not compare(repo_copy, planned)


def test_files_are_readable_by_all(generated: Path) -> None:
    """Temporary files are private; outputs are not."""
    mode = (generated / "generated/index.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o644


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_diff_shows_what_a_change_moves(generated: Path, ftc: Ftc) -> None:
    """A card with less usable memory moves the answers sized for it, before and after shown."""
    git(generated, "init", "-q")
    git(generated, "add", "-A")
    git(generated, "commit", "-qm", "base")
    assert ftc("diff", "--base", "HEAD", "--root", generated)[0] == 0
    card = generated / "profiles/gpus/T4.yaml"
    rows = [("usable_gib: 9.0" if row.startswith("usable_gib:") else row) for row in card.read_text().splitlines()]
    card.write_text("\n".join(rows) + "\n")
    code, out, _ = ftc("diff", "--base", "HEAD", "--root", generated, "--output", "json")
    moves = json.loads(out)["moved"]
    assert code == 1
    assert moves
    assert any("vram.usable_gib" in move["fields"] or move["change"] != "changed" for move in moves)


def test_diff_of_an_unknown_revision_is_a_clear_error(generated: Path, ftc: Ftc) -> None:
    """Exit 2, the field and the mend; a revision is never read as an option of git."""
    git(generated, "init", "-q")
    for base in ("nowhere", "--output=stolen.tar"):
        code, _, err = ftc("diff", f"--base={base}", "--root", generated)
        assert code == 2
        assert err.startswith("error: base: git knows no commit ")
