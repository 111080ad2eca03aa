"""Open the page in Chromium and write down what is wrong: `browser.py SITE ANSWERS AXE REPORT [PICTURES]`.

Runs in an environment of its own, so it uses nothing of the project. SITE is generated/site, ANSWERS what the command
gives: {answers: [{key, place, adapter, answer, exports}], cells: [{model, card, query, batch}]}, AXE
the text of axe-core, REPORT the file to write: {check: {"looked_at": n, "wrong": [what]}}.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
FLAGS += ["--disable-component-update", "--disable-sync"]
DESKTOP, PHONE = (1280, 900), (390, 844)
VIEWS = {
    "find": "",
    "elsewhere": "#find?model=meta-llama/Llama-3.1-8B-Instruct&task=instruction_following&on=RTX-3090",
    "beyond": "#find?model=01-ai/Yi-1.5-9B&on=vram:20",
    "another task": "#find?model=01-ai/Yi-1.5-9B&task=code&on=RTX-4090",
    "misfit": "#find?model=Qwen/Qwen2.5-72B-Instruct&on=runpod/a100-sxm4-80gb&adapter=lora",
    "fits": "#fits",
    "live": "#live",
    "evidence": "#evidence",
    "changes": "#changes",
}
FIRST_VIEW_BYTES = 300_000
SETTINGS = """() => Object.fromEntries([...document.querySelectorAll('table.reasons tbody tr')]
    .map((row) => [row.children[0].innerText.trim(), row.children[1].innerText.trim()]))"""
CELL = """([model, card]) => {
    const column = [...document.querySelectorAll('table.heat thead th')].findIndex(
        (each) => each.title.split(', ').includes(card));
    const row = [...document.querySelectorAll('table.heat tbody tr')].find(
        (each) => each.querySelector('a').href.includes(encodeURIComponent(model) + '&'));
    return row.children[column].innerText.trim();
}"""
MOVED = """() => new Promise((resolve) => {
    const moved = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries())
            moved.push(entry.value + " " + entry.sources.map((each) => each.node?.nodeName).join());
    }).observe({type: "layout-shift", buffered: true});
    requestAnimationFrame(() => setTimeout(() => resolve(moved.join("; ")), 50));
})"""
"""What jumped while the view was drawn: none of it may, since a finger may be on its way already."""
SHOWN = "(hash) => document.documentElement.dataset.shown === (hash || '#')"


class Report:
    """Findings by check."""

    def __init__(self) -> None:
        self.checks: dict[str, dict[str, Any]] = {}

    def look(self, check: str, problem: str | None = None) -> None:
        found = self.checks.setdefault(check, {"looked_at": 0, "wrong": []})
        found["looked_at"] += 1
        if problem:
            found["wrong"].append(problem)


class Visitor:
    """A page whose console, errors and requests are watched."""

    def __init__(self, browser: Browser, report: Report, base: str, size: tuple[int, int], scheme: str) -> None:
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if scheme == "dark" else "light"
        )
        self.page: Page = self.context.new_page()
        self.base, self.report = base, report
        self.bytes = 0
        self.page.on("console", lambda message: report.look("console", f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: report.look("console", str(error)))
        self.page.on("requestfailed", lambda request: report.look("requests", f"failed: {request.url}"))
        self.page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        own = request.url.startswith((self.base.rsplit("/", 1)[0], "data:", "about:"))
        self.report.look("requests", None if own else f"another host: {request.url}")

    def open(self, address: str) -> None:
        """A fresh page at an address, drawn."""
        self.page.goto("about:blank")
        self.page.goto(self.base + address)
        self.drawn(address)

    def drawn(self, address: str) -> None:
        self.page.wait_for_function(SHOWN, arg=address)
        self.report.look("console")

    def follow_or_open(self, address: str) -> None:
        if self.page.url == "about:blank":
            self.open(address)
        else:
            self.follow(address)

    def follow(self, address: str) -> None:
        """Go on to an address without loading the page again."""
        self.page.evaluate("(hash) => { location.hash = hash; }", address)
        self.drawn(address)


def equal(shown: str, value: Any) -> bool:
    """Whether a text on the page is that value; floats to the 4 digits of outputs."""
    if isinstance(value, bool):
        return shown == str(value).lower()
    if isinstance(value, int | float):
        return float(shown) == float(f"{value:.4g}")
    return shown == (", ".join(value) if isinstance(value, list) else str(value))


def gib(value: float) -> str:
    """Gibibytes as the page writes them: 3 digits from 10 up, 2 below."""
    return f"{float(f'{value:.{3 if value >= 10 else 2}g}'):g}\u00a0GiB"


def every_entry(visitor: Visitor, report: Report, answers: list[dict[str, Any]]) -> None:
    """Reach each entry by the links that the page offers for its model and task, and compare what it shows."""
    page = visitor.page
    visitor.open("")
    expected = {(*item["key"], item["place"], item["adapter"]): item for item in answers}
    met: set[tuple[str, ...]] = set()
    for model, task, objective in sorted({item["key"] for item in answers}):
        visitor.follow(f"#find?model={model}&task={task}&objective={objective}")
        links = page.eval_on_selector_all("table.others tbody a", "(all) => all.map((a) => a.getAttribute('href'))")
        for link in links:
            page.click(f'table.others tbody a[href="{link}"]')
            visitor.drawn(link)
            choice = dict(pair.split("=", 1) for pair in link.split("?", 1)[1].split("&"))
            key = (model, task, objective, choice["on"].replace("%2F", "/"), choice["adapter"])
            met.add(key)
            if key not in expected:
                report.look("entries", f"{key}: shown, and not in the catalogue")
                continue
            compare(page, report, key, expected[key])
    for key in expected:
        report.look("reachable", None if key in met else f"{key}: no link leads there")


def compare(page: Page, report: Report, key: tuple[str, ...], item: dict[str, Any]) -> None:
    """Settings, memory, confidence and exports on the page against the command's answer."""
    answer = item["answer"]
    page.evaluate("() => { for (const each of document.querySelectorAll('details')) each.open = true; }")
    shown = page.evaluate(SETTINGS)
    config = {name: value for name, value in answer["config"].items() if value is not None}
    config["effective_batch_size"] = answer["effective_batch_size"]
    for name, value in config.items():
        right = name in shown and equal(shown[name], value)
        report.look("entries", None if right else f"{key} {name}: {shown.get(name)!r}, not {value!r}")
    lead = page.inner_text(".verdict .lead")
    for value in (answer["vram"]["upper_gib"], answer["vram"]["usable_gib"]):
        report.look("entries", None if gib(value) in lead else f"{key}: {gib(value)} is not in {lead!r}")
    terms = page.eval_on_selector_all(".legend .size", "(all) => all.map((each) => each.innerText)")
    for name, value in answer["vram"]["terms"].items():
        report.look("entries", None if gib(value) in terms else f"{key} {name}: {gib(value)} is not in {terms}")
    sure = page.text_content(".meter text")
    right = sure == f"{int(answer['confidence'] * 100 + 0.5)}%"
    report.look("entries", None if right else f"{key}: confidence {sure}, not {answer['confidence']}")
    notebook = page.get_attribute("a[download]", "href") or ""
    there = (Path(item["site"]) / notebook).is_file()
    report.look("notebooks", None if there else f"{key}: no file at {notebook}")
    for name, text in item["exports"].items():
        page.check(f'input[name="framework"][value="{name}"]', force=True)
        page.wait_for_function("(name) => document.querySelector('.code pre').dataset.export === name", arg=name)
        same = page.text_content(".code pre") == text
        report.look("exports", None if same else f"{key}: the text for {name} is another one")


