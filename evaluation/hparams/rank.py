"""What outcomes say of the rank: published accuracies at one learning rate, and our sweeps at each rank's own best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tool.learn.accuracy import QUESTIONS, measured_loras
from tool.learn.outcomes import Curve
from tool.schema.recipe import Recipe


def measured_ranks(recipes: Iterable[Recipe], curves: Sequence[Curve]) -> list[str]:
    """Two tables and the rule that follows."""
    lines = [
        "| published run | rank | scale of the update | targets | learning rate | accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for item in measured_loras(recipes):
        name = f"{item.model}, {'rsLoRA' if item.rslora else 'LoRA'}"
        right = f"{item.accuracy:.1%} ± {100 * item.error:.1f}"
        targets = ", ".join(item.targets)
        lines.append(f"| {name} | {item.rank} | {item.scale:g} | {targets} | {item.learning_rate:g} | {right} |")
    lines += ["", "| task | rank | alpha / rank | best rate | loss there |", "|---|---|---|---|---|"]
    adapters = [curve for curve in curves if curve.lora_r]
    for curve in sorted(adapters, key=lambda curve: (curve.task, curve.lora_r or 0, curve.alpha_ratio, curve.method)):
        kind = f"{curve.lora_r}{' (QLoRA)' if curve.adapter == 'qlora' else ''}"
        best = f"{10 ** curve.optimum():.2g}" if curve.is_bracketed else "not bracketed"
        lines.append(f"| {curve.task} | {kind} | {curve.alpha_ratio:g} | {best} | {curve.best_loss:.4f} |")
    return [
        *lines,
        "",
        f"Accuracy is of {QUESTIONS} questions, ± one standard error. At one learning rate a rank above 32 buys",
        "nothing while alpha / rank stays; what helps is a larger update (rsLoRA's scale of 8 instead of 2). So the",
        "rank answered is the published 16, and the learning rate follows rank and alpha: it falls with the square",
        "root of the rank (`tool/learn/correction.py`).",
    ]
