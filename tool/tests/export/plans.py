"""One plan to start from, as the recommender makes them."""

from __future__ import annotations

from typing import Any

from tool.export.engine import Data, Plan
from tool.tests.render import samples

ROWS = {
    "messages": {"messages": "messages"},
    "instruction": {"instruction": "instruction", "input": "input", "output": "output"},
    "preference": {"chosen": "chosen", "rejected": "rejected"},
    "prompt_answer": {"prompt": "question", "answer": "answer"},
    "text": {"text": "text"},
}
FORMATS = {"sft": "messages", "cpt": "text", "grpo": "prompt_answer"}
TASKS = {"sft": "chat", "cpt": "continued_pretraining", "grpo": "reinforcement"}


def plan(objective: str = "sft", adapter: str = "lora", gpus: int = 1, **changes: Any) -> Plan:
    """LoRA of Llama 3.1 8B on messages unless said otherwise; `data` replaces the rows, `rows` their number."""
    model, rows = changes.pop("model", "meta-llama/Llama-3.1-8B-Instruct"), changes.pop("rows", 5_000)
    kind = FORMATS.get(objective, "preference")
    data = changes.pop("data", Data("org/rows", kind, ROWS[kind]))
    values = samples.recommendation(adapter).config | {"precision": "bf16", "objective": objective}
    values |= {"sharding": "none" if gpus == 1 else "ddp"} | changes
    if objective not in ("sft", "cpt"):
        values = {"beta": 0.1} | values
    if objective == "grpo":
        values = {"num_generations": 8} | values
    answer = samples.recommendation(**values)
    fields: dict[str, Any] = {"model_id": model, "gpus": gpus, "objective": objective, "adapter": adapter}
    context = samples.context(TASKS.get(objective, "preference"), **fields)
    return Plan(model, data, objective, adapter, gpus, values, rows, source=(answer, context))
