"""Planted faults: each is mended or stopped by the notebook itself with one clear sentence, never by a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tool.render import notebook
from tool.schema.run_event import RunComplete
from tool.tests.notebooks import harness, rows
from tool.tests.notebooks.faults import TRAIN, fake_card, stopped_with, until
from tool.tests.render import samples

pytestmark = pytest.mark.prove


def test_smaller_card_lowers_the_batch(tmp_path: Path) -> None:
    """Sized for 8 GiB at 2 × 1024 and 7 GiB found: one sequence, accumulated twice as long, and it says so."""
    cells = harness.with_cells(until(notebook(samples.recommendation(), samples.context()), "FORECAST_GIB"))
    text = harness.execute(cells, tmp_path, {}, fake_card(tmp_path, "Tesla T4", 7 * 1024, "7.5"))
    assert "Training with 1 × 1024 tokens instead" in text
    assert "fp16 1 × 16 × 1" in text


def test_still_smaller_card_lowers_the_length(tmp_path: Path) -> None:
    """With 5.2 GiB even one sequence of 1024 tokens does not fit: 512 tokens do."""
    cells = harness.with_cells(until(notebook(samples.recommendation(), samples.context()), "FORECAST_GIB"))
    text = harness.execute(cells, tmp_path, {"USABLE_GIB": 5.2})
    assert "Training with 1 × 512 tokens instead" in text


def test_hopeless_card_stops(tmp_path: Path) -> None:
    """Where not even the smallest setting fits, the notebook stops and names what would help."""
    cells = harness.with_cells(until(notebook(samples.recommendation(), samples.context()), "FORECAST_GIB"))
    message = stopped_with(cells, tmp_path, {}, environment=fake_card(tmp_path, "Tesla K20", 2048, "3.5"))
    assert "Even the smallest setting needs 4.5 GiB and 2.0 GiB are free" in message


def test_card_without_bf16_gets_fp16(tmp_path: Path) -> None:
    """A bf16 answer on a T4 is trained in fp16; FlashAttention 2, which it lacks as well, becomes sdpa."""
    answer = samples.recommendation(precision="bf16", attn_implementation="flash_attention_2")
    cells = harness.with_cells(
        until(notebook(answer, samples.context()), "FORECAST_GIB"), after="print(PRECISION, DTYPE)"
    )
    text = harness.execute(cells, tmp_path, {}, fake_card(tmp_path, "Tesla T4", 14 * 1024, "7.5"))
    assert "bf16 needs compute capability 8.0 and this card has 7.5: using fp16." in text
    assert "FlashAttention 2 is not available here" in text
    assert "fp16 torch.float16" in text


def test_unknown_parameter_stops(tmp_path: Path) -> None:
    """A typo in the dry-run file is named."""
    cells = harness.with_cells(until(notebook(samples.recommendation(), samples.context()), "DRY_RUN"))
    assert "no such parameters: MAX_STEP" in stopped_with(cells, tmp_path, {"MAX_STEP": 1})


def test_missing_chat_template_is_replaced(tiny: Path, tmp_path: Path) -> None:
    """A base model without a chat template gets a plain one, whose assistant turns end with the end-of-text token."""
    cells = harness.with_cells(until(notebook(samples.recommendation(), samples.context()), "PLAIN_TEMPLATE"))
    text = harness.execute(cells, tmp_path, {"MODEL": str(tiny / "moe")})
    assert "no chat template" in text
    assert "### assistant:\nanswer</s>" in text


def test_padding_differs_from_end_of_text(smollm: Path, tmp_path: Path) -> None:
    """SmolLM2 pads with its end-of-text token: another token is taken, so that the end is learned."""
    after = "print('PAD', tokenizer.pad_token_id != tokenizer.eos_token_id)"
    document = until(notebook(samples.recommendation(), samples.context()), "PLAIN_TEMPLATE")
    text = harness.execute(harness.with_cells(document, after=after), tmp_path, {"MODEL": str(smollm)})
    assert "Padding with '<|endoftext|>', the end of text is '<|im_end|>'." in text
    assert "PAD True" in text


def test_answers_cut_away_stop(tiny: Path, tmp_path: Path) -> None:
    """Prompts longer than MAX_LENGTH leave no label: stopped before the first step."""
    local = {"MODEL": str(tiny / "moe"), "DATASET": rows.write(tmp_path, rows.instruction), "MAX_LENGTH": 8}
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()))
    assert "No row has an answer within MAX_LENGTH tokens" in stopped_with(cells, tmp_path, local)
    assert harness.events(tmp_path) == []


def test_masked_labels_stop(tiny: Path, tmp_path: Path) -> None:
    """Labels that are all masked are found before the first step."""
    plant = """
plain_trainer = build_trainer

def build_trainer(micro_batch, accumulation):
    trainer = plain_trainer(micro_batch, accumulation)
    mask = lambda row: {"labels": [-100] * len(row["labels"])}
    trainer.train_dataset = trainer.train_dataset.map(mask)
    return trainer
