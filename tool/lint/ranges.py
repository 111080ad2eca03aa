"""Values that cannot be, in canonical units: the ranges that our recipe reader holds published rows to."""

from __future__ import annotations

from collections.abc import Iterator

from tool.lint.finding import Finding
from tool.lint.names import NAMES
from tool.lint.view import View
from tool.recipes.normalise import RANGES


def out_of_range(view: View) -> Iterator[Finding]:
    """A finding for each field of the draft outside of its range; markers for "not set" (-1, 0) are none."""
    if view.draft is None:
        return
    for field, low, high in RANGES:
        value = getattr(view.draft, field)
        unset = field in ("max_steps", "max_length", "epochs", "warmup_steps", "max_grad_norm") and value in (-1, 0)
        if value is None or unset or low <= value <= high:
            continue
        key = view.get(*NAMES[field])[0] if field in NAMES else field
        mend = f"write a value from {low:g} to {high:g}"
        if field == "learning_rate" and value > high:
            mend = "learning rates are per step, such as 2e-4; this looks like another unit"
        yield view.find("out-of-range", key, f"{key or field} cannot be {value:g}", mend)
