"""Data that do not exist yet, planted under the page: a canary, a term of a card, the name of a repository."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from figures import CELL
from playwright.sync_api import Browser
from visitor import DESKTOP, Report, Visitor, accessible, give

CANARY = "2099.1.0"


def with_canary(site: Path) -> dict[str, str]:
    """The page's governance and change log as they would be with a canary that moves one learning rate."""

    def read(name: str) -> Any:
        text = (site / f"data/{name}.js").read_text(encoding="utf-8")
        return json.loads(text[text.index(",") + 1 : text.rindex(")")])

    live, log = read("governance"), read("changes")
    production = next(version for version, stage in live["state"]["stages"].items() if stage == "production")
    live["state"]["canary"] = {"version": CANARY, "fraction": 0.05, "salt": "s1", "since": "2099-01-01T00:00:00Z"}
    live["engines"][CANARY] = {**live["engines"][production], "stage": "canary"}
    start = {"version": CANARY, "from": "staging", "to": "canary", "fraction": 0.05, "reason": "better", "actor": "b"}
    live["events"].append({**live["events"][-1], **start, "at": "2099-01-01T00:00:00Z", "evidence_digest": "ab" * 32})
    moved = ["Qwen/Qwen2.5-7B", "chat", "sft", "lora", {"learning_rate": [0.0002, 0.0001], "optim": ["a", "b"]}]
    step = {"kind": "canary", "from": production, "to": CANARY, "at": "2099-01-01T00:00:00Z", "fraction": 0.05}
    more = {"learned": {"hybrid": [moved]}, "spread": [["lora_r", [8, 64], [16, 16], 3]]}
    log["steps"].insert(0, {**step, **more, "moves": [moved], "confidence": [0.6, 0.7], "strategies": {"hybrid": 1}})
    return {
        name: f'ftc.receive("{name}",{json.dumps(value)});' for name, value in (("governance", live), ("changes", log))
    }


def canary(browser: Browser, report: Report, base: str, site: Path, axe: str, pictures: Path | None) -> None:
    """With a canary, its share, its step in the history and what it would change are shown, old and new."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    bodies = with_canary(site)
    page = visitor.page
    for name, body in bodies.items():
        page.route(f"**/data/{name}.js", functools.partial(give, body=body))
    visitor.open("#live")
    told = page.inner_text("#view")
    for words in (
        CANARY,
        "answers 5\u00a0% of the keys",
        "answers 95\u00a0% of the keys",
        "staging → canary at 5\u00a0%",
    ):
        report.look("canary", None if words in told else f"{words!r} is not in the live view")
    accessible(visitor, report, axe, "live with a canary")
    if pictures:
        page.screenshot(path=pictures / "live-canary.png", full_page=True)
    visitor.open("#changes")
    rows = page.eval_on_selector_all(
        "table tbody tr", "(all) => all.map((row) => [...row.children].map((c) => c.innerText))"
    )
    wanted = ["Qwen/Qwen2.5-7B", "chat (sft)", "LoRA", "learning_rate", "2e-4", "1e-4", "× 0.5"]
    report.look("canary", None if wanted in rows else f"the change log has {rows}")
    page.evaluate("() => { for (const each of document.querySelectorAll('details')) each.open = true; }")
    told = page.inner_text("section.panel")
    for words in ("“hybrid” alone would move 1 of", "8 to 64", "Learning rates within a factor of two"):
        report.look("canary", None if words in told else f"{words!r} is not in the change log")
    accessible(visitor, report, axe, "changes with a canary")
    if pictures:
        page.screenshot(path=pictures / "changes-canary.png", full_page=True)
    visitor.context.close()


def calibrated(browser: Browser, report: Report, base: str, site: Path, cells: list[dict[str, Any]]) -> None:
    """What runs told of one card multiplies its figures: with a planted factor of 100 nothing fits it any more."""
    cell = next(cell for cell in cells if cell["batch"])
    text = (site / "data/core.js").read_text(encoding="utf-8")
    core = json.loads(text[text.index(",") + 1 : text.rindex(")")])
    for card in core["cards"]:
        if card["id"] == cell["card"]:
            card["need"] = 100
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    visitor.page.route("**/data/core.js", functools.partial(give, body=f'ftc.receive("core",{json.dumps(core)});'))
    visitor.open(f"#fits?{cell['query']}")
    shown = visitor.page.evaluate(CELL, [cell["model"], cell["card"]])
    report.look("heat map", None if shown == "–" else f"{cell}: {shown} in spite of a factor of 100")
    visitor.context.close()


def published(browser: Browser, report: Report, base: str) -> None:
    """With the repository's name in it, as the Pages workflow writes it, files and Colab are links into GitHub."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    stamp = 'window.ftcRepository = "someone/theirs";'
    visitor.page.route("**/repository.js", functools.partial(give, body=stamp))
    visitor.open("")
    visitor.page.wait_for_selector(".buttons")
    links = visitor.page.eval_on_selector_all("a", "(all) => all.map((a) => a.href)")
    colab = "https://colab.research.google.com/github/someone/theirs/blob/main/generated/notebooks/"
    report.look("published", None if any(link.startswith(colab) for link in links) else "no notebook opens in Colab")
    source = "https://github.com/someone/theirs/blob/main/registry/recipes"
    report.look("published", None if source in links else "no source leads into the repository")
    visitor.context.close()
