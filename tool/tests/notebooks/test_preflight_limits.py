"""Planted limits of card, driver, memory, disk and model: each is met by the notebook with one clear sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tool.render import notebook
from tool.schema.run_event import RunComplete
from tool.tests.notebooks import harness, rows
from tool.tests.notebooks.faults import TRAIN, fake_card, stopped_with, until
from tool.tests.render import samples

pytestmark = pytest.mark.prove

WRAPPED = """
plain_trainer = build_trainer

def build_trainer(micro_batch, accumulation):
    trainer = plain_trainer(micro_batch, accumulation)
    {change}
    return trainer
"""
"""Planted ahead of training: what the trainer is given is changed first."""


def preflight(document: bytes) -> bytes:
    """The notebook up to the pre-flight, without what installs packages."""
    loaded = json.loads(until(document, "FORECAST_GIB"))
    kept = [cell for cell in loaded["cells"] if "%pip" not in "".join(cell["source"])]
    return json.dumps(loaded | {"cells": kept}).encode()


def local(folder: Path, tiny: Path, make: Any = rows.instruction, **changes: Any) -> dict[str, Any]:
    """A dry run of the tiny mixture of experts on local rows."""
    return {"MODEL": str(tiny / "moe"), "DATASET": rows.write(folder, make), "MAX_STEPS": 1, **changes}


def test_card_that_torch_cannot_drive_stops(tmp_path: Path) -> None:
    """A card whose driver is older than torch's CUDA is named, instead of a silent training on the CPU."""
    cells = harness.with_cells(preflight(notebook(samples.recommendation(), samples.context())))
    environment = fake_card(tmp_path, "Tesla T4", 14 * 1024, "7.5") | {"FTC_DRY_RUN": ""}
    message = stopped_with(cells, tmp_path, {}, environment=environment)
    assert "cannot use the card, driver 535.104" in message
    assert "CUDA 13 needs 580 or newer" in message


def test_no_card_at_all_stops(tmp_path: Path) -> None:
    """Outside of a dry run a machine without a card is told so, and what to do."""
    cells = harness.with_cells(preflight(notebook(samples.recommendation(), samples.context())))
    assert "No GPU here" in stopped_with(cells, tmp_path, {}, environment={"FTC_DRY_RUN": "", "PATH": "/usr/bin:/bin"})


def test_torch_without_kernels_for_the_card_stops(tmp_path: Path) -> None:
    """A torch that dropped the card is named with what it was built for; binaries and PTX that do fit pass."""
    after = """
fits = [((8, 6), ["sm_80"]), ((9, 0), ["sm_90a"]), ((12, 0), ["sm_80", "compute_90"]), ((9, 4), ["gfx942"])]
print("FITS", all(has_kernels(*pair) for pair in fits), has_kernels((8, 0), ["sm_86"]), has_kernels((9, 0), ["sm_80"]))
check_torch((7, 0), True, ["sm_75", "sm_80", "sm_90"])
"""
    cells = harness.with_cells(preflight(notebook(samples.recommendation(), samples.context())), after=after)
    assert "has no kernels for compute capability 7.0, only sm_75, sm_80, sm_90" in stopped_with(cells, tmp_path, {})
    assert "FITS True False False" in harness.printed(cells)


def test_fewer_cards_than_a_shared_model_needs_stop(tmp_path: Path) -> None:
    """A model shared among four GPUs does not start on two; copies on two go on with one, accumulating longer."""
    shared = notebook(samples.recommendation("full", sharding="fsdp"), samples.context(gpus=4))
    environment = fake_card(tmp_path, "NVIDIA A100-SXM4-80GB", 79 * 1024, "8.0", count=2)
    message = stopped_with(harness.with_cells(preflight(shared)), tmp_path, {}, environment=environment)
    assert "2 of 4 GPUs found. This run shares one model among 4" in message
    copies = notebook(samples.recommendation("lora", sharding="ddp"), samples.context(gpus=2))
    environment = fake_card(tmp_path, "NVIDIA A100-SXM4-80GB", 79 * 1024, "8.0")
    text = harness.execute(harness.with_cells(preflight(copies)), tmp_path, {}, environment)
    assert "1 of 2 GPUs found: accumulating longer instead." in text
    assert "2 × 16 × 1" in text


def test_real_out_of_memory_halves_the_batch(tiny: Path, tmp_path: Path) -> None:
    """The process may take 1.5 GiB more and each sequence really takes 0.5: four fail, two train, all is on record."""
    plant = """
import resource

plain_step = SFTTrainer.training_step

def step(self, *arguments, **named):
    torch.ones(self.args.per_device_train_batch_size * 2**27)
    return plain_step(self, *arguments, **named)

SFTTrainer.training_step = step
held = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 3 * 2**29, resource.RLIM_INFINITY))
"""
    overrides = local(tmp_path, tiny, MAX_STEPS=2, MICRO_BATCH=4, ACCUMULATION=2)
    document = until(notebook(samples.recommendation("lora"), samples.context()), TRAIN)
    text = harness.execute(harness.with_cells(document, before={TRAIN: plant}), tmp_path, overrides)
    assert "Out of memory: going on with 2 sequences × 4 accumulated." in text
    ended = [RunComplete.model_validate(line) for line in harness.events(tmp_path) if line["event"] == "run_complete"]
    assert [(event.outcome, event.config["per_device_train_batch_size"]) for event in ended] == [
        ("oom", 4),
        ("success", 2),
    ]


