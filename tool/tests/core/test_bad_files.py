"""Every kind of bad file is one clear fault with its line, whichever folder it lies in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.errors import InputFaults
from tool.load import open_repo
from tool.load.yaml_file import YamlFile
from tool.validation import validate

GOVERNED = (
    "registry/engines/state.yaml",
    "registry/engines/events/0001.yaml",
    "registry/engines/2026.11.0/engine.yaml",
    "registry/measurements/calibration.yaml",
    "registry/measurements/sweeps/smollm2-135m.yaml",
    "policies/owners.yaml",
    "policies/safety/tests/epochs.yaml",
    "evaluation/ceilings.yaml",
    "evaluation/golden_requests.yaml",
)


def told(root: Path) -> list[str]:
    return [str(fault) for fault in validate(root)[1]]


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: !!int ''\n", "x.yaml:2: b: '' cannot be read as int"),
        ("a: 1\nb: [!!bool maybe]\n", "x.yaml:2: b.0: 'maybe' cannot be read as bool"),
        ("a: 1\nb: !!float ''\n", "x.yaml:2: b: '' cannot be read as float"),
        ("a: 1\nb: !!timestamp noon\n", "x.yaml:2: b: has the YAML tag 'timestamp'"),
        ("a: 1\nb: !!python/name:os.system x\n", "x.yaml:2: b: has the YAML tag 'python/name:os.system'"),
        ("a: 1\nb: !!set {c, d}\n", "x.yaml:2: b: has the YAML tag 'set'"),
        ("a: 1\n<<: {b: 2}\n", "x.yaml:2: <<: is a YAML merge"),
        ("a: 1\n? [b, c]\n: 2\n", "x.yaml:2: ?: the key 'a sequence' is no text"),
        ("a: 1\n~: 2\n", "x.yaml:2: ~: the key '~' is no text"),
        ("a: 1\nb: " + "9" * 5000 + "\n", "x.yaml:2: b: '999"),
        ("a: 1\nb: c\x00d\n", "x.yaml:2: is not valid YAML: control characters are not allowed"),
        ("", "x.yaml:1: is empty"),
    ],
)
def test_a_value_that_yaml_cannot_give_is_one_fault_with_its_line(text: str, words: str) -> None:
    """What PyYAML answers with a KeyError, an IndexError or no line is a fault of the field."""
    faults = [str(fault) for fault in YamlFile("x.yaml", text.encode()).faults]
    assert len(faults) == 1
    assert faults[0].startswith(words)


def test_numbers_are_read_as_yaml_1_2_reads_them() -> None:
    """A time of day and a leading zero are text, not 90 and 8."""
    data = YamlFile("x.yaml", b"a: 1:30\nb: 010\nc: 1_000\nd: -7\ne: 0\nf: .5\n").data
    assert data == {"a": "1:30", "b": "010", "c": 1000, "d": -7, "e": 0, "f": 0.5}


def test_an_alias_is_told_once_for_each_anchor() -> None:
    """A bomb of a thousand aliases is as many faults as it has anchors."""
    text = "a: &a [x]\nb: &b [" + "*a, " * 50 + "]\nc: [" + "*b, " * 50 + "]\n"
    assert len(YamlFile("x.yaml", text.encode()).faults) == 2


@pytest.mark.parametrize("value", ["true", "'16'"])
def test_a_number_must_be_written_as_one(repo_copy: Path, value: str) -> None:
    """`true` is not 1 GB, and text is not a number."""
    replace(repo_copy / "profiles/gpus/T4.yaml", "nominal_gb: 16", f"nominal_gb: {value}")
    (fault,) = told(repo_copy)
    assert "profiles/gpus/T4.yaml:6: nominal_gb: input should be a number" in fault


def test_a_key_given_twice_does_not_hide_the_other_faults_of_the_file(repo_copy: Path) -> None:
    """All faults at once: form and content of one file, and a broken reference of another."""
    card = repo_copy / "profiles/gpus/T4.yaml"
    replace(card, "nominal_gb: 16", "nominal_gb: sixteen\nnominal_gb: 16\nbf17: true\nid: T4")
    replace(repo_copy / "profiles/platforms/colab.yaml", "gpu: L4", "gpu: L5")
    faults = "\n".join(told(repo_copy))
    for words in (
        "nominal_gb: is given twice",
        "unknown key 'bf17'",
        "id: comes from the file name",
        "no such GPU 'L5'",
    ):
        assert words in faults


@pytest.mark.parametrize("path", GOVERNED)
@pytest.mark.parametrize("fault", ["text", "bytes"])
def test_validate_reads_the_files_of_every_folder(
    repo_copy: Path, path: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no mapping, or is not UTF-8, is told by its path wherever it lies, with exit code 2."""
    (repo_copy / path).write_bytes(b"just text\n" if fault == "text" else b"a: caf\xe9\n")
    assert isinstance(cli, click.Command)
    assert run(cli, ["validate", "--root", str(repo_copy)]) == 2
    assert f"error: {path}" in capsys.readouterr().err


