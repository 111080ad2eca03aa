"""Telemetry of a fleet that both engines serve, uploaded as artifacts of the training workflow."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import numpy as np

from tool.schema.state import TIME_FORMAT, parse_time
from tool.tests.telemetry.fleet import complete, lines, run_id
from tool.tests.workflows.act import REPOSITORY, Stage

ACCOUNTS = 4


def drive(
    stage: Stage, live: str, canary: str, share: float, total: int, oom: float = 0.02, canary_oom: float = 0.02
) -> None:
    """`total` runs in the 30 hours from now on, of which a share met the canary; the clock is then 31 hours later."""
    random = np.random.default_rng(total)
    begin = parse_time(stage.now)
    events = []
    for number in range(total):
        slot = "canary" if random.random() < share else "production"
        outcome = "oom" if random.random() < (canary_oom if slot == "canary" else oom) else "success"
        final = float(random.normal(1.2, 0.1)) if outcome == "success" else None
        at = (begin + timedelta(hours=30 * (number + 1) / total)).strftime(TIME_FORMAT)
        engine = canary if slot == "canary" else live
        changes = {"outcome": outcome, "first_loss": 2.0, "final_loss": final, "slot": slot, "engine": engine}
        events.append(complete(run_id(stage.now, number), at=at, **changes))
    for account in range(ACCOUNTS):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("events.jsonl", lines(events[account::ACCOUNTS]))
        number = len(stage.forge.archives) + 1
        run = {
            "id": number,
            "head_branch": "main",
            "head_repository": {"full_name": REPOSITORY},
            "event": "push",
            "conclusion": "success",
            "created_at": stage.now,
            "actor": {"id": 70 + account},
        }
        stage.forge.offer("train.yml", run, {f"telemetry-{number}": stream.getvalue()})
    stage.later(31)
