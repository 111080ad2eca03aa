"""`ftc lint` as people and machines use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tool.lint.catalog import RULES
from tool.lint.registry import registry_root
from tool.tests.lint.test_rules import AXOLOTL, TRL

Run = Callable[..., tuple[int, str, str]]
BAD = TRL.replace("learning_rate", "learning_rte").replace("use_peft: true\n", "")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """(sound, faulty)."""
    sound, faulty = tmp_path / "good.yaml", tmp_path / "bad one.yaml"
    sound.write_text(TRL)
    faulty.write_text(BAD)
    return str(sound), str(faulty)


def test_exit_codes_tell_clean_from_faulty_from_unreadable(files: tuple[str, str], tmp_path: Path, ftc: Run) -> None:
    """0, 1 and 2; what can be read is judged also where another file cannot."""
    sound, faulty = files
    assert ftc("lint", sound)[0] == 0
    assert ftc("lint", sound, faulty)[0] == 1
    code, out, err = ftc("lint", faulty, str(tmp_path / "missing.yaml"))
    assert code == 2 and "unknown-key" in out and "missing.yaml: No such file" in err
    assert ftc("lint")[0] == 2


def test_text_names_file_line_fault_and_mend(files: tuple[str, str], ftc: Run) -> None:
    """As compilers do, so that editors can jump there; then what the run costs, and a summary."""
    _, out, _ = ftc("lint", files[1])
    assert f"{files[1]}:3: error: TRL 1.16.0 has no key learning_rte [unknown-key]" in out
    assert "→ did you mean learning_rate?" in out and "memory: no card named: about" in out
    assert out.rstrip().endswith("in 1 file")


def test_strictness_is_the_users_to_choose(tmp_path: Path, ftc: Run) -> None:
    """Warnings fail unless only errors do; notes fail when strict; a rule can be left out, in the file as well."""
    path = tmp_path / "dpo.yaml"
    path.write_text(TRL.replace("2.0e-4", "5.0e-6").replace("max_length", "max_steps: 9\nmax_length"))
    assert ftc("lint", str(path))[0] == 1
    assert ftc("lint", str(path), "--errors-only")[0] == 0
    assert ftc("lint", str(path), "--ignore", "steps-and-epochs")[0] == 0
    assert ftc("lint", str(path), "--ignore", "steps-and-epochs", "--strict")[0] == 1
    text = path.read_text().replace("epochs: 1", "epochs: 1  # ftc-lint: ignore[steps-and-epochs]")
    path.write_text(text)
    assert ftc("lint", str(path))[0] == 0
    code, _, err = ftc("lint", str(path), "--ignore", "steps-and-epoch")
    assert code == 2 and "did you mean 'steps-and-epochs'?" in err


def test_wrong_names_of_cards_are_one_error(files: tuple[str, str], ftc: Run) -> None:
    """Not one for each file, and with the nearest name."""
    code, out, err = ftc("lint", *files, "--gpu", "RTX-4091")
    assert code == 2 and out == "" and err.count("unknown GPU") == 1
    assert ftc("lint", *files, "--platform", "colabb")[0] == 2
    assert ftc("lint", *files, "--plan", "free")[0] == 2
    assert ftc("lint", *files, "--framework-version", "newest")[0] == 2


def test_a_platform_is_as_good_as_a_card(files: tuple[str, str], ftc: Run) -> None:
    """The free plan of Colab is a T4, which has no bf16."""
    code, out, _ = ftc("lint", files[0], "--platform", "colab", "--plan", "free")
    assert code == 1 and "card-lacks-bf16" in out and "of 14." in out


def test_sarif_has_the_shape_of_the_standard(files: tuple[str, str], ftc: Run) -> None:
    """Version 2.1.0 as OASIS describes what we write of it; rules are listed once, and indices point at them."""
    code, out, _ = ftc("lint", *files, "--output", "sarif")
    log = json.loads(out)
    assert code == 1
    jsonschema.validate(log, json.loads((Path(__file__).parent / "sarif_shape.json").read_text()))
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert {rules[result["ruleIndex"]] for result in run["results"]} == set(rules) <= set(RULES)
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {"startLine": 3} in [place.get("region") for place in places]
    assert all("%20" in place["artifactLocation"]["uri"] for place in places)


def test_github_gets_one_annotation_a_finding(files: tuple[str, str], ftc: Run) -> None:
    """Properties and messages are escaped as the runner wants it."""
    _, out, _ = ftc("lint", files[1], "--output", "github")
    lines = out.splitlines()
    assert lines[0].startswith(f"::error file={files[1]},line=3,title=ftc lint%3A unknown-key::TRL 1.16.0 has no key")
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)


def test_github_escapes_what_its_runner_would_read(tmp_path: Path, ftc: Run) -> None:
    """A per cent sign, a colon or a comma in the name of a file does not break the annotation."""
    path = tmp_path / "50%,a:b.yaml"
    path.write_text(BAD)
    _, out, _ = ftc("lint", str(path), "--output", "github")
    assert "50%25%2Ca%3Ab.yaml,line=3" in out.splitlines()[0]


def test_json_holds_findings_and_forecast(files: tuple[str, str], ftc: Run) -> None:
    """One object a document, the forecast in the words of `ftc fit`; jsonl has one a line."""
    _, out, _ = ftc("lint", files[0], "--gpu", "RTX-4090", "--output", "json")
    (report,) = json.loads(out)
    assert (report["framework"], report["run"], report["findings"]) == ("trl", "sft, lora", [])
    assert report["memory"]["verdict"] == "fits" and report["memory"]["terms"]["weights"] > 10
    _, out, _ = ftc("lint", *files, "--output", "jsonl")
    assert [json.loads(line)["path"] for line in out.splitlines()] == list(files)


def test_the_same_files_give_the_same_bytes(files: tuple[str, str], ftc: Run) -> None:
    """Nothing depends on order of sets or on time."""
    for form in ("text", "json", "sarif", "github"):
        assert ftc("lint", *files, "--output", form) == ftc("lint", *files, "--output", form)


def test_rules_are_listed(ftc: Run) -> None:
    """Each with its purpose."""
    code, out, _ = ftc("lint", "--rules")
    assert code == 0 and all(rule in out for rule in RULES)


def test_a_hook_passes_over_what_trains_nothing(tmp_path: Path, ftc: Run) -> None:
    """Files of other kinds are no error then, and a faulty configuration still is."""
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "chart.yaml").write_text("{{ if x }}\n")
    (tmp_path / "plain.py").write_text("print(1)\n")
    (tmp_path / "a.toml").write_text("a = 1\n")
    names = [str(path) for path in sorted(tmp_path.iterdir())]
    assert ftc("lint", *names)[0] == 2
    assert ftc("lint", "--skip-unknown", *names)[0] == 0
    (tmp_path / "run.yaml").write_text(AXOLOTL.replace("lora_r: 16\n", ""))
    assert ftc("lint", "--skip-unknown", *names, str(tmp_path / "run.yaml"))[0] == 1


def test_the_registry_is_found_from_another_repository(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders that are only called so are passed over; the checkout of the program is taken, or the one around its
    environment, which is where pre-commit installs a hook; where there is none, keys are judged all the same.
    """
    for name in ("registry", "profiles"):
        (tmp_path / name).mkdir()
    assert registry_root(tmp_path) == root
    monkeypatch.setattr("tool.lint.registry.__file__", str(tmp_path / "site-packages/tool/lint/registry.py"))
    monkeypatch.setattr("sys.prefix", str(root / "py_env-python3"))
    assert registry_root(tmp_path) == root
    monkeypatch.setattr("sys.prefix", str(tmp_path / "env"))
    assert registry_root(tmp_path) is None


def test_without_a_registry_keys_are_judged_all_the_same(
    files: tuple[str, str], ftc: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs the registry is left out, and said."""
    monkeypatch.setattr("tool.lint.registry.registry_root", lambda current: None)
    code, out, err = ftc("lint", files[1])
    assert code == 1 and "unknown-key" in out and "memory" not in out and "no registry here" in err
