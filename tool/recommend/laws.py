"""Published laws and defaults: the widest prior, used where the recipes are silent. Each carries its source.

These are read by people in the `reasons` of an answer, so each law is a value, a rule in words and a source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

TINKER = "thinking-machines-lab/tinker-cookbook, tinker_cookbook/hyperparam_utils.py"
TRL = "huggingface/trl, docs/source (LoRA without regret; DPO, GRPO trainer pages)"
QLORA = "artidoro/qlora, scripts/finetune_*.sh; Dettmers et al. 2023, arXiv 2305.14314, appendix B"
PEFT = "huggingface/peft, method_comparison/MetaMathQA"
BERT = "Devlin et al. 2019, arXiv 1810.04805, appendix A.3: 2e-5 to 5e-5, batch 16 or 32 (recalled)"
T5 = "huggingface/transformers, docs/source/en/model_doc/t5.md: AdamW 1e-4 to 3e-4 (recalled)"
DPO = "huggingface/trl, docs/source/dpo_trainer.md; Rafailov et al. 2023, arXiv 2305.18290, appendix B"
SIMPO = "princeton-nlp/SimPO, README.md : learning rate 3e-7 to 1e-6, beta 2.0 to 2.5 (recalled)"
KTO = "huggingface/trl, docs/source/kto_trainer.md : learning rate 5e-7 to 5e-6 (recalled)"
ORPO = "Hong et al. 2024, arXiv 2403.07691, 8e-6 in full fine-tuning (recalled)"
THUMB = "rule of thumb of practice: below 100 rows 3-5 epochs, 100-500 2-3, 500-2000 1-2, above 1"

PREFERENCE = frozenset({"dpo", "orpo", "kto", "simpo"})
OWN_RATE = frozenset({("orpo", "full")})
"""(objective, adapter) whose learning rate is its own law. Recipes of preference tuning are pooled, and those of full
fine-tuning are of DPO, whose loss takes a far smaller rate than ORPO's, which holds the loss of SFT as well. With
adapters the published rates of both overlap (5e-6 to 2e-4), and the pool stands.
"""
TINKER_EXPONENT = {"llama": 0.781, "qwen": 0.0775}


@dataclass(frozen=True)
class Value:
    """A value with the rule that gave it, the source, and on how many observations it rests (None: a law).

    `low` and `high` span what careful people use (interquartile range), where it is known.
    """

    value: Any
    rule: str
    source: str
    n: int | None = None
    low: float | None = None
    high: float | None = None


_FULL_LEARNING_RATE = {
    "sft": (2e-5, TRL),
    "cpt": (2e-5, TRL),
    "dpo": (5e-7, DPO),
    "simpo": (8e-7, SIMPO),
    "kto": (1e-6, KTO),
    "orpo": (8e-6, ORPO),
    "grpo": (1e-6, TRL),
}


def learning_rate(objective: str, adapter: str, model_kind: str, parameters: float | None) -> Value:
    """Learning rate by objective and adapter: LoRA takes ten times the rate of full fine-tuning (TRL docs).

    Encoders follow BERT, encoder-decoders follow T5 with AdamW; QLoRA above 13e9 parameters takes half (QLoRA paper).
    """
    if model_kind == "sequence_classification" and adapter == "full":
        return Value(2e-5, "encoders and classifiers, full fine-tuning", BERT)
    if model_kind == "seq2seq":
        value = 1e-4 if adapter == "full" else 1e-3
        return Value(value, "encoder-decoders with AdamW; adapters take ten times the rate", T5)
    base, source = _FULL_LEARNING_RATE[objective]
    if adapter == "full":
        return Value(base, f"{objective}, full fine-tuning", source)
    if adapter == "qlora" and objective == "sft" and (parameters or 0) > 13e9:
        return Value(1e-4, "QLoRA above 13e9 parameters", QLORA)
    return Value(base * 10, f"{objective}, adapters take ten times the rate of full fine-tuning", source)


def tinker_learning_rate(family: str, hidden_size: int, adapter: str) -> Value | None:
    """SFT rate 5e-5 x (10 if LoRA) x (2000 / hidden_size)^P; None for a family whose exponent is not published."""
    exponent = next((power for name, power in TINKER_EXPONENT.items() if name in family.casefold()), None)
    if exponent is None:
        return None
    value = 5e-5 * (1 if adapter == "full" else 10) * (2000 / hidden_size) ** exponent
    return Value(value, f"tinker law: 5e-5 x 10 if LoRA x (2000/hidden)^{exponent}", TINKER)


def epochs(rows: int | None, objective: str) -> Value:
    """Epochs by dataset rows: below 100 four, below 500 three, below 2000 two, from there one, and where unknown."""
    if objective in ("grpo", "cpt"):
        return Value(1.0, f"{objective}: one pass over the data", TRL)
    if rows is None:
        return Value(1.0, "rows unknown: one pass, which most published recipes make", "registry/recipes")
    steps = ((100, 4.0), (500, 3.0), (2000, 2.0))
    count = next((value for limit, value in steps if rows < limit), 1.0)
    if objective in PREFERENCE:
        count = min(count, 2.0)
    return Value(count, f"{rows} rows", THUMB)


def effective_batch(objective: str, adapter: str, rows: int | None) -> Value:
    """Sequences an optimizer step: 16 for adapters (QLoRA), 32 for full, 64 for preference; fewer for few rows."""
    base = 16 if adapter != "full" else 32
    if objective in PREFERENCE:
        base = 32 if adapter != "full" else 64
    if objective == "grpo":
        return Value(32, "completions an optimizer step: 4 prompts x 8 generations", TRL)
    if rows is not None and rows < base * 25:
        base = max(4, 1 << max(0, (rows // 25)).bit_length() - 1) if rows >= 100 else 4
        return Value(base, f"{rows} rows: at least 25 optimizer steps an epoch", THUMB)
    return Value(base, f"{objective}, {adapter}", QLORA if adapter != "full" else TRL)


def lora_rank(objective: str, parameters: float | None) -> Value:
    """Rank 16 by default; 8 for reinforcement (little information a step), 32 below 1e9 parameters."""
    if objective == "grpo":
        return Value(8, "reinforcement needs little capacity", TRL)
    if parameters is not None and parameters < 1e9:
        return Value(32, "small models: more rank at little cost", PEFT)
    return Value(16, "default rank", PEFT)


RANK_MEASURED = (
    "measured on Llama-3.2-3B at alpha twice the rank: 47.8 % of answers right at rank 32, 47.4 % at 64 (± 1.4 each)"
)
"""What outcomes say of the rank: more than 32 bought nothing. A test holds the figures to registry/recipes."""


def measured_rank(value: Value) -> Value:
    """A rank with what outcomes say of it; consensus and law stay within what they bear out."""
    return replace(value, rule=f"{value.rule}; {RANK_MEASURED}", source=f"{value.source}; {PEFT}")


ALPHA_RATIO = Value(2.0, "alpha twice the rank", TRL)

FIXED: dict[str, Value] = {
    "lora_dropout": Value(0.0, "dropout costs memory and rarely helps with few epochs", PEFT),
    "lr_scheduler_type": Value("cosine", "cosine decay with warm-up", TRL),
    "warmup_ratio": Value(0.03, "three percent of the steps", QLORA),
    "weight_decay": Value(0.0, "no decay in short fine-tuning", TRL),
    "max_grad_norm": Value(1.0, "the trainer's clip", TRL),
    "optim": Value("adamw_torch_fused", "the trainer's default, least temporary memory", TRL),
    "seed": Value(42, "fixed for repeatability", TRL),
}

OBJECTIVE_PARAMETERS: dict[str, dict[str, Value]] = {
    "dpo": {"beta": Value(0.1, "DPO default", DPO)},
    "kto": {"beta": Value(0.1, "KTO default", KTO)},
    "orpo": {"beta": Value(0.1, "ORPO lambda", ORPO)},
    "simpo": {"beta": Value(2.0, "SimPO default", SIMPO)},
    "grpo": {
        "beta": Value(0.0, "no reference model", TRL),
        "num_generations": Value(8, "group size", TRL),
    },
}
