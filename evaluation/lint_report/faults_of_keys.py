"""Faults of keys and of single values."""

from __future__ import annotations

import random
from typing import Any

from evaluation.lint_report.carrier import Carrier, Kind
from tool.lint.known import call_keys, file_keys
from tool.lint.names import NAMES


def _plain_keys(carrier: Carrier) -> list[str]:
    known = file_keys(carrier.framework)
    keys = sorted(carrier.config)
    if carrier.calls:
        return [key for key in keys if call_keys(key.rpartition(".")[0]) and len(key.rpartition(".")[2]) > 5]
    return [key for key in keys if key in known and len(key.rsplit(".", 1)[-1]) > 5]


def misspelt_key(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    """Two letters swapped, one doubled or one lost, in the last part of a key."""
    keys = _plain_keys(carrier)
    if not keys:
        return None
    key = rng.choice(keys)
    head, dot, last = key.rpartition(".")
    place = rng.randrange(1, len(last) - 2)
    swapped = last[:place] + last[place + 1] + last[place] + last[place + 2 :]
    lost, doubled = last[:place] + last[place + 1 :], last[:place] + last[place] + last[place:]
    wrong = rng.choice([word for word in (swapped, lost, doubled) if word != last])
    carrier.config = {head + dot + wrong if name == key else name: value for name, value in carrier.config.items()}
    return ("unknown-key", "renamed-key")


def key_of_another_framework(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    """The same thing under the name that another framework gives it."""
    known = {name.rsplit(".", 1)[-1] for name in file_keys(carrier.framework)}
    if carrier.calls:
        known |= set(call_keys(carrier.trainer[:-1]))
    options = []
    for canonical in ("micro_batch", "max_length", "lora_r", "epochs", "max_grad_norm"):
        key = carrier.key(canonical)
        foreign = [name for name in NAMES[canonical] if name not in known and name != "r"]
        if key is not None and foreign and not (canonical == "lora_r" and carrier.calls):
            options.append((key, rng.choice(foreign)))
    if not options:
        return None
    key, name = rng.choice(options)
    head, dot, _ = key.rpartition(".")
    carrier.config[head + dot + name] = carrier.config.pop(key)
    return ("unknown-key", "renamed-key")


def key_in_the_wrong_section(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    """A nested key at the top, or in another section."""
    sections = {"oumi": ("training.learning_rate", "peft.lora_r"), "torchtune": ("optimizer.lr",)}
    sections |= {
        "axolotl": ("trl.beta", "trl.num_generations"),
        "unsloth": ("FastLanguageModel.get_peft_model.lora_alpha",),
    }
    for key in sections.get(carrier.framework, ()):
        if key in carrier.config:
            last = key.rsplit(".", 1)[-1]
            carrier.config[carrier.trainer + last if carrier.calls else last] = carrier.config.pop(key)
            return ("unknown-key", "renamed-key")
    return None


def key_of_an_older_release(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    old: dict[str, dict[str, Any]] = {
        "trl": {"evaluation_strategy": "no", "max_seq_length": 512, "use_liger": False, "group_by_length": False},
        "axolotl": {"unsloth_lora_mlp": True, "relora_warmup_steps": 10, "unsloth_rope": True},
        "llamafactory": {"evaluation_strategy": "no", "sft_packing": False, "dpo_beta": 0.1, "visual_inputs": False},
        "torchtune": {"fsdp_sharding_strategy": "FULL_SHARD"},
        "unsloth": {"evaluation_strategy": "no", "no_cuda": False},
        "oumi": {"data.train.use_async_dataset": True, "training.grpo.vllm_device": "cuda:0"},
        "ms-swift": {"sft_type": "lora", "model_id_or_path": "a/b", "use_flash_attn": True, "lora_dropout_p": 0.1},
    }
    own = old[carrier.framework]
    key = rng.choice(sorted(own))
    carrier.config[carrier.trainer + key if carrier.calls else key] = own[key]
    return ("renamed-key",)


def word_for_a_number(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key(rng.choice(["learning_rate", "micro_batch", "accumulation"])) or carrier.key("learning_rate")
    if key is None:
        return None
    carrier.config[key] = rng.choice(["high", "default", "two", "1e-4x"])
    return ("wrong-type",)


def fraction_of_a_row(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("micro_batch") or carrier.key("accumulation")
    if key is None:
        return None
    carrier.config[key] = 1.5
    return ("wrong-type",)


def misspelt_choice(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    """An optimizer, schedule, trainer or component that does not exist."""
    names = (
        "optim",
        "optimizer",
        "lr_scheduler_type",
        "lr_scheduler",
        "stage",
        "finetuning_type",
        "trainer_type",
        "rl",
    )
    choices = [key for key in sorted(carrier.config) if key.rsplit(".", 1)[-1] in names]
    if carrier.framework == "torchtune":
        choices = [key for key in ("model._component_", "dataset._component_") if key in carrier.config]
    if carrier.framework == "oumi":
        choices = [key for key in choices if key.endswith(("trainer_type", "lr_scheduler_type"))]
    choices = [key for key in choices if isinstance(carrier.config[key], str) and len(carrier.config[key]) > 2]
    if not choices:
        return None
    key = rng.choice(choices)
    carrier.config[key] = carrier.config[key] + rng.choice(["x", "s", "ing"])
    return ("unknown-choice",)


def rate_in_another_unit(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("learning_rate")
    if key is None:
        return None
    carrier.config[key] = rng.choice([2, 5, 10.0])
    return ("out-of-range",)


def batch_of_nothing(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("micro_batch")
    if key is None:
        return None
    carrier.config[key] = rng.choice([0, -1])
    return ("out-of-range",)


def key_twice(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    """Written by the renderer, since a mapping cannot hold it."""
    plain = [key for key in sorted(carrier.config) if "." not in key]
    if carrier.calls or not plain:
        return None
    carrier.options["twice"] = rng.choice(plain)
    return ("duplicate-key",)


KINDS: tuple[Kind, ...] = (
    misspelt_key,
    key_of_another_framework,
    key_in_the_wrong_section,
    key_of_an_older_release,
    word_for_a_number,
    fraction_of_a_row,
    misspelt_choice,
    rate_in_another_unit,
    batch_of_nothing,
    key_twice,
)
