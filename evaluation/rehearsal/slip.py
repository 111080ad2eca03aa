"""An engine with a slip that no gate can see: rates of reinforcement with adapters read ten times too high.

The golden set holds no expert for that kind of run, so its evaluation passes; the fleet trains it every day.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tool.learn.artifacts import sha256
from tool.learn.train import FILES, tables_text

KIND = "grpo/adapter"
DECADES = 1.0
"""A rate of 1e-5 became 1e-4: the decimal point slipped by one. Rates are kept as powers of ten."""


def slipped(folder: Path, version: str) -> dict[str, bytes]:
    """Path → bytes of a new engine like the one in `folder`, but for the slip; its digests fit."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    tables = json.loads(files[FILES["tables"]])
    for row in tables["auto"]:
        if row["kind"] == KIND:
            row["chosen"] = "hybrid"
    for row in tables["neighbours"]:
        if row["group"] == "grpo" and row["adapter"] != "full" and "learning_rate" in row["values"]:
            row["values"]["learning_rate"] += DECADES
    files[FILES["tables"]] = tables_text(tables).encode()
    manifest = yaml.safe_load(files["engine.yaml"])
    manifest["artifacts"]["tables"]["sha256"] = sha256(files[FILES["tables"]])
    files["engine.yaml"] = yaml.safe_dump(manifest, sort_keys=True, width=120, allow_unicode=True).encode()
    return {f"registry/engines/{version}/{name}": data for name, data in files.items()}
