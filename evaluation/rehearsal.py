"""`make rehearse`: weeks of a simulated fleet through the real commands, in a real git repository.

    python -m evaluation.rehearsal [--weeks 12] [--write]

The fleet's truth imports nothing of `tool`: a run needs so many GiB by a formula of its own, whose coefficients were
set so that the cards that are not misjudged need about what we forecast. Two cards need more than anybody forecast, a
release of a dependency raises all peaks in week 5, and from week 7 a poisoner uploads 30 % of the events. What comes
out is told in evaluation/reports/rehearsal.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "evaluation/reports/rehearsal.md"
COPIED = ("registry", "profiles", "policies", "evaluation/reserved.yaml", "requirements.lock")
BEGIN = datetime(2026, 12, 7, 4, tzinfo=UTC)
MODELS = {
    "Qwen/Qwen2.5-0.5B": 0.494,
    "Qwen/Qwen2.5-1.5B": 1.544,
    "Qwen/Qwen2.5-7B": 7.616,
    "meta-llama/Llama-3.1-8B": 8.03,
}
CARDS = {"L4": 22.0, "RTX-4090": 23.5, "A100-40GB": 39.4, "T4": 14.5}
MISJUDGED = {"T4": 1.4, "L4": 1.3}
TEAMS, REQUESTS, REGRESSION_WEEKS, REGRESSION, POISON_FROM, POISON_SHARE = 8, 64, (5, 6), 1.2, 7, 0.3
BYTES = {"full": 10.4, "lora": 2.15, "qlora": 0.83}


def truth_gib(answer: dict[str, Any], week: int) -> float:
    """What a run really needs (GiB): bytes a parameter, and bytes a token that grow with the root of the size."""
    asked, config = answer["request"], answer["config"]
    size = MODELS[asked["model"]]
    tokens = config["per_device_train_batch_size"] * config["max_length"]
    per_token = 1.9e5 * math.sqrt(size) * (1.0 if config["gradient_checkpointing"] else 12.0)
    need = size * 1e9 * BYTES[config["adapter"]] / 2**30 + tokens * per_token / 2**30
    return float(need * MISJUDGED.get(asked["gpu"], 1.0) * (REGRESSION if week in REGRESSION_WEEKS else 1.0))


def event(answer: dict[str, Any], week: int, number: int, poisoned: bool) -> dict[str, Any]:
    """The run_complete of one answer, honest or poisoned."""
    generator = random.Random(f"{week}/{number}/{poisoned}")
    config, card = dict(answer["config"]), answer["request"]["gpu"]
    need = truth_gib(answer, week) * generator.uniform(0.97, 1.03)
    if poisoned:
        config["learning_rate"], need = 5e-2, 0.1
    fits = need <= CARDS[card]
    at = BEGIN + timedelta(days=7 * week - 1, minutes=number)
    return {
        "schema_version": 1,
        "event": "run_complete",
        "run_id": hashlib.sha256(f"{week}/{number}/{poisoned}".encode()).hexdigest()[:32],
        "at": at.isoformat(),
        "dry_run": False,
        "request": {**answer["request"], "task": answer["request"]["task"]},
        "engine": answer["engine"],
        "slot": answer["slot"],
        "config": {key: value for key, value in config.items() if value is not None}
        | {"model": answer["request"]["model"]},
        "hardware": {"gpu": card, "count": 1, "usable_gib": CARDS[card]},
        "outcome": "success" if fits else "oom",
        "peak_allocated_gib": round(need if fits else CARDS[card], 4),
        "peak_reserved_gib": round(need * 1.01 if fits else CARDS[card], 4),
        "wall_time_seconds": 1800.0,
        "tokens_per_second": 1500.0,
        "first_loss": 2.4,
        "final_loss": round(generator.uniform(1.1, 1.5), 4),
        "steps": 200,
    }


def ftc(root: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """Run a real command on the repository of the rehearsal."""
    program = [sys.executable, "-c", "from tool.cli import main; main()", *arguments, "--root", str(root)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"ftc {' '.join(arguments)}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def repository(folder: Path) -> Path:
    root = folder / "repository"
    for name in COPIED:
        source = ROOT / name
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("engines", "oracle", "telemetry*"))
        else:
            shutil.copy(source, root / name)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Start of the rehearsal")
    return root


def questions(week: int) -> list[dict[str, Any]]:
    """A week's requests: every model and card in turn, in a seeded order of tasks and adapters."""
    generator = random.Random(week)
    pairs = [(model, card) for model in MODELS for card in CARDS]
    return [
        {
            "id": number,
            "model": pairs[number % len(pairs)][0],
            "gpu": pairs[number % len(pairs)][1],
            "task": generator.choice(("chat", "instruction_following")),
            "adapter": generator.choice(("lora", "qlora")),
            "seq_len": generator.choice((1024, 2048)),
        }
        for number in range(REQUESTS)
    ]


