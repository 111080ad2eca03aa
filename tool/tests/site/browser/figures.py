"""The figures of the page against those of the command: every entry, and cells of the heat map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from visitor import DESKTOP, Report, Visitor, gib

SETTINGS = """() => Object.fromEntries([...document.querySelectorAll('table.reasons tbody tr')]
    .map((row) => [row.children[0].innerText.trim(), row.children[1].innerText.trim()]))"""
CELL = """([model, card]) => {
    const column = [...document.querySelectorAll('table.heat thead th')].findIndex(
        (each) => each.title.split(', ').includes(card));
    const row = [...document.querySelectorAll('table.heat tbody tr')].find(
        (each) => each.querySelector('a').href.includes(encodeURIComponent(model) + '&'));
    return row.children[column].innerText.trim();
}"""


def equal(shown: str, value: Any) -> bool:
    """Whether a text on the page is that value; floats to the 4 digits of outputs."""
    if isinstance(value, bool):
        return shown == str(value).lower()
    if isinstance(value, int | float):
        return float(shown) == float(f"{value:.4g}")
    return shown == (", ".join(value) if isinstance(value, list) else str(value))


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


def heat_map(browser: Browser, report: Report, base: str, cells: list[dict[str, Any]]) -> None:
    """The largest micro-batch of each cell against what the memory model says of that model and card."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    for cell in cells:
        visitor.follow_or_open(f"#fits?{cell['query']}")
        shown = visitor.page.evaluate(CELL, [cell["model"], cell["card"]])
        wanted = str(cell["batch"]) if cell["batch"] else "–"
        report.look("heat map", None if shown == wanted else f"{cell}: shown {shown}")
    visitor.context.close()
