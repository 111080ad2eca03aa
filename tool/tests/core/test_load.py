"""Loading: all faults at once, each with file, line, field and mend."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tool.errors import InputFaults
from tool.load import load, open_repo
from tool.load.yaml_file import YamlFile
from tool.validation import validate

GPU = "profiles/gpus/T4.yaml"


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert old in text, f"{old!r} is not in {path}"
    (root / path).write_text(text.replace(old, new, 1))


def only_fault(root: Path) -> str:
    _, faults = validate(root)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return str(faults[0])


def test_the_repository_is_valid(root: Path) -> None:
    """Every file that we ship loads, and every reference holds."""
    counts, faults = validate(root)
    assert faults == []
    assert counts["models"] >= 250
    assert counts["GPUs"] >= 35
    assert counts["tasks"] == 10


def test_a_misspelt_key_is_named_with_its_line_and_the_right_spelling(repo_copy: Path) -> None:
    """A typo never passes in silence."""
    edit(repo_copy, GPU, "usable_gib:", "usabel_gib:")
    _, faults = validate(repo_copy)
    text = "\n".join(str(fault) for fault in faults)
    assert "unknown key 'usabel_gib'" in text
    assert "did you mean 'usable_gib'" in text
    rows = (repo_copy / GPU).read_text().splitlines()
    line = next(number for number, row in enumerate(rows, 1) if row.startswith("usabel_gib"))
    assert f"{GPU}:{line}:" in text
    assert "usable_gib: is missing" in text


def test_a_duplicate_key_is_a_fault(repo_copy: Path) -> None:
    """Of two values for one key, neither is taken."""
    with (repo_copy / GPU).open("a") as file:
        file.write("bf16: true\n")
    assert "bf16: is given twice" in only_fault(repo_copy)


def test_a_wrong_type_names_the_value(repo_copy: Path) -> None:
    """A word where a number belongs is shown as it was written."""
    text = (repo_copy / GPU).read_text().splitlines()
    changed = [("usable_gib: plenty" if row.startswith("usable_gib:") else row) for row in text]
    (repo_copy / GPU).write_text("\n".join(changed) + "\n")
    assert "'plenty'" in only_fault(repo_copy)


def test_a_missing_reference_is_a_fault(repo_copy: Path) -> None:
    """A platform cannot offer a card that nobody described."""
    edit(repo_copy, "profiles/platforms/colab.yaml", "gpu: T4", "gpu: T5")
    message = "\n".join(str(fault) for fault in validate(repo_copy)[1])
    assert "no such GPU 'T5'" in message
    assert "add profiles/gpus/T5.yaml" in message


def test_faults_of_several_files_come_together(repo_copy: Path) -> None:
    """One run tells all that must be mended."""
    edit(repo_copy, GPU, "usable_gib:", "usabel_gib:")
    edit(repo_copy, "profiles/gpus/L4.yaml", "vendor:", "vendro:")
    with pytest.raises(InputFaults) as caught:
        load(repo_copy)
    assert {fault.path for fault in caught.value.faults} == {GPU, "profiles/gpus/L4.yaml"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "is not UTF-8"),
        (b"a: [1, 2", "is not valid YAML"),
        (b"", "is empty"),
        (b"- 1\n", "is not a mapping"),
        (b"a: &x [1]\nb: *x\n", "is a YAML alias"),
        (b"a: " + b"[" * 60 + b"]" * 60, "is nested too deeply"),
        (b"x: " + b"y" * (1 << 20), "is larger than 1 MiB"),
    ],
)
def test_broken_files_are_one_clear_fault(repo_copy: Path, content: bytes, words: str) -> None:
    """Bytes that are no record are refused by name, never with a traceback."""
    (repo_copy / GPU).write_bytes(content)
    with pytest.raises(InputFaults, match=words):
        load(repo_copy)


def test_a_symbolic_link_is_refused(repo_copy: Path) -> None:
    """Facts are files of the repository, not pointers out of it."""
    (repo_copy / GPU).unlink()
    os.symlink("/etc/hostname", repo_copy / GPU)
    with pytest.raises(InputFaults, match="symbolic link"):
        load(repo_copy)


def test_an_id_from_outside_the_folder_is_unknown(root: Path) -> None:
    """Names cannot climb out of their folder."""
    repo = open_repo(root)
    assert "../gpus/T4" not in repo.models
    assert "" not in repo.gpus


def test_a_base_may_not_have_a_base(repo_copy: Path) -> None:
    """Inheritance is one level deep."""
    models = repo_copy / "registry/models/Qwen"
    (models / "A.yaml").write_text("base: Qwen/B\nkind: instruct\n")
    (models / "B.yaml").write_text("base: Qwen/Qwen2.5-0.5B\nkind: instruct\n")
    message = "\n".join(str(fault) for fault in validate(repo_copy)[1])
    assert "has a base itself" in message


def test_yaml_reads_scientific_numbers() -> None:
    """YAML 1.1 reads 2e-5 as text; here it is a number, and a date stays text."""
    file = YamlFile("x.yaml", b"rate: 2e-5\nday: 2026-11-24\nbig: 1E6\n")
    assert file.data == {"rate": 2e-5, "day": "2026-11-24", "big": 1e6}


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_fall_over(content: bytes) -> None:
    """Any bytes give data or faults."""
    file = YamlFile("x.yaml", content)
    assert file.faults or file.data is not None or content.strip() != b""


@given(st.text(alphabet="ab:-[]{}&*!|>'\"# \n\t0.e", max_size=80))
def test_no_yaml_like_text_makes_the_parser_fall_over(text: str) -> None:
    """Neither does text that is nearly YAML."""
    YamlFile("x.yaml", text.encode())


def test_a_record_that_ends_in_yml_is_told_to_be_renamed(repo_copy: Path) -> None:
    """A misnamed file is one clear fault of its own name, not a file that cannot be read."""
    (repo_copy / "profiles/gpus/A1.yml").write_text("vendor: nvidia\n")
    _, faults = validate(repo_copy)
    assert [(fault.path, fault.message) for fault in faults] == [("profiles/gpus/A1.yml", "ends in .yml")]
