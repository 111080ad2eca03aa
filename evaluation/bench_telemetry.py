"""`make bench-telemetry`: a million events through ingest and report, and a retraining from fifty thousand runs.

    python -m evaluation.bench_telemetry [--events N] [--runs N]

A tenth of the events are broken and a tenth doubled, as planted; the counts must come out exactly. Seconds are of the
clock and of the processor, memory is the largest resident set of the command (GiB).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evaluation.rehearsal import fleet, truth

ROOT = Path(__file__).resolve().parents[1]
NOW = "2030-07-01T00:00:00Z"
BEGIN = datetime(2030, 6, 24, tzinfo=UTC)
FILES = 20
BROKEN = ('{"event": "run_complete"}\n', "not an event\n", "\n", '{"schema_version": 2, "event": "run_start"}\n')


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    code: int
    seconds: float
    processor_seconds: float
    gib: float
    output: str


def ftc(folder: Path, *arguments: str) -> Cost:
    """Run `ftc` and measure it."""
    out = folder / "out"
    program = [sys.executable, "-c", "from tool.cli import main; main()", *arguments, "--root", str(ROOT), "--now", NOW]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    begin = time.perf_counter()
    with out.open("wb") as stream:
        actions = [(os.POSIX_SPAWN_DUP2, stream.fileno(), 1)]
        child = os.posix_spawn(sys.executable, program, environment, file_actions=actions)
        _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    spent = usage.ru_utime + usage.ru_stime
    return Cost(os.waitstatus_to_exitcode(status), seconds, spent, usage.ru_maxrss / 2**20, out.read_text())


def events(number: int) -> str:
    """One valid event of the rehearsal's world, told apart by its number."""
    dice = random.Random(number)
    job = truth.Job(
        model=dice.choice(list(truth.NETWORKS)),
        card=dice.choice(list(truth.CARDS)),
        kind="supervised",
        quantised=dice.random() < 0.5,
        batch=dice.choice((1, 2, 4)),
        length=dice.choice(fleet.LENGTHS),
        recomputes=True,
        rank=16,
        rate=dice.choice((1e-4, 2e-4, 3e-4)),
    )
    config = {
        "objective": "sft",
        "adapter": "qlora" if job.quantised else "lora",
        "quantization": "nf4-dq" if job.quantised else "none",
        "per_device_train_batch_size": job.batch,
        "gradient_accumulation_steps": 8,
        "max_length": job.length,
        "gradient_checkpointing": True,
        "lora_r": 16,
        "lora_alpha": 32,
        "learning_rate": job.rate,
        "optim": "adamw_torch_fused",
        "precision": "bf16",
        "attn_implementation": "sdpa",
        "target_modules": "all-linear",
    }
    answer = {
        "request": {"model": job.model, "gpu": job.card, "task": "chat"},
        "config": config,
        "engine": "2030.06.0",
        "slot": "production",
    }
    return json.dumps(
        fleet.event_of(answer, truth.run(job, str(number)), str(number), BEGIN + timedelta(seconds=number / 2))
    )


def plant(folder: Path, count: int) -> dict[str, int]:
    """Files of so many records, and the counts that ingest must find."""
    folder.mkdir()
    broken, doubled = count // 10, count // 10
    valid = count - broken - doubled
    files = [(folder / f"account-{number}.jsonl").open("w", encoding="utf-8") for number in range(FILES)]
    for number in range(valid):
        line = events(number) + "\n"
        files[number % FILES].write(line)
        if number < doubled:
            files[(number + 7) % FILES].write(line)
        if number < broken:
            files[number % FILES].write(BROKEN[number % len(BROKEN)])
    for file in files:
        file.close()
    return {"received": count, "accepted": valid, "duplicates": doubled, "quarantined": broken}


def told(name: str, cost: Cost) -> None:
    print(
        f"{name:28} {cost.seconds:8.1f} s {cost.processor_seconds:8.1f} s of processor {cost.gib:6.2f} GiB", flush=True
    )


def main() -> int:
    """Plant, ingest, report; then retrain from fewer. Exit code 1: a count or an exit code is not what it must be."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.bench_telemetry", description=main.__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=50_000, help="runs that a candidate is fitted to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ftc-bench-") as name:
        folder = Path(name)
        expected = plant(folder / "many", options.events)
        first = ftc(
            folder, "telemetry", "ingest", str(folder / "many"), "--store", str(folder / "s"), "--output", "json"
        )
        told(f"ingest {options.events:,} records", first)
        counts = {key: json.loads(first.output)[key] for key in expected}
        second = ftc(folder, "telemetry", "report", "--store", str(folder / "s"))
        told("report on them", second)
        plant(folder / "fewer", options.runs * 10 // 8)
        third = ftc(folder, "telemetry", "ingest", str(folder / "fewer"), "--store", str(folder / "f"))
        fourth = ftc(folder, "retrain", "run", "--store", str(folder / "f"), "--even-so")
        told(f"retrain from {options.runs:,} runs", fourth)
    print(f"counts {'as planted' if counts == expected else 'WRONG'}: {counts}")
    done = counts == expected and [each.code for each in (first, second, third, fourth)] == [0, 0, 0, 0]
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
