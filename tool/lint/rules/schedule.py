"""Steps, epochs, warm-up, evaluation and saving."""

from __future__ import annotations

from collections.abc import Iterator

from tool.lint.finding import Finding, Level
from tool.lint.names import NAMES
from tool.lint.view import View

STRATEGY = ("eval_strategy", "evaluation_strategy")


def steps_and_epochs(view: View) -> Iterator[Finding]:
    steps_key, steps = view.number(*NAMES["max_steps"])
    key, epochs = view.number(*NAMES["epochs"])
    if steps and steps > 0 and epochs and key.rsplit(".", 1)[-1] != "max_epochs":
        yield view.find("steps-and-epochs", key, f"{key} has no effect beside {steps_key}", "keep one", "warning")


def two_warmups(view: View) -> Iterator[Finding]:
    steps_key, steps = view.number(*NAMES["warmup_steps"])
    key, share = view.number(*NAMES["warmup_ratio"])
    if steps and share:
        if view.framework == "axolotl":
            yield view.find("two-warmups", key, f"Axolotl refuses {steps_key} beside {key}", "keep one")
        else:
            yield view.find("two-warmups", key, f"{key} has no effect beside {steps_key}", "keep one", "warning")


def warmup_ignored(view: View) -> Iterator[Finding]:
    """`constant` in transformers.optimization has no warm-up; constant_with_warmup has."""
    key, word = view.word("lr_scheduler_type", "lr_scheduler")
    warm = [name for name in ("warmup_ratio", "warmup_steps") if view.number(*NAMES[name])[1]]
    if word == "constant" and warm:
        place = view.number(*NAMES[warm[0]])[0]
        mend = f"set {key}: constant_with_warmup"
        yield view.find("warmup-ignored", place, f"{place} has no effect with {key}: constant", mend, "warning")


def warmup_too_long(view: View) -> Iterator[Finding]:
    key, warm = view.number(*NAMES["warmup_steps"])
    steps = view.number(*NAMES["max_steps"])[1]
    if warm and steps and steps > 0 and warm >= steps:
        message = f"{key} is {warm:g} of {steps:g} steps: the full rate is never reached"
        yield view.find("warmup-too-long", key, message, f"use at most {max(1, int(steps) // 10)}")


def endless_stream(view: View) -> Iterator[Finding]:
    """The Hugging Face Trainer refuses a data set without length and without max_steps."""
    key = "" if view.document.gathered else view.on("streaming", "dataset_streaming")
    steps = view.number(*NAMES["max_steps"])[1]
    if key and (steps is None or steps <= 0) and not view.has(*NAMES["max_steps"]) and view.framework != "torchtune":
        yield view.find("endless-stream", key, f"{key} without max_steps: the run has no end", "add max_steps")


def evaluation_without_set(view: View) -> Iterator[Finding]:
    key = _evaluates(view)
    if not key:
        return
    if view.framework == "axolotl":
        if not view.has("test_datasets") and view.number("val_set_size")[1] in (None, 0.0):
            mend = "set val_set_size, e.g. 0.05, or test_datasets"
            # axolotl/utils/schemas/validation.py refuses the first two beside a val_set_size of 0
            level: Level = "note" if key == "evals_per_epoch" else "error" if view.get("val_set_size")[0] else "warning"
            yield view.find("evaluation-without-set", key, f"{key} without rows to evaluate on", mend, level)
    elif view.framework == "llamafactory":
        if not view.has("eval_dataset") and not view.number("val_size")[1]:
            mend = "set val_size, e.g. 0.05, or eval_dataset"
            yield view.find("evaluation-without-set", key, f"{key} without rows to evaluate on", mend)
    elif view.framework == "oumi":
        if not any(name.startswith("data.validation.") for name in view.document.config):
            mend = "add data.validation.datasets"
            yield view.find("evaluation-without-set", key, f"{key} without rows to evaluate on", mend)
    elif view.document.calls and _trainer_without_evaluation(view):
        mend = "give the trainer eval_dataset=…"
        yield view.find("evaluation-without-set", key, f"{key}, but the trainer gets no eval_dataset", mend)


def _evaluates(view: View) -> str:
    key, word = view.word(*STRATEGY)
    if word in ("steps", "epoch"):
        return key
    if view.framework == "axolotl" and not word:
        for name in ("eval_steps", "evals_per_epoch"):
            number = view.number(name)
            if number[1]:
                return number[0]
    return ""


def _trainer_without_evaluation(view: View) -> bool:
    keys = view.document.lines
    trains = [key for key in keys if key.endswith("Trainer.train_dataset")]
    return bool(trains) and not any(key.endswith(("Trainer.eval_dataset", "Trainer.**")) for key in keys)


def best_model_strategy(view: View) -> Iterator[Finding]:
    """transformers.TrainingArguments.__post_init__ refuses the best model where saving and evaluation differ."""
    key = view.on("load_best_model_at_end")
    if not key or view.framework in ("axolotl", "torchtune"):
        return
    word = view.word(*STRATEGY)[1] or "no"
    save = view.word("save_strategy")[1] or "steps"
    if word in ("no", "none", "false"):
        message = f"{key} without evaluation: there is no best to choose"
        yield view.find("best-model-strategy", key, message, "set eval_strategy as save_strategy is")
    elif save != word and save != "best" and "$" not in save + word:
        message = f"{key}: evaluation is by {word}, saving by {save}"
        yield view.find("best-model-strategy", key, message, "make the two strategies the same")
    else:
        evaluated, saved = view.number("eval_steps")[1], view.number("save_steps")[1]
        if word == "steps" and evaluated and saved and evaluated >= 1 and saved % evaluated:
            message = f"{key}: saves every {saved:g} steps, evaluates every {evaluated:g}"
            yield view.find("best-model-strategy", key, message, "make save_steps a multiple of eval_steps")


RULES = (
    steps_and_epochs,
    two_warmups,
    warmup_ignored,
    warmup_too_long,
    endless_stream,
    evaluation_without_set,
    best_model_strategy,
)
