"""Which keys a framework knows, and which not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tool.lint.finding import Finding
from tool.lint.keys_rule import key_findings
from tool.lint.known import (
    FOLDER,
    FRAMEWORKS,
    SOURCES,
    call_keys,
    document,
    entries_of,
    file_keys,
    newest,
    release_of,
    renamed,
)
from tool.lint.read import Document, read
from tool.tests.conftest import ROOT

Run = Callable[..., tuple[int, str, str]]


def judged(framework: str, config: dict[str, object], **more: object) -> list[Finding]:
    return list(key_findings(framework, Document(dict(config), dict.fromkeys(config, 7), **more)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_an_export_has_only_known_keys(name: str, tmp_path: Path, ftc: Run) -> None:
    """Every key that an export writes is in the list extracted from the framework's package; a typo is not."""
    path = tmp_path / ("a.py" if name == "unsloth" else "a.yaml")
    asked = ("--model", "meta-llama/Llama-3.1-8B-Instruct", "--objective", "sft", "--adapter", "lora")
    assert ftc("recommend", *asked, "--export", name, "--export-file", str(path))[0] == 0
    (found,) = read(path)
    assert found.config and not found.findings
    assert [finding for finding in key_findings(name, found) if finding.rule == "unknown-key"] == []
    key = "SFTConfig.learning_rte" if name == "unsloth" else "learning_rte"
    (finding,) = judged(name, {key: 1}, calls=name == "unsloth")
    assert (finding.rule, finding.level, finding.line) == ("unknown-key", "error", 7)


@pytest.mark.parametrize(
    ("framework", "key", "suggested"),
    [
        ("trl", "lora_rank", "lora_r"),
        ("trl", "gradient_accumulation_step", "gradient_accumulation_steps"),
        ("axolotl", "micro_batchsize", "micro_batch_size"),
        ("axolotl", "datasets.0.tpye", "datasets.type"),
        ("axolotl", "num_generations", "trl.num_generations"),
        ("llamafactory", "cutofflen", "cutoff_len"),
        ("torchtune", "optimizer.wieght_decay", "optimizer.weight_decay"),
        ("torchtune", "enable_activation_checkpoint", "enable_activation_checkpointing"),
        ("oumi", "training.learningrate", "training.learning_rate"),
        ("oumi", "peft.lora_rank", "peft.lora_r"),
        ("ms-swift", "learning_rte", "learning_rate"),
    ],
)
def test_a_misspelling_is_told_with_the_right_key(framework: str, key: str, suggested: str) -> None:
    """Nested paths, missing underscores and swapped letters all lead to the key that was meant."""
    (finding,) = judged(framework, {key: "x"})
    assert finding.rule == "unknown-key"
    assert finding.mend == f"did you mean {suggested}?"


@pytest.mark.parametrize(
    ("framework", "key", "now"),
    [
        ("trl", "max_seq_length", "max_length"),
        ("trl", "evaluation_strategy", "eval_strategy"),
        ("llamafactory", "dpo_beta", "pref_beta"),
        ("ms-swift", "sft_type", "tuner_type"),
        ("axolotl", "fsdp_config.fsdp_offload_params", "fsdp_config.offload_params"),
    ],
)
def test_a_key_of_an_older_release_is_renamed_not_unknown(framework: str, key: str, now: str) -> None:
    """It is a mild finding that names the release and what took its place."""
    (finding,) = judged(framework, {key: "x"})
    assert (finding.rule, finding.level, finding.mend) == ("renamed-key", "warning", f"now: {now}")


def test_a_stated_release_is_judged_by() -> None:
    """TRL 0.12.2 takes max_seq_length and no max_length in SFTConfig; a notebook's own pin counts as well."""
    old = {"SFTConfig.max_seq_length": 512}
    assert list(key_findings("trl", Document(old, calls=True), "0.12.2")) == []
    assert list(key_findings("trl", Document(old, calls=True, pins={"trl": "0.12.2"}))) == []
    (finding,) = key_findings("trl", Document({"SFTConfig.max_length": 512}, calls=True), "0.12.2")
    assert (finding.rule, finding.level) == ("renamed-key", "error")


def test_a_framework_that_installs_an_older_trainer_takes_its_keys() -> None:
    """LLaMA-Factory 0.9.5 installs transformers up to 5.6, which still has warmup_ratio; TRL installs the newest."""
    assert judged("llamafactory", {"warmup_ratio": 0.1}) == []
    assert [finding.rule for finding in judged("trl", {"warmup_ratio": 0.1})] == ["renamed-key"]


def test_mappings_without_listed_keys_are_open() -> None:
    """Arguments that are handed on, as those of a scheduler, are not ours to judge; a key below a number is none."""
    assert judged("oumi", {"training.lr_scheduler_kwargs.min_lr": 1e-6}) == []
    assert judged("axolotl", {"model_config.output_router_logits": True}) == []
    assert [finding.rule for finding in judged("trl", {"learning_rate.value": 1})] == ["unknown-key"]


