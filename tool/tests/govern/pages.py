"""The review pages and the status that are checked in under golden/: built from a repository at a stage of its life.

`python -m tool.tests.govern.pages` rewrites them; read the difference before you commit it.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from tool.tests.govern import workbench
from tool.tests.govern.workbench import LIVE, NEXT, Workbench

GOLDEN = Path(__file__).with_name("golden")
MODELS = ("llama-3.1-8b", "qwen2.5-0.5b", "qwen2.5-7b")


def _answer(rate: float, rank: int, upper: float, engine: str) -> bytes:
    config = {"adapter": "lora", "learning_rate": rate, "lora_r": rank, "per_device_train_batch_size": 2}
    vram = {"upper_gib": upper, "allocated_gib": upper - 1, "usable_gib": 14.6, "verdict": "fits"}
    answer = {"config": config, "vram": vram, "confidence": 0.7, "engine": engine, "slot": "production"}
    return json.dumps({"answer": answer, "provenance": {}}).encode()


def outputs(bench: Workbench, factor: float, rank: int, engine: str, only: int = 3) -> None:
    """Check in recommendations whose learning rate and rank are another engine's for the first `only` models."""
    for number, model in enumerate(MODELS):
        moved = number < only
        rate, upper = 2e-4 * (factor if moved else 1), 10.5 + (0.7 if moved and rank > 16 else 0)
        path = f"generated/recommendations/{model}/chat.json"
        bench.write(path, _answer(rate, rank if moved else 16, upper, engine))


def canary_outputs(bench: Workbench) -> None:
    """What the canary's engine would tell otherwise, as `ftc generate` indexes it."""
    vram = [{"upper_gib": 10.5, "verdict": "fits", "terms": {}}, {"upper_gib": 11.2, "verdict": "fits", "terms": {}}]
    rows = [
        {"entry": f"{model}/chat", "fits": [True, True], "moves": {"learning_rate": [2e-4, rate], "vram": vram}}
        for model, rate in zip(MODELS, (3e-4, 1.5e-4), strict=False)
    ]
    index = {"engine": NEXT, "count": len(rows), "entries": rows}
    bench.write("generated/canary/index.json", json.dumps(index))


def waive(bench: Workbench, digest: str) -> None:
    """A waiver of a soft gate for one report, four days before it ends."""
    lines = {
        "gate": "calibration",
        "reason": "the new cards have few runs yet",
        "approver": "maria",
        "issue": "#12",
        "evidence_digest": digest,
        "granted": "2026-11-01T00:00:00Z",
        "expires": "2026-11-08T12:00:00Z",
    }
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in lines.items())
    bench.write("policies/waivers/few-runs.yaml", text)


def _canary(bench: Workbench) -> None:
    """A repository whose canary runs at 1 %, with outputs of both engines and a waiver."""
    outputs(bench, 1, 16, LIVE)
    waive(bench, bench.report(NEXT, statuses={"calibration/ece": "fail"}))
    bench.merge("Outputs, and a waiver")
    workbench.to_staging(bench)
    workbench.to_canary(bench)
    canary_outputs(bench)
    bench.merge("The canary's outputs")
    bench.branch("change")
    bench.later(50)


def raised(bench: Workbench) -> str:
    """The canary grows, and everything is in order."""
    _canary(bench)
    bench.health(NEXT)
    bench.step("canary", "set", "0.05", "--reason", "telemetry finds it healthy")
    bench.commit("Raise the canary")
    return bench.ftc("verify", "--base", "origin/main", "--now", bench.clock, "--output", "markdown").out


def too_early(bench: Workbench) -> str:
    """The canary shall grow at once, against its telemetry, beside a change of the rules."""
    _canary(bench)
    bench.health(NEXT)
    bench.step("canary", "set", "0.05")
    bench.replace("policies/lifecycle/waivers.yaml", "days_at_most: 30.0", "days_at_most: 300.0")
    bench.health(NEXT, generation=2, fraction=0.01, verdict="unhealthy")
    bench.forge(at="2026-11-01T06:00:00Z")
    bench.commit("Raise the canary")
    return bench.ftc("verify", "--base", "origin/main", "--now", bench.clock, "--output", "markdown").out


def without_verdict(bench: Workbench) -> str:
    """The canary grew on a verdict that is gone."""
    _canary(bench)
    bench.health(NEXT)
    bench.step("canary", "set", "0.05", "--reason", "it looked | fine <b>to</b> @everyone")
    (bench.root / f"evaluation/reports/{NEXT}/health-0002.json").unlink()
    bench.commit("Raise the canary")
    return bench.ftc("verify", "--base", "origin/main", "--now", bench.clock, "--output", "markdown").out


def moved_base(bench: Workbench) -> str:
    """Somebody else's step was merged first."""
    bench.branch("change")
    bench.later(1)
    bench.step("promote", NEXT, "--to", "staging")
    bench.commit("The second")
    bench.git("switch", "-q", "-c", "first", "origin/main")
    bench.step("promote", workbench.LATER, "--to", "staging")
    bench.merge("The first")
    bench.git("switch", "-q", "change")
    return bench.ftc("verify", "--base", "origin/main", "--now", bench.clock, "--output", "markdown").out


def stateless(bench: Workbench) -> str:
    """A change that moves no engine, but what everybody is told."""
    outputs(bench, 1, 16, LIVE)
    bench.merge("Outputs")
    bench.branch("change")
    outputs(bench, 1.5, 32, LIVE, only=2)
    bench.commit("Another law")
    return bench.ftc("verify", "--base", "origin/main", "--now", bench.clock, "--output", "markdown").out


def status(bench: Workbench) -> str:
    """The status while a canary runs."""
    _canary(bench)
    return bench.ftc("status", "--now", bench.clock).out


PAGES: dict[str, Callable[[Workbench], str]] = {
    "raised.md": raised,
    "too_early.md": too_early,
    "without_verdict.md": without_verdict,
    "moved_base.md": moved_base,
    "stateless.md": stateless,
    "status.txt": status,
}


def page(name: str, bench: Workbench) -> str:
    """One page, with commits and digests, which follow from every rule, written as dots."""
    return re.sub(r"\b[0-9a-f]{12}\b", "············", PAGES[name](bench))


def bless() -> None:
    """Write every page anew."""
    GOLDEN.mkdir(exist_ok=True)
    for name in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            bench = workbench.build(Path(folder))
            workbench.start(bench)
            (GOLDEN / name).write_text(page(name, bench), encoding="utf-8")


if __name__ == "__main__":
    bless()
