"""A row → one canonical Recipe, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from tool.recipes import schemas
from tool.recipes.batch import batch_of
from tool.recipes.draft import BadValue, Draft, Row
from tool.recipes.modality import modality_of
from tool.recipes.models import canonical_name, family_of, parameters_of, stored_quantization
from tool.recipes.native import Native
from tool.recipes.tasks import infer_task
from tool.recipes.vocabulary import ADAPTERS, OBJECTIVES
from tool.schema.base import Adapter, Objective, Precision, Quantization, size_bucket
from tool.schema.recipe import Recipe, RecipeSource

Kind = Literal["out_of_scope", "invalid", "unknown_schema"]
_QUANTIZED: dict[str, Quantization] = {"nf4": "nf4", "nf4-dq": "nf4-dq", "int8": "int8", "none": "none"}
# field, lowest, highest: what can be, not what is wise. A learning rate above 0.1 is a wrong unit in every optimizer.
RANGES: tuple[tuple[str, float, float], ...] = (
    ("learning_rate", 1e-12, 0.1),
    ("micro_batch", 1, 1e6),
    ("accumulation", 1, 1e6),
    ("global_batch", 1, 1e7),
    ("gpus", 1, 1e6),
    ("data_parallel", 1, 1e6),
    ("max_length", 8, 1e8),
    ("epochs", 1e-6, 1e4),
    ("max_steps", 1, 1e9),
    ("warmup_ratio", 0, 1),
    ("warmup_steps", 0, 1e9),
    ("weight_decay", 0, 1),
    ("max_grad_norm", 0, 1e6),
    ("lora_r", 1, 65536),
    ("lora_alpha", 1e-6, 1e6),
    ("lora_dropout", 0, 0.999),
    ("beta", 0, 1e3),
    ("num_generations", 1, 1e5),
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row is no recipe. `reason` groups rows; `message` speaks of this one."""

    id: str
    schema: str
    kind: Kind
    reason: str
    field: str = ""
    message: str = ""
    mend: str = ""


def normalise(row: Row) -> Recipe | Rejection:
    """The canonical recipe of a row. Never raises for what a row contains."""
    schema = row.schema or schemas.detect(row.config) or ""
    read = schemas.reader(schema)
    if read is None:
        shown = schema or "(none given, none recognised)"
        known = f"known: {', '.join(schemas.names())}"
        return Rejection(
            row.id, shown, "unknown_schema", f"unknown schema {shown}", "schema", f"{shown} is not known", known
        )
    try:
        draft = _unset(read(Native(row.config), row))
        outside = _outside(draft)
        if outside:
            return Rejection(row.id, schema, "out_of_scope", outside)
        _check_ranges(draft)
        return _recipe(row, schema, draft)
    except BadValue as error:
        reason = f"{_canonical(error.field)}: {_general(error.message)}"
        return Rejection(row.id, schema, "invalid", reason, error.field, error.message, error.mend)


def _unset(draft: Draft) -> Draft:
    """Markers that mean "not set": -1 and 0 for steps and lengths, 0 for a clipping norm."""
    draft.max_steps = None if draft.max_steps in (-1, 0) else draft.max_steps
    draft.max_length = None if draft.max_length in (-1, 0) else draft.max_length
    draft.epochs = None if draft.epochs in (-1, 0) else draft.epochs
    draft.seed = None if draft.seed is not None and draft.seed < 0 else draft.seed
    if draft.adapter == "full":
        draft.lora_r = draft.lora_alpha = draft.lora_dropout = draft.target_modules = draft.use_rslora = None
    if draft.warmup_steps is not None and 0 < draft.warmup_steps < 1:
        # TRL and transformers read `warmup_steps` below 1 as a share of all steps.
        draft.warmup_ratio = draft.warmup_ratio if draft.warmup_ratio is not None else draft.warmup_steps
        draft.warmup_steps = None
    return draft


def _outside(draft: Draft) -> str | None:
    """The reason why a readable row is not for this table; None when it is."""
    if draft.out_of_scope:
        return draft.out_of_scope
    modality = draft.modality if draft.modality != "text" else modality_of(draft.model, draft.datasets)
    if modality != "text":
        return f"modality: {modality}"
    if draft.objective not in OBJECTIVES:
        return f"objective: {draft.objective or 'not told'}"
    if draft.adapter not in ADAPTERS:
        return f"adapter: {draft.adapter or 'not told'}"
    return None


