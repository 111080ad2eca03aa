"""How the tokens of a sequence are shared out where prompt and answer are bounded apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def answer_tokens(config: Mapping[str, Any]) -> int:
    """Tokens that reinforcement samples for an answer: what the configuration names, else half of `max_length`.

    Memory is priced for `max_length` tokens of prompt and answer together; prompts get what answers leave.
    """
    return int(config.get("max_completion_length") or int(config["max_length"]) // 2)
