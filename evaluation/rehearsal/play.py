"""The calendar: what happens in each week, and what is written down about it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from evaluation.rehearsal import fleet
from evaluation.rehearsal.slip import slipped
from evaluation.rehearsal.world import World

BEGIN = datetime(2030, 6, 3, 4, tzinfo=UTC)
"""A Monday later than anything that the repository's own history tells."""
WEEKS, RUNS = 12, 5_000
SPOILT_WEEKS = (5, 6, 7)
"""From the release of a library that needs more memory to the one that mends it."""
POISON_FROM = 7
SLIP_WEEK = 9
PROMOTED_WEEK = 1
"""The candidate of this week goes to canary; those of the others stay candidates, as only one canary runs at a time."""
CALIBRATION = "registry/measurements/calibration.yaml"


@dataclass
class Week:
    """One week: runs of honest teams and how they ended, what retraining saw and did, and what became of engines."""

    week: int
    runs: int = 0
    ooms: int = 0
    by_card: dict[str, tuple[int, int]] = field(default_factory=dict)
    poisoned: int = 0
    numbers: dict[str, Any] = field(default_factory=dict)
    triggers: list[str] = field(default_factory=list)
    candidate: str | None = None
    verdict: str | None = None
    learned: dict[str, float] = field(default_factory=dict)
    cards: dict[str, Any] = field(default_factory=dict)
    canary: dict[str, Any] | None = None
    failed: dict[str, float] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)

    @property
    def oom_rate(self) -> float:
        return self.ooms / self.runs if self.runs else 0.0

    def plain(self) -> dict[str, Any]:
        return {**asdict(self), "oom_rate": self.oom_rate}


@dataclass
class Played:
    """All weeks, and what the repository says at the end."""

    weeks: list[Week]
    history: str
    slip: str
    slip_verdict: str
    rows_by_source: dict[str, int]


def play(
    folder: Path, weeks: int = WEEKS, runs: int = RUNS, tell: Callable[[Week], None] = lambda week: None
) -> Played:
    """Play so many weeks of so many runs each in an empty folder."""
    world = World(folder, BEGIN.strftime("%Y-%m-%dT%H:%M:%SZ"))
    try:
        calendar = _Calendar(world, runs)
        for number in range(1, weeks + 1):
            tell(calendar.week(number))
        return calendar.end()
    finally:
        world.close()


class _Calendar:
    """What is remembered from week to week."""

    def __init__(self, world: World, runs: int) -> None:
        self.world, self.runs = world, runs
        self.weeks: list[Week] = []
        self.slip, self.slip_verdict = "", ""

    def week(self, number: int) -> Week:
        """Teams train for a week; then telemetry is gathered, the canary judged, and people decide."""
        row, start = Week(number), BEGIN + timedelta(days=7 * (number - 1))
        self.weeks.append(row)
        self._train(row, start)
        self.world.move_to(start + timedelta(days=7))
        self._retrain(row)
        self._judge(row)
        self._decide(row)
        return row

    def _train(self, row: Week, start: datetime) -> None:
        answers = self.world.answers(fleet.questions(row.week, self.runs))
        spoilt, poisoned = row.week in SPOILT_WEEKS, row.week >= POISON_FROM
        told = fleet.trained(answers, row.week, start, spoilt, poisoned)
        honest = [item["event"] for item in told if item["account"] != fleet.POISONER]
        row.runs, row.poisoned = len(honest), len(told) - len(honest)
        row.ooms = sum(event["outcome"] == "oom" for event in honest)
        seen = Counter(event["hardware"]["gpu"] for event in honest)
        ooms = Counter(event["hardware"]["gpu"] for event in honest if event["outcome"] == "oom")
        row.by_card = {card: (ooms[card], seen[card]) for card in sorted(seen)}
        row.failed = _failed(honest)
        self.world.upload(told, row.week)

    def _retrain(self, row: Week) -> None:
        """The scheduled workflow decides, fits, judges and opens a pull request, which is merged."""
        before = set(self._engines())
        request = self.world.workflow("retrain.yml")
        if request is None:
            return
        self.world.merge(request)
        row.merged.append(request["title"])
        self.world.stage.at_main()
        (row.candidate,) = set(self._engines()) - before
        told = json.loads(self.world.read(f"registry/telemetry/{row.candidate}.json"))
        row.numbers, row.triggers = told["numbers"], told["triggers"]
        row.learned = _learned(request["body"])
        report = json.loads(self.world.read(f"evaluation/reports/{row.candidate}/evaluation.json"))
        row.verdict = report["verdict"]
        row.cards = yaml.safe_load(self.world.read(CALIBRATION)).get("cards", {})

    def _engines(self) -> list[str]:
        folder = self.world.stage.at_main() / "registry/engines"
        return sorted(path.parent.name for path in folder.glob("*/engine.yaml"))

    def _judge(self, row: Week) -> None:
        """The scheduled workflow looks at the canary and opens the pull request that follows, which is merged."""
        canary = self.world.state()["canary"]
        if canary is None:
            return
        request = self.world.workflow("canary.yml")
        row.canary = {"version": canary["version"], "fraction": canary["fraction"], "step": None}
        if request is not None:
            self.world.merge(request)
            row.canary["step"] = request["title"]
            row.merged.append(request["title"])

    def _decide(self, row: Week) -> None:
        """What people do: send an engine on its way, or bring one of their own."""
        version, reason = row.candidate, "the first that learned from the fleet"
        if row.week == SLIP_WEEK:
            self.slip = version = self.world.stage.now[:7].replace("-", ".") + ".by-hand"
            reason = "better for reinforcement, by our own runs"
            live = self.world.stage.at_main() / "registry/engines" / self.world.live()
            self.slip_verdict = self.world.bring(version, slipped(live, version))
            row.merged.append(f"Add engine {version}, fitted by hand")
        elif row.week != PROMOTED_WEEK:
            return
        assert version is not None, f"week {row.week} brought no candidate"
        for stage in ("staging", "canary"):
            self.world.promote(version, stage, reason)
            row.merged.append(f"{version} to {stage}")

    def end(self) -> Played:
        """What the repository says of all that."""
        world = self.world
        world.stage.at_main()
        history = world.ftc("history")
        world.ftc("verify", "--base", "origin/main")
        rows = [json.loads(line) for line in world.read("registry/measurements/telemetry.jsonl").splitlines()]
        return Played(
            weeks=self.weeks,
            history=history,
            slip=self.slip,
            slip_verdict=self.slip_verdict,
            rows_by_source=dict(Counter(row["source"]["repo_or_title"] for row in rows)),
        )


def _learned(body: str) -> dict[str, float]:
    """What the text of the pull request says of learning rates: configurations admitted and held, and their step."""
    admitted = re.search(r"- (\d+) configurations with their outcome", body)
    held = re.search(r"\*\*(\d+) configurations are held back", body)
    step = re.search(
        r"(?:a learning rate moves by a factor of|Largest step of a learning rate: a factor of) ([\d.]+)", body
    )
    return {
        "admitted": float(admitted[1]) if admitted else 0.0,
        "held": float(held[1]) if held else 0.0,
        "step": float(step[1].rstrip(".")) if step else 1.0,
    }


def _failed(honest: list[dict[str, Any]]) -> dict[str, float]:
    """Share of runs of each slot that did not succeed."""
    runs, bad = Counter(event["slot"] for event in honest), Counter[str]()
    for event in honest:
        bad[event["slot"]] += event["outcome"] != "success"
    return {slot: bad[slot] / count for slot, count in sorted(runs.items())}