def accessible(visitor: Visitor, report: Report, axe: str, name: str) -> None:
    """No serious or critical finding of axe-core. The script is run in the page, past its security policy."""
    visitor.page.evaluate(axe)
    options = {"resultTypes": ["violations"], "preload": False}
    found = visitor.page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    told = [f"{name}: {each['id']}: {each['nodes'][0]['html'][:120]} × {len(each['nodes'])}" for each in grave]
    report.look("accessible", "; ".join(told) or None)
    rest = [f"{name}: {each['id']} ({each['impact']}): {each['nodes'][0]['html'][:120]}" for each in found]
    report.look("accessible, lesser findings", "; ".join(line for line in rest if line not in told) or None)


def every_view(browser: Browser, report: Report, base: str, axe: str, pictures: Path | None) -> None:
    """Each view, light and dark, on a desk and on a phone: accessible, no wider than the screen, and a picture."""
    for scheme in ("light", "dark"):
        for device, size in (("desk", DESKTOP), ("phone", PHONE)):
            visitor = Visitor(browser, report, base, size, scheme)
            for name, address in VIEWS.items():
                visitor.open(address)
                told = f"{name}, {device}, {scheme}"
                trouble = visitor.page.is_visible("#trouble")
                report.look("views", f"{told}: {visitor.page.inner_text('#trouble')}" if trouble else None)
                moved = visitor.page.evaluate(MOVED)
                report.look("steady", f"{told}: {moved}" if moved else None)
                wide = visitor.page.evaluate("document.documentElement.scrollWidth")
                report.look("width", f"{told}: {wide} px wide" if wide > size[0] else None)
                accessible(visitor, report, axe, told)
                if pictures:
                    visitor.page.screenshot(path=pictures / f"{name}-{device}-{scheme}.png", full_page=device == "desk")
            visitor.context.close()


