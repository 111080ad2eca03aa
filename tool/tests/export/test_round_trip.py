"""An export, read back by our own adapter of that schema, is the same recipe."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tool.errors import BadRequest
from tool.export import Export, export, names
from tool.export.engine import Data, Plan
from tool.export.files import SCRIPTS, framework
from tool.recipes.draft import Row
from tool.recipes.native import flattened
from tool.recipes.normalise import normalise
from tool.render import NotebookContext
from tool.schema.recipe import Recipe
from tool.schema.recommendation import Recommendation
from tool.tests.export.calls import calls
from tool.tests.export.plans import plan as plan_of
from tool.tests.render import samples

ALL_LINEAR = ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
COMPARED = (
    "objective", "adapter", "learning_rate", "per_device_train_batch_size", "gradient_accumulation_steps", "max_length",
    "num_train_epochs", "lr_scheduler_type", "warmup_ratio", "weight_decay", "max_grad_norm", "optim", "lora_r",
    "lora_alpha", "lora_dropout", "target_modules", "gradient_checkpointing", "packing", "precision", "quantization",
    "seed", "beta",
    "num_generations", "use_rslora",
)  # fmt: skip
QUANTIZATION = {"full": ["none"], "lora": ["none", "int8"], "qlora": ["nf4", "nf4-dq"], "dora": ["none", "nf4-dq"]}
PAIRS = [{"format": "preference", "columns": {"chosen": "chosen", "rejected": "rejected"}}]
ROWS: dict[str, list[dict[str, Any]]] = {
    "sft": [
        {"format": "messages", "columns": {"messages": "messages"}, "split": "train_sft"},
        {"format": "instruction", "columns": {"instruction": "instruction", "input": "input", "output": "output"}},
        {"format": "prompt_answer", "columns": {"prompt": "question", "answer": "answer"}, "config": "main"},
        {"format": "document_summary", "columns": {"document": "dialogue", "summary": "summary"}},
    ],
    "cpt": [{"format": "text", "columns": {"text": "text"}, "config": "sample-10BT"}],
    "grpo": [{"format": "prompt_answer", "columns": {"prompt": "question", "answer": "answer"}, "config": "main"}],
    **dict.fromkeys(("dpo", "orpo", "kto", "simpo"), PAIRS),
}
"""Rows as the tasks name them, for each objective."""
TASKS = {"cpt": "continued_pretraining", "grpo": "reinforcement"}
TASKS |= dict.fromkeys(("dpo", "orpo", "kto", "simpo"), "preference")
TASK_OF = {"messages": "chat", "instruction": "instruction_following", "prompt_answer": "reasoning"}
TASK_OF |= {"document_summary": "summarization", "text": "continued_pretraining", "preference": "preference"}
MODELS = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen/Qwen2.5-7B-Instruct",
    "meta-llama/Llama-3.2-1B",
    "Qwen/Qwen2.5-0.5B",
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """The whole space of answers: every objective, adapter, precision and quantisation, with odd numbers in it."""
    objective = draw(st.sampled_from(["sft", "cpt", "dpo", "orpo", "kto", "simpo", "grpo"]))
    adapter = draw(st.sampled_from(sorted(QUANTIZATION)))
    values: dict[str, Any] = {
        "learning_rate": draw(st.floats(1e-7, 1e-2)),
        "per_device_train_batch_size": draw(
            st.integers(2 if objective == "kto" else 1, 64)
        ),  # KTO pairs rows of a batch
        "gradient_accumulation_steps": draw(st.integers(1, 64)),
        "max_length": draw(st.integers(16, 131072)),
        "num_train_epochs": draw(st.sampled_from([1.0, 2.0, 3.0, 1.5])),
        "lr_scheduler_type": draw(st.sampled_from(["cosine", "linear", "constant", "constant_with_warmup"])),
        "warmup_ratio": draw(st.sampled_from([0.0, 0.03, 0.1])),
        "weight_decay": draw(st.sampled_from([0.0, 0.01, 0.1])),
        "max_grad_norm": draw(st.sampled_from([0.3, 1.0])),
        "optim": draw(st.sampled_from(["adamw_torch_fused", "adamw_torch", "adamw_bnb_8bit", "paged_adamw_8bit"])),
        "gradient_checkpointing": draw(st.booleans()),
        "packing": draw(st.booleans()),
        "precision": draw(st.sampled_from(["bf16", "fp16", "fp32"])),
        "quantization": draw(st.sampled_from(QUANTIZATION[adapter])),
        "attn_implementation": draw(st.sampled_from(["sdpa", "flash_attention_2", "eager"])),
        "seed": draw(st.integers(0, 10_000)),
    }
    if adapter != "full":
        values |= {"lora_r": draw(st.sampled_from([8, 16, 64])), "lora_alpha": draw(st.sampled_from([16, 32, 128]))}
        values["lora_dropout"] = draw(st.sampled_from([0.0, 0.05]))
        values["target_modules"] = draw(st.sampled_from(["all-linear", ["q_proj", "v_proj"]]))
    if objective not in ("sft", "cpt"):
        values["beta"] = (
            draw(st.sampled_from([0.0, 0.1, 2.0])) if objective == "grpo" else draw(st.sampled_from([0.1, 2.0]))
        )
    if objective == "grpo":
        values["num_generations"] = draw(st.sampled_from([4, 8]))
    gpus = draw(st.sampled_from([1, 4]))
    values["sharding"] = "none" if gpus == 1 else draw(st.sampled_from(["ddp", "zero2", "fsdp"]))
    data = Data("org/rows", **draw(st.sampled_from(ROWS[objective])))
    rows = draw(st.sampled_from([None, 12_000]))
    model = draw(st.sampled_from(MODELS))
    source = surroundings(model, objective, adapter, gpus, data, values)
    return Plan(model, data, objective, adapter, gpus, values, rows, source=source)


def surroundings(
    model: str, objective: str, adapter: str, gpus: int, data: Data, values: dict[str, Any]
) -> tuple[Recommendation, NotebookContext]:
    """The answer that these values are the configuration of, and what its notebook is told besides."""
    task = samples.task(TASKS.get(objective, TASK_OF[data.format]))
    answer = samples.recommendation(adapter, **values, objective=objective)
    context: dict[str, Any] = {"task": task, "model_id": model, "gpus": gpus, "objective": objective}
    return answer, samples.context(adapter=adapter, **context)


def read_back(done: Export) -> Recipe:
    """The recipe that our adapter reads from the very text of the export."""
    schema = done.framework.schema
    script = done.framework.name in SCRIPTS
    config = calls(done.text) if script else flattened(yaml.safe_load(done.text))
    path = "a_single_device.yaml" if "single_device" in done.native.command else "a.yaml"
    recipe = normalise(Row("a", schema, "r", path, config | done.native.launch, command=_command(done)))
    assert isinstance(recipe, Recipe), recipe
    return recipe


def _command(done: Export) -> str:
    return "trl/scripts/cpo.py" if "cpo" in done.native.command else done.native.command


def ours(plan: Plan) -> Recipe:
    config = plan.values | {
        "model": plan.model,
        "objective": plan.objective,
        "adapter": plan.adapter,
        "gpus": plan.gpus,
    }
    recipe = normalise(Row("a", "canonical", "r", "a.yaml", flattened(config)))
    assert isinstance(recipe, Recipe), recipe
    return recipe


def comparable(recipe: Recipe, field: str, name: str) -> Any:
    value = getattr(recipe, field)
    if field == "warmup_ratio" and value is None and recipe.warmup_steps == 0:
        return 0.0
    if field == "use_rslora":
        return bool(value)  # nothing said is false, everywhere
    if field == "target_modules" and value == "all-linear" and name == "torchtune":
        return ALL_LINEAR
    return value


def assert_same(name: str, plan: Plan) -> None:
    """Every field is the same, or the file's own warnings name it as lost, or the framework does it by itself."""
    if plan.objective not in framework(name).objectives:
        with pytest.raises(BadRequest, match="does not train"):
            export(name, plan)
        return
    done = export(name, plan)
    expected, found = ours(plan), read_back(done)
    for field in COMPARED:
        if field in done.native.lost or field in done.native.implied:
            continue
        want = comparable(expected, field, name)
        if name == "unsloth" and field == "gradient_accumulation_steps":
            want *= plan.gpus
        assert comparable(found, field, name) == want, (field, done.text)
    for field in done.native.lost:
        assert f"# warning: {field}: " in done.text


