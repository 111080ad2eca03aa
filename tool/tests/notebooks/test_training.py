"""Every template trains for real: one notebook per template and adapter, on the CPU, under the notebook's own pins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tool.render import notebook
from tool.schema.run_event import RunComplete, RunStart
from tool.tests.notebooks import harness, rows
from tool.tests.render import samples

pytestmark = pytest.mark.prove

DRY_RUN = {"MICRO_BATCH": 2, "ACCUMULATION": 1, "MAX_STEPS": 6, "MAX_LENGTH": 96, "OPTIMIZER": "adamw_torch_fused"}

PROOF = """
import torch
from peft import PeftModel
from transformers import {auto}

base = {auto}.from_pretrained(MODEL, dtype=torch.float32{arguments}).eval()
probe = tokenizer("The baskets of three hold", return_tensors="pt")
probe.pop("token_type_ids", None)
extra = {{"decoder_input_ids": probe["input_ids"]}} if base.config.is_encoder_decoder else {{}}
with torch.no_grad():
    before = base(**probe, **extra).logits
    trained = {load}.eval()
    after = trained(**probe, **extra).logits
print("PROOF", float((before - after).abs().max()))
"""
"""Load what was saved, from disk, and compare its logits with the base model's."""

CASES = [
    ("instruction_following", "full", rows.instruction),
    ("instruction_following", "lora", rows.instruction),
    ("instruction_following", "qlora", rows.instruction),
    ("instruction_following", "dora", rows.instruction),
    ("chat", "lora", rows.messages),
    ("code", "lora", rows.code),
    ("reasoning", "lora", rows.prompt_answer),
    ("preference", "full", rows.preference),
    ("preference", "lora", rows.preference),
    ("preference", "qlora", rows.preference),
]


def proof(auto: str, adapter: str, arguments: str = "") -> str:
    """The code that loads the saved model back."""
    load = f"{auto}.from_pretrained(OUTPUT_DIR, dtype=torch.float32)" if adapter == "full" else "PeftModel.from_pretrained(base, OUTPUT_DIR)"
    return PROOF.format(auto=auto, load=load, arguments=arguments)


def assert_trained(folder: Path, text: str, loss_falls: bool = True) -> RunComplete:
    """Labels were learned from, the loss fell, what was saved loads and differs, and the events are valid."""
    start, complete = harness.events(folder)
    RunStart.model_validate(start)
    event = RunComplete.model_validate(complete)
    assert event.outcome == "success"
    assert event.dry_run
    assert event.final_loss is not None
    if loss_falls:
        assert event.first_loss is not None
        assert event.final_loss < event.first_loss
    assert float(text.split("PROOF ")[1].split()[0]) > 1e-4
    return event


@pytest.mark.parametrize(("task", "adapter", "make"), CASES, ids=[f"{task}-{adapter}" for task, adapter, _ in CASES])
def test_language_model_trains(task: str, adapter: str, make: Any, smollm: Path, tmp_path: Path) -> None:
    """SmolLM2-135M learns from 48 local rows: the loss falls, the saved weights load back and change the output."""
    rate = 1e-4 if adapter == "full" else 1e-3
    document = notebook(samples.recommendation(adapter), samples.context(task))
    overrides = DRY_RUN | {"MODEL": str(smollm), "DATASET": rows.write(tmp_path, make), "LEARNING_RATE": rate}
    cells = harness.with_cells(document, after=proof("AutoModelForCausalLM", adapter))
    text = harness.execute(cells, tmp_path, overrides)
    assert_trained(tmp_path, text)