def heat_map(browser: Browser, report: Report, base: str, cells: list[dict[str, Any]]) -> None:
    """The largest micro-batch of each cell against what the memory model says of that model and card."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    for cell in cells:
        visitor.follow_or_open(f"#fits?{cell['query']}")
        shown = visitor.page.evaluate(CELL, [cell["model"], cell["card"]])
        wanted = str(cell["batch"]) if cell["batch"] else "–"
        report.look("heat map", None if shown == wanted else f"{cell}: shown {shown}")
    visitor.context.close()


def focused(page: Page) -> str:
    return str(
        page.evaluate("document.activeElement.id || document.activeElement.value || document.activeElement.tagName")
    )


def tab_to(page: Page, wanted: str, most: int = 40) -> bool:
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page) == wanted:
            return True
    return False


def keyboard(browser: Browser, report: Report, base: str) -> None:
    """Without a mouse: skip link, model by typing, task and hardware by arrows, adapter by arrows, another view."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    page = visitor.page
    visitor.open("")
    page.keyboard.press("Tab")
    report.look(
        "keyboard", None if page.evaluate("document.activeElement.className") == "skip" else "no skip link first"
    )
    page.keyboard.press("Enter")
    report.look("keyboard", None if focused(page) == "main" else "the skip link does not lead to the content")
    report.look("keyboard", None if tab_to(page, "model") else "the model cannot be reached by Tab")
    page.keyboard.type("qwen2.5-7b-inst")
    page.keyboard.press("ArrowDown")
    active = page.get_attribute("#model", "aria-activedescendant")
    report.look("keyboard", None if active and page.is_visible(f"#{active}") else "no option is announced")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('.verdict .lead')?.innerText.includes('Qwen/Qwen2.5-7B-Instruct')"
    )
    report.look("keyboard", None if focused(page) == "model" else "the focus is lost after a choice")
    page.keyboard.press("Tab")
    page.keyboard.type("Pref")
    page.wait_for_function("() => location.hash.includes('task=preference')")
    page.wait_for_function(SHOWN, arg=page.evaluate("location.hash"))
    report.look("keyboard", None if focused(page) == "task" else "the focus is lost after the task")
    report.look("keyboard", None if tab_to(page, "auto") else "the adapters cannot be reached by Tab")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(SHOWN, arg=page.evaluate("location.hash"))
    report.look("keyboard", None if focused(page) == "lora" else "arrows do not move among the adapters")
    outline = page.evaluate("getComputedStyle(document.activeElement.closest('.chip')).outlineStyle")
    report.look("keyboard", None if outline == "solid" else "the focused adapter has no outline")
    page.focus("nav a[data-view=fits]")
    page.keyboard.press("Enter")
    page.wait_for_selector("table.heat")
    report.look("keyboard", None if focused(page) == "main" else "a new view does not get the focus")
    visitor.context.close()