def test_out_of_memory_outside_of_training_stops(tiny: Path, tmp_path: Path) -> None:
    """A model that does not even load is told apart from a batch that is too large."""
    plant = 'def load_model():\n    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 15.00 GiB")\n'
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()), before={TRAIN: plant})
    message = stopped_with(cells, tmp_path, local(tmp_path, tiny))
    assert message.startswith("Out of memory outside of training: a smaller batch would not help. CUDA out of memory")


def test_full_disk_stops_before_training_every_weight(tiny: Path, tmp_path: Path) -> None:
    """Checkpoints of full fine-tuning are weighed against the disk before the first step."""
    plant = "shutil.disk_usage = lambda path: type('Usage', (), {'free': 1000})"
    cells = harness.with_cells(notebook(samples.recommendation("full"), samples.context()), before={TRAIN: plant})
    assert "A checkpoint and the final model needs" in stopped_with(cells, tmp_path, local(tmp_path, tiny))
    assert harness.events(tmp_path) == []


def test_experts_that_the_adapter_misses_stop(tiny: Path, tmp_path: Path) -> None:
    """Where the experts were to be adapted and none is reached, training does not start."""
    plant = """
plain_config = adapter_config

def adapter_config(model):
    config = plain_config(model)
    config.target_parameters = None
    return config
"""
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()), before={TRAIN: plant})
    message = stopped_with(cells, tmp_path, local(tmp_path, tiny, ADAPT_EXPERTS=True))
    assert "the adapter misses all 4 experts of each layer" in message
    assert harness.events(tmp_path) == []


def test_padding_that_hides_the_end_of_text_stops(tiny: Path, tmp_path: Path) -> None:
    """Where pad and end of text are one token and a mask by token id hid it from the loss, training does not start."""
    change = "end = tokenizer.eos_token_id\n    trainer.train_dataset = trainer.train_dataset.map("
    change += 'lambda row: {"labels": [-100 if label == end else label for label in row["labels"]]})'
    plant = "tokenizer.pad_token = tokenizer.eos_token\n" + WRAPPED.format(change=change)
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()), before={TRAIN: plant})
    message = stopped_with(cells, tmp_path, local(tmp_path, tiny))
    assert "No row teaches the end of text '</s>', which is also the padding" in message


def test_padding_with_the_end_of_text_is_learned_all_the_same(tiny: Path, tmp_path: Path) -> None:
    """TRL masks padding by position: with one token for both, every row still teaches where it ends."""
    plant = "tokenizer.pad_token = tokenizer.eos_token\n"
    document = until(notebook(samples.recommendation("lora"), samples.context()), TRAIN)
    text = harness.execute(harness.with_cells(document, before={TRAIN: plant}), tmp_path, local(tmp_path, tiny))
    assert "46 of the first 46 rows teach where an answer ends." in text


def test_chat_template_that_hides_the_answer_stops(tiny: Path, tmp_path: Path) -> None:
    """A template that shows only questions leaves nothing to learn."""
    plant = """
import transformers
plain_reader = transformers.AutoTokenizer.from_pretrained

def reader(*arguments, **named):
    tokenizer = plain_reader(*arguments, **named)
    tokenizer.chat_template = "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"
    return tokenizer

transformers.AutoTokenizer.from_pretrained = reader
"""
    document = notebook(samples.recommendation("lora"), samples.context())
    cells = harness.with_cells(document, before={"PLAIN_TEMPLATE": plant})
    assert "does not show the assistant's answer" in stopped_with(cells, tmp_path, local(tmp_path, tiny))


NOTHING_TO_LEARN = [
    ("preference", "dpo", rows.preference, {"MAX_LENGTH": 4}),
    ("preference", "orpo", rows.preference, {"MAX_LENGTH": 4}),
    ("preference", "kto", rows.preference, {"MAX_LENGTH": 4, "MICRO_BATCH": 2}),
    ("reinforcement", "grpo", lambda number: {"question": f"Why {number}?", "answer": "Because."}, {}),
]


@pytest.mark.parametrize(("task", "objective", "make", "changes"), NOTHING_TO_LEARN, ids=lambda part: str(part)[:8])
def test_nothing_to_learn_stops(
    task: str, objective: Any, make: Any, changes: dict[str, Any], tiny: Path, tmp_path: Path
) -> None:
    """Answers cut away by the length, or that no reward can read, stop every kind of trainer before its first step."""
    document = notebook(samples.recommendation("lora"), samples.context(task, objective=objective))
    message = stopped_with(harness.with_cells(document), tmp_path, local(tmp_path, tiny, make, **changes))
    assert any(words in message for words in ("Raise MAX_LENGTH", "All labels are masked", "No answer holds a number"))
    assert harness.events(tmp_path) == []


def test_empty_targets_stop(tiny: Path, tmp_path: Path) -> None:
    """An encoder-decoder with empty summaries would learn nothing but to stop."""
    make = lambda number: rows.document_summary(number) | {"summary": ""}  # noqa: E731
    context = samples.context("summarization", model_kind="seq2seq")
    cells = harness.with_cells(notebook(samples.recommendation("full"), context))
    overrides = local(tmp_path, tiny, make) | {"MODEL": str(tiny / "t5")}
    assert "Every target is empty" in stopped_with(cells, tmp_path, overrides)
