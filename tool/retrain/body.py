"""The text of the pull request that brings a candidate: why it was trained, on what, and how it did."""

from __future__ import annotations

from tool.memory.overhead import CardTerm
from tool.retrain.candidate import Candidate
from tool.retrain.decision import Decision
from tool.retrain.evidence import Evidence
from tool.retrain.guard import LARGEST_STEP
from tool.retrain.verdict import Judged


def title(candidate: Candidate, judged: Judged) -> str:
    return f"Add engine {candidate.version} as a {'rejected ' if judged.verdict == 'fail' else ''}candidate"


def body(decision: Decision, evidence: Evidence, candidate: Candidate, judged: Judged) -> str:
    """Markdown. Verdict first, then the numbers."""
    lines = [f"## {title(candidate, judged)}", "", f"**Gates: {judged.verdict}.** {_next(judged)}", ""]
    if judged.failures:
        lines += ["Hard gates that did not pass:", "", *(f"- `{id}`" for id in judged.failures), ""]
    if judged.report:
        lines += [f"Report: `{judged.report}` (sha256 `{judged.digest}`)", ""]
    lines += ["### Why now", ""]
    lines += [f"- `{rule.id}`: {rule.outcome.message}" for rule in decision.rules if rule.role == "triggers"]
    if not any(rule.role == "triggers" for rule in decision.rules):
        lines.append("- asked for by hand")
    lines += ["", "| number | value |", "|---|---:|"]
    lines += [f"| {name} | {value} |" for name, value in sorted(decision.numbers.items())]
    lines += ["", "### What it learned from", "", *_learned(evidence, candidate), ""]
    return "\n".join(lines)


def _next(judged: Judged) -> str:
    if judged.verdict == "fail":
        return "It stays on record as rejected; nothing is promoted."
    if judged.verdict == "pass":
        return "Merging makes it a candidate; `ftc promote` moves it on, in another pull request."
    return "It cannot be promoted before it passed them."


def _card(name: str, old: CardTerm | None, new: CardTerm) -> str:
    """What changes for one card."""
    need = f"its bound is {old.need if old else 1.0:g} → {new.need:g} times that of the arithmetic"
    before = f"{old.usable_gib:g} GiB → " if old and old.usable_gib else ""
    usable = f", free of it {before}{new.usable_gib:g} GiB" if new.usable_gib else ""
    return f"- memory on `{name}`: {need}{usable} ({new.rows} rows of {new.sources} sources)"


def _learned(evidence: Evidence, candidate: Candidate) -> list[str]:
    taught = candidate.taught
    lines = [
        f"- {candidate.measurements} surprises of memory, each on a card that surprised several sources; "
        f"{evidence.unconfirmed} more were seen by too few sources, {evidence.agreeing} runs stayed within their "
        f"bound, {evidence.implausible} told an impossible peak.",
        f"- {taught.admitted} configurations with their outcome; {taught.ignored} more repeat what we recommend, or "
        "are far from what careful people choose.",
    ]
    lines += [_card(name, old, new) for name, (old, new) in sorted(candidate.cards.items())]
    if taught.held:
        lines.append(
            f"- **{taught.held} configurations are held back**: with them a learning rate moves by a factor of "
            f"{taught.step:.2f} ({taught.place}), and a retraining may take {LARGEST_STEP:.2f}. "
            "To take them, add them to `registry/recipes` by hand."
        )
    elif taught.admitted:
        lines.append(f"- Largest step of a learning rate: a factor of {taught.step:.3f}.")
    return lines
