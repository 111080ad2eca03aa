"""Tools to plant a fault in a notebook, and to see how it stops."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from nbclient.exceptions import CellExecutionError

from tool.tests.notebooks import harness

TRAIN = "trainer = train()"


def until(document: bytes, text: str) -> bytes:
    """The notebook up to the first code cell that contains `text`, that cell included."""
    loaded = json.loads(document)
    for index, cell in enumerate(loaded["cells"]):
        if cell["cell_type"] == "code" and text in "".join(cell["source"]):
            return json.dumps(loaded | {"cells": loaded["cells"][: index + 1]}).encode()
    raise AssertionError(f"no cell contains {text!r}")


def stopped_with(cells: Any, folder: Path, overrides: dict[str, Any], **environment: Any) -> str:
    """The one sentence that the notebook stopped with; fails if it ran through or died of something else."""
    with pytest.raises(CellExecutionError) as caught:
        harness.execute(cells, folder, overrides, **environment)
    assert caught.value.ename == "SystemExit", caught.value
    return str(caught.value.evalue)


def fake_card(folder: Path, name: str, free_mib: int, capability: str, count: int = 1) -> dict[str, str]:
    """An nvidia-smi of our own on the PATH, which tells of `count` cards and of driver 535.104."""
    script, card = folder / "nvidia-smi", f"echo '{name}, {free_mib}, {capability}'"
    cards = "; ".join([card] * count)
    script.write_text(f'#!/bin/sh\ncase "$1" in *driver*) echo 535.104;; *) {cards};; esac\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:/usr/bin:/bin"}
