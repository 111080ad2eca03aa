"""How answers look in a terminal."""

from __future__ import annotations

from typing import Any

import click

from tool.recommend.confidence import within_card
from tool.recommend.peers import peer_lines
from tool.schema.recommendation import Recommendation

HIDDEN = ("task_type",)


def show_recommendation(answer: Recommendation, explain: bool, found: dict[str, Any] | None = None) -> None:
    """Verdict first, then the configuration, then what to know; reasons with `explain`; `found`: what others chose."""
    click.echo(headline(answer))
    click.echo()
    width = max(len(name) for name in answer.config)
    reasons = {reason.field: reason for reason in answer.reasons}
    for name, value in answer.config.items():
        if value is None or name in HIDDEN:
            continue
        shown = number(value)
        if not explain or name not in reasons:
            click.echo(f"  {name:<{width}}  {shown}")
            continue
        reason = reasons[name]
        count = f", n = {reason.n}" if reason.n is not None else ""
        click.echo(f"  {name:<{width}}  {shown:<20}  {reason.rule}  [{reason.source}{count}]")
    click.echo(f"  {'effective_batch_size':<{width}}  {answer.effective_batch_size}")
    click.echo()
    for line in [*([*peer_lines(found), ""] if found else []), *facts(answer)]:
        click.echo(line)
    for warning in answer.warnings:
        click.echo(f"note: {warning}")


def headline(answer: Recommendation) -> str:
    """One line: what fits where."""
    config, vram = answer.config, answer.vram
    what = f"{config['adapter']} {config['objective']} for {config['task_type']}"
    if vram is None:
        return f"{what} (no hardware named: hyperparameters only)"
    if vram.verdict == "fits":
        return f"fits: {what}, at most {vram.upper_gib:.1f} of {vram.usable_gib:.1f} GiB"
    if vram.verdict == "abstain" and within_card(vram):
        return f"within a wide bound: {what}, at most {vram.upper_gib:.1f} of {vram.usable_gib:.1f} GiB"
    if vram.upper_gib is None:
        return f"cannot tell whether it fits: {what} ({vram.abstained_because})"
    return f"does not fit ({vram.verdict}): {what}, needs up to {vram.upper_gib:.1f} of {vram.usable_gib:.1f} GiB"


def facts(answer: Recommendation) -> list[str]:
    """Memory, time, confidence and dependencies, a line each."""
    lines = []
    vram = answer.vram
    if vram is not None and vram.allocated_gib is not None:
        parts = sorted(vram.terms.items(), key=lambda item: -item[1])[:4]
        terms = ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in parts)
        lines.append(f"memory: {vram.allocated_gib:.1f} GiB allocated at the peak ({vram.peak_phase}: {terms})")
    if answer.estimated_hours is not None:
        lines.append(f"time: about {answer.estimated_hours:g} h")
    lines.append(f"confidence: {answer.confidence:.2f} (strategy {answer.strategy}, engine {answer.engine or 'none'})")
    if answer.dependencies is not None:
        pins = " ".join(f"{name}=={version}" for name, version in answer.dependencies.pins.items())
        lines.append(f"dependencies: {answer.dependencies.stack}: {pins}")
    return lines


def number(value: object) -> str:
    """Small rates in scientific notation, the rest as it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