def by_hand(browser: Browser, report: Report, base: str) -> None:
    """What people do: type memory, switch the theme, copy, search the heat map, go back."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    page = visitor.page
    visitor.open("")
    page.select_option("#on", "vram:")
    page.wait_for_selector("#gib")
    page.fill("#gib", "11")
    page.press("#gib", "Enter")
    page.wait_for_function("() => document.querySelector('h1')?.innerText.includes('11 GiB')")
    report.look("by hand")
    page.go_back()
    page.wait_for_function("() => document.querySelector('h1')?.innerText.includes('24 GiB')")
    report.look("by hand")
    page.check('input[name="framework"][value="trl-script"]', force=True)
    page.wait_for_function("() => document.querySelector('.code pre').dataset.export === 'trl-script'")
    with page.expect_download() as saved:
        page.click(".tools a")
    same = Path(saved.value.path()).read_text(encoding="utf-8") == page.text_content(".code pre")
    right = same and saved.value.suggested_filename.endswith("_trl-script.py")
    report.look("by hand", None if right else f"{saved.value.suggested_filename} is not what was shown")
    page.click("#theme")
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    page.wait_for_selector("h1")
    again = page.evaluate("getComputedStyle(document.body).backgroundColor")
    report.look("by hand", None if back == again == "rgb(14, 17, 22)" else f"dark is {back}, then {again}")
    visitor.follow("#fits")
    for name, value in (("adapter", "lora"), ("objective", "dpo"), ("length", "4096"), ("which", "all")):
        page.check(f'input[name="{name}"][value="{value}"]', force=True)
        page.wait_for_function(SHOWN, arg=page.evaluate("location.hash"))
    chosen = page.eval_on_selector_all("form.ask :checked", "(all) => all.map((each) => each.value)")
    report.look("by hand", None if chosen == ["lora", "dpo", "4096", "all"] else f"after four choices: {chosen}")
    visitor.follow("#evidence")
    page.check('input[name="objective"][value="grpo"]', force=True)
    page.wait_for_function(SHOWN, arg=page.evaluate("location.hash"))
    page.select_option("#field", "max_length")
    page.wait_for_function(SHOWN, arg=page.evaluate("location.hash"))
    both = "objective=grpo" in page.url and "field=max_length" in page.url
    report.look("by hand", None if both else f"a second choice undoes the first: {page.url}")
    visitor.follow("#fits?which=all&name=yi%201.5%2034b")
    rows = page.eval_on_selector_all("table.heat tbody tr", "(all) => all.length")
    report.look("by hand", None if rows == 2 else f"{rows} rows for two models")
    page.click("table.heat tbody a")
    page.wait_for_function("() => document.querySelector('.verdict .lead')?.innerText.includes('01-ai/Yi-1.5-34B')")
    report.look("by hand")
    visitor.context.close()


def other_task(browser: Browser, report: Report, base: str) -> None:
    """Where the figures are those of another task, the page says so and names it."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    for view, words in (("another task", "those of instruction following"), ("fits", "instruction following")):
        visitor.open(VIEWS[view])
        told = visitor.page.inner_text("#view")
        report.look("by hand", None if words in told else f"{view}: nothing says {words!r}")
    visitor.context.close()


ODD = {
    "#find?model=nobody/nothing&on=T4": "no model “nobody/nothing”",
    "#find?model=01-ai/Yi-1.5-9B&on=vram:0": "above 0, not “0”",
    "#find?model=01-ai/Yi-1.5-9B&on=vram:-1": "above 0, not “-1”",
    "#find?model=01-ai/Yi-1.5-9B&on=vram:much": "above 0, not “much”",
    "#find?model=01-ai/Yi-1.5-9B&on=vram:Infinity": "above 0, not “Infinity”",
    "#find?model=01-ai/Yi-1.5-9B&on=Voodoo": "no hardware “Voodoo”",
    "#find?model=01-ai/Yi-1.5-9B&task=juggling": "no task “juggling”",
    "#find?model=FacebookAI/roberta-base&task=chat": "no task for this model",
}
PLAIN = (
    "#find?model=01-ai/Yi-1.5-9B&on=vram:1e9",
    "#find?model=01-ai/Yi-1.5-9B&on=vram:0.5",
    "#find?adapter=none",
    "#x",
)


