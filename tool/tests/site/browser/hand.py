"""What people do with the page: without a mouse, with one, and with odd addresses."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Page
from views import VIEWS
from visitor import DESKTOP, SHOWN, Report, Visitor

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


def odd_addresses(browser: Browser, report: Report, base: str) -> None:
    """What cannot be had is said, not replaced in silence; what is odd and can be had is answered without a word."""
    visitor = Visitor(browser, report, base, DESKTOP, "light")
    for address, words in ODD.items():
        visitor.open(address)
        visitor.page.wait_for_selector("h1")
        told = visitor.page.inner_text("#view")
        report.look("by hand", None if words in told else f"{address}: nothing says {words!r}")
    visitor.open(VIEWS["misfit"])
    visitor.page.click(".note.warn a")
    visitor.page.wait_for_function("() => document.querySelector('h1')?.innerText.includes('QLoRA fits')")
    report.look("by hand")
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
