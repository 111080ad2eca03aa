"""Open the page in Chromium and write down what is wrong: `browser SITE ANSWERS AXE REPORT [PICTURES]`.

Runs in an environment of its own, so it uses nothing of the project. SITE is generated/site, ANSWERS what the command
gives: {answers: [{key, place, adapter, answer, exports}], cells: [{model, card, query, batch}]}, AXE
the text of axe-core, REPORT the file to write: {check: {"looked_at": n, "wrong": [what]}}.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from figures import every_entry, heat_map
from hand import by_hand, keyboard, odd_addresses, other_task
from planted import calibrated, canary, published
from playwright.sync_api import Browser, sync_playwright
from views import every_view, first_view
from visitor import DESKTOP, Report, Visitor

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
FLAGS += ["--disable-component-update", "--disable-sync"]


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
