"""What others would answer: rules, framework defaults, and the bucket median of published recipes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tool.learn.correction import WIDTH_EXPONENT, typical_hidden
from tool.learn.distribution import Distribution
from tool.learn.facts import TYPICAL_PARAMS_B, Facts
from tool.learn.fields import FIELDS, rule_of_thumb
from tool.learn.opinions import Opinion

Answer = Callable[[Facts], float]
QWEN_EXPONENT = 0.0775
WIDTH_UNIT = 2000


def _trl(facts: Facts) -> float:
    """Defaults of TRL's configuration classes (1.16): SFT 2e-5 whatever the adapter, DPO and GRPO 1e-6."""
    return math.log10(1e-6 if facts.group in ("preference", "grpo") else 2e-5)


def _axolotl(facts: Facts) -> float:
    """Axolotl names no default; its example configurations carry 2e-4 with adapters and 2e-5 without (recalled)."""
    return math.log10(2e-4 if facts.is_adapter else 2e-5)


def _llama_factory(facts: Facts) -> float:
    """The Hugging Face trainer's 5e-5, which LLaMA-Factory leaves as it is."""
    return math.log10(5e-5)


def _unsloth(facts: Facts) -> float:
    """Unsloth's notebooks: 2e-4, for preference and reinforcement 5e-6, full fine-tuning 2e-5 (recalled)."""
    if facts.group in ("preference", "grpo"):
        return math.log10(5e-6)
    return math.log10(2e-4 if facts.is_adapter else 2e-5)


def tinker(facts: Facts) -> float | None:
    """tinker-cookbook: 5e-5 x (10 with LoRA) x (2000 / hidden)^P for Llama and Qwen; None for any other case."""
    exponents = {"llama": WIDTH_EXPONENT, "smollm": WIDTH_EXPONENT, "qwen": QWEN_EXPONENT}
    if facts.group not in ("sft", "cpt") or facts.family not in exponents:
        return None
    hidden = facts.hidden_size or typical_hidden(facts.params_b or TYPICAL_PARAMS_B)
    return math.log10(5e-5 * (10 if facts.is_adapter else 1)) + exponents[facts.family] * math.log10(
        WIDTH_UNIT / hidden
    )


def _tinker_or_thumb(facts: Facts) -> float:
    found = tinker(facts)
    return rule_of_thumb(facts) if found is None else found


RATES: dict[str, Answer] = {
    "rule of thumb": rule_of_thumb,
    "TRL defaults": _trl,
    "Axolotl examples": _axolotl,
    "LLaMA-Factory defaults": _llama_factory,
    "Unsloth notebooks": _unsloth,
    "tinker law, else rule of thumb": _tinker_or_thumb,
}

# Defaults of the frameworks in native units; None: the framework has none. Axolotl's and Unsloth's are those of their
# examples (recalled).
DEFAULTS: dict[str, dict[str, float]] = {
    "effective_batch_size": {"TRL": 8, "Axolotl": 8, "LLaMA-Factory": 8, "Unsloth": 8, "QLoRA": 16},
    "lora_r": {"TRL": 16, "Axolotl": 32, "LLaMA-Factory": 8, "Unsloth": 16, "QLoRA": 64},
    "num_train_epochs": {"TRL": 3, "Axolotl": 4, "LLaMA-Factory": 3, "Unsloth": 1, "QLoRA": 1},
    "warmup_ratio": {"TRL": 0.0, "Axolotl": 0.1, "LLaMA-Factory": 0.0, "Unsloth": 0.05, "QLoRA": 0.03},
}


def bucket_spread(items: Sequence[Opinion], field: str) -> Callable[[Facts], Distribution]:
    """Published values by (objective, adapter, size), every row alike; all values where a bucket is empty."""
    spec = FIELDS[field]
    buckets: dict[tuple[str, ...], list[float]] = {}
    everything = []
    for item in items:
        if field in item.values:
            value = spec.scale(item.values[field])
            buckets.setdefault(_bucket(item.facts), []).append(value)
            everything.append(value)

    def answer(facts: Facts) -> Distribution:
        values = np.array(buckets.get(_bucket(facts), everything))
        return Distribution.of(values, np.ones(len(values)))

    return answer


def _bucket(facts: Facts) -> tuple[str, ...]:
    return (facts.group, facts.adapter, facts.size_bucket)
