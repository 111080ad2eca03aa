"""Rounding for outputs: 4 significant digits, so that every processor agrees on the bytes."""

from __future__ import annotations

from typing import Any

DIGITS = 4


def significant(value: float, digits: int = DIGITS) -> float:
    """`value` rounded to `digits` significant digits."""
    return float(f"{value:.{digits}g}")


def rounded(value: Any) -> Any:
    """The same plain data with every float rounded to 4 significant digits."""
    if isinstance(value, float):
        return significant(value)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
