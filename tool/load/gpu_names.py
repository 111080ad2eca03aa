"""What people write for a card → the card and the memory of it that a process can use.

Written names vary in letter case, vendor words, dashes, a size ("T4-15GB"), a count ("2x T4"), alternatives
("RTX-3090/4090-24GB": the one with less usable memory counts) and a memory that was seen ("NVIDIA L4 (22.161 GiB)").
A family name that several sizes share ("A100") means the smaller one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from tool.errors import BadRequest, Fault
from tool.load.name_keys import MAX_NAME, is_id, nearest
from tool.load.repo import Repo, open_repo
from tool.load.yaml_file import YamlFile
from tool.schema.gpu import Gpu

_NOISE = {"nvidia", "amd", "geforce", "tesla", "instinct", "radeon", "quadro", "gpu", "gpus", "generation", "card"}
_COUNT = re.compile(r"^\s*\d{1,2}\s*[x×*]\s*(?=[0-9a-z])|\s*(?<!rt)(?<!gt)[x×*]\s*\d{1,2}\s*$", re.IGNORECASE)
_SIZE = re.compile(r"\(?(?<![\d.])(\d+(?:\.\d+)?)\s*(gib|gb|mib|mb)\b\)?", re.IGNORECASE)
_WORDS = re.compile(r"[^0-9a-z]+")
_GIB_PER_UNIT = {"gib": 1.0, "gb": 1e9 / 2**30, "mib": 1 / 1024, "mb": 1e6 / 2**30}
# A written size and the nominal one differ by what the driver keeps: 14.56 of 16 on a T4 is the widest gap seen.
_SAME_SIZE = 0.12


@dataclass(frozen=True)
class _Index:
    """Cards by every name, and by every name without its size; the least usable share of a nominal size."""

    by_name: dict[str, Gpu]
    by_family: dict[str, tuple[Gpu, ...]]
    least_share: float


def card_key(name: str) -> str:
    """A name without vendor words, separators and letter case."""
    return "".join(word for word in _WORDS.split(name.casefold()) if word not in _NOISE)


def card_names(card: Gpu) -> tuple[str, ...]:
    """Every name that a card answers to."""
    return (card.id, *card.aliases, *card.device_names)


@lru_cache(maxsize=4)
def _index(repo: Repo) -> _Index:
    """Made from a second reading, so that what `repo` records as used does not depend on who asked first."""
    by_name: dict[str, Gpu] = {}
    families: dict[str, dict[str, Gpu]] = defaultdict(dict)
    shares = [1.0]
    for card in open_repo(repo.root).gpus:
        shares.append(card.usable_gib / card.nominal_gb)
        for name in card_names(card):
            by_name.setdefault(card_key(name), card)
            families[card_key(_SIZE.sub(" ", name))][card.id] = card
    return _Index(by_name, {key: tuple(cards.values()) for key, cards in families.items()}, min(shares))


def _least(cards: Iterable[Gpu]) -> Gpu | None:
    return min(cards, key=lambda card: card.usable_gib, default=None)


def _stated(sizes: list[tuple[str, str]]) -> tuple[float, bool]:
    """The last size that is written, in GiB, and whether it was seen on a card (else it is a nominal size)."""
    figure, unit = sizes[-1][0], sizes[-1][1].casefold()
    seen = "." in figure or unit in ("mib", "mb")
    return (float(figure) * _GIB_PER_UNIT[unit] if seen else float(figure)), seen


def _one(repo: Repo, name: str, shared_size: str = "") -> tuple[Gpu, float] | None:
    """One name without alternatives. `shared_size` is the text of a later alternative, which may carry the size."""
    index, name = _index(repo), _COUNT.sub("", name)
    bare = card_key(_SIZE.sub(" ", name))
    exact, family = index.by_name.get(card_key(name)), index.by_family.get(bare, ())
    sizes = _SIZE.findall(name) or _SIZE.findall(shared_size)
    if not sizes:
        card = exact or _least(family)
        return (card, card.usable_gib) if card else None
    gib, seen = _stated(sizes)
    named = index.by_name.get(bare)
    fitting = [card for card in family if abs(card.nominal_gb - gib) <= _SAME_SIZE * card.nominal_gb]
    card = exact or (named if named in fitting else _least(fitting))
    if card is None and seen:
        card = named or _least(family)
    if card is None:
        return None
    return card, gib if seen and 0 < gib < card.nominal_gb else card.usable_gib


def resolve_gpu(repo: Repo, name: str) -> tuple[Gpu, float] | None:
    """The card that `name` means and its usable memory (GiB), or None where no known card is meant.

    Of alternatives ("A/B") all must be known, and the one with the least usable memory is taken. A figure with
    a decimal point counts as memory seen on that very card; a whole number is a size that picks the variant.
    """
    if is_id(repo.gpus, name):
        card = repo.gpus[name]
        return card, card.usable_gib
    if not name.strip() or len(name) > MAX_NAME:
        return None
    parts = [part for part in re.split(r"/|\||\bor\b", name, flags=re.IGNORECASE) if part.strip()]
    found = [_one(repo, part, shared_size=parts[-1]) or _one(repo, part) for part in parts]
    known = [item for item in found if item is not None]
    if not known or len(known) < len(parts):
        return None
    card, usable = min(known, key=lambda item: item[1])
    return repo.gpus[card.id], usable


def stated_memory(repo: Repo, name: str) -> float | None:
    """Usable GiB of a card that nobody here knows, from the size in its name; None where it states none.

    A figure with a decimal point was seen. Of a nominal size we count the least share that the known cards leave.
    """
    sizes = _SIZE.findall(name) if len(name) <= MAX_NAME else []
    if not sizes:
        return None
    gib, seen = _stated(sizes)
    return (gib if seen else gib * _index(repo).least_share) or None


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
    """A fault for every name that two cards claim, once for each spelling of it."""
    first: dict[str, Gpu] = {}
    told: set[tuple[str, str]] = set()
    faults = []
    for card in repo.gpus:
        for field, name in _named_fields(card):
            key = card_key(name)
            holder = first.setdefault(key, card)
            if holder.id != card.id and (card.id, key) not in told:
                told.add((card.id, key))
                path = repo.gpus.path(card.id)
                line = YamlFile.read(repo.root, path).line_of(field)
                place = ".".join(str(part) for part in field)
                faults.append(Fault(path, line, place, f"{name!r} also names {holder.id}", "keep it on one card"))
    return faults


def _named_fields(card: Gpu) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every name of a card with the field that holds it; the id comes from the file name."""
    yield (), card.id
    for field, names in (("device_names", card.device_names), ("aliases", card.aliases)):
        for position, name in enumerate(names):
            yield (field, position), name
