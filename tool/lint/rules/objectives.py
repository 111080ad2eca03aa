"""What belongs to one objective only: β, groups, losses, packing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tool.lint.finding import Finding, Level
from tool.lint.names import NAMES
from tool.lint.view import View

PREFERENCES = ("dpo", "orpo", "kto", "simpo", "cpo", "ipo")
WITH_BETA = ("dpo", "kto", "ipo")
HIGH_BETA = 1.0
LOSSES = {
    "dpo": {
        *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_pair"),
        *("aot_unpaired", "discopop", "apo_zero", "apo_down", "sft", "sigmoid_norm", "kto_pair"),
    },
    "kto": {"kto", "apo_zero_unpaired"},
}
"""TRL 0.7 to 1.16: DPOConfig.loss_type, KTOConfig.loss_type."""


def packing_unsupported(view: View) -> Iterator[Finding]:
    key = view.on(*NAMES["packing"])
    if key and view.objective in (*PREFERENCES, "grpo") and view.framework != "ms-swift":
        message = f"{key} with {view.objective}: only supervised texts are packed"
        yield view.find("packing-unsupported", key, message, "turn it off", "warning")


def packing_attention(view: View) -> Iterator[Finding]:
    """TRL's documentation, "Packing": without a variable-length kernel the rows of a pack attend to each other."""
    key = view.on("packing", "sample_packing")
    place, word = view.word("attn_implementation", "flash_attn", "attn_impl")
    if not key or view.objective != "sft":
        return
    message = f"{key} with {place}: {word}: rows of one pack see each other"
    mend = "use flash attention, or turn packing off"
    if word in ("eager", "disabled", "false"):
        yield view.find("packing-attention", key, message, mend, "warning")
    elif view.framework == "trl" and word == "sdpa":
        yield view.find("packing-attention", key, message, mend, "note")


def packing_grouping(view: View) -> Iterator[Finding]:
    key, grouping = view.on(*NAMES["packing"]), view.on("group_by_length")
    if key and grouping:
        yield view.find("packing-grouping", grouping, f"{grouping} does nothing beside {key}", "remove it", "warning")


def beta_missing(view: View) -> Iterator[Finding]:
    key, beta = view.number(*NAMES["beta"])
    if view.objective in WITH_BETA and not key and view.framework not in ("torchtune",):
        message = f"{view.objective} without beta takes the framework's default, 0.1 as a rule"
        yield Finding(0, "beta", "beta-missing", "note", message, "say what you mean")
    elif beta is not None and beta > HIGH_BETA and view.objective in WITH_BETA:
        message = f"{key} of {beta:g} holds the model where it is: 0.01 to 0.5 is usual"
        yield view.find("unusual-value", key, message, "try 0.1", "warning")


def group_size(view: View) -> Iterator[Finding]:
    """trl/trainer/grpo_config.py, GRPOConfig.__post_init__: two or more, and a divisor of the generation batch.

    Unsloth raises the batch by itself (unsloth/models/rl.py). Distillation from a teacher compares no answers, and
    takes groups of one (modelscope/ms-swift, examples/train/on_policy_distillation.sh).
    """
    key, size = view.number("num_generations")
    if view.objective != "grpo" or size is None or view.draft is None or view.has("teacher_model"):
        return
    if size < 2:
        yield view.find("group-size", key, f"{key} of {size:g}: a group needs two answers", "use 4 to 16")
        return
    draft = view.draft
    ranks = view.target.gpus or draft.gpus or draft.data_parallel or (1 if view.framework == "unsloth" else None)
    if draft.micro_batch is None or view.has("generation_batch_size", "steps_per_generation") or _nodes_unknown(view):
        return
    step = draft.micro_batch * (draft.accumulation or 1)
    if ranks is not None and (step * ranks) % int(size):
        message = f"{step * ranks} answers a step ({step} × {ranks} GPUs) are no multiple of {key} ({size:g})"
        level: Level = "note" if view.framework == "unsloth" else "error"
        least = int(size) // math.gcd(int(size), step * ranks)
        yield view.find("group-size", key, message, f"multiply the accumulation by {least}", level)


def _nodes_unknown(view: View) -> bool:
    """Whether a launcher takes its number of nodes from the cluster, so that nobody here can count the GPUs."""
    key, nodes = view.number("nnodes", "NNODES")
    return view.target.gpus is None and bool(key) and nodes is None


def odd_kto_batch(view: View) -> Iterator[Finding]:
    """trl/trainer/kto_trainer.py: "KL term … actual batch size must be > 1"."""
    key, size = view.number(*NAMES["micro_batch"])
    if view.objective == "kto" and size == 1:
        message = f"{key} of 1 with KTO: its reference point is estimated from pairs of rows"
        yield view.find("odd-kto-batch", key, message, "use 2 or more", "warning")


def loss_type(view: View) -> Iterator[Finding]:
    key, value = view.get("loss_type", "rlhf_loss_type")
    known = LOSSES.get(view.objective)
    if known is None or view.framework not in ("trl", "unsloth") or not isinstance(value, str | list):
        return
    words = [str(word).strip().lower() for word in (value if isinstance(value, list) else [value])]
    wrong = next((word for word in words if word and word not in known and "$" not in word), None)
    if wrong is not None:
        message = f"{key} {wrong} is no loss of the {view.objective.upper()} trainer"
        yield view.find("loss-type", key, message, f"one of {', '.join(sorted(known))}")


RULES = (
    packing_unsupported,
    packing_attention,
    packing_grouping,
    beta_missing,
    group_size,
    odd_kto_batch,
    loss_type,
)
