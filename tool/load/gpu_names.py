"""What people write for a card → the card and the memory of it that a process can use.

Written names vary in letter case, vendor words, dashes, a size ("T4-15GB"), a count ("2x T4"), alternatives
("RTX-3090/4090-24GB": the one with less usable memory counts) and a memory that was seen ("NVIDIA L4 (22.161 GiB)").
A family name that several sizes share ("A100") means the smaller one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from tool.errors import BadRequest, Fault
from tool.load.name_keys import nearest
from tool.load.repo import Repo
from tool.load.yaml_file import YamlFile
from tool.schema.gpu import Gpu

_NOISE = {"nvidia", "amd", "geforce", "tesla", "instinct", "radeon", "quadro", "gpu", "gpus", "generation", "card"}
_COUNT = re.compile(r"^\s*\d{1,2}\s*[x×*]\s*(?=[a-z])|\s*(?<!rt)(?<!gt)[x×*]\s*\d{1,2}\s*$", re.IGNORECASE)
_SIZE = re.compile(r"\(?(?<![\d.])(\d+(?:\.\d+)?)\s*(gib|gb|mib|mb)\b\)?", re.IGNORECASE)
_WORDS = re.compile(r"[^0-9a-z]+")
_GIB_PER_UNIT = {"gib": 1.0, "gb": 1e9 / 2**30, "mib": 1 / 1024, "mb": 1e6 / 2**30}
# A written size and the nominal one differ by what the driver keeps: 14.56 of 16 on a T4 is the widest gap seen.
_SAME_SIZE = 0.12
_MAX_NAME = 200


@dataclass(frozen=True)
class _Index:
    """Cards by every name, and by every name without its size."""

    by_name: dict[str, Gpu]
    by_family: dict[str, tuple[Gpu, ...]]


def card_key(name: str) -> str:
    """A name without vendor words, separators and letter case."""
    return "".join(word for word in _WORDS.split(name.casefold()) if word not in _NOISE)


def card_names(card: Gpu) -> tuple[str, ...]:
    """Every name that a card answers to."""
    return (card.id, *card.aliases, *card.device_names)


@lru_cache(maxsize=4)
def _index(repo: Repo) -> _Index:
    by_name: dict[str, Gpu] = {}
    families: dict[str, dict[str, Gpu]] = defaultdict(dict)
    for card in repo.gpus:
        for name in card_names(card):
            by_name.setdefault(card_key(name), card)
            families[card_key(_SIZE.sub(" ", name))][card.id] = card
    return _Index(by_name, {key: tuple(cards.values()) for key, cards in families.items()})


def _near(card: Gpu, gib: float) -> bool:
    return abs(card.nominal_gb - gib) <= _SAME_SIZE * card.nominal_gb


def _one(repo: Repo, name: str, shared_size: str = "") -> tuple[Gpu, float] | None:
    """One name without alternatives. `shared_size` is the size that a later alternative carries."""
    index = _index(repo)
    sizes = _SIZE.findall(name) or _SIZE.findall(shared_size)
    exact = index.by_name.get(card_key(_COUNT.sub("", name)))
    if not sizes:
        family = index.by_family.get(card_key(_COUNT.sub("", name)), ())
        card = exact or min(family, key=lambda card: card.usable_gib, default=None)
        return (card, card.usable_gib) if card else None
    figure, unit = sizes[-1]
    seen = "." in figure or unit.casefold() in ("mib", "mb")
    gib = float(figure) * _GIB_PER_UNIT[unit.casefold()] if seen else float(figure)
    bare = card_key(_COUNT.sub("", _SIZE.sub(" ", name)))
    family = index.by_family.get(bare, ())
    fitting = [card for card in family if _near(card, gib)]
    card = exact or _choose(index.by_name.get(bare), fitting)
    if card is None and seen:
        card = index.by_name.get(bare) or min(family, key=lambda card: card.usable_gib, default=None)
    if card is None:
        return None
    return card, gib if seen and gib < card.nominal_gb else card.usable_gib


def _choose(named: Gpu | None, fitting: list[Gpu]) -> Gpu | None:
    """The card that the bare name means where its size fits, else the fitting one with the least memory."""
    if named in fitting:
        return named
    return min(fitting, key=lambda card: card.usable_gib, default=None)


def resolve_gpu(repo: Repo, name: str) -> tuple[Gpu, float] | None:
    """The card that `name` means and its usable memory (GiB), or None where no known card is meant.

    Of alternatives ("A/B") all must be known, and the one with the least usable memory is taken. A figure with
    a decimal point counts as memory seen on that very card; a whole number is a size that picks the variant.
    """
    if name in repo.gpus:
        card = repo.gpus[name]
        return card, card.usable_gib
    if not name.strip() or len(name) > _MAX_NAME:
        return None
    parts = [part for part in re.split(r"/|\||\bor\b", name, flags=re.IGNORECASE) if part.strip()]
    found = [_one(repo, part, shared_size=parts[-1]) or _one(repo, part) for part in parts]
    known = [item for item in found if item is not None]
    if not known or len(known) < len(parts):
        return None
    return min(known, key=lambda item: item[1])


def find_gpu(repo: Repo, name: str, field: str = "gpu") -> tuple[Gpu, float]:
    """Like `resolve_gpu`, but a miss is a BadRequest that suggests the nearest name."""
    found = resolve_gpu(repo, name)
    if found is None:
        names = [known for card in repo.gpus for known in card_names(card)]
        close = nearest(name, names)
        listing = f"known: {', '.join(known_gpus(repo)[:8])}, …"
        raise BadRequest(field, f"unknown GPU {name!r}", f"did you mean {close!r}?" if close else listing)
    return found


def known_gpus(repo: Repo) -> list[str]:
    """The ids of all cards, sorted."""
    return list(repo.gpus.ids())


def alias_faults(repo: Repo) -> list[Fault]:
    """A fault for every name that two cards claim."""
    first: dict[str, Gpu] = {}
    faults = []
    for card in repo.gpus:
        for field, names in (("aliases", card.aliases), ("device_names", card.device_names), ("id", (card.id,))):
            for position, name in enumerate(names):
                holder = first.setdefault(card_key(name), card)
                if holder.id != card.id:
                    path = repo.gpus.path(card.id)
                    line = YamlFile.read(repo.root, path).line_of((field, position))
                    faults.append(
                        Fault(
                            path, line, f"{field}.{position}", f"{name!r} also names {holder.id}", "keep it on one card"
                        )
                    )
    return faults