def _check_ranges(draft: Draft) -> None:
    for name, low, high in RANGES:
        value = getattr(draft, name)
        if value is not None and not low <= value <= high:
            mend = f"write a value from {low:g} to {high:g}"
            if name == "learning_rate" and value > high:
                mend = "learning rates are per step, such as 2e-4; this looks like another unit"
            raise BadValue(name, f"cannot be {value:g}", mend)


def _recipe(row: Row, schema: str, draft: Draft) -> Recipe:
    name = canonical_name(draft.model)
    size = parameters_of(draft.model) if draft.model else None
    adapter, quantization = _adapter(draft)
    micro, accumulation, effective = batch_of(draft)
    measured = row.measured or {}
    return Recipe(
        id=row.id,
        schema=schema,
        source=RecipeSource(row.repo, row.path, row.commit, row.license, row.date),
        model=name,
        registry_model=None,
        family=family_of(name) if name else None,
        params_b=size,
        size_bucket=size_bucket(size * 1e9) if size else None,
        task_type=infer_task(draft.objective or "", draft.datasets, draft.hints, row.path, name),
        objective=cast(Objective, draft.objective),
        adapter=adapter,
        dataset=",".join(draft.datasets[:6]) or None,
        learning_rate=draft.learning_rate if draft.learning_rate is not None else _swept(row),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=accumulation,
        gpus=draft.gpus,
        effective_batch_size=effective,
        max_length=draft.max_length,
        num_train_epochs=draft.epochs,
        max_steps=draft.max_steps,
        lr_scheduler_type=draft.scheduler,
        warmup_ratio=draft.warmup_ratio,
        warmup_steps=None if draft.warmup_steps is None else int(draft.warmup_steps),
        weight_decay=draft.weight_decay,
        max_grad_norm=draft.max_grad_norm,
        optim=draft.optim,
        lora_r=draft.lora_r,
        lora_alpha=draft.lora_alpha,
        lora_dropout=draft.lora_dropout,
        use_rslora=draft.use_rslora,
        target_modules=draft.target_modules,
        gradient_checkpointing=draft.gradient_checkpointing,
        packing=draft.packing,
        precision=cast("Precision | None", draft.precision),
        quantization=quantization,
        seed=draft.seed,
        beta=draft.beta,
        num_generations=draft.num_generations if draft.objective == "grpo" else None,
        test_accuracy=_outcome(measured, "test_accuracy"),
        train_loss=_outcome(measured, "train_loss"),
        is_trial="debug_or_test" in row.flags,
        notes=tuple(draft.notes),
    )


def _adapter(draft: Draft) -> tuple[Adapter, Quantization]:
    """LoRA on a base of 4 bits is QLoRA, also where only the model's name tells that the base is quantised."""
    stored = draft.base_quantization
    if stored in ("none", "int8") and draft.adapter != "full" and draft.model:
        named = stored_quantization(draft.model)
        stored = named if named != "none" else stored
    adapter = draft.adapter
    if adapter == "lora" and stored in ("nf4", "nf4-dq", "4bit"):
        adapter = "qlora"
    quantization = _QUANTIZED.get(stored, "nf4" if stored == "4bit" else "none")
    if adapter == "qlora" and quantization == "none":
        quantization = "nf4"
    return cast(Adapter, adapter), quantization if adapter != "full" else "none"


def _swept(row: Row) -> float | None:
    """The middle of the learning rates that a published command runs through (in order of size)."""
    rates = sorted(float(rate) for rate in (row.sweep or {}).get("learning_rate", ()))
    return rates[len(rates) // 2] if rates else None


def _outcome(measured: dict[str, Any], name: str) -> float | None:
    value = measured.get(name) if measured.get("status", "success") == "success" else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


_NATIVE = {
    "lr": "learning_rate",
    "micro_batch": "per_device_train_batch_size",
    "accumulation": "gradient_accumulation_steps",
}


def _canonical(field: str) -> str:
    last = field.rsplit(".", 1)[-1]
    return _NATIVE.get(last, last)


def _general(message: str) -> str:
    """The message without the value of this one row, so that equal faults are counted together."""
    if message.startswith("cannot be "):
        return "out of range"
    return message.split(", got ")[0].split(": ")[0]
