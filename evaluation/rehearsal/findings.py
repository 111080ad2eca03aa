"""What a rehearsal must have shown, each finding with its figures; the test and the report ask the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evaluation.rehearsal import fleet, truth
from evaluation.rehearsal.play import POISON_FROM, SLIP_WEEK, SPOILT_WEEKS, Played, Week
from tool.retrain.guard import LARGEST_STEP

DRIFT = "memory-drift/accurate"
OOM = "oom-rate/low"


@dataclass(frozen=True)
class Finding:
    """One claim, whether it holds, and the figures behind it."""

    claim: str
    holds: bool
    figures: str


def findings(played: Played) -> list[Finding]:
    """All of them, in the order of the calendar."""
    checks: tuple[Callable[[Played], Finding], ...] = (
        _misjudged_cards_go_out_of_memory,
        _ooms_fall,
        _cards_are_learned,
        _the_regression_triggers,
        _the_regression_is_learned,
        _a_good_candidate_goes_live,
        _the_poisoner_lowers_nothing,
        _the_poisoner_moves_no_rate,
        _the_slip_passes_the_gates,
        _the_slip_is_stopped,
        _everything_is_on_record,
    )
    return [check(played) for check in checks]


def poisoner() -> str:
    """The name under which rows of the poisoner would stand in the registry."""
    return "telemetry/source-" + hashlib.sha256(str(fleet.POISONER).encode()).hexdigest()[:12]


def _shares(weeks: Sequence[Week]) -> str:
    return ", ".join(f"week {week.week}: {week.oom_rate:.2%}" for week in weeks)


def _before(played: Played) -> list[Week]:
    return [week for week in played.weeks if week.week < SPOILT_WEEKS[0]]


def _misjudged_cards_go_out_of_memory(played: Played) -> Finding:
    first = played.weeks[0]
    ooms = {card: count / runs for card, (count, runs) in first.by_card.items() if runs}
    told = ", ".join(f"{card} {share:.1%}" for card, share in ooms.items())
    worst = sorted(ooms, key=lambda card: -ooms[card])[: len(truth.MISJUDGED)]
    holds = set(worst) == set(truth.MISJUDGED) and all(ooms[card] > 0.03 for card in truth.MISJUDGED)
    return Finding("In week 1, runs go out of memory on the two misjudged cards", holds, told)


def _ooms_fall(played: Played) -> Finding:
    weeks = _before(played)
    falls = all(later.oom_rate <= earlier.oom_rate for earlier, later in pairwise(weeks))
    holds = falls and weeks[0].oom_rate > 0.02 > 4 * weeks[-1].oom_rate
    return Finding(
        "Runs out of memory fall with the first retraining, and never rise again until the regression",
        holds,
        _shares(weeks),
    )


def _cards_are_learned(played: Played) -> Finding:
    terms = _before(played)[-1].cards
    a10g, ada = terms.get("A10G", {}), terms.get("RTX-4090", {})
    holds = a10g.get("usable_gib") == truth.CARDS["A10G"].free and ada.get("need", 1.0) > 1.1
    holds = holds and set(terms) == set(truth.MISJUDGED)
    told = f"A10G: {a10g.get('usable_gib')} GiB free; RTX-4090: bound × {ada.get('need')}; cards: {', '.join(terms)}"
    return Finding("Each misjudged card is mended in its own way, and no other card pays for it", holds, told)


def _the_regression_triggers(played: Played) -> Finding:
    asked = [week.week for week in played.weeks if {DRIFT, OOM} <= set(week.triggers)]
    drifts = [week.week for week in played.weeks if DRIFT in week.triggers]
    holds = asked[:1] == [SPOILT_WEEKS[0]] if _before(played)[-1].week else False
    ratios = ", ".join(f"week {week.week}: {week.numbers.get('memory_ratio')}" for week in played.weeks)
    told = f"drift asked for a retraining in weeks {drifts}, with OOMs in {asked}; measured / predicted: {ratios}"
    return Finding("The regression in week 5 triggers a retraining, by drift and by OOM rate", holds, told)


def _the_regression_is_learned(played: Played) -> Finding:
    spoilt = [week for week in played.weeks if week.week in SPOILT_WEEKS]
    falls = all(later.oom_rate <= earlier.oom_rate for earlier, later in pairwise(spoilt))
    holds = falls and spoilt[0].oom_rate > 0.02 and spoilt[-1].oom_rate < spoilt[0].oom_rate / 2
    return Finding("Bounds follow the regression: runs out of memory fall week by week", holds, _shares(spoilt))


def _a_good_candidate_goes_live(played: Played) -> Finding:
    steps = [title for week in played.weeks for title in week.merged if "canary" in title or "production" in title]
    first = played.weeks[0].candidate
    holds = f"Promote {first} to production" in steps
    return Finding("A good candidate goes through 1, 5 and 20 % to production by telemetry", holds, "; ".join(steps))


def _the_poisoner_lowers_nothing(played: Played) -> Finding:
    lowered = []
    for earlier, later in pairwise(played.weeks):
        for card, term in earlier.cards.items():
            now = later.cards.get(card, {})
            if now.get("need", 0.0) < term["need"] or (now.get("usable_gib") or 0) > (term["usable_gib"] or 1e9):
                lowered.append(f"{card} in week {later.week}")
    raised = [
        f"{card} in week {later.week}"
        for earlier, later in pairwise(played.weeks)
        for card, term in later.cards.items()
        if later.week > SPOILT_WEEKS[-1] and term != earlier.cards.get(card)
    ]
    events = sum(week.poisoned for week in played.weeks)
    told = f"{events:,} of its events from week {POISON_FROM} on; terms lowered: {lowered or 'none'}; after the "
    told += f"regression terms moved: {raised or 'none'}; rows it has: {played.rows_by_source.get(poisoner(), 0)}"
    return Finding("The poisoner lowers no bound", not lowered and events > 0, told)


def _the_poisoner_moves_no_rate(played: Played) -> Finding:
    weeks = [week for week in played.weeks if week.week >= POISON_FROM and week.candidate]
    admitted = [week.learned["step"] for week in weeks if not week.learned["held"]]
    held = sum(week.learned["held"] > 0 for week in weeks)
    holds = bool(weeks) and max(admitted, default=1.0) <= LARGEST_STEP
    told = (
        f"largest step of a learning rate that was admitted: {max(admitted, default=1.0):g} (allowed {LARGEST_STEP:g});"
    )
    told += f" held back for people in {held} of {len(weeks)} weeks"
    return Finding("The poisoner moves no learning rate beyond its cap", holds, told)


def _the_slip_passes_the_gates(played: Played) -> Finding:
    told = f"verdict of the gates on {played.slip}: {played.slip_verdict}"
    return Finding("The engine with the slip passes every offline gate", played.slip_verdict == "pass", told)


def _the_slip_is_stopped(played: Played) -> Finding:
    week = next((week for week in played.weeks if f"Abort the canary {played.slip}" in week.merged), None)
    if week is None:
        return Finding("The canary stops it", False, "it was never aborted")
    failed = ", ".join(f"{slot} {share:.1%}" for slot, share in week.failed.items())
    holds = week.week <= SLIP_WEEK + 2
    return Finding("The canary stops it at 1 %, and it is rolled back", holds, f"in week {week.week}; failed: {failed}")


def _everything_is_on_record(played: Played) -> Finding:
    merged = [title for week in played.weeks for title in week.merged]
    listed = [line for line in played.history.splitlines() if line[:4].isdigit()]
    holds = all(word in played.history for word in (played.slip, "abort", "release", "genesis"))
    told = f"{len(merged)} merges, {len(listed)} steps in `ftc history`, and `ftc verify` passes at the end"
    return Finding("Everything is on record", holds and bool(played.slip), told)
