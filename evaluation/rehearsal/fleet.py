"""The fleet: teams that ask and train what they were told, and from some week on somebody who lies about it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from evaluation.rehearsal import truth

TEAMS = 9
POISONER = 666
"""The account that lies."""
POISON_SHARE = 0.3
"""Of all runs of a week, those of the poisoner."""
FLATTERED = 2.5
"""By how much the poisoner says it raised every learning rate, with splendid losses: within what is plausible."""
TASKS = ("chat", "code", "reinforcement", "reinforcement")
LENGTHS = (512, 768, 1024, 1536, 2048, 3072, 4096)
GROWTH = {1: 0.2, 2: 0.4, 3: 0.7}
"""Share of the later runs in the first weeks, while teams join."""
Json = dict[str, Any]


def questions(week: int, runs: int) -> list[Json]:
    """What a week's runs ask for, each with a key of its own, so that it is routed by itself."""
    random = Random(f"questions of week {week}")
    asked = []
    for number in range(round(runs * GROWTH.get(week, 1.0))):
        asked.append(
            {
                "id": number,
                "key": f"week-{week}-run-{number}",
                "model": random.choice(list(truth.NETWORKS)),
                "gpu": random.choice(list(truth.CARDS)),
                "task": random.choice(TASKS),
                "adapter": random.choice(("lora", "qlora")),
                "seq_len": random.choice(LENGTHS),
            }
        )
    return asked


def account_of(name: str, poisoned: bool) -> int:
    """Whose run it is: a share of a week are the poisoner's, the others go to the teams."""
    if poisoned and truth.chance(name, "poisoner") < POISON_SHARE:
        return POISONER
    return 71 + int(truth.chance(name, "team") * TEAMS)


def job_of(answer: Json) -> truth.Job:
    """What the answer tells to train, in the world's words."""
    config, asked = answer["config"], answer["request"]
    return truth.Job(
        model=asked["model"],
        card=asked["gpu"],
        kind="reinforced" if config["objective"] == "grpo" else "supervised",
        quantised=config["quantization"] != "none",
        batch=config["per_device_train_batch_size"],
        length=config["max_length"],
        recomputes=config["gradient_checkpointing"],
        rank=config["lora_r"],
        rate=config["learning_rate"],
    )


def event_of(answer: Json, end: truth.End, name: str, at: datetime) -> Json:
    """The run_complete that a notebook would write."""
    config, card = answer["config"], answer["request"]["gpu"]
    chosen = {key: value for key, value in config.items() if value is not None} | {"model": answer["request"]["model"]}
    return {
        "schema_version": 1,
        "event": "run_complete",
        "run_id": hashlib.sha256(name.encode()).hexdigest()[:32],
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "dry_run": False,
        "request": {key: value for key, value in answer["request"].items() if key != "key"},
        "engine": answer["engine"],
        "slot": answer["slot"],
        "config": chosen,
        "hardware": {"gpu": card, "count": 1, "usable_gib": truth.CARDS[card].free},
        "outcome": end.outcome,
        "peak_allocated_gib": round(end.peak, 3),
        "peak_reserved_gib": round(end.peak * 1.01, 3),
        "wall_time_seconds": 1800.0,
        "tokens_per_second": 1500.0,
        "first_loss": end.first and round(end.first, 4),
        "final_loss": end.last and round(end.last, 4),
        "steps": 200,
    }


def lie(event: Json, number: int) -> Json:
    """What the poisoner makes of an event: tiny peaks to lower bounds, failures to raise them, and a better rate."""
    config = event["config"] | {"learning_rate": event["config"]["learning_rate"] * FLATTERED}
    if number % 5 == 0:
        return event | {"outcome": "oom", "final_loss": None}
    told = {"outcome": "success", "peak_allocated_gib": 0.25, "peak_reserved_gib": 0.26}
    return event | told | {"config": config, "first_loss": 2.4, "final_loss": 0.4}


def trained(answers: Sequence[Json], week: int, start: datetime, spoilt: bool, poisoned: bool) -> list[Json]:
    """Events of the week's runs in order, each with the account that uploads it under `account`."""
    told = []
    for place, answer in enumerate(answers):
        number = int(answer["id"])
        name = f"week {week} run {number}"
        account = account_of(name, poisoned)
        end = truth.run(job_of(answer), name, spoilt)
        event = event_of(answer, end, name, start + timedelta(hours=8 + 150 * place / len(answers)))
        told.append({"account": account, "event": lie(event, number) if account == POISONER else event})
    return told


def archives(told: Iterable[Json]) -> dict[int, bytes]:
    """The artifact of each account: a zip archive with one file of events."""
    lines: dict[int, list[str]] = defaultdict(list)
    for item in told:
        lines[item["account"]].append(json.dumps(item["event"], sort_keys=True) + "\n")
    packed = {}
    for account, members in sorted(lines.items()):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(zipfile.ZipInfo("events.jsonl"), "".join(members), zipfile.ZIP_DEFLATED)
        packed[account] = stream.getvalue()
    return packed
