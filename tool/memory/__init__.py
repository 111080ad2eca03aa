"""GPU memory of a training step, by phase and term: what it takes, and a bound on what it needs."""

from __future__ import annotations

from tool.memory.answer import bounds, fit, fit_many

__all__ = ["bounds", "fit", "fit_many"]
