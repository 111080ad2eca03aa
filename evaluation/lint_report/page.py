"""The results as one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluation.lint_report.carriers import FILES
from evaluation.lint_report.planting import Planting, Score
from evaluation.lint_report.published import Published
from tool.lint.known import FRAMEWORKS, TITLES, document

COMMAND = "python -m evaluation.lint_report --write"


def page(exports: Planting, files: Planting, published: dict[str, Published], judged: dict[Any, Any]) -> str:
    """Everything that was measured, each table under a sentence on how."""
    lines = ["# How good the linter is", "", f"Written by `{COMMAND}`; nothing here is typed by hand.", ""]
    lines += [*_planted(exports, files), *_published(published), *_keys(published, judged), *_lists()]
    return "\n".join(lines) + "\n"


def _share(score: Score) -> str:
    return f"{score.found} of {score.planted}" if score.planted else "–"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _planted(exports: Planting, files: Planting) -> Iterator[str]:
    yield "## Planted faults"
    yield ""
    yield (
        "Each kind is planted mechanically into every configuration that can have it: exports of `ftc recommend`, "
        "which are valid, and published files. The file is written, linted, and the fault counts as found when one of "
        "the rules that speak of it says something that it did not say before. The kinds were written by those who "
        "wrote the rules; the published files were not."
    )
    yield ""
    both = [("our exports", exports.total), ("published files", files.total)]
    for name, score in both:
        yield f"- {name}: {_share(score)} found, {_percent(score.found, score.planted)}"
    yield ""
    yield "| kind | our exports | published files |"
    yield "|---|--:|--:|"
    for kind in sorted({*exports.by_kind, *files.by_kind}):
        one, other = exports.by_kind.get(kind, Score()), files.by_kind.get(kind, Score())
        yield f"| {kind} | {_share(one)} | {_share(other)} |"
    yield ""
    yield "| framework | our exports | published files |"
    yield "|---|--:|--:|"
    for name in FRAMEWORKS:
        one, other = exports.by_framework.get(name, Score()), files.by_framework.get(name, Score())
        yield f"| {TITLES[name]} | {_share(one)} | {_share(other)} |"
    yield ""
    loud = sum(any(item.level != "note" for item in said) for said in exports.clean.values())
    yield f"Of {len(exports.clean)} exports without a planted fault, {loud} have an error or a warning:"
    yield ""
    found = {
        f"- {carrier}: {item.text}" for carrier, said in exports.clean.items() for item in said if item.level != "note"
    }
    yield from sorted(found) or ["- none"]
    yield ""


def _published(published: dict[str, Published]) -> Iterator[str]:
    yield "## Published files"
    yield ""
    yield (
        "Every row of these files of `registry/recipes`, by the newest releases. Wrongly flagged is a file with an "
        "unknown key that the audit below found to be known, or that nobody audited. With findings: an error or a "
        "warning of any rule that needs no card."
    )
    yield ""
    yield "| file | rows | flagged for an unknown key | wrongly | with findings |"
    yield "|---|--:|--:|--:|--:|"
    for file, seen in published.items():
        wrongly = f"{seen.wrongly} ({_percent(seen.wrongly, seen.files)})"
        yield f"| {file} | {seen.files} | {seen.flagged} | {wrongly} | {_percent(seen.failing, seen.files)} |"
    total = [sum(getattr(seen, name) for seen in published.values()) for name in ("files", "flagged", "wrongly")]
    wrongly = f"{total[2]} ({_percent(total[2], total[0])})"
    failing = sum(seen.failing for seen in published.values())
    yield f"| all | {total[0]} | {total[1]} | {wrongly} | {_percent(failing, total[0])} |"
    yield ""
    yield "| rule | files |"
    yield "|---|--:|"
    counts: dict[str, int] = {}
    for seen in published.values():
        for rule, count in seen.rules.items():
            counts[rule] = counts.get(rule, 0) + count
    for rule, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield f"| {rule} | {count} |"
    yield ""


def _keys(published: dict[str, Published], judged: dict[Any, Any]) -> Iterator[str]:
    yield "## Keys that were called unknown"
    yield ""
    yield "Each was looked up in the sources of the packages' releases (`evaluation/lint_report/audit.yaml`)."
    yield ""
    yield "| framework | key | files | in truth | why |"
    yield "|---|---|--:|---|---|"
    for file, seen in published.items():
        for key, count in sorted(seen.keys.items()):
            entry = judged.get((FILES[file], key), {"verdict": "not audited", "why": ""})
            yield f"| {TITLES[FILES[file]]} | `{key}` | {count} | {entry['verdict']} | {entry['why']} |"
    yield ""


def _lists() -> Iterator[str]:
    yield "## What the key lists were extracted from"
    yield ""
    yield "| package | releases | from | to | keys |"
    yield "|---|--:|---|---|--:|"
    for package in sorted({*FRAMEWORKS, "transformers", "peft", "alignment-handbook"}):
        data = document(package)
        count = sum(len(keys) for keys in data["groups"].values())
        yield f"| {package} | {len(data['versions'])} | {data['versions'][0]} | {data['versions'][-1]} | {count} |"
