"""The verdict as a pull request comment of one screen: verdict, what changes for whom, evidence, waivers, what next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tool.govern.finding import condensed
from tool.govern.impact import Impact
from tool.govern.prepare import title
from tool.govern.verify import Verdict
from tool.govern.verify_state import NewStep
from tool.policy.variables import Evidence, Health

MARKER = "<!-- ftc-verify -->"
_WORDS = {0: "✅ passes", 1: "⛔ blocked", 4: "❔ inconclusive", 5: "🔁 the base moved: prepare the step again"}
MOST_FINDINGS, MOST_FIELDS = 12, 8


def cell(text: str) -> str:
    """Text in a table or a line: it breaks out of neither, and calls nobody."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;").replace("@", "@\u200b")


def code(text: str) -> str:
    """Text of a change as code, which no backtick of its own ends."""
    return f"`{cell(text).replace('`', '')}`"


def _headline(verdict: Verdict) -> str:
    steps = "; ".join(title(step.move, step.event) for step in verdict.steps)
    return f"### Governance: {_WORDS[verdict.exit_code]}" + (f" · {cell(steps)}" if steps else "")


def _findings(verdict: Verdict) -> Iterator[str]:
    """Why not, and what to do about it."""
    if not verdict.findings:
        return
    findings = condensed(verdict.findings)
    yield from ("", "| rule | where | what is wrong | what to do |", "|---|---|---|---|")
    for finding in findings[:MOST_FINDINGS]:
        cells = (finding.id, finding.path, finding.message, finding.remedy)
        yield "| " + " | ".join(cell(each) for each in cells) + " |"
    if len(findings) > MOST_FINDINGS:
        yield f"| | | and {len(findings) - MOST_FINDINGS} more | `ftc verify` lists them |"


def impact_lines(impact: Impact, whom: str) -> Iterator[str]:
    """Which recommendations move, and by how much."""
    yield f"{whom}: **{impact.entries} of {impact.of}** recommendations move."
    if not impact.entries:
        return
    yield from ("", "| what | recommendations | by how much |", "|---|---|---|")
    for field in impact.fields[:MOST_FIELDS]:
        yield f"| {code(field.field)} | {field.entries} | {cell(field.told)} |"
    if len(impact.fields) > MOST_FIELDS:
        yield f"| and {len(impact.fields) - MOST_FIELDS} more | | |"
    yield from ("", f"For example: {', '.join(code(entry) for entry in impact.examples)}")


def _whom(step: NewStep) -> str:
    """Who meets the canary's answers after a step."""
    share = f"{(step.event.fraction or 0) * 100:.4g} %"
    return f"The canary's answers, for {share} of all keys, beside production's"


def _changes(verdict: Verdict, production: Impact | None, canary: Impact | None) -> Iterator[str]:
    if production is not None:
        yield from ("", "**What changes for whom.**", "")
        yield from impact_lines(production, "Everybody" if canary is None else "Everybody but the canary's keys")
    for step in verdict.steps:
        if canary is not None and step.move in ("start", "raise", "lower"):
            yield ""
            yield from impact_lines(canary, _whom(step))


def _report(evidence: Evidence, digest: str | None) -> str:
    against = f" against {evidence.against}" if evidence.against else ""
    counts = {
        "hard gates failed": evidence.hard_failures,
        "soft gates failed": evidence.soft_failures,
        "undecided": evidence.undecided,
        "not judged": evidence.unjudged,
        "waived": evidence.waived,
    }
    told = "; ".join(f"{name}: {', '.join(cell(gate) for gate in gates)}" for name, gates in counts.items() if gates)
    return f"- evaluation of {evidence.engine}{against}: **{evidence.verdict}** (`{(digest or '')[:12]}`)" + (
        f"; {told}" if told else ""
    )


def _telemetry(health: Health) -> str:
    share, age = f"{(health.fraction or 0) * 100:.4g} %", f"{health.age_hours or 0:.1f} hours old"
    runs = f"{health.runs_production} runs of production {health.production} and {health.runs_canary} of the canary"
    return f"- telemetry: **{health.verdict}**, {runs} at {share}, {age}"


def _evidence(steps: Sequence[NewStep]) -> Iterator[str]:
    if not steps:
        return
    yield from ("", "**Evidence.**", "")
    for step in steps:
        yield f"- reason: {cell(step.event.reason)} (by {cell(step.event.actor)})"
        if step.evidence is not None:
            yield _report(step.evidence, step.event.evidence_digest)
        if step.rests_on_health and step.health is not None:
            yield _telemetry(step.health)
        if step.evidence is None and not step.rests_on_health:
            yield "- none needed: going back, holding and rejecting are always allowed"


def _waivers(verdict: Verdict) -> Iterator[str]:
    shown = [f"{code(waiver.id)} for {cell(waiver.gate)}: {days:g} days left" for waiver, days in verdict.waivers]
    yield from ("", f"**Waivers.** {'; '.join(shown) if shown else 'none'}.")


def _next(verdict: Verdict, following: str | None) -> str:
    """The one thing to do now."""
    if verdict.findings:
        first = min(condensed(verdict.findings), key=lambda finding: (finding.exit_code != verdict.exit_code, finding))
        return f"{cell(first.remedy)}."
    if not verdict.steps:
        return "review and merge."
    return "review and merge" + (f"; then {following}." if following else ".")


def verdict_page(
    verdict: Verdict, production: Impact | None = None, canary: Impact | None = None, following: str | None = None
) -> str:
    """Markdown, with a hidden marker so that one comment can be updated in place.

    `production` and `canary` tell what moves, `following` is the step after this one.
    """
    state = "no state" if verdict.generation is None else f"generation {verdict.generation}"
    moves = ", ".join(verdict.moves) or "The state is unchanged"
    lines = [MARKER, _headline(verdict), "", f"{moves} · {state} · {verdict.changed} paths changed."]
    lines += [
        *_findings(verdict),
        *_changes(verdict, production, canary),
        *_evidence(verdict.steps),
        *_waivers(verdict),
    ]
    lines += ["", f"**Next.** {_next(verdict, following)}", ""]
    base = verdict.base[:12]
    lines.append(f"Judged by the rules of `{base}`; check it yourself: `ftc verify --base {base}`.")
    return "\n".join(lines) + "\n"