"""
    local = {"MODEL": str(tiny / "moe"), "DATASET": rows.write(tmp_path, rows.instruction), "MAX_LENGTH": 128}
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()), before={TRAIN: plant})
    assert "All labels are masked" in stopped_with(cells, tmp_path, local)


def test_single_label_stops(tiny: Path, tmp_path: Path) -> None:
    """A classifier with one label has nothing to learn."""
    one = {"text": "the same", "label": "only"}
    local = {"MODEL": str(tiny / "bert"), "DATASET": rows.write(tmp_path, lambda number: one)}
    context = samples.context("classification", model_kind="sequence_classification")
    cells = harness.with_cells(notebook(samples.recommendation("full"), context))
    assert "at least two labels" in stopped_with(cells, tmp_path, local)


def test_full_disk_stops_before_the_merge(tiny: Path, tmp_path: Path) -> None:
    """Merging on a full disk is refused in words; the adapter is safe by then."""
    plant = "shutil.disk_usage = lambda path: type('Usage', (), {'free': 1000})"
    local = {
        "MODEL": str(tiny / "moe"),
        "DATASET": rows.write(tmp_path, rows.instruction),
        "MERGE": True,
        "MAX_STEPS": 1,
    }
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()), before={"if MERGE": plant})
    assert "The merged model needs" in stopped_with(cells, tmp_path, local)
    assert list(tmp_path.glob("*/adapter_model.safetensors"))


def test_merged_model_answers_like_the_adapter(tiny: Path, tmp_path: Path) -> None:
    """The merged folder loads without PEFT and gives the trained model's logits."""
    after = """
import torch
from transformers import AutoModelForCausalLM

merged = AutoModelForCausalLM.from_pretrained(OUTPUT_DIR + "-merged", dtype=torch.float32).eval()
probe = tokenizer("How many apples", return_tensors="pt")
with torch.no_grad():
    print("GAP", float((merged(**probe).logits - trainer.model.eval()(**probe).logits).abs().max()))
"""
    local = {"MODEL": str(tiny / "moe"), "DATASET": rows.write(tmp_path, rows.instruction), "LEARNING_RATE": 1e-2}
    local |= {"MERGE": True, "MAX_STEPS": 5}
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()), after=after)
    text = harness.execute(cells, tmp_path, local)
    assert float(text.split("GAP ")[1].split()[0]) < 1e-3


def test_experts_are_adapted_on_demand(tiny: Path, tmp_path: Path) -> None:
    """In a mixture of experts the adapter reaches the fused experts, although PEFT refuses dropout there."""
    after = """
names = [name for name, parameter in trainer.model.named_parameters() if parameter.requires_grad]
print("EXPERTS", sum("experts" in name for name in names), "ATTENTION", sum("attn" in name for name in names))
"""
    local = {"MODEL": str(tiny / "moe"), "DATASET": rows.write(tmp_path, rows.instruction), "ADAPT_EXPERTS": True}
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()), after=after)
    text = harness.execute(cells, tmp_path, local | {"MAX_STEPS": 2})
    assert "attention and mlp.experts.down_proj, mlp.experts.gate_up_proj are adapted, without dropout" in text
    assert "EXPERTS 8 ATTENTION 16" in text


def test_out_of_memory_halves_the_batch(tiny: Path, tmp_path: Path) -> None:
    """A real torch.OutOfMemoryError is caught: half the batch, twice the accumulation, both attempts on record."""
    plant = """
plain_step = SFTTrainer.training_step

def step(self, *arguments, **named):
    if self.args.per_device_train_batch_size > 1 and self.state.global_step == 1:
        raise torch.OutOfMemoryError("CUDA out of memory (planted)")
    return plain_step(self, *arguments, **named)

SFTTrainer.training_step = step
"""
    local = {"MODEL": str(tiny / "moe"), "DATASET": rows.write(tmp_path, rows.instruction), "MAX_STEPS": 3}
    local |= {"MICRO_BATCH": 4, "ACCUMULATION": 2}
    cells = harness.with_cells(notebook(samples.recommendation("lora"), samples.context()), before={TRAIN: plant})
    text = harness.execute(cells, tmp_path, local)
    assert "Out of memory: going on with 2 sequences × 4 accumulated." in text
    assert "Out of memory: going on with 1 sequences × 8 accumulated." in text
    ended = [
        RunComplete.model_validate(event) for event in harness.events(tmp_path) if event["event"] == "run_complete"
    ]
    assert [event.outcome for event in ended] == ["oom", "oom", "success"]
    sizes = [event.config["per_device_train_batch_size"] for event in ended]
    assert sizes == [4, 2, 1]
    assert [event.config["gradient_accumulation_steps"] for event in ended] == [2, 4, 8]


def test_diverged_run_is_recorded(tiny: Path, tmp_path: Path) -> None:
    """A loss that is no number any more is on record as diverged, in valid JSON."""
    local = {"MODEL": str(tiny / "moe"), "DATASET": rows.write(tmp_path, rows.instruction), "LEARNING_RATE": 1e30}
    local |= {"MAX_GRAD_NORM": 1e30, "MAX_STEPS": 6}
    document = until(notebook(samples.recommendation("full"), samples.context()), TRAIN)
    harness.execute(harness.with_cells(document), tmp_path, local)
    event = RunComplete.model_validate(harness.events(tmp_path)[-1])
    assert (event.outcome, event.final_loss) == ("diverged", None)


def test_longest_rows_come_first(tiny: Path, tmp_path: Path) -> None:
    """The first batch holds the longest row, so that memory runs out in the first minute or not at all."""
    long = {"instruction": "x " * 30, "output": "y " * 30}
    make = lambda number: long if number == 31 else rows.instruction(number) | {"input": ""}  # noqa: E731
    local = {"MODEL": str(tiny / "moe"), "DATASET": rows.write(tmp_path, make)}
    document = until(notebook(samples.recommendation("lora"), samples.context()), "def longest_first")
    after = "print('FIRST', train_rows[0]['completion'][0]['content'][:3])"
    assert "FIRST y y" in harness.execute(harness.with_cells(document, after=after), tmp_path, local)
