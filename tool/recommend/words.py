"""Words of a request that come from a closed vocabulary: objectives and adapters.

A word of ours is taken, another name for one of ours as well. A method that we do not know is outside of what the data
support and is answered by the nearest kind of run that we do know; a misspelling is an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from tool.errors import BadRequest

TYPO_CUTOFF = 0.78
LONGEST_SHOWN = 100
"""Characters of a name that a message quotes; a longer one is nobody's misspelling."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of the field `name`. `fallback` answers a foreign word that `kin` does not know a nearer one for."""

    name: str
    words: tuple[str, ...]
    fallback: str
    same: dict[str, str] = field(default_factory=dict)
    kin: dict[str, str] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Whether it is a word of the field, ours or a foreign one."""
        return _folded(name) in {*self.words, *self.same, *self.kin}


def _map(words: dict[str, str]) -> dict[str, str]:
    """{ours: "names of others"} → {name of another: ours}."""
    return {name: ours for ours, names in words.items() for name in names.split()}


OBJECTIVES = Vocabulary(
    "objective",
    ("sft", "dpo", "orpo", "kto", "simpo", "cpt", "grpo"),
    "sft",
    kin=_map(
        {
            "grpo": "ppo rloo reinforce reinforce++ remax dapo gspo dr_grpo online_dpo xpo nash nash_md rlvr raft",
            "dpo": "ipo cpo bco apo sppo nca robust_dpo rdpo iterative_dpo step_dpo cdpo sigmoid hinge slic",
        }
    ),
)
"""Methods that sample completions take a rate near GRPO's, pairwise ones near DPO's: a rate of SFT would break them."""
ADAPTERS = Vocabulary(
    "adapter",
    ("auto", "full", "lora", "qlora", "dora"),
    "lora",
    same=_map({"full": "none full_finetune full_finetuning full_fine_tuning full_parameter fft"}),
    kin=_map(
        {
            "lora": "rslora lora+ loraplus lora_plus lora_fa lorafa adalora xlora longlora loftq pissa vera olora",
            "qlora": "qdora qalora qa_lora",
        }
    ),
)
"""Frameworks name full fine-tuning by the absence of an adapter; variants of LoRA are no misspellings of it."""


def word(name: str, vocabulary: Vocabulary, outside: list[str]) -> str:
    """The word of `vocabulary` that answers `name`; for a foreign one `outside` says so. A typo raises BadRequest."""
    folded = _folded(name)
    if folded in vocabulary.words:
        return folded
    if folded in vocabulary.same:
        return vocabulary.same[folded]
    stand_in = vocabulary.kin.get(folded)
    near = None if stand_in else closest(folded, vocabulary.words)
    if near:
        raise BadRequest(vocabulary.name, f"unknown {vocabulary.name} {name!r}", f"did you mean {near!r}?")
    answer = stand_in or vocabulary.fallback
    listed = ", ".join(vocabulary.words)
    outside.append(f"{vocabulary.name} {shortened(name)} is not one of {listed}; answered as {answer}")
    return answer


def _folded(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")


def closest(name: str, known: Iterable[str], cutoff: float = TYPO_CUTOFF) -> str | None:
    """The known name that `name` is most likely a misspelling of, or None."""
    folded = {candidate.casefold(): candidate for candidate in known}
    match = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return folded[match[0]] if match else None


def shortened(name: str) -> str:
    """A name as messages quote it."""
    return repr(name if len(name) <= LONGEST_SHOWN else name[: LONGEST_SHOWN - 1] + "…")
