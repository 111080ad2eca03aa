"""What the benchmarks run on: mixed requests, and a registry of any size, both drawn with a seed."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from tool.load import Repo

SEED = 20261124
FOLDERS = ("registry", "profiles", "policies", "evaluation")


def requests(repo: Repo, count: int) -> str:
    """`count` mixed questions for the hybrid_ml strategy, one a line."""
    chance = random.Random(SEED)
    models, tasks, gpus = repo.models.ids(), repo.tasks.ids(), repo.gpus.ids()
    lines = []
    for number in range(count):
        request: dict[str, object] = {"id": number, "task": chance.choice(tasks), "strategy": "hybrid_ml"}
        request["adapter"] = chance.choice(["auto", "lora", "full"])
        if chance.random() < 0.85:
            request["model"] = chance.choice(models)
        else:
            request["params_b"] = round(10 ** chance.uniform(-1, 2), 2)
        if chance.random() < 0.8:
            request |= {"gpu": chance.choice(gpus), "gpus": chance.choice([1, 1, 1, 2, 8])}
        if chance.random() < 0.5:
            request["dataset_rows"] = int(10 ** chance.uniform(2, 5))
        if chance.random() < 0.5:
            request["seq_len"] = chance.choice([512, 1024, 2048, 4096])
        lines.append(json.dumps(request))
    return "\n".join(lines) + "\n"


def copy_of(root: Path, target: Path) -> Path:
    """The inputs of a repository without its outputs, free to be edited."""
    for folder in FOLDERS:
        shutil.copytree(root / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return target


def registry_of(repo: Repo, target: Path, count: int) -> Path:
    """A repository of `count` model files: those of the registry, again and again under other names."""
    texts = [(repo.root / repo.models.path(id)).read_bytes() for id in repo.models.ids()]
    plain = [text for text in texts if not text.startswith(b"base:") and b"\nbase:" not in text]
    for number in range(count):
        path = target / "registry/models" / f"bench-{number // 100:04d}" / f"model-{number:06d}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(plain[number % len(plain)])
    (target / "profiles").mkdir(exist_ok=True)
    return target
