"""What the first view needs: the catalogue's rows, models, tasks, places and cards."""

from __future__ import annotations

from typing import Any

from tool.load import Repo
from tool.memo import Memo, remembered
from tool.memory.overhead import context_of, load_calibration, usable_of
from tool.schema.platform import CardOffer, Plan, Platform
from tool.site.chunk import Table, chunk
from tool.site.listed import Listed
from tool.site.needs import Kinds, kind_of

COLUMNS = (
    *("task", "objective", "adapter", "place", "learning_rate", "effective_batch_size"),
    *("per_device_train_batch_size", "max_length", "upper_gib", "usable_gib", "confidence", "hours_per_1000_rows"),
)
"""Columns of a row that fits, after the model's number and before the slug without the model."""


def core_file(repo: Repo, listed: list[Listed], memo: Memo | None = None) -> dict[str, bytes]:
    """`data/core.js`."""
    known = remembered(memo, "site/models", lambda: _models(repo))
    models: Table[str] = Table()
    for model, *_ in known:
        models.number(model)
    fitting = [item for item in listed if item.fits]
    places = sorted({item.row["place"] for item in listed})
    document = {
        "cards": cards_of(repo),
        "columns": ["model", *COLUMNS, "tail"],
        "models": known,
        "misfits": [
            [models.number(row["model"]), row["task"], row["objective"], row["adapter"], row["place"], row["would_fit"]]
            for row in (item.row for item in listed if not item.fits)
        ],
        "places": {place: place_of(repo, place) for place in places},
        "rows": [
            [models.number(item.row["model"]), *(item.row[name] for name in COLUMNS), item.tail] for item in fitting
        ],
        "stacks": _stacks(repo, fitting),
        "tasks": {task.id: _task(task) for task in repo.tasks},
    }
    return chunk("core", document)


def _models(repo: Repo) -> list[list[Any]]:
    return [[model.id, model.parameters, kind_of(model)] for model in repo.models]


def _task(task: Any) -> dict[str, Any]:
    kinds = {"objective": task.objective, "kinds": task.model_kinds, "length": task.max_length}
    return {"title": task.title, "description": task.description, "dataset": task.example_dataset, **kinds}


def cards_of(repo: Repo) -> list[dict[str, Any]]:
    """Cards by usable memory: what they have, what they can, and GiB that the process takes beside the allocator.

    `need`: the factor on every bound of a card whose runs took it by surprise; absent where none did.
    """
    kinds, calibration = Kinds.read(repo), load_calibration(repo.root)
    cards = []
    for gpu in repo.gpus:
        term = calibration.cards.get(gpu.id)
        card = {
            "id": gpu.id,
            "architecture": gpu.architecture,
            "usable": usable_of(calibration, gpu.id, gpu.usable_gib),
            "nominal": gpu.nominal_gb,
            "bf16": gpu.bf16,
            "nf4": gpu.bitsandbytes_nf4,
            "kind": kinds.of[gpu.id],
            "context": context_of(calibration, gpu.architecture, 1),
        }
        cards.append(card if term is None or term.need == 1.0 else {**card, "need": term.need})
    return sorted(cards, key=lambda card: (card["usable"], card["id"]))


def place_of(repo: Repo, place: str) -> dict[str, Any]:
    """A place of the catalogue, `platform/plan` or `platform/plan/gpu`, in words."""
    platform_id, plan_name, *named = place.split("/")
    platform = repo.platforms[platform_id]
    plan = platform.plans[plan_name]
    offer = _offer(plan, named[0] if named else None)
    stated = offer.usable_gib or repo.gpus[offer.gpu].usable_gib
    return {
        "title": _title(platform, plan_name),
        "card": offer.gpu,
        "gpus": offer.count,
        "kind": platform.kind,
        "usable": usable_of(load_calibration(repo.root), offer.gpu, stated),
        "hours": plan.runtime_limit_hours,
    }


def _offer(plan: Plan, card: str | None) -> CardOffer:
    return next((offer for offer in plan.cards if offer.gpu == card), plan.cards[0])


def _title(platform: Platform, plan: str) -> str:
    return platform.title if platform.kind == "local" else f"{platform.title}, {plan.replace('_', ' ')}"


def _stacks(repo: Repo, fitting: list[Listed]) -> dict[str, Any]:
    """Pins of the stacks that the answers name."""
    named = {item.answer.dependencies.stack for item in fitting if item.answer.dependencies}
    stacks = (repo.stacks[name] for name in sorted(named))
    return {stack.id: {"pins": dict(stack.pins), "from_image": dict(stack.from_image)} for stack in stacks}
