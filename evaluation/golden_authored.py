"""Golden cases that were written by hand: requests labelled as inside or outside what the data support."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from evaluation.golden_case import GoldenCase
from tool.errors import Fault, InputFaults
from tool.load.yaml_file import YamlFile

REQUESTS = "evaluation/golden_requests.yaml"


def authored_cases(root: Path) -> list[GoldenCase]:
    """Cases of evaluation/golden_requests.yaml. Raises InputFaults."""
    file = YamlFile.read(root, REQUESTS)
    if file.faults:
        raise InputFaults(file.faults)
    try:
        outside, inside = file.data["out_of_distribution"], file.data["in_distribution"]
        return _outside(outside) + [case for block in inside for case in _inside(block)]
    except (KeyError, TypeError, AttributeError) as error:
        told = f"does not have the shape of authored requests: {error!r}"
        raise InputFaults([Fault(REQUESTS, 0, "", told, "compare with the comments in the file")]) from None


def _outside(groups: dict[str, list[dict[str, Any]]]) -> list[GoldenCase]:
    return [
        GoldenCase(
            id=f"outside/{_slug(reason)}/{number:02d}",
            kind="out_of_distribution",
            category="out_of_distribution",
            request=json.loads(json.dumps(request)),
            expect={"constrained_safe": True},
            source={"file": REQUESTS, "label": reason},
        )
        for reason, requests in groups.items()
        for number, request in enumerate(requests, start=1)
    ]


def _inside(block: dict[str, list[str]]) -> list[GoldenCase]:
    return [
        GoldenCase(
            id=f"inside/{model}/{task}/{adapter}/{gpu}",
            kind="in_distribution",
            category="in_distribution",
            request={"model": model, "task": task, "adapter": adapter, "gpu": gpu},
            expect={"constrained_safe": False},
            source={"file": REQUESTS, "label": "an everyday request"},
        )
        for model in block["models"]
        for task in block["tasks"]
        for adapter in block["adapters"]
        for gpu in block["gpus"]
    ]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")