def test_a_script_of_ones_own_may_have_arguments_of_its_own() -> None:
    """Only what is nearly a key of the Trainer is told there, and argparse's short forms are not."""
    own = {"vision_tower_lr": 1e-5, "eval_step": 10, "no_remove_unused_columns": True, "learning_rte": 1e-4}
    (finding,) = judged("trl", own, command="train.py")
    assert (finding.key, finding.level) == ("learning_rte", "warning")


@pytest.mark.parametrize(
    ("framework", "config", "rule"),
    [
        ("trl", {"learning_rate": "fast"}, "wrong-type"),
        ("trl", {"per_device_train_batch_size": 1.5}, "wrong-type"),
        ("trl", {"lr_scheduler_type": "cosin"}, "unknown-choice"),
        ("trl", {"lr_scheduler_type": "rex"}, "unknown-choice"),
        ("axolotl", {"micro_batch_size": "two"}, "wrong-type"),
        ("axolotl", {"rl": "dpoo"}, "unknown-choice"),
        ("llamafactory", {"stage": "stf"}, "unknown-choice"),
        ("llamafactory", {"finetuning_type": "lorra"}, "unknown-choice"),
        ("oumi", {"training.trainer_type": "TRL_SFTT"}, "unknown-choice"),
        ("oumi", {"peft.lora_r": "many"}, "wrong-type"),
        ("ms-swift", {"learning_rate": [1e-4, 2e-4]}, "wrong-type"),
    ],
)
def test_a_value_that_no_release_takes_is_found(framework: str, config: dict[str, object], rule: str) -> None:
    """Types and closed choices come from the annotations of the packages."""
    (finding,) = judged(framework, config)
    assert finding.rule == rule


@pytest.mark.parametrize(
    ("framework", "config"),
    [
        ("trl", {"learning_rate": "2e-4", "bf16": "yes", "optim": "paged_adamw_8bit", "logging_steps": 0.1}),
        ("axolotl", {"gradient_checkpointing": "unsloth", "bf16": "auto", "lora_r": None, "deepspeed": "zero2.json"}),
        ("llamafactory", {"lora_target": "all", "val_size": 0.1, "dataset": "a,b"}),
        ("oumi", {"training.trainer_type": "TRL_SFT", "deepspeed.zero_stage": "ZERO_3"}),
        ("ms-swift", {"dataset": ["a", "b#100"], "lora_rank": "$RANK", "gradient_checkpointing": "true"}),
    ],
)
def test_values_as_people_write_them_pass(framework: str, config: dict[str, object]) -> None:
    """Numbers as texts, words for booleans, variables of the shell, and words of older releases."""
    assert [finding for finding in judged(framework, config) if finding.rule != "renamed-key"] == []


def test_the_lists_name_their_package_and_release() -> None:
    """Every list says what it was extracted from, and holds the newest release without an end."""
    for framework in FRAMEWORKS:
        for package in SOURCES[framework]:
            data = document(package)
            assert data["versions"] and data["extracted"]
            ends = {entry.get("until") for keys in data["groups"].values() for entry in keys.values()}
            assert newest(package) not in ends
            assert release_of(framework, package) in data["versions"]
        assert len(file_keys(framework)) > 100


def test_what_took_a_keys_place_is_itself_known() -> None:
    """A table of renamed keys that points at nothing would mislead: each plain name in it is a current key."""
    table = json.loads((FOLDER / "renamed.json").read_text())
    for package, renames in table.items():
        framework = next(name for name in FRAMEWORKS if SOURCES[name][0] == package or package in SOURCES[name])
        for old, now in renames.items():
            assert renamed(framework, old) == now
            word = now.split(":")[0].split(",")[0]
            if " " not in word and "." not in word and word != "nothing":
                known = [file_keys(framework).get(word, ())]
                known += [call_keys(call).get(word, ()) for call in ("SFTTrainer", "SFTConfig", "CPOConfig")]
                known.append(entries_of("torchtune", f"tokenizer.{word}") or () if package == "torchtune" else ())
                assert any(entry.current for entries in known for entry in entries), (package, old, word)


def test_keys_that_no_list_has_were_seen_somewhere() -> None:
    """Each key of the hand-kept table stands in a published file of the registry, at the commit named, or in a package
    that the extracted lists are of: nothing rests on memory.
    """
    table = json.loads((FOLDER / "unlisted.json").read_text())
    for framework, keys in table.items():
        recipes = (ROOT / f"registry/recipes/{framework.replace('-', '_')}.jsonl").read_text().splitlines()
        published: dict[tuple[str, ...], set[str]] = {}
        for row in map(json.loads, recipes):
            place = tuple(row["source"][name] for name in ("repo", "path", "commit"))
            published.setdefault(place, set()).update(re.sub(r"\.\d+(?=\.|$)", "", key) for key in row["config"])
        for key, item in keys.items():
            source = item["source"]
            if "package" in source:
                assert source["version"] in document(source["package"])["versions"], key
                assert item["note"] and source["path"].endswith(".py")
            else:
                seen = published[source["repo"], source["path"], source["commit"]]
                assert any(name == key or name.startswith(f"{key}.") for name in seen), (framework, key)
