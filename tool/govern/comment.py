"""The verdict as a pull request comment: verdict first, then the reasons and what to do about each."""

from __future__ import annotations

from tool.govern.verify import Verdict

MARKER = "<!-- ftc-verify -->"
_WORDS = {0: "✅ passes", 1: "⛔ blocked", 4: "❔ inconclusive", 5: "🔁 the base moved: prepare the step again"}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;").replace("@", "@\u200b")


def verdict_page(verdict: Verdict) -> str:
    """Markdown, with a hidden marker so that one comment can be updated in place."""
    state = "no state" if verdict.generation is None else f"generation {verdict.generation}"
    lines = [MARKER, f"### Governance: {_WORDS[verdict.exit_code]}", ""]
    lines.append(f"{', '.join(verdict.moves) or 'The state is unchanged'} · {state} · {verdict.changed} paths changed.")
    if verdict.findings:
        lines += ["", "| rule | where | what is wrong | what to do |", "|---|---|---|---|"]
    for finding in verdict.findings:
        cells = (finding.id, finding.path, finding.message, finding.remedy)
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    lines += [
        "",
        f"Judged by the rules of `{verdict.base[:12]}`; check it yourself: `ftc verify --base {verdict.base[:12]}`.",
    ]
    return "\n".join(lines) + "\n"
