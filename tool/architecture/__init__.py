"""Shapes of networks: what they hold, from the registry, from a config.json, or from a size alone."""

from __future__ import annotations

from tool.architecture.aliases import resolve
from tool.architecture.generic import architecture_for_size
from tool.architecture.hugging_face import UnsupportedArchitecture, architecture_from_config, is_approximate
from tool.architecture.inventory import Inventory, Linear, inventory

__all__ = [
    "Inventory",
    "Linear",
    "UnsupportedArchitecture",
    "architecture_for_size",
    "architecture_from_config",
    "inventory",
    "is_approximate",
    "resolve",
]