def odd_addresses(browser: Browser, report: Report, base: str) -> None:
    """What cannot be had is said, not replaced in silence; what is odd and can be had is answered without a word."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    for address, words in ODD.items():
        visitor.open(address)
        visitor.page.wait_for_selector("h1")
        told = visitor.page.inner_text("#view")
        report.look("by hand", None if words in told else f"{address}: nothing says {words!r}")
    visitor.open("#find?model=01-ai/Yi-1.5-9B&on=vram:0.5")
    visitor.page.wait_for_selector("h1")
    least = visitor.page.inner_text(".verdict")
    right = "QLoRA does not fit" in least and "Nothing shorter fits either" in least
    report.look("by hand", None if right else f"where nothing fits, the least is not told: {least!r}")
    for address in PLAIN:
        visitor.open(address)
        visitor.page.wait_for_selector("h1")
        told = visitor.page.inner_text("#view")
        report.look("by hand", f"{address}: NaN" if re.search(r"NaN|undefined|Infinity", told) else None)
        report.look("by hand", f"{address}: a complaint" if visitor.page.query_selector("[role=status]") else None)
    visitor.context.close()


CANARY = "2099.1.0"


def give(route: Any, body: str) -> None:
    """Answer a request with a script of our own."""
    route.fulfill(content_type="text/javascript", body=body)


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


def first_view(browser: Browser, report: Report, base: str, root: Path) -> None:
    """What is loaded before anything is asked for: at most 300 KB with the default answer's own data."""
    visitor = Visitor(browser, report, base, PHONE, "light")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.open("")
    visitor.page.wait_for_selector(".answer")
    files = [root / url.removeprefix(base.rsplit("/", 1)[0] + "/") for url in asked if "/generated/site/" in url]
    size = sum(file.stat().st_size for file in files if file.is_file())
    report.look("first view", f"{size} bytes in {len(files)} files" if size > FIRST_VIEW_BYTES or not size else None)
    report.checks["first view"]["bytes"] = size
    visitor.context.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The same files over HTTP, as GitHub Pages gives them."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/site/index.html"
    finally:
        server.shutdown()


def executable() -> str:
    named = os.environ.get("FTC_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if named is None:
        raise SystemExit(f"no browser: install one of {', '.join(BROWSERS)}, or name it in FTC_BROWSER")
    return named


def main(site: Path, expected: dict[str, Any], axe: str, pictures: Path | None) -> dict[str, Any]:
    report, answers = Report(), expected["answers"]
    base = (site / "index.html").as_uri()
    for item in answers:
        item |= {"key": tuple(item["key"]), "site": str(site)}
    parts: list[Callable[[Browser], None]] = [
        lambda browser: first_view(browser, report, base, site),
        lambda browser: every_view(browser, report, base, axe, pictures),
        lambda browser: keyboard(browser, report, base),
        lambda browser: by_hand(browser, report, base),
        lambda browser: odd_addresses(browser, report, base),
        lambda browser: other_task(browser, report, base),
        lambda browser: canary(browser, report, base, site, axe, pictures),
        lambda browser: heat_map(browser, report, base, expected["cells"]),
        lambda browser: calibrated(browser, report, base, site, expected["cells"]),
        lambda browser: every_entry(Visitor(browser, report, base, DESKTOP, "light"), report, answers),
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        for part in parts:
            part(browser)
        with served(site.parent) as address:
            keyboard(browser, report, address)
            published(browser, report, address)
        browser.close()
    return report.checks


if __name__ == "__main__":
    site, answers, axe, report, *pictures = (Path(argument).resolve() for argument in sys.argv[1:])
    found = main(site, json.loads(answers.read_text()), axe.read_text(), pictures[0] if pictures else None)
    report.write_text(json.dumps(found, indent=1))
