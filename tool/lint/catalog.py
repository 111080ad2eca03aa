"""Every rule: its name, and one sentence on what it is for."""

from __future__ import annotations

RULES: dict[str, str] = {
    # keys
    "unknown-key": "A key that the framework does not know is ignored or stops the run.",
    "renamed-key": "A key of an older release: the newest one calls it otherwise or dropped it.",
    "duplicate-key": "YAML keeps the last of two equal keys in silence.",
    # values
    "wrong-type": "A value of the wrong type stops the run, or is read as something else.",
    "unknown-choice": "A word that is none of those that the key takes.",
    "out-of-range": "A value that cannot be.",
    # contradictions
    "two-precisions": "bf16 and fp16 exclude each other.",
    "two-quantisations": "4-bit and 8-bit loading exclude each other.",
    "quantised-full": "Quantised weights cannot be trained without an adapter.",
    "adapter-without-rank": "Axolotl refuses an adapter without a rank.",
    "adapter-unused": "Adapter settings without the switch that turns adapters on train all weights.",
    "target-missing": "An adapter on modules that the model does not have.",
    "scaling-odd": "lora_alpha / lora_r scales every update.",
    "steps-and-epochs": "max_steps wins over epochs in silence.",
    "two-warmups": "warm-up steps win over the warm-up share in silence.",
    "warmup-ignored": "The constant schedule has no warm-up.",
    "warmup-too-long": "A warm-up that outlasts the run.",
    "endless-stream": "A streamed data set has no length: the run needs max_steps.",
    "two-shardings": "DeepSpeed and FSDP exclude each other.",
    "fsdp-quantised": "FSDP shards 4-bit weights only when they are stored in the type of the others.",
    "cache-with-checkpointing": "The key-value cache and gradient checkpointing exclude each other.",
    "evaluation-without-set": "Evaluation is asked for without rows to evaluate on.",
    "best-model-strategy": "The best model can only be loaded where saving and evaluation coincide.",
    "packing-unsupported": "Packing is for supervised texts; preferences and rollouts are not packed.",
    "packing-attention": "Packed rows see each other unless attention keeps them apart.",
    "packing-grouping": "Packed rows have one length: grouping by length does nothing.",
    "beta-missing": "Preference training without beta takes the framework's default in silence.",
    "group-size": "GRPO compares answers of one prompt: groups need two or more and must divide the batch.",
    "odd-kto-batch": "KTO estimates its reference point from pairs: one row a device is too few.",
    "loss-type": "A loss that belongs to another trainer.",
    # text
    "template-missing": "Without a chat template, turns are not told apart.",
    "pad-is-eos": "When padding is the end token, the end is masked and the model never learns to stop.",
    # card
    "card-lacks-bf16": "Cards before Ampere have no bf16.",
    "card-lacks-flash": "FlashAttention 2 needs Ampere or newer.",
    "card-lacks-tf32": "TF32 needs Ampere or newer.",
    "card-lacks-nf4": "bitsandbytes has no 4-bit kernels for this card.",
    "too-long-for-model": "A length beyond what the model was made for.",
    "memory": "What the run takes on the card.",
    # practice
    "rate-for-adapter": "A learning rate made for another kind of training.",
    "unusual-value": "Far from what careful people publish for this kind of run.",
    "batch-above-rows": "An effective batch larger than the data set.",
    "many-passes": "The same rows too many times.",
}
