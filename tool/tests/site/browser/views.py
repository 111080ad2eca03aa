"""Every view in light and dark, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser
from visitor import DESKTOP, PHONE, Report, Visitor, accessible

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
MOVED = """() => new Promise((resolve) => {
    const moved = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries())
            moved.push(entry.value + " " + entry.sources.map((each) => each.node?.nodeName).join());
    }).observe({type: "layout-shift", buffered: true});
    requestAnimationFrame(() => setTimeout(() => resolve(moved.join("; ")), 50));
})"""
"""What jumped while the view was drawn: none of it may, since a finger may be on its way already."""


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