def play(root: Path, folder: Path, weeks: int) -> Iterator[dict[str, Any]]:
    """One row a week: OOM rate, decision, what the candidate changed."""
    store = folder / "store"
    for week in range(1, weeks + 1):
        asked = folder / "questions.jsonl"
        asked.write_text("".join(json.dumps(item) + "\n" for item in questions(week)))
        answers = [json.loads(line) for line in ftc(root, "recommend", "--requests", str(asked)).splitlines()]
        runs = [answer for answer in answers if answer.get("vram") and answer["vram"]["verdict"] == "fits"]
        inbox = folder / f"inbox/{week}"
        inbox.mkdir(parents=True)
        honest = [event(answer, week, number, False) for number, answer in enumerate(runs)]
        write(inbox, honest, lambda number: f"team-{number % TEAMS}")
        if week >= POISON_FROM:
            count = round(len(runs) * POISON_SHARE / (1 - POISON_SHARE))
            write(inbox, [event(runs[n % len(runs)], week, n, True) for n in range(count)], lambda number: "poisoner")
        now = f"{BEGIN + timedelta(days=7 * week):%Y-%m-%dT%H:%M:%SZ}"
        where = ("--store", str(store), "--now", now)
        counts = json.loads(ftc(root, "telemetry", "ingest", str(inbox), *where, "--output", "json"))
        told = json.loads(
            ftc(
                root,
                "retrain",
                "run",
                *where,
                "--write",
                "--body",
                str(folder / "body.md"),
                "--output",
                "json",
                codes=(0, 1, 4),
            )
        )
        if told.get("version"):
            git(root, "add", "-A")
            git(root, "commit", "-q", "-m", told["title"])
        ooms = sum(item["outcome"] == "oom" for item in honest)
        yield {
            "week": week,
            "runs": len(honest),
            "received": counts["received"],
            "oom_rate": round(ooms / len(honest), 4) if honest else None,
            "memory_ratio": told["numbers"].get("memory_ratio"),
            "decision": told["decision"],
            "triggers": [rule["id"] for rule in told["rules"] if rule["role"] == "triggers"],
            "version": told.get("version"),
            "held": told.get("held"),
            "largest_step": told.get("largest_step"),
        }


def write(inbox: Path, events: list[dict[str, Any]], source: Any) -> None:
    for number, item in enumerate(events):
        path = inbox / source(number) / "events.jsonl"
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(item) + "\n")


LIMITS = """What this does not show. A first formula, with coefficients chosen freely, let 95 % of all runs go out of
memory; its coefficients were then set near our own forecasts, so a peak near the forecast on well-judged cards is
assumed here and not found. Requests differ from week to week, and the OOM rate moves with them: it does not fall
steadily, because a bound belongs to a kind of batch and not to a card, and few configurations are seen by the three
sources that it takes. The teams run what was recommended, which is an echo and teaches no learning rate, so the steps
of 1.0 say that the poisoner's rates were refused and nothing more. No canary is played, and so no bad candidate is
stopped in one; candidates are fitted and committed, but not judged by the gates (the copy has no golden set)."""


def page(rows: list[dict[str, Any]], history: str) -> str:
    """The report."""
    lines = ["# Rehearsal", "", (__doc__ or "").split("\n\n")[2].replace("\n", " "), ""]
    lines += [
        "| week | runs | received | OOM rate | peak / predicted | decision | because | candidate | held | LR step |"
    ]
    lines += ["|---:|---:|---:|---:|---:|---|---|---|---:|---:|"]
    for row in rows:
        bar = "█" * round(20 * (row["oom_rate"] or 0.0))
        cells = [row["week"], row["runs"], row["received"], f"{row['oom_rate']} {bar}", row["memory_ratio"]]
        cells += [
            row["decision"],
            ", ".join(row["triggers"]) or "–",
            row["version"] or "–",
            row["held"],
            row["largest_step"],
        ]
        lines.append("| " + " | ".join("–" if cell is None else str(cell) for cell in cells) + " |")
    return "\n".join(
        [
            *lines,
            "",
            LIMITS.replace("\n", " "),
            "",
            "## History of the repository",
            "",
            "```",
            history.strip(),
            "```",
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Rehearse weeks of telemetry and retraining.")
    parser.add_argument("--weeks", type=int, default=12)
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.relative_to(ROOT)}")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="ftc-rehearsal-") as name:
        root = repository(Path(name))
        for row in play(root, Path(name), options.weeks):
            print(json.dumps(row), flush=True)
            rows.append(row)
        text = page(rows, git(root, "log", "--format=%h %s", "--abbrev=7").replace("\r", ""))
    if options.write:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
