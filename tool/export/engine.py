"""The engine that all exports share: a plan, one mapping table a framework, and a file with its warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tool.errors import BadRequest
from tool.recommend.lengths import answer_tokens

if TYPE_CHECKING:
    from tool.render import NotebookContext
    from tool.schema.recommendation import Recommendation

NOT_CARRIED = frozenset({"task_type", "objective", "adapter", "kbit_preparation", "sharding"})
"""Fields that say what the other fields add up to, or what the launcher does; each framework writes them in its way."""
PACKED = ("sft", "cpt")
"""Objectives whose rows can be packed; no framework packs pairs or prompts."""


@dataclass(frozen=True)
class Data:
    """Which rows are read. `format` and `columns` are those of profiles/tasks: role → column of this data set."""

    name: str
    format: str = "messages"
    columns: Mapping[str, str] = field(default_factory=dict)
    config: str | None = None
    split: str = "train"

    def column(self, role: str) -> str:
        """The column that has this role; the role's own name where none is told."""
        return self.columns.get(role, role)

    @property
    def described(self) -> str:
        """The columns, for a sentence."""
        return ", ".join(sorted(self.columns.values())) or self.format


@dataclass(frozen=True)
class Plan:
    """What is to be exported. `values` has the names of the design, section 2, without the fields that are null.

    `warnings` are known already before the framework's module says its own. `source` is the answer itself and what
    surrounds it; only scripts need it, rendered from the notebooks' cells.
    """

    model: str
    data: Data
    objective: str
    adapter: str
    gpus: int
    values: dict[str, Any]
    rows: int | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    source: tuple[Recommendation, NotebookContext] | None = None

    @property
    def sharding(self) -> str:
        """none, ddp, zero2 or fsdp."""
        return str(self.values.get("sharding") or "none")

    @property
    def quantization(self) -> str:
        """none, nf4, nf4-dq or int8; full fine-tuning has none."""
        return "none" if self.adapter == "full" else str(self.values.get("quantization", "none"))

    @property
    def precision(self) -> str:
        return str(self.values.get("precision", "bf16"))


@dataclass(frozen=True)
class Key:
    """One line of a mapping table: our name, theirs, the unit, and how the value is rewritten."""

    ours: str
    theirs: str
    unit: str = ""
    write: Callable[[Any], Any] = lambda value: value


@dataclass
class Native:
    """A configuration in the framework's own keys (nested keys joined by dots), and what it could not hold.

    `lost` names our fields that the file does not hold; `implied` those that the framework does by itself, so that
    the file is silent about them. `command` names what reads the file, `start` is the whole line to type (`FILE` stands
    for the file), `launch` is what the launcher adds when it is read back.
    """

    config: dict[str, Any]
    command: str
    start: str = ""
    lost: dict[str, str] = field(default_factory=dict)
    implied: set[str] = field(default_factory=set)
    launch: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Framework:
    """One framework: its mapping table, the objectives it trains, and the keys that depend on several of our fields."""

    name: str
    title: str
    version: str
    schema: str
    objectives: frozenset[str]
    keys: tuple[Key, ...]
    shape: Callable[[Plan, Native], None]
    silent: frozenset[str] = frozenset()
    """Our fields that `shape` writes itself."""
    stack: str | None = None
    """The stack of profiles/dependencies that a script is for; None: the answer's own."""
    body: Callable[[Plan], str] | None = None
    """The text of a script; None: the configuration as YAML."""


def build(framework: Framework, plan: Plan) -> Native:
    """The configuration in the framework's keys. Raises BadRequest for an objective that it does not train."""
    if plan.objective not in framework.objectives:
        known = ", ".join(sorted(framework.objectives))
        raise BadRequest("export", f"{framework.title} does not train {plan.objective}", f"it trains {known}")
    native = Native({}, "")
    packs = plan.objective in PACKED
    if not packs:
        native.implied.add("packing")
    for key in framework.keys:
        value = plan.values.get(key.ours)
        if value is not None and (packs or key.ours != "packing"):
            native.config[key.theirs] = key.write(value)
    mapped = {key.ours for key in framework.keys} | framework.silent | NOT_CARRIED
    for name, value in sorted(plan.values.items()):
        if name not in mapped:
            native.lost[name] = f"{framework.title} has no key for it (ours: {value})"
    framework.shape(plan, native)
    if plan.values.get("packing") and not packs:
        native.lost["packing"] = f"{framework.title} packs for supervised fine-tuning only, not for {plan.objective}"
    return native


def visible(gpus: int) -> str:
    """The variable that shows so many cards to a framework that takes all it sees."""
    return f"CUDA_VISIBLE_DEVICES={','.join(map(str, range(gpus)))}" if gpus <= 8 else ""


def group(plan: Plan, native: Native, prefix: str = "") -> None:
    """Answers per prompt and their length, for reinforcement: frameworks bound prompt and answer apart."""
    length, answers = int(plan.values["max_length"]), answer_tokens(plan.values)
    native.config[f"{prefix}num_generations"] = plan.values.get("num_generations", 8)
    native.config[f"{prefix}max_completion_length"] = answers
    native.lost["max_length"] = (
        f"answers get {answers} of {length} tokens; keep prompts within the other {length - answers}"
    )


def sixteen_bit(plan: Plan, native: Native, dtype_key: str, names: dict[str, str]) -> None:
    """The flags bf16 and fp16 of the Hugging Face Trainer, and the type that the weights are loaded in.

    Weights that are trained in fp16 stay in fp32, since the gradient scaler of torch refuses fp16 gradients.
    """
    native.config["bf16"] = plan.precision == "bf16"
    native.config["fp16"] = plan.precision == "fp16"
    wide = plan.precision == "fp32" or (plan.adapter == "full" and plan.precision == "fp16")
    native.config[dtype_key] = names["fp32" if wide else plan.precision]


DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def total_steps(plan: Plan) -> int | None:
    """Optimizer steps of the whole run; None where the number of rows is not known."""
    if plan.values.get("max_steps"):
        return int(plan.values["max_steps"])
    if plan.rows is None:
        return None
    batch = plan.values["per_device_train_batch_size"] * plan.values["gradient_accumulation_steps"] * plan.gpus
    return max(1, int(plan.rows * float(plan.values.get("num_train_epochs", 1)) / batch))


def counted_warmup(plan: Plan, native: Native, title: str) -> int:
    """Steps of warm-up, for a framework that counts them; our share of all steps is named as lost."""
    share, steps = float(plan.values.get("warmup_ratio") or 0), total_steps(plan)
    if not share:
        return 0
    if plan.values.get("lr_scheduler_type", "constant") == "constant":
        native.lost["warmup_ratio"] = "the schedule `constant` does not warm up, here as in TRL"
        return 0
    of = f"of {steps} steps" if steps else "of a number of steps that is not known: give --dataset-rows"
    native.lost["warmup_ratio"] = f"{title} counts warm-up in steps; ours is a share of {share:g} {of}"
    return round(share * steps) if steps else 0


def nested(config: dict[str, Any]) -> dict[str, Any]:
    """Dotted keys as nested mappings; a level whose names are all numbers becomes a list."""
    tree: dict[str, Any] = {}
    for key, value in config.items():
        place = tree
        *parents, last = key.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    result = _lists(tree)
    assert isinstance(result, dict)
    return result


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return list(value) if isinstance(value, tuple) else value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(item) for key, item in value.items()}
