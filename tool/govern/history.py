"""The history as rows, for people and programs."""

from __future__ import annotations

from typing import Any

from tool.govern.canonical import canonical_yaml
from tool.govern.finding import Finding
from tool.govern.ledger import Ledger, apply, genesis_ledger, move_of
from tool.govern.store import History


def rows(history: History) -> list[dict[str, Any]]:
    """One row an event, oldest first, each with the move and the production engine after it."""
    found: list[dict[str, Any]] = []
    ledger: Ledger | None = None
    for number, event in enumerate(history.events):
        move = move_of(event, ledger.state if ledger else None)
        raw = canonical_yaml(event)
        after = genesis_ledger(event, raw) if ledger is None else apply(ledger, event, raw)
        ledger = ledger if isinstance(after, Finding) else after
        found.append(
            {
                "generation": number,
                "move": move,
                "production": ledger.state.production if ledger else None,
                "digest": history.digest(number),
                **event.model_dump(by_alias=True),
            }
        )
    return found


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def markdown(found: list[dict[str, Any]]) -> str:
    """A table, newest first."""
    lines = ["| # | when | step | engine | live after | by | reason | evidence |", "|---|---|---|---|---|---|---|---|"]
    for row in reversed(found):
        step = f"{row['move']}" + (f" to {row['fraction']:.4g}" if row["fraction"] is not None else "")
        evidence = f"`{row['evidence_digest'][:12]}`" if row["evidence_digest"] else ""
        cells = [
            str(row["generation"]),
            row["at"],
            step,
            row["version"] or "",
            row["production"] or "",
            _cell(row["actor"]),
            _cell(row["reason"]),
            evidence,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def text(found: list[dict[str, Any]]) -> str:
    """One line an event, newest first, with its reason below."""
    lines = []
    for row in reversed(found):
        fraction = f" {row['fraction']:.4g}" if row["fraction"] is not None else ""
        lines.append(f"{row['generation']:04d}  {row['at']}  {row['move'] or '?':<8} {row['version'] or ''}{fraction}")
        lines.append(f"      live: {row['production'] or 'nothing'} · by {row['actor']}: {row['reason']}")
    return "\n".join(lines) + "\n"
