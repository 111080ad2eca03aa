"""Events for tests: honest ones, planted faults, and a small fleet of sources."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CONFIG: dict[str, Any] = {
    "model": "Qwen/Qwen2.5-1.5B",
    "objective": "sft",
    "adapter": "lora",
    "learning_rate": 2e-4,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.03,
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "optim": "adamw_torch",
    "num_train_epochs": 2.0,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 8,
    "gpus": 1,
    "max_length": 1024,
    "precision": "bf16",
    "quantization": "none",
    "attn_implementation": "sdpa",
    "gradient_checkpointing": True,
    "packing": False,
    "lora_r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.0,
    "target_modules": "all-linear",
    "seed": 42,
}


def run_id(*parts: object) -> str:
    """A stable run id."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def start(id: str, at: str = "2026-11-20T12:00:00+00:00", **changes: Any) -> dict[str, Any]:
    """A valid run_start; `config` in changes is merged into the usual one."""
    config = CONFIG | changes.pop("config", {})
    return {
        "schema_version": 1,
        "event": "run_start",
        "run_id": id,
        "at": at,
        "dry_run": False,
        "request": {"model": config["model"], "task": "chat", "gpu": "L4"},
        "engine": "2026.11.0",
        "slot": "production",
        "config": config,
        "hardware": {"gpu": "NVIDIA L4", "count": 1, "usable_gib": 22.0, "compute_capability": "8.9"},
        **changes,
    }


def complete(id: str, at: str = "2026-11-20T13:00:00+00:00", **changes: Any) -> dict[str, Any]:
    """A valid run_complete of a run that succeeded."""
    ended = {
        "outcome": "success",
        "peak_allocated_gib": 6.5,
        "peak_reserved_gib": 7.5,
        "wall_time_seconds": 3600.0,
        "tokens_per_second": 900.0,
        "first_loss": 2.1,
        "final_loss": 1.2,
        "steps": 100,
    }
    return start(id, at) | {"event": "run_complete"} | ended | _merged(changes)


def _merged(changes: dict[str, Any]) -> dict[str, Any]:
    return changes | ({"config": CONFIG | changes["config"]} if "config" in changes else {})


def lines(events: Iterable[dict[str, Any]]) -> bytes:
    """Events as JSON Lines."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def put(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write events to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lines(events))
    return path


BAD: tuple[bytes, ...] = (
    b"",
    b"   ",
    b"{",
    b"[]",
    b"17",
    b"\xff\xfe\x00",
    b"[" * 50_000,
    b'{"event":"run_complete"}',
    json.dumps(complete(run_id("bad", 1), schema_version=2)).encode(),
    json.dumps(complete(run_id("bad", 2), outcome="fine")).encode(),
    json.dumps(complete(run_id("bad", 3), peak_allocated_gib=-1.0)).encode(),
    json.dumps(complete(run_id("bad", 4), final_loss=float("nan"))).encode(),
    json.dumps(complete(run_id("bad", 5), steps="many")).encode(),
    json.dumps(complete(run_id("bad", 6), user="bob")).encode(),
    json.dumps(complete(run_id("bad", 7), at="yesterday")).encode(),
    json.dumps(complete(run_id("bad", 8), at="2099-01-01T00:00:00+00:00")).encode(),
    json.dumps(complete("../../etc/passwd")).encode(),
    json.dumps(complete(run_id("bad", 9), config={"output_dir": "/home/bob"})).encode(),
    json.dumps(complete(run_id("bad", 10), config={"note": "x" * 70_000})).encode(),
    json.dumps(complete(run_id("bad", 11), peak_reserved_gib="7.5")).encode(),
)
"""One record of every kind of fault."""


def planted(seed: int, valid: int, duplicates: int, bad: int) -> tuple[bytes, dict[str, int]]:
    """A shuffled file with so many records of each kind, and the counts that ingest must find."""
    generator = random.Random(seed)
    good = [json.dumps(complete(run_id(seed, number))).encode() for number in range(valid)]
    records = [
        *good,
        *(generator.choice(good) for _ in range(duplicates)),
        *(generator.choice(BAD) for _ in range(bad)),
    ]
    generator.shuffle(records)
    counts = {"received": valid + duplicates + bad, "accepted": valid, "duplicates": duplicates, "quarantined": bad}
    return b"".join(record + b"\n" for record in records), counts