@pytest.mark.parametrize("name", names())
@settings(max_examples=60, deadline=None)
@given(plan=plans())
def test_read_back_is_the_same_recipe(name: str, plan: Plan) -> None:
    """Odd numbers, schedules, lengths and targets, drawn from the whole space of answers."""
    assert_same(name, plan)


@pytest.mark.parametrize("name", names())
def test_every_combination_is_read_back(name: str) -> None:
    """Nothing is left to the draw: each objective with each adapter, quantisation, precision and number of cards."""
    kinds = [(adapter, quantization) for adapter in QUANTIZATION for quantization in QUANTIZATION[adapter]]
    for number, (objective, (adapter, quantization), gpus) in enumerate(itertools.product(ROWS, kinds, (1, 2, 8))):
        changes = {"quantization": quantization, "precision": ("bf16", "fp16", "fp32")[number % 3]}
        changes["sharding"] = "none" if gpus == 1 else ("ddp", "zero2", "fsdp")[number % 3]
        changes["use_rslora"] = adapter == "lora"
        assert_same(name, plan_of(objective, adapter, gpus, **changes))


@pytest.mark.parametrize("name", names())
@settings(max_examples=20, deadline=None)
@given(plan=plans())
def test_the_same_plan_gives_the_same_bytes(name: str, plan: Plan) -> None:
    """An export depends on nothing but the plan."""
    if plan.objective in framework(name).objectives:
        assert export(name, plan).text == export(name, plan).text