def test_a_bound_that_is_no_number_is_a_fault_of_the_policy(repo_copy: Path) -> None:
    """NaN and infinity in the parameters of a rule are told with its line."""
    policy = repo_copy / "policies/safety/weight-decay.yaml"
    replace(policy, "params:", "params:\n  nothing: .nan")
    (fault,) = told(repo_copy)
    assert "policies/safety/weight-decay.yaml" in fault
    assert "must be finite numbers" in fault


def test_a_misnamed_record_is_told_by_every_command(repo_copy: Path) -> None:
    """A command that lists cards says which file is misnamed, without running through `ftc validate`."""
    (repo_copy / "profiles/gpus/A1.yml").write_text("vendor: nvidia\n")
    with pytest.raises(InputFaults, match=r"A1\.yml: ends in \.yml"):
        list(open_repo(repo_copy).gpus)


def test_mends_lead_a_newcomer(repo_copy: Path) -> None:
    """A version without quotes, a key of another record, a field that config.json may lack, a plan with a dot."""
    card = repo_copy / "profiles/gpus/T4.yaml"
    replace(card, "compute_capability: '7.5'", "compute_capability: 7.5")
    replace(card, "\nsources:", "\nsource: []\nsources:")
    model = repo_copy / "registry/models/Qwen/Qwen2.5-7B.yaml"
    replace(model, "  head_dim: 128\n", "")
    replace(repo_copy / "profiles/platforms/aws.yaml", "gpu: L4,", "gpu: L5,")
    faults = "\n".join(told(repo_copy))
    assert "compute_capability: input should be a valid string, got 7.5 (put it in quotes)" in faults
    assert "unknown key 'source' (did you mean 'sources'?)" in faults
    assert "head_dim: is missing (add it: hidden_size / num_attention_heads" in faults
    lines = (repo_copy / "profiles/platforms/aws.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "L5" in text)
    assert f"profiles/platforms/aws.yaml:{line}: plans.g" in faults


@pytest.mark.parametrize("command", [("fit",), ("recommend", "--task", "chat")])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1, "a": 2}', "'a' is given twice"),
        ("", "is empty"),
        ("[1]", "is not a JSON object but list"),
        ('{"x": NaN}', "'x' NaN is not a JSON number"),
        ('{"x":', "is not JSON"),
    ],
)
def test_a_config_that_is_no_object_is_one_error(
    command: tuple[str, ...], text: str, told: str, tmp_path: Path, ftc: Callable[..., tuple[int, str, str]]
) -> None:
    """Both commands name the file, the key and the fault, and end with the code of a bad request."""
    (tmp_path / "config.json").write_text(text)
    code, out, err = ftc(*command, "--model-config", str(tmp_path / "config.json"))
    assert (code, out) == (2, "")
    assert "config.json" in err and told in err and "the line" not in err
