"""What a fault is planted into: a valid configuration, flat, and where each framework keeps which key."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tool.lint.known import call_keys
from tool.lint.names import NAMES
from tool.recipes.models import parameters_of


@dataclass
class Carrier:
    """A valid configuration of one framework, flat. `calls`: keys are arguments of calls in Python."""

    name: str
    framework: str
    config: dict[str, Any]
    objective: str
    adapter: str
    calls: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the lint run that the fault needs: gpu, rows."""

    def key(self, canonical: str) -> str | None:
        """The key that holds a canonical field."""
        for name in NAMES[canonical]:
            for key in self.config:
                if key == name or key.endswith(f".{name}"):
                    return key
        return None

    @property
    def trainer(self) -> str:
        """What stands before the trainer's keys: a class in Python, a section in Oumi."""
        if not self.calls:
            return "training." if self.framework == "oumi" else ""
        heads = sorted({key.rsplit(".", 1)[0] for key in self.config if call_keys(key.rsplit(".", 1)[0])})
        configs = [head for head in heads if head.endswith(("Config", "Arguments")) and "Lora" not in head]
        return f"{next((head for head in configs if 'BitsAndBytes' not in head), 'SFTConfig')}."

    def put(self, name: str, value: Any) -> None:
        """Set a key of the Hugging Face Trainer, where this framework keeps it."""
        self.config[self.trainer + name] = value

    @property
    def has_trainer(self) -> bool:
        """Whether the file takes the keys of the Hugging Face Trainer."""
        return self.framework in ("trl", "llamafactory", "ms-swift", "unsloth")

    def drop(self, *names: str) -> None:
        """Remove keys by their last part."""
        for key in [key for key in self.config if key.rsplit(".", 1)[-1] in names]:
            del self.config[key]

    @property
    def billions(self) -> float | None:
        """Parameters of the model, where its name tells them."""
        key = self.key("model")
        return parameters_of(str(self.config[key])) if key is not None else None

    @property
    def is_sized(self) -> bool:
        """Carriers from our own exports name a model of the registry; published ones need not."""
        return bool(self.options.get("registered"))


Kind = Callable[[Carrier, random.Random], "tuple[str, ...] | None"]
"""Changes a carrier and says which rules may speak for it; None where the framework has no such fault."""
