"""Values far from what careful people publish for the same kind of run: quartiles and n from the priors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tool.lint.finding import Finding
from tool.lint.view import View
from tool.priors import adapter_kind, lookup, objective_kind
from tool.recipes.models import parameters_of
from tool.recipes.vocabulary import ADAPTERS, OBJECTIVES
from tool.schema.base import Adapter, Objective, SizeBucket, size_bucket
from tool.schema.priors import PriorAnswer, PriorFieldName, Priors

LEAST_N = 20
"""A narrow group with fewer choices says less than the wider one around it."""
SPREAD = (3.0, 10.0)
"""A value is far when it lies this many times beyond a quartile: as many times as the quartiles lie apart, within
these bounds (Tukey's outer fence, on the logarithm)."""
FAR_FROM_CONSENSUS = 30.0
PLAIN: tuple[tuple[PriorFieldName, str, float], ...] = (
    ("warmup_ratio", "warmup_ratio", 0.3),
    ("weight_decay", "weight_decay", 0.3),
    ("lora_dropout", "lora_dropout", 0.3),
)
"""Field of the priors, of the draft, and the value below which nobody is warned."""
_OTHER_SCALES = ("muon", "lion", "adafactor", "sgd", "galore", "apollo", "badam")


def practice(view: View, priors: Priors) -> Iterator[Finding]:
    """Findings for one view; none where objective or adapter is outside what the priors speak of."""
    draft = view.draft
    if draft is None or view.objective not in OBJECTIVES or view.adapter not in ADAPTERS or draft.modality != "text":
        return
    yield from _rate(view, priors)
    yield from _epochs(view, priors)
    yield from _rank(view, priors)
    yield from _batch(view, priors)
    for field, name, least in PLAIN:
        value = getattr(draft, name)
        if value is None or value <= least or (field == "lora_dropout" and view.adapter == "full"):
            continue
        prior = _prior(view, priors, field)
        if prior.high is not None and value > 3 * prior.high:
            yield _unusual(view, name, value, prior)


def _size(view: View) -> SizeBucket | None:
    size = parameters_of(view.draft.model) if view.draft and view.draft.model else None
    return size_bucket(size * 1e9) if size else None


def _prior(view: View, priors: Priors, field: PriorFieldName) -> PriorAnswer:
    """The narrowest group with enough choices."""
    adapter, objective = cast(Adapter, view.adapter), cast(Objective, view.objective)
    narrow = lookup(priors, None, objective, _size(view), adapter, field)
    return narrow if narrow.n >= LEAST_N else lookup(priors, None, objective, None, adapter, field)


def _rate(view: View, priors: Priors) -> Iterator[Finding]:
    rate = view.draft.learning_rate if view.draft else None
    optim = (view.draft.optim or "").lower() if view.draft else ""
    if not rate or any(word in optim for word in _OTHER_SCALES):
        return
    prior = _prior(view, priors, "learning_rate")
    centre = float(prior.value)
    low, high = prior.low or centre, prior.high or centre
    spread = min(max(high / low, SPREAD[0]), SPREAD[1])
    if rate > min(high * spread, centre * FAR_FROM_CONSENSUS):
        rule = "rate-for-adapter" if view.adapter == "full" else "unusual-value"
        yield _unusual(view, "learning_rate", rate, prior, rule)
    elif rate < max(low / spread, centre / FAR_FROM_CONSENSUS) and view.adapter != "full":
        yield _unusual(view, "learning_rate", rate, prior, "rate-for-adapter")
    elif rate < low / SPREAD[1]:
        yield _unusual(view, "learning_rate", rate, prior)


def _epochs(view: View, priors: Priors) -> Iterator[Finding]:
    draft = view.draft
    if draft is None or not draft.epochs or draft.max_steps:
        return
    prior = _prior(view, priors, "num_train_epochs")
    if prior.high is not None and draft.epochs > max(3 * prior.high, 9):
        yield _unusual(view, "epochs", draft.epochs, prior, "many-passes")


def _rank(view: View, priors: Priors) -> Iterator[Finding]:
    rank = view.draft.lora_r if view.draft else None
    if not rank or view.adapter == "full":
        return
    prior = _prior(view, priors, "lora_r")
    if prior.high is not None and prior.low is not None and not prior.low / 8 <= rank <= max(4 * prior.high, 256):
        yield _unusual(view, "lora_r", rank, prior)


def _batch(view: View, priors: Priors) -> Iterator[Finding]:
    draft = view.draft
    if draft is None or draft.micro_batch is None:
        return
    ranks = view.target.gpus or draft.data_parallel or draft.gpus or 1
    batch = draft.micro_batch * (draft.accumulation or 1) * ranks
    prior = _prior(view, priors, "effective_batch_size")
    if prior.high is not None and batch > 16 * prior.high and view.objective != "cpt":
        yield _unusual(view, "micro_batch", batch, prior)


def _unusual(view: View, field: str, value: float, prior: PriorAnswer, rule: str = "unusual-value") -> Finding:
    key = view.key_of(field)
    kind = f"{objective_kind(cast(Objective, view.objective))}, {adapter_kind(cast(Adapter, view.adapter))}"
    what = "effective batch" if field == "micro_batch" else key or field
    low, high = prior.low, prior.high
    if low is None or high is None:
        usual = f"{float(prior.value):g} is usual ({prior.source})"
    else:
        usual = (
            f"the middle half of {prior.n} choices of {prior.repositories} publishers ({kind}) is {low:g} to {high:g}"
        )
    direction = "above" if value > float(prior.value) else "below"
    message = f"{what} of {value:g} is far {direction} practice: {usual}"
    mend = f"{float(prior.value):g} is their consensus"
    if rule == "rate-for-adapter":
        mend += "; rates of LoRA are about ten times those of full fine-tuning"
    return view.find(rule, key, message, mend, "warning")
