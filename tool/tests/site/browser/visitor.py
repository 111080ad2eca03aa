"""A watched page, what is written down about it, and what every check needs."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page

DESKTOP, PHONE = (1280, 900), (390, 844)
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
        self.page.on("requestfailed", self._failed)
        self.page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        own = request.url.startswith((self.base.rsplit("/", 1)[0], "data:", "about:"))
        self.report.look("requests", None if own else f"another host: {request.url}")

    def _failed(self, request: Any) -> None:
        """A file that is missing or refused; what leaving the page cut short is no fault."""
        cut_short = request.failure == "net::ERR_ABORTED"
        self.report.look("requests", None if cut_short else f"failed: {request.url} {request.failure}")

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


def gib(value: float) -> str:
    """Gibibytes as the page writes them: 3 digits from 10 up, 2 below."""
    return f"{float(f'{value:.{3 if value >= 10 else 2}g}'):g}\u00a0GiB"


def give(route: Any, body: str) -> None:
    """Answer a request with a script of our own."""
    route.fulfill(content_type="text/javascript", body=body)


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
