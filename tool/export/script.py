"""The Unsloth script: calls with literal arguments, a check of the card, and one line a run in runs/*.jsonl."""

from __future__ import annotations

from typing import Any

from tool.export.engine import Plan
from tool.render.templates import python_literal

_TEMPLATE = '''import unsloth  # first: it rewrites parts of transformers and trl

import datetime, json, os, pathlib, sys, time, uuid

import torch
from datasets import load_dataset
from trl import {config_class}, {trainer_class}
from unsloth import FastLanguageModel

STEPS = int(os.environ.get("FTC_DRY_RUN_STEPS", 0))  # above 0: a rehearsal of so many steps
CONFIG = {record}


def record(event, run_id, **fields):
    """Append one event to runs/<run_id>.jsonl. No data, no user names, and nothing leaves this machine."""
    on_gpu = torch.cuda.is_available()
    card = torch.cuda.get_device_name(0) if on_gpu else None
    hardware = {{"gpu": card, "count": int(on_gpu), "usable_gib": None, "compute_capability": None}}
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    line = {{"schema_version": 1, "event": event, "run_id": run_id, "at": now, "dry_run": bool(STEPS)}}
    line |= {{"request": {{}}, "engine": None, "slot": None, "config": CONFIG, "hardware": hardware, **fields}}
    pathlib.Path("runs").mkdir(exist_ok=True)
    with open(f"runs/{{run_id}}.jsonl", "a") as file:
        file.write(json.dumps(line, sort_keys=True) + "\\n")


if not torch.cuda.is_available() and not STEPS:
    sys.exit("No GPU here. Choose a machine with one, or rehearse on the CPU with FTC_DRY_RUN_STEPS=3.")
if torch.cuda.is_available():
    free, total = torch.cuda.mem_get_info()
    print(f"{{torch.cuda.get_device_name(0)}}: {{free / 2**30:.1f}} of {{total / 2**30:.1f}} GiB free")

model, tokenizer = FastLanguageModel.from_pretrained(
{loader}
)
{wrap}
rows = load_dataset(
{dataset}
    split="train",
)
trainer = {trainer_class}(
    model=model,
    processing_class=tokenizer,
    train_dataset=rows,
    args={config_class}(
{trainer}
        output_dir="outputs",
        report_to="none",
        logging_steps=1,
    ),
)
if STEPS:
    trainer.args.max_steps = STEPS
run_id, begin, outcome = uuid.uuid4().hex, time.monotonic(), "error"
record("run_start", run_id)
try:
    trainer.train()
    outcome = "success"
except torch.OutOfMemoryError:
    outcome = "oom"
    raise
except KeyboardInterrupt:
    outcome = "cancelled"
    raise
finally:
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None
    record(
        "run_complete",
        run_id,
        outcome=outcome,
        peak_allocated_gib=peak,
        peak_reserved_gib=torch.cuda.max_memory_reserved() / 2**30 if torch.cuda.is_available() else None,
        wall_time_seconds=time.monotonic() - begin,
        tokens_per_second=None,
        first_loss=losses[0] if losses else None,
        final_loss=losses[-1] if losses else None,
        steps=trainer.state.global_step,
    )
trainer.save_model("outputs")
'''


def render(config: dict[str, Any], plan: Plan) -> str:
    """The script as text. Every value is a literal in the call that takes it."""
    config_class = "DPOConfig" if plan.objective == "dpo" else "SFTConfig"
    wrap = _arguments(config, "FastLanguageModel.get_peft_model", 4)
    fields = {"objective": plan.objective, "adapter": plan.adapter, **plan.values}
    return _TEMPLATE.format(
        config_class=config_class,
        trainer_class=config_class.replace("Config", "Trainer"),
        record=python_literal(fields),
        loader=_arguments(config, "FastLanguageModel.from_pretrained", 4),
        wrap=f"model = FastLanguageModel.get_peft_model(\n    model,\n{wrap}\n)\n" if wrap else "",
        dataset=_arguments(config, "load_dataset", 4),
        trainer=_arguments(config, config_class, 8),
    )


def _arguments(config: dict[str, Any], call: str, indent: int) -> str:
    found = [(key.split(".")[-1], value) for key, value in config.items() if key.startswith(f"{call}.")]
    return "\n".join(f"{' ' * indent}{name}={python_literal(value)}," for name, value in found)
